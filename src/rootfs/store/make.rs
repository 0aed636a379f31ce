//! Building a tree aside, and giving it its name.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, renameat};
use nix::sys::stat::{Mode, fstat, mkdirat};

use super::boot::boot_id;
use super::files::{read, replace, write};
use super::{BUILDING, INVENTORY, RECIPES, ROOT, STAMPS, Store, TREES, Tree, store_failed};
use crate::plan::{TreePlan, TreeSource};
use crate::rootfs::build::{Product, Site, build};
use crate::rootfs::content::errno;
use crate::rootfs::error::{BuildError, SystemProblem};
use crate::rootfs::inventory::Inventory;
use crate::rootfs::object::{Key, Objects};
use crate::rootfs::progress::Progress;
use crate::rootfs::record::{Head, ID, decode, encode};
use crate::rootfs::remove::{names, remove};
use crate::rootfs::seen::Seen;
use crate::rootfs::walk::open_dir;

/// As many bytes of inventories are read before a build: those of some million files.
const MOST_SEEN: usize = 256 << 20;

/// A tree that is complete and has no name yet. Dropped without one, it is removed.
pub(super) struct Unnamed<'a> {
    store: &'a Store,
    name: String,
    /// Its directory, locked against sweeping.
    aside: Option<File>,
    pub product: Product,
}

impl Drop for Unnamed<'_> {
    fn drop(&mut self) {
        if self.aside.take().is_some() {
            let path = format!("{BUILDING}/{}", self.name);
            clear(self.store.fd.as_fd(), OsStr::new(&path));
        }
    }
}

impl Store {
    /// Builds a tree with all that is known of the host's files, and names it.
    pub(super) fn make(
        &self,
        plan: &TreePlan,
        key: &str,
        progress: &mut dyn Progress,
    ) -> Result<Tree, BuildError> {
        let seen = self.seen(plan);
        let unnamed = self.build(plan, key, &seen, progress)?;
        self.publish(key, unnamed).map_err(store_failed)
    }

    /// Builds a tree aside.
    pub(super) fn build(
        &self,
        plan: &TreePlan,
        key: &str,
        seen: &Seen,
        progress: &mut dyn Progress,
    ) -> Result<Unnamed<'_>, BuildError> {
        self.sweep();
        let writing = self.begin_writing().map_err(store_failed)?;
        let (name, aside) = self.begin(key).map_err(store_failed)?;
        let mut unnamed = Unnamed {
            store: self,
            name,
            aside: Some(aside),
            product: Product::default(),
        };
        progress.start(None);
        let mut received = HashSet::new();
        let built = self.build_in(plan, &unnamed, seen, &mut received, progress);
        progress.done();
        drop(writing);
        if built.is_err() {
            self.forget_objects(received);
        }
        unnamed.product = built?;
        Ok(unnamed)
    }

    /// Takes away objects that no tree has, where nobody else builds; else garbage collection does it.
    fn forget_objects(&self, keys: impl IntoIterator<Item = Key>) {
        let alone = self
            .objects_lock()
            .ok()
            .filter(|lock| lock.try_lock().is_ok());
        if let (Some(_), Ok(objects)) = (alone, Objects::open(self.fd.as_fd())) {
            for key in keys {
                objects.remove_unused(&key).unwrap_or_default();
            }
        }
    }

    fn build_in(
        &self,
        plan: &TreePlan,
        Unnamed { name, aside, .. }: &Unnamed<'_>,
        seen: &Seen,
        received: &mut HashSet<Key>,
        progress: &mut dyn Progress,
    ) -> Result<Product, BuildError> {
        let failed = |doing| {
            let problem = self.problem(doing, name);
            move |errno| store_failed(problem(errno))
        };
        let aside = aside.as_ref().ok_or(Errno::EBADF);
        let aside = aside.map_err(failed("hold"))?;
        mkdirat(aside, ROOT, Mode::S_IRWXU).map_err(failed("make the directory"))?;
        let root = open_dir(aside, OsStr::new(ROOT), OFlag::O_RDONLY).map_err(failed("open"))?;
        let objects = Objects::open(self.fd.as_fd()).map_err(failed("open the objects for"))?;
        let site = Site {
            root: root.as_fd(),
            objects: &objects,
            seen,
            aside: aside.as_fd(),
            store: &self.stat,
            received: RefCell::default(),
        };
        let built = build(plan, &site, progress);
        *received = site.received.take();
        built
    }

    /// What the trees of the store know of the host's files, where the plan copies any.
    fn seen(&self, plan: &TreePlan) -> Seen {
        let mut seen = Seen::default();
        let needs_none = |source: &TreeSource| {
            matches!(
                source,
                TreeSource::File { .. } | TreeSource::Dir { .. } | TreeSource::Symlink { .. }
            )
        };
        if plan.sources.iter().all(|source| needs_none(&source.value)) {
            return seen;
        }
        let mut room = MOST_SEEN;
        for id in self.names_in(TREES) {
            let Ok(bytes) = read(&self.fd, &format!("{TREES}/{id}/{INVENTORY}")) else {
                continue;
            };
            let Some(left) = room.checked_sub(bytes.len()) else {
                break;
            };
            room = left;
            if let Some(inventory) = Inventory::decode(&bytes) {
                inventory.tell(&mut seen);
            }
        }
        seen
    }

    /// The names in a folder of the store; none where it is not there.
    pub(super) fn names_in(&self, folder: &str) -> Vec<String> {
        let names = open_dir(&self.fd, OsStr::new(folder), OFlag::O_RDONLY)
            .and_then(|folder| names(folder.as_fd()));
        let names = names.unwrap_or_default().into_iter();
        names.filter_map(|name| name.into_string().ok()).collect()
    }

    /// Removes what builders that were killed left behind: they hold its lock no more.
    pub(super) fn sweep(&self) {
        let Ok(building) = open_dir(&self.fd, OsStr::new(BUILDING), OFlag::O_RDONLY) else {
            return;
        };
        for name in names(building.as_fd()).unwrap_or_default() {
            let left = open_dir(&building, &name, OFlag::O_RDONLY).map(File::from);
            if left.is_ok_and(|left| left.try_lock().is_ok()) {
                clear(building.as_fd(), &name);
            }
        }
    }

    /// Makes a directory to build in, and locks it against sweeping.
    fn begin(&self, key: &str) -> Result<(String, File), SystemProblem> {
        let mut attempt = 0_u32;
        loop {
            let name = format!("{key}.{}.{attempt}", std::process::id());
            let path = format!("{BUILDING}/{name}");
            attempt += 1;
            match mkdirat(&self.fd, path.as_str(), Mode::S_IRWXU) {
                Err(Errno::EEXIST) => continue,
                made => made.map_err(self.problem("make the directory", &path))?,
            }
            // Between the making and the lock a sweeper may take it for a leftover.
            let dir = match open_dir(&self.fd, OsStr::new(&path), OFlag::O_RDONLY) {
                Err(Errno::ENOENT) => continue,
                opened => File::from(opened.map_err(self.problem("open", &path))?),
            };
            match dir.try_lock() {
                Ok(()) if fstat(&dir).is_ok_and(|stat| stat.st_nlink > 0) => {
                    return Ok((name, dir));
                }
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(self.problem("lock", &path)(errno(error)));
                }
            }
        }
    }

    /// Gives a finished tree its name, then lets the recipe lead to it.
    pub(super) fn publish(
        &self,
        key: &str,
        mut unnamed: Unnamed<'_>,
    ) -> Result<Tree, SystemProblem> {
        let boot = boot_id();
        let Product {
            notes,
            quick,
            whole,
            inventory,
            altered,
        } = std::mem::take(&mut unnamed.product);
        let name = unnamed.name.clone();
        let head = Head {
            id: fresh_id(key, &name),
            boot: boot.clone().unwrap_or_default(),
            notes,
        };
        let before = self.recorded(key);
        let aside = unnamed.aside.as_ref().ok_or(Errno::EBADF);
        let aside = aside.map_err(self.problem("hold", &name))?;
        write(aside, STAMPS, &encode(&head, &whole)).map_err(self.problem("write", STAMPS))?;
        let encoded = inventory.encode().ok_or(Errno::EOVERFLOW);
        encoded
            .and_then(|bytes| write(aside, INVENTORY, &bytes))
            .map_err(self.problem("write", INVENTORY))?;
        if boot.is_none() {
            // Nothing would tell this boot from the next one.
            self.sync()
                .and_then(|()| self.mark_durable(&aside.try_clone().map_err(errno)?.into()))
                .map_err(self.problem("write to disk", &name))?;
        }
        let (from, to) = (format!("{BUILDING}/{name}"), format!("{TREES}/{}", head.id));
        renameat(&self.fd, from.as_str(), &self.fd, to.as_str())
            .map_err(self.problem("rename", &from))?;
        let aside = unnamed.aside.take().ok_or(Errno::EBADF);
        let aside = aside.map_err(self.problem("hold", &name))?;
        self.record(key, &encode(&head, &quick))?;
        aside
            .lock_shared()
            .map_err(|error| self.problem("lock", &to)(errno(error)))?;
        self.retire(before, &inventory);
        Ok(Tree {
            altered,
            ..self.tree_of(key, &head, aside.into())
        })
    }

    pub(super) fn recorded(&self, key: &str) -> Option<String> {
        let record = read(&self.fd, &format!("{RECIPES}/{key}")).ok()?;
        Some(decode(&record)?.0.id)
    }

    fn record(&self, key: &str, record: &[u8]) -> Result<(), SystemProblem> {
        let path = format!("{RECIPES}/{key}");
        replace(&self.fd, &path, record).map_err(self.problem("write", &path))
    }

    /// Removes the tree that a recipe led to before, unless a sandbox runs in it, and what only it had.
    ///
    /// No other recipe leads to it, because no two builds share an id.
    fn retire(&self, id: Option<String>, now: &Inventory) {
        let Some(id) = id else { return };
        let before = read(&self.fd, &format!("{TREES}/{id}/{INVENTORY}"));
        if !self.remove_tree(&id) {
            return;
        }
        if let Some(before) = before.ok().and_then(|bytes| Inventory::decode(&bytes)) {
            let kept: HashSet<Key> = now.keys().collect();
            self.forget_objects(before.keys().filter(|key| !kept.contains(key)));
        }
    }

    /// Removes a tree, unless somebody uses it. Whether it is gone.
    pub(super) fn remove_tree(&self, id: &str) -> bool {
        let (path, gone) = (format!("{TREES}/{id}"), format!("{BUILDING}/{id}.old"));
        let Ok(dir) = open_dir(&self.fd, OsStr::new(&path), OFlag::O_RDONLY).map(File::from) else {
            return false;
        };
        let free = dir.try_lock().is_ok();
        if free && renameat(&self.fd, path.as_str(), &self.fd, gone.as_str()).is_ok() {
            // Whoever came for it at the same time need not wait until it is gone.
            drop(dir);
            clear(self.fd.as_fd(), OsStr::new(&gone));
            return true;
        }
        false
    }
}

/// Removes something of `building`. What cannot be removed now is in nobody's way: its lock is
/// free, so that each later build tries again.
pub(super) fn clear(parent: BorrowedFd, name: &OsStr) {
    remove(parent, name).unwrap_or_default();
}

/// An id that no other build has had: the time and the builder's directory go in.
fn fresh_id(key: &str, name: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_nanos());
    let hash = blake3::hash(format!("{key} {name} {now}").as_bytes()).to_hex();
    hash.as_str().chars().take(ID).collect()
}
