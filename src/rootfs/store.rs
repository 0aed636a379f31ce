//! The store: which trees there are, who uses one, who builds one.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, renameat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{fsync, geteuid, syncfs};

use super::build::{Product, build, in_store};
use super::content::errno;
use super::draft::ROOT;
use super::error::{BuildError, StoreError, SystemProblem};
use super::progress::Progress;
use super::recipe::key;
use super::record::{Head, Notes, decode, encode, stamps_hold};
use super::remove::{names, remove};
use super::walk::open_dir;
use crate::plan::TreePlan;

const TREES: &str = "trees";
const RECIPES: &str = "recipes";
const BUILDING: &str = "building";
const LOCKS: &str = "locks";

/// Beside a tree's root: the stamps of everything in it.
const STAMPS: &str = "stamps";

/// Beside a tree's root: says that the disk has all of it.
const DURABLE: &str = "durable";

/// A directory of trees.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    fd: OwnedFd,
    stat: FileStat,
}

/// How hard to look for changes of what a tree was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// At single files, and at the upper part of directories.
    Quick,
    /// At every file.
    Look,
    /// Not at all: it is built again.
    Rebuild,
}

/// When a tree was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Built {
    /// By this call.
    Now,
    /// By an earlier one, or by another process while this one waited.
    Before,
}

/// Whether a tree outlives a crash of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The disk has all of it.
    Durable,
    /// It is good until the machine starts again; then it is built again.
    ThisBoot,
}

/// A finished root tree, in use.
#[derive(Debug)]
pub struct Tree {
    /// Its root directory.
    pub root: PathBuf,
    /// Its name in the store: 32 hexadecimal letters, never used again.
    pub id: String,
    /// When it was built.
    pub built: Built,
    /// What the build left out.
    pub notes: Notes,
    /// Whether it outlives a crash.
    pub durability: Durability,
    /// The tree's directory with a shared flock(2): while it is open, nobody removes the tree.
    pub lock: OwnedFd,
}

impl Store {
    /// Opens the store in `dir`, and makes it, with mode 0700, when there is none.
    ///
    /// # Errors
    /// When `dir` belongs to another user or can be written by others, and when it cannot be made.
    pub fn open(dir: &Path) -> Result<Store, StoreError> {
        let problem = |doing| SystemProblem::at(doing, dir);
        let absolute = std::path::absolute(dir).map_err(errno);
        let absolute = absolute.map_err(problem("find"))?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let opened = match open(dir, flags, Mode::empty()) {
            Err(Errno::ENOENT) => {
                let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
                made.map_err(errno).map_err(problem("make the store"))?;
                open(dir, flags, Mode::empty())
            }
            opened => opened,
        };
        let fd = opened.map_err(problem("open the store"))?;
        let stat = fstat(&fd).map_err(problem("look at the store"))?;
        refuse_shared(dir, &stat)?;
        if stat.st_mode & 0o7777 != 0o700 {
            fchmod(&fd, Mode::S_IRWXU).map_err(problem("make private"))?;
        }
        let dir = absolute;
        Ok(Store { dir, fd, stat })
    }

    /// The tree that `plan` describes: found when there is one and nothing that it was made of
    /// has changed, else built. A second caller with the same plan waits for the first.
    ///
    /// # Errors
    /// When a source cannot be had, two sources contradict each other, or the store cannot be
    /// written; nothing half-built is left under a tree's name.
    pub fn tree(
        &self,
        plan: &TreePlan,
        refresh: Refresh,
        progress: &mut dyn Progress,
    ) -> Result<Tree, BuildError> {
        let key = key(plan, geteuid().as_raw());
        if let Some(tree) = self.find(&key, refresh) {
            return Ok(tree);
        }
        let turn = self.take_turn(&key).map_err(store_failed)?;
        if let Some(tree) = self.find(&key, refresh) {
            return Ok(tree);
        }
        self.sweep();
        progress.start(None);
        let built = self.build(plan, &key, progress);
        progress.done();
        drop(turn);
        built
    }

    /// Waits until the disk has all of a tree, so that it outlives a crash of the machine.
    ///
    /// This can take seconds, because everything else on that file system is written too; it is
    /// meant for after the program was started, or has ended.
    ///
    /// # Errors
    /// When something could not be written; the tree is then good until the next boot only.
    pub fn make_durable(&self, tree: &Tree) -> Result<(), StoreError> {
        if tree.durability == Durability::Durable {
            return Ok(());
        }
        let done = syncfs(&self.fd)
            .and_then(|()| self.mark_durable(&tree.lock))
            .map_err(SystemProblem::at("write to disk", &tree.root));
        Ok(done?)
    }

    fn mark_durable(&self, tree: &OwnedFd) -> nix::Result<()> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mark = openat(tree, DURABLE, flags, Mode::S_IRUSR)?;
        fsync(&mark)?;
        fsync(tree)
    }

    /// The tree of a record that still holds. Whatever is wrong with one, there is none.
    fn find(&self, key: &str, refresh: Refresh) -> Option<Tree> {
        if refresh == Refresh::Rebuild {
            return None;
        }
        let record = read(&self.fd, &format!("{RECIPES}/{key}")).ok()?;
        let (head, quick) = decode(&record)?;
        if !stamps_hold(quick) {
            return None;
        }
        if refresh == Refresh::Look {
            let whole = read(&self.fd, &format!("{TREES}/{}/{STAMPS}", head.id)).ok()?;
            let (_, whole) = decode(&whole)?;
            if !stamps_hold(whole) {
                return None;
            }
        }
        self.hold(&head)
    }

    /// Opens a tree for use, unless somebody is removing it or a crash may have halved it.
    fn hold(&self, head: &Head) -> Option<Tree> {
        let path = format!("{TREES}/{}", head.id);
        let dir = File::from(open_dir(&self.fd, OsStr::new(&path), OFlag::O_RDONLY).ok()?);
        dir.lock_shared().ok()?;
        let (mine, named) = (fstat(&dir).ok()?, self.stat_at(&path)?);
        if mine.st_ino != named.st_ino {
            return None;
        }
        let durable = fstatat(&dir, DURABLE, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok();
        if !durable && Some(&head.boot) != boot_id().as_ref() {
            return None;
        }
        Some(self.tree_of(head, dir.into(), Built::Before, durable))
    }

    fn tree_of(&self, head: &Head, lock: OwnedFd, built: Built, durable: bool) -> Tree {
        Tree {
            root: self.dir.join(TREES).join(&head.id).join(ROOT),
            id: head.id.clone(),
            built,
            notes: head.notes,
            durability: if durable {
                Durability::Durable
            } else {
                Durability::ThisBoot
            },
            lock,
        }
    }

    fn stat_at(&self, path: &str) -> Option<FileStat> {
        fstatat(&self.fd, path, AtFlags::AT_SYMLINK_NOFOLLOW).ok()
    }

    /// Waits for whoever builds the same tree. The lock lasts as long as the file is open.
    fn take_turn(&self, key: &str) -> Result<File, SystemProblem> {
        for folder in [TREES, RECIPES, BUILDING, LOCKS] {
            match mkdirat(&self.fd, folder, Mode::S_IRWXU) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => {
                    return Err(self.problem("make the directory", folder)(errno));
                }
            }
        }
        let path = format!("{LOCKS}/{key}");
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let lock = openat(
            &self.fd,
            path.as_str(),
            flags,
            Mode::S_IRUSR | Mode::S_IWUSR,
        );
        let lock = File::from(lock.map_err(self.problem("open", &path))?);
        loop {
            match lock.lock() {
                Ok(()) => return Ok(lock),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.problem("lock", &path)(errno(error))),
            }
        }
    }

    /// Removes what builders that were killed left behind: they hold its lock no more.
    fn sweep(&self) {
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

    fn build(
        &self,
        plan: &TreePlan,
        key: &str,
        progress: &mut dyn Progress,
    ) -> Result<Tree, BuildError> {
        let (name, aside) = self.begin(key).map_err(store_failed)?;
        let built = aside
            .try_clone()
            .map_err(|error| store_failed(self.problem("hold", &name)(errno(error))))
            .and_then(|dir| build(plan, dir.into(), &self.stat, progress))
            .and_then(|product| {
                self.publish(key, &name, aside, &product)
                    .map_err(store_failed)
            });
        if built.is_err() {
            clear(self.fd.as_fd(), OsStr::new(&format!("{BUILDING}/{name}")));
        }
        built
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
    fn publish(
        &self,
        key: &str,
        name: &str,
        aside: File,
        product: &Product,
    ) -> Result<Tree, SystemProblem> {
        let boot = boot_id();
        let head = Head {
            id: fresh_id(key, name),
            boot: boot.clone().unwrap_or_default(),
            notes: product.notes,
        };
        let before = self.recorded(key);
        let whole = encode(&head, &product.whole);
        write(&aside, STAMPS, &whole).map_err(self.problem("write", STAMPS))?;
        if boot.is_none() {
            // Nothing would tell this boot from the next one.
            syncfs(&self.fd)
                .and_then(|()| self.mark_durable(&aside.try_clone().map_err(errno)?.into()))
                .map_err(self.problem("write to disk", name))?;
        }
        let (from, to) = (format!("{BUILDING}/{name}"), format!("{TREES}/{}", head.id));
        renameat(&self.fd, from.as_str(), &self.fd, to.as_str())
            .map_err(self.problem("rename", &from))?;
        self.record(key, &encode(&head, &product.quick))?;
        aside
            .lock_shared()
            .map_err(|error| self.problem("lock", &to)(errno(error)))?;
        self.retire(before);
        Ok(self.tree_of(&head, aside.into(), Built::Now, boot.is_none()))
    }

    fn recorded(&self, key: &str) -> Option<String> {
        let record = read(&self.fd, &format!("{RECIPES}/{key}")).ok()?;
        Some(decode(&record)?.0.id)
    }

    fn record(&self, key: &str, record: &[u8]) -> Result<(), SystemProblem> {
        let (path, new) = (format!("{RECIPES}/{key}"), format!("{RECIPES}/{key}.new"));
        write(&self.fd, &new, record)
            .and_then(|()| renameat(&self.fd, new.as_str(), &self.fd, path.as_str()))
            .map_err(self.problem("write", &path))
    }

    /// Removes the tree that a recipe led to before, unless a sandbox runs in it.
    ///
    /// No other recipe leads to it, because no two builds share an id.
    fn retire(&self, id: Option<String>) {
        let Some(id) = id else { return };
        let (path, gone) = (format!("{TREES}/{id}"), format!("{BUILDING}/{id}.old"));
        let Ok(dir) = open_dir(&self.fd, OsStr::new(&path), OFlag::O_RDONLY).map(File::from) else {
            return;
        };
        let free = dir.try_lock().is_ok();
        if free && renameat(&self.fd, path.as_str(), &self.fd, gone.as_str()).is_ok() {
            // Whoever came for it at the same time need not wait until it is gone.
            drop(dir);
            clear(self.fd.as_fd(), OsStr::new(&gone));
        }
    }

    fn problem(
        &self,
        doing: &'static str,
        below: &str,
    ) -> impl FnOnce(Errno) -> SystemProblem + use<> {
        let path = self.dir.join(below);
        move |errno| SystemProblem { doing, path, errno }
    }
}

fn store_failed(problem: SystemProblem) -> BuildError {
    in_store(problem)
}

fn refuse_shared(dir: &Path, stat: &FileStat) -> Result<(), StoreError> {
    let dir = dir.to_owned();
    if stat.st_uid != geteuid().as_raw() {
        let owner = stat.st_uid;
        return Err(StoreError::Foreign { dir, owner });
    }
    if stat.st_mode & 0o022 != 0 {
        let mode = stat.st_mode & 0o7777;
        return Err(StoreError::Writable { dir, mode });
    }
    Ok(())
}

/// Removes something of `building`. What cannot be removed now is in nobody's way: its lock is
/// free, so that each later build tries again.
fn clear(parent: BorrowedFd, name: &OsStr) {
    remove(parent, name).unwrap_or_default();
}

/// An id that no other build has had: the time and the builder's directory go in.
fn fresh_id(key: &str, name: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_nanos());
    let hash = blake3::hash(format!("{key} {name} {now}").as_bytes()).to_hex();
    hash.as_str().chars().take(super::record::ID).collect()
}

/// Which boot of the machine this is; none where /proc does not tell.
fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = text.trim();
    (id.len() == super::record::BOOT).then(|| id.to_owned())
}

fn read(dir: impl AsFd, path: &str) -> nix::Result<Vec<u8>> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut file = File::from(openat(dir, path, flags, Mode::empty())?);
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(errno)?;
    Ok(bytes)
}

fn write(dir: impl AsFd, path: &str, bytes: &[u8]) -> nix::Result<()> {
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = openat(dir, path, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    File::from(file).write_all(bytes).map_err(errno)
}
