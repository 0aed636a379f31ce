//! Entries of lists: which kind a table is, and what two of them with one key mean.

use std::collections::HashMap;

use toml::de::DeValue;

use crate::diag::{At, Problem};
use crate::model::nearest;

use super::reader::{Reader, Value, shortened};
use super::table::Table;

/// A kind of mount or source: the key that chooses it, and what reads it.
pub(super) struct Kind<T> {
    key: &'static str,
    decode: fn(&mut Table<'_, '_>) -> Option<T>,
}

impl<T> Kind<T> {
    /// A kind that `decode` reads.
    pub const fn ready(key: &'static str, decode: fn(&mut Table<'_, '_>) -> Option<T>) -> Kind<T> {
        Kind { key, decode }
    }

    /// Every key of this kind, as its decoder asks for them.
    fn keys(&self) -> Vec<&'static str> {
        let mut scratch = Reader::new(crate::diag::FileId::FIRST, "");
        let mut table = Table::unwritten(&mut scratch, String::new());
        // Only the keys are of interest: an empty table is no entry.
        drop((self.decode)(&mut table));
        table.declared().to_vec()
    }
}

/// A list whose entries have exactly one of several keys.
pub(super) struct Kinds<T: 'static> {
    /// What an entry is: "mount".
    pub noun: &'static str,
    /// Rule: none of the keys.
    pub none: &'static str,
    /// Rule: more than one of them.
    pub several: &'static str,
    /// Rule: a key that goes with another kind.
    pub foreign: &'static str,
    /// All of them.
    pub all: &'static [Kind<T>],
}

impl<T> Kinds<T> {
    /// The entry that `value` spells.
    pub fn read<'d>(&self, value: &Value<'d>, reader: &mut Reader<'d>) -> Option<At<T>> {
        let title = format!("a {}", self.noun);
        let decoded = Table::read(value, reader, title, |table| self.choose(table))??;
        Some(value.at(decoded))
    }

    fn choose(&self, table: &mut Table<'_, '_>) -> Option<T> {
        let present: Vec<&Kind<T>> = self.all.iter().filter(|kind| table.has(kind.key)).collect();
        let [kind] = present.as_slice() else {
            let problem = match present.as_slice() {
                [] => self.without_kind(table),
                _ => Some(self.with_several(table, &present)),
            };
            if let Some(problem) = problem {
                table.reader.problems.push(problem);
            }
            self.declare_all(table);
            return None;
        };
        table.title = self.title(kind);
        let entry = (kind.decode)(table);
        self.refuse_foreign(table, kind.key);
        entry
    }

    /// What messages call an entry of this kind.
    fn title(&self, kind: &Kind<T>) -> String {
        let article = match kind.key.starts_with(['a', 'e', 'i', 'o', 'u']) {
            true => "an",
            false => "a",
        };
        format!("{article} `{}` {}", kind.key, self.noun)
    }

    /// What else stands in the entry cannot be judged without its kind.
    fn declare_all(&self, table: &mut Table<'_, '_>) {
        for kind in self.all {
            table.declare(&kind.keys());
        }
    }

    /// A misspelt key says more than a missing one, and is noted as unknown.
    fn without_kind(&self, table: &Table<'_, '_>) -> Option<Problem> {
        let keys: Vec<&str> = self.all.iter().map(|kind| kind.key).collect();
        let misspelt = |key: &str| !self.knows(key) && nearest(key, keys.iter().copied()).is_some();
        if table.keys().any(misspelt) {
            return None;
        }
        let message = format!("a {} needs one of {}", self.noun, self.known());
        let problem = Problem::error(self.none, &table.origin, message);
        Some(problem.label(format!("this {} has none of them", self.noun)))
    }

    fn with_several(&self, table: &Table<'_, '_>, present: &[&Kind<T>]) -> Problem {
        let keys: Vec<&str> = present.iter().map(|kind| kind.key).collect();
        let place = |key| table.key_origin(key).unwrap_or(table.origin.clone());
        let mut places: Vec<_> = keys.iter().map(|key| place(key)).collect();
        places.sort_by_key(|origin| origin.order());
        let message = format!("a {} has `{}` at once", self.noun, keys.join("` and `"));
        let mut rest = places.iter();
        let first = rest.next().unwrap_or(&table.origin);
        let problem = Problem::error(self.several, first, message)
            .label(format!("this makes it one {}", self.noun))
            .help(format!("write an entry for each {}", self.noun));
        rest.fold(problem, |problem, origin| {
            problem.also(origin, "this another")
        })
    }

    /// Refuses keys of other kinds by that name: they are not misspelt.
    fn refuse_foreign(&self, table: &mut Table<'_, '_>, own: &str) {
        for kind in self.all.iter().filter(|kind| kind.key != own) {
            for key in kind.keys() {
                if table.declared().contains(&key) {
                    continue;
                }
                if let Some(origin) = table.key_origin(key) {
                    let message = format!("`{key}` is no key of {}", table.title);
                    let problem = Problem::error(self.foreign, &origin, message);
                    let home = self.title(kind);
                    let problem = problem.label(format!("this belongs to {home}"));
                    table
                        .reader
                        .problems
                        .push(problem.help(format!("remove `{key}`")));
                    table.declare(&[key]);
                }
            }
        }
    }

    fn knows(&self, key: &str) -> bool {
        self.all.iter().any(|kind| kind.keys().contains(&key))
    }

    /// The kinds, quoted.
    fn known(&self) -> String {
        let keys: Vec<String> = self
            .all
            .iter()
            .map(|kind| format!("`{}`", kind.key))
            .collect();
        keys.join(", ")
    }
}

/// Entries that have a key: of two equal ones the first stays, two unequal ones are an error.
pub(super) struct Keyed<'d, T> {
    code: &'static str,
    pair: &'static str,
    entries: Vec<At<T>>,
    seen: HashMap<String, Value<'d>>,
}

impl<'d, T> Keyed<'d, T> {
    /// None yet. `code` is the rule that two unequal ones with one key break; `pair` is what the
    /// two are: "two mounts on".
    pub fn new(code: &'static str, pair: &'static str) -> Keyed<'d, T> {
        Keyed {
            code,
            pair,
            entries: Vec::new(),
            seen: HashMap::new(),
        }
    }

    /// Takes in the entry that `value` spells; one without a key is never the same as another.
    pub fn add(
        &mut self,
        key: Option<String>,
        entry: At<T>,
        value: Value<'d>,
        reader: &mut Reader<'_>,
    ) {
        let Some(key) = key else {
            self.entries.push(entry);
            return;
        };
        match self.seen.get(&key) {
            None => {
                self.seen.insert(key, value);
                self.entries.push(entry);
            }
            Some(first) if same(value.node.get_ref(), first.node.get_ref()) => {}
            Some(first) => {
                let message = format!("{} `{}`", self.pair, shortened(&key));
                let problem = value.error(self.code, message).label("and here again");
                let problem = problem.also(&first.origin, "first here");
                reader.problems.push(problem.help("keep one of the two"));
            }
        }
    }

    /// What is left, in file order.
    pub fn finish(self) -> Vec<At<T>> {
        self.entries
    }
}

/// Whether two values are spelt alike, whatever the order of keys.
fn same(a: &DeValue<'_>, b: &DeValue<'_>) -> bool {
    match (a, b) {
        (DeValue::String(a), DeValue::String(b)) => a == b,
        (DeValue::Integer(a), DeValue::Integer(b)) => {
            (a.as_str(), a.radix()) == (b.as_str(), b.radix())
        }
        (DeValue::Float(a), DeValue::Float(b)) => a.as_str() == b.as_str(),
        (DeValue::Boolean(a), DeValue::Boolean(b)) => a == b,
        (DeValue::Datetime(a), DeValue::Datetime(b)) => a == b,
        (DeValue::Array(a), DeValue::Array(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b.iter())
                    .all(|(a, b)| same(a.get_ref(), b.get_ref()))
        }
        (DeValue::Table(a), DeValue::Table(b)) => {
            let entry = |(key, a): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
                b.get::<str>(key_text(key))
                    .is_some_and(|b| same(a.get_ref(), b.get_ref()))
            };
            a.len() == b.len() && a.iter().all(entry)
        }
        _ => false,
    }
}

fn key_text<'a>(key: &'a toml::Spanned<std::borrow::Cow<'_, str>>) -> &'a str {
    key.get_ref().as_ref()
}
