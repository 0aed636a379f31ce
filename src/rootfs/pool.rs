//! The files of the trees that a store has, for those that are built after them.
//!
//! There is no folder of objects beside the trees: a file is found by its key in the inventory of a tree and
//! becomes a file of the next one by a hard link. So a first build makes one name a file, and removing a
//! tree gives back at once what only it had. Only trees count that may be used: a crash of the machine can
//! have halved none of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use super::inventory::{Inventory, ItemKind};
use super::key::Key;
use super::stamps::Identity;

/// What a host file was found to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub key: Key,
    /// Privileges that were taken off.
    pub stripped: u8,
}

/// A file of a tree that is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored<'a> {
    /// The tree's name.
    pub tree: &'a str,
    /// Which of the trees of the pool it is.
    pub index: usize,
    /// Absolute, inside.
    pub path: &'a Path,
}

/// By what a file of a tree is known to be what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Trust {
    /// Its size, mode and time.
    #[default]
    Look,
    /// All its bytes.
    Bytes,
}

/// Files by what they hold, and host files by their inodes.
#[derive(Debug, Default)]
pub(super) struct Pool {
    trees: Vec<(String, Inventory)>,
    host: HashMap<Identity, Known>,
    /// The tree that has a file of this key, and where in its inventory. Of one tree only: other trees may
    /// have other names of the same files, and equal files of one tree must not become one.
    files: HashMap<Key, (usize, Vec<usize>)>,
    trust: Trust,
}

impl Pool {
    /// Adds the files of a tree.
    pub(super) fn add(&mut self, tree: String, inventory: Inventory) {
        let index = self.trees.len();
        for (at, item) in inventory.items.iter().enumerate() {
            let ItemKind::File(file) = &item.kind else {
                continue;
            };
            let key = file.key();
            match self.files.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert((index, vec![at]));
                }
                Entry::Occupied(mut entry) if entry.get().0 == index => entry.get_mut().1.push(at),
                Entry::Occupied(_) => {}
            }
            if let Some(numbers) = file.identity {
                let stripped = file.stripped;
                let known = Known { key, stripped };
                self.host.insert(Identity::from_numbers(numbers), known);
            }
        }
        self.trees.push((tree, inventory));
    }

    /// The same for who takes nothing on trust: host files are all read again, and files of trees before
    /// they are linked to.
    pub(super) fn examined(mut self) -> Pool {
        self.host.clear();
        self.trust = Trust::Bytes;
        self
    }

    /// By what a file of a tree is known to be what was written.
    pub(super) fn trust(&self) -> Trust {
        self.trust
    }

    /// What is known of a host file.
    pub(super) fn host(&self, identity: &Identity) -> Option<Known> {
        self.host.get(identity).copied()
    }

    /// A file of this key; equal files of a tree are told apart by `copy`.
    pub(super) fn file(&self, key: &Key, copy: u32) -> Option<Stored<'_>> {
        let (index, items) = self.files.get(key)?;
        let at = *items.get(usize::try_from(copy).ok()?)?;
        let (tree, inventory) = self.trees.get(*index)?;
        Some(Stored {
            tree,
            index: *index,
            path: inventory.items.get(at)?.path(),
        })
    }
}
