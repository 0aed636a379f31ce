//! A table of the document, asked key by key.
//!
//! Asking for a key is what declares it: what nobody asked for is unknown, and the same names are
//! the ones suggested for it. A section that the file leaves out is decoded as an empty table, so
//! that its keys are declared too.

use std::borrow::Cow;
use std::collections::HashSet;

use toml::de::{DeTable, DeValue};

use crate::diag::{At, Origin, Problem};
use crate::profile::raw::Opt;

use super::reader::{Decode, Reader, Value};
use super::scalar::number_of;
use super::unknown::{Section, UnknownKey};

/// One table, while its keys are being read.
pub(super) struct Table<'r, 'd> {
    /// The file and what was found in it.
    pub reader: &'r mut Reader<'d>,
    /// Where the table starts: its header, or all of an inline table.
    pub origin: Origin,
    /// How messages call it: "`[limits]`", "a `bind` mount".
    pub title: String,
    path: String,
    entries: Option<&'d DeTable<'d>>,
    declared: Vec<&'static str>,
    later: Vec<&'static str>,
}

/// A key of a table whose keys are free, with its value.
pub(super) struct Member<'d> {
    /// The key, and where it stands.
    pub key: At<&'d str>,
    /// What stands under it.
    pub value: Value<'d>,
}

impl<'r, 'd> Table<'r, 'd> {
    /// The whole document.
    pub fn root(reader: &'r mut Reader<'d>, entries: &'d DeTable<'d>) -> Table<'r, 'd> {
        let origin = reader.origin(0..0);
        Table {
            reader,
            origin,
            title: "a profile".to_owned(),
            path: String::new(),
            entries: Some(entries),
            declared: Vec::new(),
            later: Vec::new(),
        }
    }

    /// A table that nobody wrote: decoding it tells which keys there are.
    pub fn unwritten(reader: &'r mut Reader<'d>, path: String) -> Table<'r, 'd> {
        let origin = reader.origin(0..0);
        Table {
            reader,
            origin,
            title: format!("`[{path}]`"),
            path,
            entries: None,
            declared: Vec::new(),
            later: Vec::new(),
        }
    }

    /// Decodes a value that has to be a table, and refuses the keys that `decode` did not ask for.
    pub fn read<T>(
        value: &Value<'d>,
        reader: &'r mut Reader<'d>,
        title: String,
        decode: impl FnOnce(&mut Table<'_, 'd>) -> T,
    ) -> Option<T> {
        let Some(entries) = value.node.get_ref().as_table() else {
            reader.problems.push(value.wrong_type("a table"));
            return None;
        };
        let mut table = Table {
            reader,
            origin: value.origin.clone(),
            title,
            path: value.path.clone(),
            entries: Some(entries),
            declared: Vec::new(),
            later: Vec::new(),
        };
        let decoded = decode(&mut table);
        table.finish();
        Some(decoded)
    }

    /// Takes what stands under `key`, which becomes a key of this table.
    pub fn value(&mut self, key: &'static str) -> Option<Value<'d>> {
        self.declared.push(key);
        let node = self.entries?.get(key)?;
        Some(Value::new(self.path_of(key), node, self.reader))
    }

    /// Where `key` itself stands, when it is there.
    pub fn key_origin(&self, key: &str) -> Option<Origin> {
        let (key, _) = self.entries?.get_key_value(key)?;
        Some(self.reader.origin(key.span()))
    }

    /// What `decode` makes of the value under `key`.
    pub fn with<T>(
        &mut self,
        key: &'static str,
        decode: impl FnOnce(&Value<'d>, &mut Reader<'d>) -> Option<T>,
    ) -> Opt<T> {
        let value = self.value(key)?;
        let decoded = decode(&value, self.reader)?;
        Some(value.at(decoded))
    }

    /// The value under `key`.
    pub fn optional<T: Decode>(&mut self, key: &'static str) -> Opt<T> {
        self.with(key, |value, reader| T::decode(value, reader))
    }

    /// The value under `key`, without which the table has no meaning.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        decode: impl FnOnce(&Value<'d>, &mut Reader<'d>) -> Option<T>,
    ) -> Option<At<T>> {
        if self.has(key) {
            return self.with(key, decode);
        }
        self.declared.push(key);
        let message = format!("{} needs `{key}`", self.title);
        let problem = Problem::error("profile.missing-key", &self.origin, message);
        self.reader.problems.push(
            problem
                .label("it is missing here")
                .help(format!("add `{key}`")),
        );
        None
    }

    /// The entries of an array, every one of them.
    pub fn array<T>(
        &mut self,
        key: &'static str,
        mut decode: impl FnMut(&Value<'d>, &mut Reader<'d>) -> Option<T>,
    ) -> Opt<Vec<At<T>>> {
        let value = self.value(key)?;
        let items = self.items(&value)?;
        let decoded = items
            .iter()
            .filter_map(|item| Some(item.at(decode(item, self.reader)?)));
        let decoded = decoded.collect();
        Some(value.at(decoded))
    }

    /// The entries of a list: of equal ones the first.
    pub fn list<T>(
        &mut self,
        key: &'static str,
        mut decode: impl FnMut(&Value<'d>, &mut Reader<'d>) -> Option<T>,
    ) -> Vec<At<T>> {
        let mut seen = HashSet::new();
        let once = |item: &Value<'d>, reader: &mut Reader<'d>| {
            let repeated = scalar_text(item).is_some_and(|text| !seen.insert(text));
            if repeated { None } else { decode(item, reader) }
        };
        self.array(key, once)
            .map(|list| list.value)
            .unwrap_or_default()
    }

    /// The entries of an array that may be left out, as values.
    pub fn values(&mut self, key: &'static str) -> Vec<Value<'d>> {
        let value = self.value(key);
        value
            .and_then(|value| self.items(&value))
            .unwrap_or_default()
    }

    fn items(&mut self, value: &Value<'d>) -> Option<Vec<Value<'d>>> {
        let Some(array) = value.node.get_ref().as_array() else {
            let problem = not_an_array(value, self.reader);
            self.reader.problems.push(problem);
            return None;
        };
        let item = |node| Value::entry(value.path.clone(), node, self.reader);
        Some(array.iter().map(item).collect())
    }

    /// A table below this one; an empty one where it is left out.
    pub fn section<T: Default>(
        &mut self,
        key: &'static str,
        decode: impl FnOnce(&mut Table<'_, 'd>) -> T,
    ) -> T {
        let path = self.path_of(key);
        match self.value(key) {
            Some(value) => {
                let title = format!("`[{path}]`");
                Table::read(&value, self.reader, title, decode).unwrap_or_default()
            }
            None => {
                let mut table = Table::unwritten(self.reader, path);
                let decoded = decode(&mut table);
                table.finish();
                decoded
            }
        }
    }

    /// Declares keys whose part is not built yet: they are refused, never ignored.
    pub fn later(&mut self, keys: &[&'static str]) {
        self.later.extend(keys);
        for key in keys {
            let path = self.path_of(key);
            if let (Some(_), Some(origin)) = (self.value(key), self.key_origin(key)) {
                let problem = not_yet(&origin, &format!("`{path}`"));
                let help = format!("remove `{key}`: a profile runs only when all of it holds");
                self.reader.problems.push(problem.help(help));
            }
        }
    }

    /// All keys with their values, in file order, for a table whose keys are free.
    pub fn members(&mut self) -> Vec<Member<'d>> {
        let Some(entries) = self.entries.take() else {
            return Vec::new();
        };
        let mut members: Vec<_> = entries
            .iter()
            .map(|(key, node)| Member {
                key: At::new(key.get_ref().as_ref(), self.reader.origin(key.span())),
                value: Value::new(self.path_of(key.get_ref()), node, self.reader),
            })
            .collect();
        members.sort_by_key(|member| member.key.origin.order());
        members
    }

    /// Whether the file has `key` here.
    pub fn has(&self, key: &str) -> bool {
        self.entries
            .is_some_and(|entries| entries.contains_key(key))
    }

    /// Whether an array without entries stands under `key`.
    pub fn is_empty_array(&self, key: &str) -> bool {
        let node = self.entries.and_then(|entries| entries.get(key));
        let array = node.and_then(|node| node.get_ref().as_array());
        array.is_some_and(|array| array.is_empty())
    }

    /// The keys that the file has here.
    pub fn keys(&self) -> impl Iterator<Item = &'d str> {
        let entries = self.entries.into_iter().flat_map(|entries| entries.iter());
        entries.map(|(key, _)| key.get_ref().as_ref())
    }

    /// The keys that were asked for so far.
    pub fn declared(&self) -> &[&'static str] {
        &self.declared
    }

    /// Counts `keys` as asked for, when they were dealt with in another way.
    pub fn declare(&mut self, keys: &[&'static str]) {
        self.declared.extend(keys);
    }

    /// Notes which keys there are, and which of the file's are none of them.
    pub fn finish(self) {
        let known: HashSet<&str> = self.declared.iter().copied().collect();
        for (key, _) in self.entries.into_iter().flat_map(|entries| entries.iter()) {
            if !known.contains(key.get_ref().as_ref()) {
                self.reader.unknown.push(UnknownKey {
                    key: key.get_ref().to_string(),
                    origin: self.reader.origin(key.span()),
                    title: self.title.clone(),
                    known: self.declared.clone(),
                });
            }
        }
        self.reader.sections.push(Section {
            path: self.path,
            keys: self.declared,
            later: self.later,
        });
    }

    fn path_of(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }
}

/// The refusal of `what`, whose part is not built yet.
pub(super) fn not_yet(origin: &Origin, what: &str) -> Problem {
    let message = format!("{what} is not supported yet");
    Problem::error("profile.not-supported-yet", origin, message)
}

/// A text that two equal entries of a list share: `10` and `0xa` are equal.
fn scalar_text<'d>(item: &Value<'d>) -> Option<Cow<'d, str>> {
    match item.node.get_ref() {
        DeValue::String(text) => Some(Cow::Borrowed(text)),
        _ => number_of(item).map(|number| Cow::Owned(number.to_string())),
    }
}

fn not_an_array(value: &Value<'_>, reader: &Reader<'_>) -> Problem {
    let problem = value.wrong_type("an array");
    let source = reader.source(value.node.span());
    match value.node.get_ref() {
        DeValue::Table(_) if source.starts_with('[') => {
            problem.help(format!("write the header as `[[{}]]`", value.path))
        }
        DeValue::Array(_) | DeValue::Table(_) => {
            problem.help(format!("write `{} = [{{ … }}]`", value.key()))
        }
        DeValue::String(text) if text.parse::<u32>().is_ok() => {
            problem.help(format!("write `{} = [{text}]`", value.key()))
        }
        _ if source.len() <= 64 && !source.contains('\n') => {
            problem.help(format!("write `{} = [{source}]`", value.key()))
        }
        _ => problem,
    }
}
