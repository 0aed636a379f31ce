//! Reading everything again: whether trees and objects still are what was written.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, readlinkat};
use nix::sys::stat::SFlag;

use super::{ROOT, Refresh, Store, TREES, Tree, store_failed, tree_root};
use crate::plan::TreePlan;
use crate::rootfs::content::errno;
use crate::rootfs::error::{BuildError, StoreError, SystemProblem};
use crate::rootfs::inventory::{FileItem, Inventory, Item, ItemKind};
use crate::rootfs::key::{Reading, is_like, key_of};
use crate::rootfs::layout::Meta;
use crate::rootfs::linker::Altered;
use crate::rootfs::pool::Pool;
use crate::rootfs::progress::Progress;
use crate::rootfs::remove::names;
use crate::rootfs::stamps::Identity;
use crate::rootfs::walk::{kind, look, open_below, open_dir};

impl Store {
    /// The tree of a plan after every byte of it was read, here and on the host. What is not as it was is
    /// named and written again.
    pub(super) fn verified(
        &self,
        plan: &TreePlan,
        key: &str,
        progress: &mut dyn Progress,
    ) -> Result<Tree, BuildError> {
        let found = self.find(key, Refresh::Quick);
        let held = found.and_then(|tree| Some((tree.inventory()?, tree)));
        let mut altered = Vec::new();
        if let Some((inventory, tree)) = &held {
            altered = altered_in(&tree.id, &tree.lock, inventory).map_err(store_failed)?;
        }
        // Nothing is taken from a tree that was altered.
        let pool = match altered.is_empty() {
            true => self.pool(plan, key).examined(),
            false => Pool::default(),
        };
        let mut unnamed = self.build(plan, key, &pool, progress)?;
        if let Some((inventory, tree)) = held
            && altered.is_empty()
            && same(&inventory, &unnamed.product.inventory)
        {
            return Ok(tree);
        }
        unnamed.product.altered.extend(altered);
        self.publish(key, unnamed).map_err(store_failed)
    }

    /// Reads every tree. Those that are not as they were written are not used any more; where their altered
    /// files lie.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn verify(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut altered = Vec::new();
        for id in self.names_in(TREES) {
            let path = format!("{TREES}/{id}");
            let dir = match open_dir(&self.fd, OsStr::new(&path), OFlag::O_RDONLY) {
                // Removed meanwhile.
                Err(Errno::ENOENT) => continue,
                dir => dir.map_err(self.problem("open", &path))?,
            };
            // Nothing is looked at while it is taken apart.
            let dir = File::from(dir);
            dir.lock_shared()
                .map_err(|error| self.problem("lock", &path)(errno(error)))?;
            if self.stat_at(&path).is_none() {
                continue;
            }
            let dir = OwnedFd::from(dir);
            match self.inventory_of(&id) {
                Some(inventory) => altered.extend(altered_in(&id, &dir, &inventory)?),
                None => altered.push(Altered {
                    tree: id,
                    path: PathBuf::from("/"),
                }),
            }
        }
        Ok(self.distrust(altered))
    }
}

/// What of a tree is not as it was written.
fn altered_in(
    id: &str,
    tree: &OwnedFd,
    inventory: &Inventory,
) -> Result<Vec<Altered>, SystemProblem> {
    let root = tree_root(id);
    let root = open_dir(tree, OsStr::new(ROOT), OFlag::O_RDONLY)
        .map_err(SystemProblem::at("open", &root))?;
    let mut check = Check {
        root,
        children: children(inventory),
        inodes: HashMap::new(),
        buffer: Vec::new(),
        extra: Vec::new(),
    };
    let altered = inventory.items.iter().filter(|item| !check.holds(item));
    let mut paths: Vec<PathBuf> = altered.map(|item| item.path().to_owned()).collect();
    paths.extend(check.extra);
    let altered = paths.into_iter().map(|path| Altered {
        tree: id.to_owned(),
        path,
    });
    Ok(altered.collect())
}

/// Whether two builds gave the same tree. Inodes of the host may be others.
fn same(one: &Inventory, other: &Inventory) -> bool {
    let plain = |item: &Item| {
        let mut item = item.clone();
        if let ItemKind::File(file) = &mut item.kind {
            file.identity = file.identity.map(|numbers| {
                let mut identity = Identity::from_numbers(numbers);
                (identity.dev, identity.changed) = (0, (0, 0));
                identity.numbers()
            });
        }
        item
    };
    one.items.len() == other.items.len()
        && one
            .items
            .iter()
            .zip(&other.items)
            .all(|(one, other)| plain(one) == plain(other))
}

/// The names that each directory should have.
fn children(inventory: &Inventory) -> HashMap<&[u8], HashSet<&OsStr>> {
    let mut children: HashMap<&[u8], HashSet<&OsStr>> = HashMap::new();
    for item in &inventory.items {
        let path = item.path();
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name()) {
            let above = parent.as_os_str().as_bytes();
            children.entry(above).or_default().insert(name);
        }
    }
    children
}

/// A tree under examination.
struct Check<'a> {
    root: OwnedFd,
    children: HashMap<&'a [u8], HashSet<&'a OsStr>>,
    /// First names of files with several.
    inodes: HashMap<PathBuf, u64>,
    buffer: Vec<u8>,
    /// What lies there and was never written.
    extra: Vec<PathBuf>,
}

impl Check<'_> {
    fn holds(&mut self, item: &Item) -> bool {
        let path = item.path();
        let below = path.strip_prefix("/").unwrap_or(path);
        let name = match below.as_os_str().is_empty() {
            true => Path::new("."),
            false => below,
        };
        match self.is_same(item, name) {
            Ok(same) => same,
            // A directory that is closed to its own owner: what is in it cannot be reached from inside
            // either.
            Err(Errno::EACCES) => true,
            Err(_) => false,
        }
    }

    fn is_same(&mut self, item: &Item, name: &Path) -> nix::Result<bool> {
        let parent = name
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let parent = open_below(
            self.root.as_fd(),
            parent.unwrap_or(Path::new(".")),
            OFlag::O_PATH,
        )?;
        let last = name.file_name().unwrap_or(OsStr::new("."));
        let Some(stat) = look(&parent, last)? else {
            return Ok(false);
        };
        let meta = Meta {
            mode: item.mode,
            modified: item.modified,
            attributes: Vec::new(),
        };
        let modified = (stat.st_mtime, stat.st_mtime_nsec);
        match &item.kind {
            ItemKind::Directory => {
                let mode = stat.st_mode & 0o7777;
                let like = kind(&stat) == SFlag::S_IFDIR && mode == item.mode;
                // What is there too much is named even where the directory tells that it was changed.
                let lists = kind(&stat) == SFlag::S_IFDIR && self.lists(item, &parent, last)?;
                Ok(like && lists && modified == item.modified)
            }
            ItemKind::Symlink(text) => Ok(kind(&stat) == SFlag::S_IFLNK
                && readlinkat(&parent, last)?.as_bytes() == text.as_slice()),
            ItemKind::HardLink(first) => {
                let first = Path::new(OsStr::from_bytes(first));
                Ok(self.inodes.get(first) == Some(&stat.st_ino))
            }
            ItemKind::File(FileItem { size, .. }) if !is_like(&stat, *size, &meta) => Ok(false),
            ItemKind::File(file) => {
                self.inodes.insert(item.path().to_owned(), stat.st_ino);
                let found = key_of(parent.as_fd(), last, meta, &mut self.buffer)?;
                Ok(match found {
                    Reading::Key(key) => key == file.key(),
                    Reading::Closed => true,
                    Reading::Other => false,
                })
            }
        }
    }

    /// Whether a directory holds what it should; what it should not is noted.
    fn lists(&mut self, item: &Item, parent: &OwnedFd, name: &OsStr) -> nix::Result<bool> {
        let dir = open_dir(parent, name, OFlag::O_RDONLY)?;
        let expected = self.children.get(item.path.as_slice());
        for name in names(dir.as_fd())? {
            if !expected.is_some_and(|names| names.contains(name.as_os_str())) {
                self.extra.push(item.path().join(name));
            }
        }
        Ok(true)
    }
}
