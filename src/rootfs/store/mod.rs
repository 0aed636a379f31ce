//! The store: which trees there are, who uses one, who builds one.

mod durable;
mod export;
mod files;
mod gc;
mod layer;
mod list;
mod make;
mod users;
mod verify;

use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::geteuid;

use super::build::in_store;
use super::content::errno;
use super::error::{BuildError, StoreError, SystemProblem};
use super::inventory::Inventory;
use super::manifest::Manifest;
use super::progress::Progress;
use super::recipe::key;
use super::record::{Head, Notes, decode, stamps_hold};
use super::walk::open_dir;
use crate::plan::TreePlan;
use durable::boot_id;
use files::{open_file, read};

pub use gc::{Collected, Collection};
pub use list::Listed;

const TREES: &str = "trees";
const RECIPES: &str = "recipes";
const BUILDING: &str = "building";
const LOCKS: &str = "locks";

/// Beside a tree's root: the stamps of everything in it.
const STAMPS: &str = "stamps";

/// Beside a tree's root: says that the disk has all of it.
const DURABLE: &str = "durable";

/// Beside a tree's root: says that something in it is not as it was written.
const ALTERED: &str = "altered";

/// Beside a tree's root: everything in it.
const INVENTORY: &str = "inventory";

/// The tree itself.
const ROOT: &str = "root";

/// Beside a tree while it is built: the contents of archives.
const RECEIVED: &str = "received";

/// Who uses which tree.
const USERS: &str = "users";

/// Where a tree lies in its store.
pub(super) fn tree_root(id: &str) -> PathBuf {
    [TREES, id, ROOT].iter().collect()
}

const HOUR: Duration = Duration::from_secs(3600);

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
    /// At every file and every byte, on the host and in the store.
    Verify,
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
    /// The hash of the plan that it is the tree of.
    pub key: String,
    /// When it was built.
    pub built: Built,
    /// What the build left out.
    pub notes: Notes,
    /// Whether it outlives a crash.
    pub durability: Durability,
    /// What was found in the store other than it had been written: host paths of files of this tree's
    /// forerunner, or of another one. This tree has none of them.
    pub altered: Vec<PathBuf>,
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
        if refresh != Refresh::Verify
            && let Some(tree) = self.find(&key, refresh)
        {
            return Ok(tree);
        }
        let turn = self.take_turn(&key).map_err(store_failed)?;
        let tree = match refresh {
            Refresh::Verify => self.verified(plan, &key, progress),
            refresh => match self.find(&key, refresh) {
                Some(tree) => Ok(tree),
                None => self.make(plan, &key, progress),
            },
        };
        drop(turn);
        tree
    }

    /// The tree of a record that still holds. Whatever is wrong with one, there is none.
    fn find(&self, key: &str, refresh: Refresh) -> Option<Tree> {
        if refresh == Refresh::Rebuild {
            return None;
        }
        let record = self.recipe(key)?;
        let (head, quick) = decode(&record)?;
        if !stamps_hold(quick) {
            return None;
        }
        if refresh != Refresh::Quick {
            let whole = read(&self.fd, &format!("{TREES}/{}/{STAMPS}", head.id)).ok()?;
            let (_, whole) = decode(&whole)?;
            if !stamps_hold(whole) {
                return None;
            }
        }
        self.hold(key, &head)
    }

    /// Opens a tree for use, unless somebody is removing it or a crash may have halved it.
    fn hold(&self, key: &str, head: &Head) -> Option<Tree> {
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
        let durability = match durable {
            true => Durability::Durable,
            false => Durability::ThisBoot,
        };
        Some(Tree {
            built: Built::Before,
            durability,
            ..self.tree_of(key, head, dir.into())
        })
    }

    /// A tree that has just been built.
    fn tree_of(&self, key: &str, head: &Head, lock: OwnedFd) -> Tree {
        Tree {
            root: self.dir.join(TREES).join(&head.id).join(ROOT),
            id: head.id.clone(),
            key: key.to_owned(),
            built: Built::Now,
            notes: head.notes,
            durability: Durability::ThisBoot,
            altered: Vec::new(),
            lock,
        }
    }

    /// The record of a plan's tree. Its use is noted by the hour, so that a start writes nothing.
    fn recipe(&self, key: &str) -> Option<Vec<u8>> {
        let mut file = open_file(&self.fd, &format!("{RECIPES}/{key}")).ok()?;
        let mut record = Vec::new();
        file.read_to_end(&mut record).ok()?;
        let used = file.metadata().ok()?.modified().ok()?;
        if used.elapsed().is_ok_and(|age| age > HOUR) {
            // Where that fails, garbage collection takes it for older than it is, and it is built again.
            file.set_modified(SystemTime::now()).ok();
        }
        Some(record)
    }

    fn stat_at(&self, path: &str) -> Option<FileStat> {
        fstatat(&self.fd, path, AtFlags::AT_SYMLINK_NOFOLLOW).ok()
    }

    /// Waits for whoever builds the same tree. The lock lasts as long as the file is open.
    fn take_turn(&self, key: &str) -> Result<File, SystemProblem> {
        self.make_folders()?;
        let path = format!("{LOCKS}/{key}");
        loop {
            let lock = self.lock_file(&path)?;
            match lock.lock() {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.problem("lock", &path)(errno(error))),
            }
            // Garbage collection takes away the locks of plans that are gone.
            let named = self.stat_at(&path);
            if fstat(&lock).is_ok_and(|mine| named.is_some_and(|it| it.st_ino == mine.st_ino)) {
                return Ok(lock);
            }
        }
    }

    /// Makes the folders of a store that is new.
    fn make_folders(&self) -> Result<(), SystemProblem> {
        for folder in [TREES, RECIPES, BUILDING, LOCKS, USERS] {
            match mkdirat(&self.fd, folder, Mode::S_IRWXU) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => {
                    return Err(self.problem("make the directory", folder)(errno));
                }
            }
        }
        Ok(())
    }

    fn lock_file(&self, path: &str) -> Result<File, SystemProblem> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let lock = openat(&self.fd, path, flags, Mode::S_IRUSR | Mode::S_IWUSR);
        Ok(File::from(lock.map_err(self.problem("open", path))?))
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

impl Tree {
    /// What the tree holds, entry by entry.
    ///
    /// # Errors
    /// When the store's list of it is missing or damaged: a build makes it again.
    pub fn manifest(&self) -> Result<Manifest, StoreError> {
        match self.inventory() {
            Some(inventory) => Ok(inventory.manifest()),
            None => Err(StoreError::Damaged {
                path: self.root.with_file_name(INVENTORY),
            }),
        }
    }

    fn inventory(&self) -> Option<Inventory> {
        Inventory::decode(&read(&self.lock, INVENTORY).ok()?)
    }
}
