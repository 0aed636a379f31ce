//! What earlier builds know of the host's files: an inode that is as it was then need not be opened.

use std::collections::HashMap;

use super::object::Key;
use super::stamps::Identity;

/// What a host file was found to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub key: Key,
    /// Privileges that were taken off.
    pub stripped: u8,
}

/// Host files by their inodes, out of the manifests of trees.
#[derive(Debug, Default)]
pub(super) struct Seen {
    files: HashMap<Identity, Known>,
}

impl Seen {
    pub(super) fn note(&mut self, identity: Identity, known: Known) {
        self.files.insert(identity, known);
    }

    pub(super) fn find(&self, identity: &Identity) -> Option<Known> {
        self.files.get(identity).copied()
    }
}
