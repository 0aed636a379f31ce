//! Building a tree aside, and giving it its name.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{OFlag, renameat};
use nix::sys::stat::{Mode, fstat, mkdirat};

use super::durable::boot_id;
use super::files::{read, remove_file, replace, write};
use super::{
    ALTERED, BUILDING, DURABLE, INVENTORY, RECEIVED, RECIPES, ROOT, STAMPS, Store, TREES, Tree,
    store_failed, tree_root,
};
use crate::plan::{TreePlan, TreeSource};
use crate::rootfs::build::{Product, Site, build};
use crate::rootfs::content::errno;
use crate::rootfs::error::{BuildError, SystemProblem};
use crate::rootfs::inventory::Inventory;
use crate::rootfs::linker::Altered;
use crate::rootfs::pool::Pool;
use crate::rootfs::progress::Progress;
use crate::rootfs::record::{Head, ID, decode, encode};
use crate::rootfs::remove::{names, remove};
use crate::rootfs::stamps::Stamp;
use crate::rootfs::times::Times;
use crate::rootfs::walk::{look, open_dir};

/// As many bytes of inventories are read before a build: those of about a million files.
const MOST_POOLED: usize = 192 << 20;

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
        let pool = self.pool(plan, key);
        let unnamed = self.build(plan, key, &pool, progress)?;
        self.publish(key, unnamed).map_err(store_failed)
    }

    /// Builds a tree aside.
    pub(super) fn build(
        &self,
        plan: &TreePlan,
        key: &str,
        pool: &Pool,
        progress: &mut dyn Progress,
    ) -> Result<Unnamed<'_>, BuildError> {
        self.sweep();
        let (name, aside) = self.begin(key).map_err(store_failed)?;
        let mut unnamed = Unnamed {
            store: self,
            name,
            aside: Some(aside),
            product: Product::default(),
        };
        progress.start(None);
        let built = self.build_in(plan, &unnamed, pool, progress);
        progress.done();
        unnamed.product = built?;
        Ok(unnamed)
    }

    fn build_in(
        &self,
        plan: &TreePlan,
        Unnamed { name, aside, .. }: &Unnamed<'_>,
        pool: &Pool,
        progress: &mut dyn Progress,
    ) -> Result<Product, BuildError> {
        let failed = |doing| {
            let problem = self.problem(doing, name);
            move |errno| store_failed(problem(errno))
        };
        let aside = aside.as_ref().ok_or(Errno::EBADF);
        let aside = aside.map_err(failed("hold"))?;
        let folder = |folder: &str| {
            mkdirat(aside, folder, Mode::S_IRWXU).map_err(failed("make the directory"))?;
            open_dir(aside, OsStr::new(folder), OFlag::O_RDONLY).map_err(failed("open"))
        };
        let (root, received) = (folder(ROOT)?, folder(RECEIVED)?);
        let site = Site {
            root: root.as_fd(),
            received: received.as_fd(),
            pool,
            times: Times::of(received.as_fd()).map_err(failed("try the times of"))?,
            store: self.fd.as_fd(),
            store_stat: &self.stat,
        };
        let product = build(plan, &site, progress)?;
        remove(aside.as_fd(), OsStr::new(RECEIVED)).map_err(store_failed)?;
        Ok(product)
    }

    /// The files of the trees of the store, where the plan can use any; those of the tree that is replaced
    /// come first.
    pub(super) fn pool(&self, plan: &TreePlan, key: &str) -> Pool {
        let mut pool = Pool::default();
        let needs_none = |source: &TreeSource| {
            matches!(
                source,
                TreeSource::File { .. } | TreeSource::Dir { .. } | TreeSource::Symlink { .. }
            )
        };
        if plan.sources.iter().all(|source| needs_none(&source.value)) {
            return pool;
        }
        let before = self.recorded(key);
        let others = self.names_in(TREES).into_iter();
        let others = others.filter(|id| Some(id) != before.as_ref());
        let trees: Vec<String> = before.iter().cloned().chain(others).collect();
        let mut room = MOST_POOLED;
        for id in trees {
            if let Some(inventory) = self.whole_inventory(&id, &mut room) {
                pool.add(id, inventory);
            }
        }
        pool
    }

    /// What is in a tree that a crash cannot have halved.
    fn whole_inventory(&self, id: &str, room: &mut usize) -> Option<Inventory> {
        let bytes = read(&self.fd, &format!("{TREES}/{id}/{INVENTORY}")).ok()?;
        *room = room.checked_sub(bytes.len())?;
        let inventory = Inventory::decode(&bytes)?;
        let has_mark = |mark: &str| self.stat_at(&format!("{TREES}/{id}/{mark}")).is_some();
        let this_boot = boot_id().is_some_and(|boot| boot == inventory.boot);
        let whole = this_boot || has_mark(DURABLE);
        (whole && !has_mark(ALTERED)).then_some(inventory)
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
            let Ok(left) = open_dir(&building, &name, OFlag::O_RDONLY).map(File::from) else {
                continue;
            };
            // The lock is held until all is gone: a builder that has just made the directory finds that it
            // has to make another one. The name may be that of a later build by now, and this one a tree.
            if left.try_lock().is_ok() && is_at(&building, &name, &left) {
                clear(building.as_fd(), &name);
            }
            drop(left);
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
            mut inventory,
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
        let stamps = encode(&head, &whole).ok_or(Errno::EOVERFLOW);
        stamps
            .and_then(|bytes| write(aside, STAMPS, &bytes))
            .map_err(self.problem("write", STAMPS))?;
        inventory.boot.clone_from(&head.boot);
        let encoded = inventory.encode().ok_or(Errno::EOVERFLOW);
        encoded
            .and_then(|bytes| write(aside, INVENTORY, &bytes))
            .map_err(self.problem("write", INVENTORY))?;
        if boot.is_none() {
            // Nothing would tell this boot from the next one.
            let dir = aside.try_clone().map_err(errno);
            dir.and_then(|dir| self.write_out(&dir.into()))
                .map_err(self.problem("write to disk", &name))?;
        }
        let (from, to) = (format!("{BUILDING}/{name}"), format!("{TREES}/{}", head.id));
        renameat(&self.fd, from.as_str(), &self.fd, to.as_str())
            .map_err(self.problem("rename", &from))?;
        let aside = unnamed.aside.take().ok_or(Errno::EBADF);
        let aside = aside.map_err(self.problem("hold", &name))?;
        if let Err(problem) = self.record(key, &head, &quick) {
            // Nothing leads to it: on a full disk it would only be in the way.
            self.remove_locked(&head.id, aside);
            return Err(problem);
        }
        aside
            .lock_shared()
            .map_err(|error| self.problem("lock", &to)(errno(error)))?;
        self.retire(before);
        Ok(Tree {
            altered: self.distrust(altered),
            ..self.tree_of(key, &head, aside.into())
        })
    }

    pub(super) fn recorded(&self, key: &str) -> Option<String> {
        let record = read(&self.fd, &format!("{RECIPES}/{key}")).ok()?;
        Some(decode(&record)?.0.id)
    }

    /// Whether a recipe leads to this tree: another process may have built a new one meanwhile.
    pub(super) fn leads_to(&self, key: &str, id: &str) -> bool {
        self.recorded(key).is_some_and(|recorded| recorded == id)
    }

    fn record(&self, key: &str, head: &Head, quick: &[Stamp]) -> Result<(), SystemProblem> {
        let path = format!("{RECIPES}/{key}");
        let record = encode(head, quick).ok_or(Errno::EOVERFLOW);
        record
            .and_then(|record| replace(&self.fd, &path, &record))
            .map_err(self.problem("write", &path))
    }

    /// Removes the tree that a recipe led to before, unless a sandbox runs in it.
    ///
    /// No other recipe leads to it, because no two builds share an id.
    fn retire(&self, id: Option<String>) {
        if let Some(id) = id {
            self.remove_tree(&id);
        }
    }

    /// A tree that has been altered is used by nobody any more, but for those who use it now. Where its
    /// altered files lie.
    pub(super) fn distrust(&self, altered: Vec<Altered>) -> Vec<PathBuf> {
        let trees: BTreeSet<&str> = altered
            .iter()
            .map(|altered| altered.tree.as_str())
            .collect();
        let keys = match trees.is_empty() {
            true => HashMap::new(),
            false => self.keys_by_tree(),
        };
        for tree in trees {
            // What cannot be marked or removed is found again by whoever links to it, or verifies it.
            if let Some(key) = keys.get(tree).filter(|key| self.leads_to(key, tree)) {
                remove_file(&self.fd, &format!("{RECIPES}/{key}")).unwrap_or_default();
            }
            write(&self.fd, &format!("{TREES}/{tree}/{ALTERED}"), b"").unwrap_or_default();
            self.remove_tree(tree);
        }
        let path = |Altered { tree, path }: Altered| {
            let inside = path.strip_prefix("/").unwrap_or(&path);
            self.dir.join(tree_root(&tree)).join(inside)
        };
        altered.into_iter().map(path).collect()
    }

    /// Removes a tree, unless somebody uses it. Whether it is gone.
    pub(super) fn remove_tree(&self, id: &str) -> bool {
        let free = self.lock_tree(id);
        free.is_some_and(|tree| self.remove_locked(id, tree))
    }

    /// The lock of a tree, alone; none where somebody uses it, or it is gone.
    pub(super) fn lock_tree(&self, id: &str) -> Option<File> {
        let path = format!("{TREES}/{id}");
        let dir = open_dir(&self.fd, OsStr::new(&path), OFlag::O_RDONLY);
        let dir = dir.map(File::from).ok()?;
        dir.try_lock().is_ok().then_some(dir)
    }

    /// Removes a tree that is locked. Whether it is gone.
    pub(super) fn remove_locked(&self, id: &str, tree: File) -> bool {
        let (path, gone) = (format!("{TREES}/{id}"), format!("{BUILDING}/{id}.old"));
        if renameat(&self.fd, path.as_str(), &self.fd, gone.as_str()).is_err() {
            return false;
        }
        // Whoever came for it at the same time need not wait until it is gone.
        drop(tree);
        clear(self.fd.as_fd(), OsStr::new(&gone));
        true
    }
}

/// Removes something of `building`. What cannot be removed now is in nobody's way: its lock is
/// free, so that each later build tries again.
pub(super) fn clear(parent: BorrowedFd, name: &OsStr) {
    remove(parent, name).unwrap_or_default();
}

/// Whether an open directory is still what has this name.
fn is_at(parent: &OwnedFd, name: &OsStr, dir: &File) -> bool {
    let (named, mine) = (look(parent, name), fstat(dir));
    let named = named.ok().flatten();
    named.is_some_and(|named| mine.is_ok_and(|mine| mine.st_ino == named.st_ino))
}

/// An id that no other build has had: the time and the builder's directory go in.
fn fresh_id(key: &str, name: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_nanos());
    let hash = blake3::hash(format!("{key} {name} {now}").as_bytes()).to_hex();
    hash.as_str().chars().take(ID).collect()
}
