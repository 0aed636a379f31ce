//! Where the keys and headers of a document stand, to show the first of two equal ones.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The places of all keys and headers, by their names.
pub(super) struct Places<'d> {
    keys: HashMap<&'d str, Vec<Place>>,
    /// `[name` of each header, with the offsets of its lines.
    headers: HashMap<&'d str, Vec<usize>>,
    text: &'d str,
}

/// A key's bytes, and those of the inline value that holds it.
struct Place {
    key: Range<usize>,
    within: Range<usize>,
}

impl<'d> Places<'d> {
    pub fn of(document: &'d DeTable<'d>, text: &'d str) -> Places<'d> {
        let mut places = Places {
            keys: HashMap::new(),
            headers: HashMap::new(),
            text,
        };
        places.add_table(document, &(0..usize::MAX));
        for keys in places.keys.values_mut() {
            keys.sort_by_key(|place| place.key.start);
        }
        places.add_headers();
        places
    }

    fn add_table(&mut self, table: &'d DeTable<'d>, within: &Range<usize>) {
        for (key, value) in table.iter() {
            let place = Place {
                key: key.span(),
                within: within.clone(),
            };
            self.keys.entry(key.get_ref()).or_default().push(place);
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

    fn add_headers(&mut self) {
        let mut offset = 0;
        for line in self.text.split_inclusive('\n') {
            if let Some(header) = header_of(line) {
                self.headers.entry(header).or_default().push(offset);
            }
            offset += line.len();
        }
    }

    /// The nearest key of this name before the one at `place` that can be in the same table.
    pub fn before(&self, name: &str, place: &Range<usize>) -> Option<Range<usize>> {
        self.key_before(name, place.start)
            .or_else(|| self.header_before(place))
    }

    fn key_before(&self, name: &str, position: usize) -> Option<Range<usize>> {
        let places = self.keys.get(name)?;
        let count = places.partition_point(|place| place.key.start < position);
        let mut earlier = places[..count].iter().rev();
        // Looking further would take long in a file of many equal keys.
        let found = earlier
            .by_ref()
            .take(16)
            .find(|place| place.within.contains(&position))?;
        Some(found.key.clone())
    }

    /// Of a header that stands twice, the tree keeps the second place alone.
    fn header_before(&self, key: &Range<usize>) -> Option<Range<usize>> {
        let line = self
            .text
            .get(..key.start)?
            .rfind('\n')
            .map_or(0, |at| at + 1);
        let lines = self.headers.get(header_of(self.text.get(line..)?)?)?;
        let count = lines.partition_point(|start| *start < line);
        let first = lines.get(count.checked_sub(1)?)?;
        let start = first + key.start - line;
        Some(start..start + key.len())
    }
}

/// `[name` of a line `[name]`.
fn header_of(line: &str) -> Option<&str> {
    let line = line.lines().next()?;
    let (header, _) = line.split_once(']')?;
    header.starts_with('[').then_some(header)
}
