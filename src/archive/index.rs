//! Where each file of a plain tar archive lies, so that it can be read without unpacking the rest.

use std::collections::BTreeMap;

use super::error::{ArchiveError, Reason};
use super::file::{Held, Slice};
use super::limits::Budget;
use super::name::{ROOT, clean, parent};
use super::tape::{Entry, Pieces, Shape, Tape};
use super::walk::about;

/// Links that are followed from one name to another: more than any writer of images lays.
const LINKS: usize = 8;

/// The files and links of an archive, by their cleaned names.
#[derive(Debug, Default)]
pub(crate) struct Index {
    places: BTreeMap<Vec<u8>, Lies>,
}

#[derive(Debug)]
enum Lies {
    /// From this offset, so many bytes.
    Here(u64, u64),
    /// Under the name that this link leads to.
    At(Vec<u8>),
}

impl Index {
    /// Reads the headers of the archive in `held` and passes over the rest.
    pub fn read(subject: &str, held: &Held) -> Result<Index, ArchiveError> {
        let mut index = Index::default();
        let budget = Budget::default();
        let mut tape = Tape::new(held.whole());
        loop {
            let entry = tape.next_entry();
            let Some(entry) = entry.map_err(|reason| about(subject, None, reason))? else {
                return Ok(index);
            };
            let start = tape.input().position();
            budget
                .member()
                .map_err(Reason::from)
                .and_then(|()| index.add(&entry, start))
                .map_err(|reason| about(subject, Some(&entry.name), reason))?;
        }
    }

    fn add(&mut self, entry: &Entry, start: u64) -> Result<(), Reason> {
        let name = clean(&entry.name).map_err(Reason::Name)?;
        let lies = match &entry.shape {
            Shape::File(Pieces::Whole(size)) => Lies::Here(start, *size),
            Shape::Symlink => Lies::At(entry.link.clone()),
            // Names that nobody will ask for.
            _ => return Ok(()),
        };
        match self.places.insert(name, lies) {
            None => Ok(()),
            // Which of the two is meant, readers disagree.
            Some(_) => Err(Reason::Header("its name comes twice")),
        }
    }

    /// A part of `held`: the file of this name, by links inside the archive too.
    pub fn find<'h>(&self, held: &'h Held, name: &[u8]) -> Option<Slice<'h>> {
        let mut name = clean(name).ok()?;
        for _ in 0..LINKS {
            match self.places.get(&name)? {
                Lies::Here(start, size) => return Some(held.slice(*start, *size)),
                Lies::At(target) => name = beside(&name, target)?,
            }
        }
        None
    }
}

/// What a link at `name` leads to; nothing where that is outside.
fn beside(name: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    let mut names: Vec<&[u8]> = match parent(name) {
        Some(directory) => directory.split(|byte| *byte == b'/').collect(),
        None => Vec::new(),
    };
    if target.starts_with(b"/") {
        return None;
    }
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | ROOT => {}
            b".." => drop(names.pop()?),
            part => names.push(part),
        }
    }
    Some(names.join(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_names_inside_only() {
        let led = |name: &[u8], target: &[u8]| beside(name, target);
        assert_eq!(
            led(b"a/layer.tar", b"../b/layer.tar").unwrap(),
            b"b/layer.tar"
        );
        assert_eq!(led(b"a", b"./b").unwrap(), b"b");
        assert_eq!(led(b"a/b", b"../../c"), None);
        assert_eq!(led(b"a", b"/etc/passwd"), None);
    }
}
