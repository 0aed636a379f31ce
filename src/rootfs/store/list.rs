//! What is in a store, for people.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;
use std::time::SystemTime;

use nix::fcntl::OFlag;

use super::files::open_file;
use super::{RECIPES, STAMPS, Store, TREES};
use crate::rootfs::record::ID;
use crate::rootfs::walk::open_dir;

/// A tree of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub id: String,
    /// The hash of its plan; none where no plan leads to it any more.
    pub key: Option<String>,
    /// Files; one with several names counts once.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Bytes of files that no other tree has: what its removal gives back.
    pub own_bytes: u64,
    /// Profiles and locks that use it.
    pub users: Vec<PathBuf>,
    /// When it was last started or built, to the hour.
    pub last_used: Option<SystemTime>,
    /// Whether a sandbox runs in it.
    pub in_use: bool,
}

impl Store {
    /// Every tree of the store, the one that was used last first.
    pub fn list(&self) -> Vec<Listed> {
        let mut users = self.users_by_key();
        let keys = self.keys_by_tree();
        let listed = self.names_in(TREES).into_iter().map(|id| {
            let inventory = self.inventory_of(&id).unwrap_or_default();
            let key = keys.get(&id).cloned();
            let of_key = |key: &String| users.remove(key).unwrap_or_default();
            let mut users = key.as_ref().map(of_key).unwrap_or_default();
            users.sort();
            Listed {
                files: inventory.files().count() as u64,
                bytes: inventory
                    .files()
                    .fold(0, |sum, (_, file)| sum.saturating_add(file.size)),
                own_bytes: self.names_of(&id, &inventory).freed().1,
                users,
                last_used: key.as_ref().and_then(|key| self.last_used(key)),
                in_use: self.is_in_use(&id),
                key,
                id,
            }
        });
        let mut listed: Vec<Listed> = listed.collect();
        listed.sort_by(|one, other| {
            let by_time = other.last_used.cmp(&one.last_used);
            by_time.then_with(|| one.id.cmp(&other.id))
        });
        listed
    }

    /// The plan of each tree that a recipe leads to.
    pub(super) fn keys_by_tree(&self) -> HashMap<String, String> {
        let keys = self.names_in(RECIPES).into_iter();
        // A longer name is of one that was never given its own.
        let keys = keys.filter(|key| key.len() == ID);
        keys.filter_map(|key| Some((self.recorded(&key)?, key)))
            .collect()
    }

    /// When the tree of a plan was last used, to the hour.
    pub(super) fn last_used(&self, key: &str) -> Option<SystemTime> {
        let recipe = open_file(&self.fd, &format!("{RECIPES}/{key}")).ok()?;
        recipe.metadata().ok()?.modified().ok()
    }

    /// When a tree without a recipe was built.
    pub(super) fn built_at(&self, id: &str) -> Option<SystemTime> {
        let stamps = open_file(&self.fd, &format!("{TREES}/{id}/{STAMPS}")).ok()?;
        stamps.metadata().ok()?.modified().ok()
    }

    /// Whether somebody holds a tree.
    pub(super) fn is_in_use(&self, id: &str) -> bool {
        let path = format!("{TREES}/{id}");
        let dir = open_dir(&self.fd, OsStr::new(&path), OFlag::O_RDONLY).map(File::from);
        dir.is_ok_and(|dir| dir.try_lock().is_err())
    }
}
