//! Makes a file of one tree a file of another: a second name of the same inode.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::fstatat;
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::key::{Key, Reading, is_like, key_of};
use super::layout::Meta;
use super::pool::{Pool, Stored, Trust};
use super::store::tree_root;
use super::walk::open_below;

/// A name that is to be made.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub dir: BorrowedFd<'a>,
    pub name: &'a OsStr,
}

/// A file of a tree that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Altered {
    /// The tree's name.
    pub tree: String,
    /// Absolute, inside.
    pub path: PathBuf,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Linked {
    /// The name is there.
    Done,
    /// No tree has such a file, or it has as many names as the file system allows.
    Absent,
    /// One has, but it was altered, and is not used.
    Altered(Altered),
}

/// Links to the files of a pool.
pub(super) struct Linker<'a> {
    pool: &'a Pool,
    store: BorrowedFd<'a>,
    /// The directory that was linked from last: which tree, and where in it.
    last: Option<(usize, PathBuf, OwnedFd)>,
    buffer: Vec<u8>,
}

impl<'a> Linker<'a> {
    pub(super) fn new(pool: &'a Pool, store: BorrowedFd<'a>) -> Linker<'a> {
        Linker {
            pool,
            store,
            last: None,
            buffer: Vec::new(),
        }
    }

    /// Gives a file of this key another name, when it still is what it was: size, mode and time
    /// tell, or the bytes where the pool asks for that.
    pub(super) fn link(
        &mut self,
        key: &Key,
        copy: u32,
        (size, meta): (u64, &Meta),
        to: Target<'_>,
    ) -> nix::Result<Linked> {
        let pool = self.pool;
        let Some(stored) = pool.file(key, copy) else {
            return Ok(Linked::Absent);
        };
        let (Some(parent), Some(name)) = (stored.path.parent(), stored.path.file_name()) else {
            return Ok(Linked::Absent);
        };
        let linked = self
            .dir(&stored, parent)
            .and_then(|dir| linkat(dir, name, to.dir, to.name, AtFlags::empty()));
        match linked {
            Ok(()) => {}
            // Another process may have removed the tree; its owner may have closed a directory of it.
            Err(
                Errno::ENOENT
                | Errno::ENOTDIR
                | Errno::ELOOP
                | Errno::EACCES
                | Errno::EPERM
                | Errno::EMLINK,
            ) => return Ok(Linked::Absent),
            Err(errno) => return Err(errno),
        }
        let found = fstatat(to.dir, to.name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if is_like(&found, size, meta) && self.is_trusted(key, meta, to)? {
            return Ok(Linked::Done);
        }
        unlinkat(to.dir, to.name, UnlinkatFlags::NoRemoveDir)?;
        Ok(Linked::Altered(Altered {
            tree: stored.tree.to_owned(),
            path: stored.path.to_owned(),
        }))
    }

    fn is_trusted(&mut self, key: &Key, meta: &Meta, file: Target<'_>) -> nix::Result<bool> {
        if self.pool.trust() == Trust::Look {
            return Ok(true);
        }
        let read = key_of(file.dir, file.name, meta.clone(), &mut self.buffer)?;
        Ok(match read {
            Reading::Key(found) => found == *key,
            // Closed to its own owner: what is in it cannot be read inside either.
            Reading::Closed => true,
            Reading::Other => false,
        })
    }

    fn dir(&mut self, stored: &Stored<'_>, parent: &Path) -> nix::Result<BorrowedFd<'_>> {
        let is_open =
            |(index, path, _): &(usize, PathBuf, OwnedFd)| *index == stored.index && path == parent;
        if !self.last.as_ref().is_some_and(is_open) {
            let path = tree_root(stored.tree).join(parent.strip_prefix("/").unwrap_or(parent));
            let dir = open_below(self.store, &path, OFlag::O_PATH)?;
            self.last = Some((stored.index, parent.to_owned(), dir));
        }
        let last = self.last.as_ref().map(|(_, _, dir)| dir.as_fd());
        last.ok_or(Errno::EBADF)
    }
}
