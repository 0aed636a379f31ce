//! Walking a path of the host one name at a time, from one descriptor on.
//!
//! The kernel would resolve the path in one call, but here every link on the way is of interest: it is
//! part of what a program needs.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};

use super::error::{Shape, SystemProblem, Trouble};

/// As many as the kernel follows (MAXSYMLINKS).
pub(super) const MOST_LINKS: usize = 40;

/// What happens at a link that is the last name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// It is the place.
    Kept,
    /// The place is where it points.
    Followed,
}

/// A symbolic link that a walk went through.
pub(super) struct TrailLink {
    /// Its own path, itself free of links.
    pub path: PathBuf,
    /// Its text.
    pub text: OsString,
    /// Its inode.
    pub stat: FileStat,
}

/// Where a walk ended: at something that is no link.
pub(super) struct HostPlace {
    /// The directory that holds the last name.
    pub parent: OwnedFd,
    /// The last name; `.` when the walk ended at the root or after a `..`.
    pub name: OsString,
    /// The whole path, free of links, absolute.
    pub path: PathBuf,
    /// What is there.
    pub stat: FileStat,
    /// The links on the way, in the order of the way.
    pub trail: Vec<TrailLink>,
}

/// What a `stat` is about.
pub(super) fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

/// The kind of file in the words of an error; a special file counts as a file.
pub(super) fn shape(stat: &FileStat) -> Shape {
    match kind(stat) {
        SFlag::S_IFDIR => Shape::Directory,
        SFlag::S_IFLNK => Shape::Link,
        _ => Shape::File,
    }
}

/// What lies at one name of a directory, itself and not what it points to.
pub(super) fn look(parent: impl AsFd, name: &OsStr) -> nix::Result<Option<FileStat>> {
    match fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// The steps of a path, the last one first: `/`, `..` and names.
pub(super) fn steps(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().rev().filter_map(|part| match part {
        Component::RootDir => Some(OsString::from("/")),
        Component::ParentDir => Some(OsString::from("..")),
        Component::Normal(name) => Some(name.to_owned()),
        Component::CurDir | Component::Prefix(_) => None,
    })
}

/// Opens a directory by one name, never through a link.
pub(super) fn open_dir(parent: impl AsFd, name: &OsStr, access: OFlag) -> nix::Result<OwnedFd> {
    let flags = access | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// Opens the directory at a path below `root`, which may be written as an absolute one, through no link.
///
/// The paths of trees and inventories hold no links and no `..`, so the walk of the kernel is as strict as ours.
pub(super) fn open_below(root: BorrowedFd, path: &Path, access: OFlag) -> nix::Result<OwnedFd> {
    let below = path.strip_prefix("/").unwrap_or(path);
    let name = match below.as_os_str().is_empty() {
        true => Path::new("."),
        false => below,
    };
    let how = OpenHow::new()
        .flags(access | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    openat2(root, name, how)
}

/// Follows `path` below `root` to its end.
pub(super) fn walk(root: BorrowedFd, path: &Path) -> Result<HostPlace, Trouble> {
    let mut walk = Walk {
        root,
        asked: path,
        passed: Vec::new(),
        path: PathBuf::from("/"),
        ahead: Vec::new(),
        trail: Vec::new(),
    };
    walk.push(path);
    while let Some(name) = walk.ahead.pop() {
        match name.as_encoded_bytes() {
            b"/" => walk.restart(),
            b".." => walk.leave(),
            _ => {
                if let Some((name, stat)) = walk.step(name)? {
                    return walk.end_at(name, stat);
                }
            }
        }
    }
    let here = OsString::from(".");
    match walk.attempt("look at", look(walk.here(), &here))? {
        Some(stat) => walk.end_at(here, stat),
        None => Err(Trouble::Missing(path.to_owned())),
    }
}

struct Walk<'a> {
    root: BorrowedFd<'a>,
    asked: &'a Path,
    /// The directories between the root and here.
    passed: Vec<OwnedFd>,
    path: PathBuf,
    /// The names to come, the next one last.
    ahead: Vec<OsString>,
    trail: Vec<TrailLink>,
}

impl Walk<'_> {
    fn here(&self) -> BorrowedFd<'_> {
        self.passed.last().map_or(self.root, AsFd::as_fd)
    }

    fn push(&mut self, path: &Path) {
        self.ahead.extend(steps(path));
    }

    fn restart(&mut self) {
        self.passed.clear();
        self.path = PathBuf::from("/");
    }

    /// `..` of the root is the root.
    fn leave(&mut self) {
        self.passed.pop();
        self.path.pop();
    }

    /// Takes one name; what is there when it was the last one.
    fn step(&mut self, name: OsString) -> Result<Option<(OsString, FileStat)>, Trouble> {
        self.path.push(&name);
        let found = self.attempt("look at", look(self.here(), &name))?;
        let Some(stat) = found else {
            return Err(Trouble::Missing(self.asked.to_owned()));
        };
        if kind(&stat) == SFlag::S_IFLNK {
            self.follow(&name, stat)?;
            return Ok(None);
        }
        if self.ahead.is_empty() {
            return Ok(Some((name, stat)));
        }
        let dir = self.attempt("enter", open_dir(self.here(), &name, OFlag::O_PATH))?;
        self.passed.push(dir);
        Ok(None)
    }

    fn follow(&mut self, name: &OsStr, stat: FileStat) -> Result<(), Trouble> {
        if self.trail.len() >= MOST_LINKS {
            return Err(Trouble::Loop(self.asked.to_owned()));
        }
        let text = self.attempt("read the link", readlinkat(self.here(), name))?;
        let path = self.path.clone();
        self.path.pop();
        self.push(Path::new(&text));
        self.trail.push(TrailLink { path, text, stat });
        Ok(())
    }

    fn end_at(self, name: OsString, stat: FileStat) -> Result<HostPlace, Trouble> {
        let parent = self.here().try_clone_to_owned().map_err(|error| {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
            SystemProblem::at("hold", &self.path)(errno)
        })?;
        Ok(HostPlace {
            parent,
            name,
            path: self.path,
            stat,
            trail: self.trail,
        })
    }

    fn attempt<T>(&self, doing: &'static str, result: nix::Result<T>) -> Result<T, Trouble> {
        Ok(result.map_err(SystemProblem::at(doing, &self.path))?)
    }
}
