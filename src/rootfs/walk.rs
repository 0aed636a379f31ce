//! One walk, name by name, for the host and for the tree.
//!
//! The kernel is never given more than one name at once and never follows a link for us, so a
//! link of a hostile tree leads to a place of that tree and nowhere else: the semantics of
//! RESOLVE_IN_ROOT, on every kernel, and with a say at each link and at each missing name.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};

use super::error::{Shape, SystemProblem, Trouble};

/// As many as the kernel follows (MAXSYMLINKS).
const MOST_LINKS: usize = 40;

/// What happens at a link that is the last name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// It is the place.
    Kept,
    /// The place is where it points.
    Followed,
}

/// A symbolic link that a walk went through.
pub(super) struct Link<'a> {
    /// Its own path, itself free of links.
    pub path: &'a Path,
    /// Its text.
    pub text: &'a OsStr,
    /// Its inode.
    pub stat: &'a FileStat,
}

/// Has a say on the way.
pub(super) trait Guide {
    /// `name` is not in the directory `parent`: makes a directory of that name, or says why not.
    fn missing(&mut self, parent: BorrowedFd, path: &Path) -> Result<(), Trouble>;

    /// The way goes through a link.
    fn link(&mut self, link: Link<'_>) -> Result<(), Trouble>;
}

/// Where a walk ended.
pub(super) struct Place {
    /// The directory that holds the last name.
    pub parent: OwnedFd,
    /// The last name; `.` when the walk ended at the root or after a `..`.
    pub name: OsString,
    /// The whole path, free of links, absolute.
    pub path: PathBuf,
    /// What is there.
    pub found: Option<FileStat>,
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

/// Opens a directory by one name, never through a link.
pub(super) fn open_dir(parent: impl AsFd, name: &OsStr, access: OFlag) -> nix::Result<OwnedFd> {
    let flags = access | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// Walks `path` below `root`.
pub(super) fn walk(
    root: BorrowedFd,
    path: &Path,
    last: Last,
    guide: &mut dyn Guide,
) -> Result<Place, Trouble> {
    let mut walk = Walk {
        root,
        asked: path,
        passed: Vec::new(),
        path: PathBuf::from("/"),
        ahead: Vec::new(),
        links: 0,
    };
    walk.push(path);
    while let Some(name) = walk.ahead.pop() {
        match name.as_encoded_bytes() {
            b"/" => walk.restart(),
            b".." => walk.leave(),
            _ => {
                if let Some(place) = walk.step(name, last, guide)? {
                    return Ok(place);
                }
            }
        }
    }
    walk.end_here()
}

struct Walk<'a> {
    root: BorrowedFd<'a>,
    asked: &'a Path,
    /// The directories between the root and here.
    passed: Vec<OwnedFd>,
    path: PathBuf,
    /// The names to come, the next one last.
    ahead: Vec<OsString>,
    links: usize,
}

impl Walk<'_> {
    fn here(&self) -> BorrowedFd<'_> {
        self.passed.last().map_or(self.root, AsFd::as_fd)
    }

    fn push(&mut self, path: &Path) {
        let names = path.components().rev().filter_map(|part| match part {
            Component::RootDir => Some(OsString::from("/")),
            Component::ParentDir => Some(OsString::from("..")),
            Component::Normal(name) => Some(name.to_owned()),
            Component::CurDir | Component::Prefix(_) => None,
        });
        self.ahead.extend(names);
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

    /// Takes one name; a place when it was the last one.
    fn step(
        &mut self,
        name: OsString,
        last: Last,
        guide: &mut dyn Guide,
    ) -> Result<Option<Place>, Trouble> {
        self.path.push(&name);
        let found = self.attempt("look at", look(self.here(), &name))?;
        let ends = self.ahead.is_empty();
        match found {
            Some(stat) if kind(&stat) == SFlag::S_IFLNK && (!ends || last == Last::Followed) => {
                self.follow(&name, &stat, guide)?;
                return Ok(None);
            }
            found if ends => return self.end_at(name, found).map(Some),
            Some(_) => {}
            None => guide.missing(self.here(), &self.path)?,
        }
        self.enter(&name)?;
        Ok(None)
    }

    fn enter(&mut self, name: &OsStr) -> Result<(), Trouble> {
        let dir = self.attempt("enter", open_dir(self.here(), name, OFlag::O_PATH))?;
        self.passed.push(dir);
        Ok(())
    }

    fn follow(
        &mut self,
        name: &OsStr,
        stat: &FileStat,
        guide: &mut dyn Guide,
    ) -> Result<(), Trouble> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Trouble::Loop(self.asked.to_owned()));
        }
        let text = self.attempt("read the link", readlinkat(self.here(), name))?;
        guide.link(Link {
            path: &self.path,
            text: &text,
            stat,
        })?;
        self.path.pop();
        self.push(Path::new(&text));
        Ok(())
    }

    fn end_at(&self, name: OsString, found: Option<FileStat>) -> Result<Place, Trouble> {
        let parent = self.here().try_clone_to_owned().map_err(|error| {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
            SystemProblem::at("hold", &self.path)(errno)
        })?;
        Ok(Place {
            parent,
            name,
            path: self.path.clone(),
            found,
        })
    }

    fn end_here(self) -> Result<Place, Trouble> {
        let name = OsString::from(".");
        let found = self.attempt("look at", look(self.here(), &name))?;
        self.end_at(name, found)
    }

    fn attempt<T>(&self, doing: &'static str, result: nix::Result<T>) -> Result<T, Trouble> {
        Ok(result.map_err(SystemProblem::at(doing, &self.path))?)
    }
}
