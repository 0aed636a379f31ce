//! What an archive, or the layers of an image so far, have put where.
//!
//! It tells a hard link what it may name, and two members that contradict each other.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Bound;

use super::error::{Reason, printable};
use super::limits::Budget;
use super::name::{ROOT, parent};

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Put {
    Directory,
    File,
    Symlink(OsString),
    /// A device or a pipe, which is not carried over.
    Skipped,
}

#[derive(Debug)]
struct Place {
    put: Put,
    /// The last layer that put something there, or below it.
    layer: u32,
}

/// All paths that are taken.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By bytes, so that what lies below a path follows it: `/` is one before `0`.
    places: BTreeMap<Vec<u8>, Place>,
    layer: u32,
}

impl Known {
    /// A layer starts.
    pub fn next_layer(&mut self) {
        self.layer += 1;
    }

    /// What lies at a path.
    pub fn at(&self, path: &[u8]) -> Option<&Put> {
        self.places.get(path).map(|place| &place.put)
    }

    /// Puts something at a path.
    ///
    /// # Errors
    /// When the same layer has put there what it cannot stand beside, or when a file is on the way.
    pub fn put(&mut self, path: &[u8], put: Put, budget: &Budget) -> Result<(), Reason> {
        if path == ROOT {
            return Ok(());
        }
        self.reach(parent(path), budget)?;
        let earlier = self.places.get(path).map(|place| (&place.put, place.layer));
        let merge = match earlier {
            Some((old, layer)) => merge(old, &put, layer == self.layer)?,
            None => {
                budget.path(path.len())?;
                Merge::Replaced
            }
        };
        match merge {
            Merge::Kept => return Ok(()),
            Merge::Cleared => self.clear_below(path),
            Merge::Replaced => {}
        }
        let layer = self.layer;
        self.places.insert(path.to_vec(), Place { put, layer });
        Ok(())
    }

    /// Notes that this layer needs the directories on the way to something.
    fn reach(&mut self, mut directory: Option<&[u8]>, budget: &Budget) -> Result<(), Reason> {
        let layer = self.layer;
        while let Some(path) = directory {
            match self.places.get_mut(path) {
                Some(place) if place.put == Put::File => {
                    return Err(Reason::BelowFile(printable(path)));
                }
                // Who needed it before has been at what is above it too.
                Some(place) if place.layer == layer => return Ok(()),
                Some(place) => place.layer = layer,
                None => {
                    budget.path(path.len())?;
                    let put = Put::Directory;
                    self.places.insert(path.to_vec(), Place { put, layer });
                }
            }
            directory = parent(path);
        }
        Ok(())
    }

    /// A whiteout: what earlier layers put at a path, and below, is gone.
    pub fn remove(&mut self, path: &[u8]) {
        let layer = self.layer;
        if self
            .places
            .get(path)
            .is_some_and(|place| place.layer < layer)
        {
            self.places.remove(path);
        }
        self.clear_below(path);
    }

    /// What earlier layers put below a path is gone.
    pub fn clear_below(&mut self, path: &[u8]) {
        let start = [path, b"/"].concat();
        let end = [path, b"0"].concat();
        let below = (Bound::Included(start), Bound::Excluded(end));
        let layer = self.layer;
        let gone: Vec<Vec<u8>> = self
            .places
            .range(below)
            .filter(|(_, place)| place.layer < layer)
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            self.places.remove(&path);
        }
    }
}

/// What becomes of what is known of a path.
enum Merge {
    Replaced,
    /// A directory over a link of the same layer is the directory that the link names.
    Kept,
    /// It goes, and all that earlier layers put below it.
    Cleared,
}

/// What putting `new` over `old` means.
fn merge(old: &Put, new: &Put, same_layer: bool) -> Result<Merge, Reason> {
    match (old, new) {
        (Put::Directory, Put::Directory) => Ok(Merge::Replaced),
        (Put::Directory, _) if same_layer => Err(Reason::OverDirectory),
        (Put::File, Put::Directory) if same_layer => Err(Reason::OverFile),
        (Put::Symlink(_), Put::Directory) if same_layer => Ok(Merge::Kept),
        (Put::Directory, _) => Ok(Merge::Cleared),
        _ => Ok(Merge::Replaced),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_layer_does_not_contradict_itself() {
        let (mut known, budget) = (Known::default(), Budget::default());
        known.put(b"a/b", Put::File, &budget).unwrap();
        assert_eq!(
            known.put(b"a", Put::File, &budget),
            Err(Reason::OverDirectory)
        );
        assert_eq!(
            known.put(b"a/b", Put::Directory, &budget),
            Err(Reason::OverFile)
        );
        let below = Reason::BelowFile("a/b".to_owned());
        assert_eq!(known.put(b"a/b/c/d", Put::File, &budget), Err(below));
        known
            .put(b"a/b", Put::Symlink("x".into()), &budget)
            .unwrap();
        known.put(b"a/b", Put::Directory, &budget).unwrap();
        assert_eq!(known.at(b"a/b"), Some(&Put::Symlink("x".into())));
    }

    #[test]
    fn a_later_layer_takes_the_place_of_an_earlier_one() {
        let (mut known, budget) = (Known::default(), Budget::default());
        for path in [&b"a/b"[..], b"a/c/d", b"a.x", b"a0"] {
            known.put(path, Put::File, &budget).unwrap();
        }
        known.next_layer();
        known.put(b"a", Put::File, &budget).unwrap();
        assert_eq!(known.at(b"a/c/d"), None);
        assert_eq!(known.at(b"a.x"), Some(&Put::File));
        assert_eq!(known.at(b"a0"), Some(&Put::File));
    }

    #[test]
    fn a_whiteout_is_about_earlier_layers_only() {
        let (mut known, budget) = (Known::default(), Budget::default());
        known.put(b"a/old", Put::File, &budget).unwrap();
        known.next_layer();
        known.put(b"a/new", Put::File, &budget).unwrap();
        known.remove(b"a");
        assert_eq!(known.at(b"a/old"), None);
        assert_eq!(known.at(b"a/new"), Some(&Put::File));
        assert_eq!(known.at(b"a"), Some(&Put::Directory));
    }
}
