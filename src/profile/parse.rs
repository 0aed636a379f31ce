//! TOML text to a raw profile, by way of the document's tree.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diag::{FileId, Origin, Problem, Problems};

use super::decode;
use super::raw::RawProfile;

/// Reads the text of profile `file` and notes every mistake in it.
///
/// Nothing comes back after a syntax error, when the meaning of what follows is a guess, or when the
/// file states a version that is not known. Otherwise what could be read does: `problems` tells
/// whether it is all of the file.
pub fn parse(file: FileId, text: &str, problems: &mut Problems) -> Option<RawProfile> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return decode::profile(file, text, document.get_ref(), problems);
    }
    let mut keys = None;
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let origin = Origin::profile(file, span.clone());
        problems.push(if error.message() == "duplicate key" {
            let keys = keys.get_or_insert_with(|| Keys::of(document.get_ref()));
            let name = unquoted(text.get(span.clone()).unwrap_or_default());
            let first = keys.before(name, span.start);
            duplicate_key(name, &origin, first.map(|span| Origin::profile(file, span)))
        } else {
            Problem::error("profile.syntax", &origin, error.message()).label("here")
        });
    }
    None
}

fn duplicate_key(name: &str, origin: &Origin, first: Option<Origin>) -> Problem {
    let message = format!("`{name}` stands here twice");
    let problem = Problem::error("profile.duplicate-key", origin, message);
    match first {
        Some(first) => problem
            .label("and here again")
            .also(&first, "first here")
            .help("keep one of the two"),
        None => problem.help("write one of them only"),
    }
}

fn unquoted(key: &str) -> &str {
    key.trim_matches(['"', '\''])
}

/// Where each key of a document stands, by its name.
struct Keys<'d>(HashMap<&'d str, Vec<Place>>);

/// A key's bytes, and those of the inline value that holds it.
struct Place {
    key: Range<usize>,
    within: Range<usize>,
}

impl<'d> Keys<'d> {
    fn of(document: &'d DeTable<'d>) -> Keys<'d> {
        let mut keys = Keys(HashMap::new());
        keys.add_table(document, &(0..usize::MAX));
        for places in keys.0.values_mut() {
            places.sort_by_key(|place| place.key.start);
        }
        keys
    }

    fn add_table(&mut self, table: &'d DeTable<'d>, within: &Range<usize>) {
        for (key, value) in table.iter() {
            let place = Place {
                key: key.span(),
                within: within.clone(),
            };
            self.0.entry(key.get_ref()).or_default().push(place);
            self.add_value(value, within);
        }
    }

    fn add_value(&mut self, value: &'d Spanned<DeValue<'d>>, within: &Range<usize>) {
        match value.get_ref() {
            DeValue::Table(table) => {
                let first = table.iter().next();
                // The span of a `[table]` is its header alone, that of an inline one holds its keys.
                let inline = first.is_some_and(|(key, _)| value.span().contains(&key.span().start));
                let inner = value.span();
                self.add_table(table, if inline { &inner } else { within });
            }
            DeValue::Array(items) => items.iter().for_each(|item| self.add_value(item, within)),
            _ => {}
        }
    }

    /// The nearest key of this name before `position` that can be in the same table.
    fn before(&self, name: &str, position: usize) -> Option<Range<usize>> {
        let places = self.0.get(name)?;
        let count = places.partition_point(|place| place.key.start < position);
        let mut earlier = places[..count].iter().rev();
        let found = earlier.find(|place| place.within.contains(&position))?;
        Some(found.key.clone())
    }
}
