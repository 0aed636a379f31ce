//! Taking away what nobody uses.
//!
//! A tree is kept while a sandbox runs in it (its lock is held), and while a profile or a lock that asked for it
//! is there and has asked for no other since. Its files go with it, but for those that other trees have.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use nix::fcntl::AtFlags;
use nix::sys::stat::fstatat;

use super::files::{open_file, read, remove_file};
use super::{BUILDING, HOUR, INVENTORY, LOCKS, RECIPES, Store, TREES, USERS, tree_root};
use crate::rootfs::error::{StoreError, SystemProblem};
use crate::rootfs::inventory::{Inventory, ItemKind};
use crate::rootfs::record::ID;

/// Whether garbage is taken away or only looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collection {
    /// It is looked for.
    DryRun,
    /// It is taken away.
    Remove,
}

/// What was, or would be, taken away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Collected {
    /// The names of the trees.
    pub trees: Vec<String>,
    /// How many files, each counted once however many names it had.
    pub files: u64,
    /// Bytes that the file system gets back, but for its own bookkeeping.
    pub bytes: u64,
}

impl Store {
    /// Takes away every tree that nobody uses, if it was last used longer than `older_than` ago.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was taken away until then is gone, and nothing else.
    pub fn collect(
        &self,
        older_than: Duration,
        collection: Collection,
    ) -> Result<Collected, StoreError> {
        self.make_folders()?;
        if collection == Collection::Remove {
            self.sweep();
            self.forget_users()?;
            self.remove_unnamed()?;
        }
        let mut names = Names::default();
        let mut trees = Vec::new();
        for (id, key) in self.unused(older_than) {
            let inventory = self.inventory_of(&id).unwrap_or_default();
            let going = self.names_of(&id, &inventory);
            if collection == Collection::DryRun || self.remove_unused(&id, key.as_deref())? {
                names.add(going);
                trees.push(id);
            }
        }
        if collection == Collection::Remove {
            self.remove_locks()?;
        }
        let (files, bytes) = names.freed();
        Ok(Collected {
            trees,
            files,
            bytes,
        })
    }

    /// The trees that nobody uses, with the plans that lead to them.
    fn unused(&self, older_than: Duration) -> Vec<(String, Option<String>)> {
        let users = self.users_by_key();
        let keys = self.keys_by_tree();
        let now = SystemTime::now();
        let is_old = |time: Option<SystemTime>| {
            let age = time.and_then(|time| now.duration_since(time).ok());
            // The time of use is noted by the hour.
            older_than.is_zero() || age.is_some_and(|age| age > older_than)
        };
        let trees = self.names_in(TREES).into_iter().map(|id| {
            let key = keys.get(&id).cloned();
            (id, key)
        });
        let unused = trees.filter(|(id, key)| {
            let used = match key {
                Some(key) => users.contains_key(key) || !is_old(self.last_used(key)),
                None => !is_old(self.built_at(id)),
            };
            !used && !self.is_in_use(id)
        });
        unused.collect()
    }

    /// The recipe goes first: nobody is led to half a tree. It stays where a sandbox has just started in the
    /// tree.
    fn remove_unused(&self, id: &str, key: Option<&str>) -> Result<bool, SystemProblem> {
        let Some(tree) = self.lock_tree(id) else {
            return Ok(false);
        };
        if let Some(key) = key.filter(|key| self.leads_to(key, id)) {
            let recipe = format!("{RECIPES}/{key}");
            remove_file(&self.fd, &recipe).map_err(self.problem("remove", &recipe))?;
        }
        Ok(self.remove_locked(id, tree))
    }

    /// What was written aside by processes that were killed before it got its name.
    fn remove_unnamed(&self) -> Result<(), SystemProblem> {
        for folder in [RECIPES, USERS] {
            for name in self.names_in(folder) {
                let path = format!("{folder}/{name}");
                let written = || {
                    open_file(&self.fd, &path)
                        .ok()?
                        .metadata()
                        .ok()?
                        .modified()
                        .ok()
                };
                let is_old =
                    || written().is_some_and(|at| at.elapsed().is_ok_and(|age| age > HOUR));
                if name.len() > ID && is_old() {
                    remove_file(&self.fd, &path).map_err(self.problem("remove", &path))?;
                }
            }
        }
        Ok(())
    }

    fn forget_users(&self) -> Result<(), SystemProblem> {
        for user in self.users() {
            if !user.is_there() {
                self.forget(&user)
                    .map_err(self.problem("remove", &user.name))?;
            }
        }
        Ok(())
    }

    /// The locks of plans that are gone. Who waits for one finds that it has no name any more.
    fn remove_locks(&self) -> Result<(), SystemProblem> {
        let known: HashSet<String> = self.names_in(RECIPES).into_iter().collect();
        let building = self.names_in(BUILDING);
        for name in self.names_in(LOCKS) {
            let busy = building.iter().any(|build| build.starts_with(&name));
            if known.contains(&name) || busy {
                continue;
            }
            let path = format!("{LOCKS}/{name}");
            if self.lock_file(&path)?.try_lock().is_ok() {
                remove_file(&self.fd, &path).map_err(self.problem("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// Names of files, by their inodes.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<u64, Inode>);

#[derive(Debug)]
struct Inode {
    /// How many of its names are among these.
    names: u64,
    /// How many it has in all.
    links: u64,
    size: u64,
}

impl Names {
    fn add(&mut self, Names(more): Names) {
        for (number, inode) in more {
            let names = inode.names;
            self.0
                .entry(number)
                .or_insert(Inode { names: 0, ..inode })
                .names += names;
        }
    }

    /// How many files would have no name left without these, and the bytes in them.
    pub(super) fn freed(&self) -> (u64, u64) {
        let freed = self.0.values().filter(|inode| inode.names >= inode.links);
        freed.fold((0, 0), |(files, bytes), inode| {
            (files + 1, bytes + inode.size)
        })
    }
}

impl Store {
    /// Every name of a file in a tree that holds this.
    pub(super) fn names_of(&self, id: &str, inventory: &Inventory) -> Names {
        let mut names = Names::default();
        let root = tree_root(id);
        let files = inventory
            .items
            .iter()
            .filter(|item| matches!(item.kind, ItemKind::File(_) | ItemKind::HardLink(_)));
        for item in files {
            let path = root.join(item.path().strip_prefix("/").unwrap_or(item.path()));
            let Ok(stat) = fstatat(&self.fd, &path, AtFlags::AT_SYMLINK_NOFOLLOW) else {
                continue;
            };
            let inode = Inode {
                names: 0,
                links: stat.st_nlink,
                size: stat.st_size.cast_unsigned(),
            };
            names.0.entry(stat.st_ino).or_insert(inode).names += 1;
        }
        names
    }

    /// What is in a tree, where its list is not damaged.
    pub(super) fn inventory_of(&self, id: &str) -> Option<Inventory> {
        Inventory::decode(&read(&self.fd, &format!("{TREES}/{id}/{INVENTORY}")).ok()?)
    }
}
