//! Taking away what nobody uses.
//!
//! A tree is kept while a sandbox runs in it (its lock is held), and while a profile or a lock that asked for it
//! is there and has asked for no other since. Objects are kept while a tree has them.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, fstatat};

use super::files::{read, remove_file};
use super::{BUILDING, INVENTORY, LOCKS, RECIPES, Store, TREES};
use crate::rootfs::content::errno;
use crate::rootfs::error::{StoreError, SystemProblem};
use crate::rootfs::inventory::Inventory;
use crate::rootfs::object::{Key, OBJECTS, Objects};
use crate::rootfs::remove::names;
use crate::rootfs::walk::open_dir;

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
    /// Takes away every tree that nobody uses, if it was last used longer than `older_than` ago, and every
    /// file that no tree has. Waits for builders.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was taken away until then is gone, and nothing else.
    pub fn collect(
        &self,
        older_than: Duration,
        collection: Collection,
    ) -> Result<Collected, StoreError> {
        self.make_folders()?;
        let alone = self.objects_lock()?;
        loop {
            match alone.lock() {
                Ok(()) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.problem("lock", LOCKS)(errno(error)).into()),
            }
        }
        if collection == Collection::Remove {
            self.sweep();
            self.forget_users()?;
        }
        let mut collected = Collected::default();
        let mut going: HashMap<Key, u64> = HashMap::new();
        for (id, key) in self.unused(older_than) {
            let inventory = read(&self.fd, &format!("{TREES}/{id}/{INVENTORY}")).ok();
            let inventory = inventory.and_then(|bytes| Inventory::decode(&bytes));
            if collection == Collection::Remove && !self.remove_unused(&id, key.as_deref())? {
                continue;
            }
            for key in inventory.iter().flat_map(Inventory::keys) {
                *going.entry(key).or_default() += 1;
            }
            collected.trees.push(id);
        }
        match collection {
            Collection::Remove => {
                self.remove_objects(&mut collected)?;
                self.remove_locks()?;
            }
            Collection::DryRun => self.count_objects(&going, &mut collected)?,
        }
        Ok(collected)
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

    /// The recipe goes first: nobody is led to half a tree.
    fn remove_unused(&self, id: &str, key: Option<&str>) -> Result<bool, SystemProblem> {
        if let Some(key) = key {
            let recipe = format!("{RECIPES}/{key}");
            remove_file(&self.fd, &recipe).map_err(self.problem("remove", &recipe))?;
        }
        Ok(self.remove_tree(id))
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

    fn objects(&self) -> Result<Objects, SystemProblem> {
        Objects::open(self.fd.as_fd()).map_err(self.problem("open", OBJECTS))
    }

    /// Calls `each` with every object: its shard, its name, its inode.
    pub(super) fn each_object(
        &self,
        objects: &Objects,
        mut each: impl FnMut(&str, &str, &FileStat) -> nix::Result<()>,
    ) -> Result<(), SystemProblem> {
        let failed = || self.problem("look through", OBJECTS);
        for shard in objects.shards().map_err(failed())? {
            let dir = open_dir(objects.as_fd(), OsStr::new(&shard), OFlag::O_RDONLY);
            let dir = dir.map_err(failed())?;
            for name in names(dir.as_fd()).map_err(failed())? {
                let stat = fstatat(&dir, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
                let stat = stat.map_err(failed())?;
                each(&shard, &name.to_string_lossy(), &stat).map_err(failed())?;
            }
        }
        Ok(())
    }

    fn remove_objects(&self, collected: &mut Collected) -> Result<(), SystemProblem> {
        let objects = self.objects()?;
        self.each_object(&objects, |shard, name, stat| {
            if stat.st_nlink == 1 {
                objects.remove(&format!("{shard}/{name}"))?;
                collected.count(stat);
            }
            Ok(())
        })
    }

    /// What would have no tree any more.
    fn count_objects(
        &self,
        going: &HashMap<Key, u64>,
        collected: &mut Collected,
    ) -> Result<(), SystemProblem> {
        let objects = self.objects()?;
        self.each_object(&objects, |shard, name, stat| {
            let key = Key::from_name(shard, name);
            let leaving = key.and_then(|key| going.get(&key)).copied().unwrap_or(0);
            if stat.st_nlink <= 1 + leaving {
                collected.count(stat);
            }
            Ok(())
        })
    }

    /// The locks of plans that are gone. Who waits for one finds that it has no name any more.
    fn remove_locks(&self) -> Result<(), SystemProblem> {
        let known: HashSet<String> = self.names_in(RECIPES).into_iter().collect();
        let building = self.names_in(BUILDING);
        for name in self.names_in(LOCKS) {
            let busy = building.iter().any(|build| build.starts_with(&name));
            if name == "objects" || known.contains(&name) || busy {
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

impl Collected {
    fn count(&mut self, stat: &FileStat) {
        self.files += 1;
        self.bytes += stat.st_size.cast_unsigned();
    }
}
