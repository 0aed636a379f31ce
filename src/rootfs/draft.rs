//! A tree that is being built.
//!
//! Everything is made by directory descriptors and single names below the draft's root. While it
//! is built each directory has mode 0700; the modes and times that it is meant to have are set
//! at the end, deepest first, so that neither a read-only directory nor a later source is in the way.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, UtimensatFlags, fchmod, futimens, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat};

use super::error::{Shape, SystemProblem, Trouble};
use super::stamps::Identity;
use super::walk::{Guide, Last, Link, Place, kind, look, open_dir, shape, walk};

/// Permission bits that a tree may have: never set-user-id or set-group-id.
pub(super) const ALLOWED_BITS: u32 = 0o1777;

/// Mode of directories that nobody described.
const PARENT_MODE: u32 = 0o755;

/// Folder beside the root for the first name of each file that has several.
const LINKS: &str = "links";

/// Folder of the tree itself.
pub(super) const ROOT: &str = "root";

/// What a directory gets at the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct DirMeta {
    pub mode: u32,
    /// Access and modification time; None leaves the time of building.
    pub times: Option<(TimeSpec, TimeSpec)>,
}

/// Access and modification time of an inode.
pub(super) fn times(stat: &FileStat) -> (TimeSpec, TimeSpec) {
    (
        TimeSpec::new(stat.st_atime, stat.st_atime_nsec),
        TimeSpec::new(stat.st_mtime, stat.st_mtime_nsec),
    )
}

/// A directory of the draft.
pub(super) struct Spot {
    /// Open for reading.
    pub fd: OwnedFd,
    /// Its path inside, free of links.
    pub path: PathBuf,
}

/// A tree that is being built.
pub(super) struct Draft {
    aside: OwnedFd,
    root: OwnedFd,
    links: OwnedFd,
    dirs: BTreeMap<PathBuf, DirMeta>,
    /// Files with several names that have been copied: the name in `links`, and what they were.
    copied: HashMap<(u64, u64), (OsString, Identity)>,
}

impl Draft {
    /// Starts a tree in the empty directory `aside`.
    pub(super) fn begin(aside: OwnedFd) -> Result<Draft, Trouble> {
        let make = |name: &str| {
            mkdirat(&aside, name, Mode::S_IRWXU)?;
            open_dir(&aside, OsStr::new(name), OFlag::O_RDONLY)
        };
        let failed = |name| SystemProblem::at("make the directory", Path::new(name));
        let root = make(ROOT).map_err(failed(ROOT))?;
        let links = make(LINKS).map_err(failed(LINKS))?;
        let meta = DirMeta {
            mode: PARENT_MODE,
            times: None,
        };
        Ok(Draft {
            aside,
            root,
            links,
            dirs: BTreeMap::from([(PathBuf::from("/"), meta)]),
            copied: HashMap::new(),
        })
    }

    /// Finds `path` inside; directories on the way that are missing are made.
    pub(super) fn place(&mut self, path: &Path, last: Last) -> Result<Place, Trouble> {
        let mut maker = Maker {
            dirs: &mut self.dirs,
        };
        walk(self.root.as_fd(), path, last, &mut maker).map_err(|trouble| match trouble {
            Trouble::System(SystemProblem {
                doing: "enter",
                path,
                errno: Errno::ENOTDIR,
            }) => clash(path, Shape::Directory, Shape::File),
            trouble => trouble,
        })
    }

    /// Opens the directory `path`, through links inside, and makes it where it is missing.
    pub(super) fn directory(&mut self, path: &Path) -> Result<Spot, Trouble> {
        let place = self.place(path, Last::Followed)?;
        match &place.found {
            None => self.make_dir(place.parent.as_fd(), &place.path)?,
            Some(stat) if kind(stat) == SFlag::S_IFDIR => {}
            Some(stat) => return Err(clash(place.path, Shape::Directory, shape(stat))),
        }
        let fd = open_dir(&place.parent, &place.name, OFlag::O_RDONLY)
            .map_err(SystemProblem::at("open the directory", &place.path))?;
        let path = place.path;
        Ok(Spot { fd, path })
    }

    fn make_dir(&mut self, parent: BorrowedFd, path: &Path) -> Result<(), Trouble> {
        let mut dirs = Maker {
            dirs: &mut self.dirs,
        };
        dirs.missing(parent, path)
    }

    /// Opens the directory `name` of `spot`, made where it is missing. A link there that leads
    /// to a directory is followed, as dpkg and `tar --keep-directory-symlink` do.
    pub(super) fn enter(&mut self, spot: &Spot, name: &OsStr) -> Result<Spot, Trouble> {
        let path = spot.path.join(name);
        match mkdirat(&spot.fd, name, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(SystemProblem::at("make the directory", &path)(errno).into()),
        }
        match open_dir(&spot.fd, name, OFlag::O_RDONLY) {
            Ok(fd) => Ok(Spot { fd, path }),
            Err(Errno::ELOOP | Errno::ENOTDIR) => self.directory(&path),
            Err(errno) => Err(SystemProblem::at("open the directory", &path)(errno).into()),
        }
    }

    /// Says what a directory shall be like in the end.
    pub(super) fn describe(&mut self, path: &Path, meta: DirMeta) {
        self.dirs.insert(path.to_owned(), meta);
    }

    /// Makes an empty file for writing, in place of a file or link that is there.
    pub(super) fn new_file(
        &mut self,
        parent: BorrowedFd,
        name: &OsStr,
        path: &Path,
    ) -> Result<OwnedFd, Trouble> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
        let make = || {
            openat(
                parent,
                name,
                flags | OFlag::O_CLOEXEC,
                Mode::S_IRUSR | Mode::S_IWUSR,
            )
        };
        replacing(parent, name, path, Shape::File, make)
    }

    /// Makes a symbolic link, in place of a file or another link that is there.
    pub(super) fn link(
        &mut self,
        place: &Place,
        text: &OsStr,
        made: Option<&FileStat>,
    ) -> Result<(), Trouble> {
        self.link_at(place.parent.as_fd(), &place.name, &place.path, text, made)
    }

    /// The same, in a directory that is open.
    pub(super) fn link_at(
        &mut self,
        parent: BorrowedFd,
        name: &OsStr,
        path: &Path,
        text: &OsStr,
        made: Option<&FileStat>,
    ) -> Result<(), Trouble> {
        let make = || symlinkat(text, parent, name);
        replacing(parent, name, path, Shape::Link, make)?;
        let Some(stat) = made else { return Ok(()) };
        let (accessed, modified) = times(stat);
        utimensat(
            parent,
            name,
            &accessed,
            &modified,
            UtimensatFlags::NoFollowSymlink,
        )
        .map_err(SystemProblem::at("set the times of", path))?;
        Ok(())
    }

    /// Whether a file that has several names was copied before; then it gets this name too.
    pub(super) fn link_copied(
        &mut self,
        stat: &FileStat,
        parent: BorrowedFd,
        name: &OsStr,
        path: &Path,
    ) -> Result<bool, Trouble> {
        let Some((first, identity)) = self.copied.get(&(stat.st_dev, stat.st_ino)) else {
            return Ok(false);
        };
        if *identity != Identity::of(stat) {
            return Ok(false);
        }
        let links = &self.links;
        let make = || match linkat(links, first.as_os_str(), parent, name, AtFlags::empty()) {
            Err(Errno::EMLINK) => Ok(false),
            done => done.map(|()| true),
        };
        replacing(parent, name, path, Shape::File, make)
    }

    /// Remembers a file that has several names.
    pub(super) fn remember_copied(
        &mut self,
        stat: &FileStat,
        parent: BorrowedFd,
        name: &OsStr,
        path: &Path,
    ) -> Result<(), Trouble> {
        let first = OsString::from(format!("{:x}-{:x}", stat.st_dev, stat.st_ino));
        match unlinkat(&self.links, first.as_os_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(SystemProblem::at("link", path)(errno).into()),
        }
        linkat(
            parent,
            name,
            &self.links,
            first.as_os_str(),
            AtFlags::empty(),
        )
        .map_err(SystemProblem::at("link", path))?;
        let key = (stat.st_dev, stat.st_ino);
        self.copied.insert(key, (first, Identity::of(stat)));
        Ok(())
    }

    /// Gives all directories their modes and times, and clears what was only for building.
    pub(super) fn finish(self) -> Result<(), Trouble> {
        for (path, meta) in self.dirs.iter().rev() {
            self.finish_dir(path, *meta)
                .map_err(SystemProblem::at("set the mode of", path))?;
        }
        super::remove::remove(self.aside.as_fd(), OsStr::new(LINKS))?;
        Ok(())
    }

    fn finish_dir(&self, path: &Path, DirMeta { mode, times }: DirMeta) -> nix::Result<()> {
        // The paths hold no links and no `..`, so the walk of the kernel is as strict as ours.
        let how = OpenHow::new()
            .flags(OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
        let below = path.strip_prefix("/").unwrap_or(path);
        let name = if below.as_os_str().is_empty() {
            Path::new(".")
        } else {
            below
        };
        let dir = openat2(&self.root, name, how)?;
        if let Some((accessed, modified)) = times {
            futimens(&dir, &accessed, &modified)?;
        }
        fchmod(&dir, Mode::from_bits_truncate(mode & ALLOWED_BITS))
    }
}

/// Makes the directories that a walk misses.
struct Maker<'a> {
    dirs: &'a mut BTreeMap<PathBuf, DirMeta>,
}

impl Guide for Maker<'_> {
    fn missing(&mut self, parent: BorrowedFd, path: &Path) -> Result<(), Trouble> {
        let name = path.file_name().unwrap_or(OsStr::new("."));
        mkdirat(parent, name, Mode::S_IRWXU)
            .map_err(SystemProblem::at("make the directory", path))?;
        let meta = DirMeta {
            mode: PARENT_MODE,
            times: None,
        };
        self.dirs.insert(path.to_owned(), meta);
        Ok(())
    }

    fn link(&mut self, _link: Link<'_>) -> Result<(), Trouble> {
        Ok(())
    }
}

/// Makes something at a name, after a file or link that is there has been taken away.
fn replacing<T>(
    parent: BorrowedFd,
    name: &OsStr,
    path: &Path,
    wanted: Shape,
    make: impl Fn() -> nix::Result<T>,
) -> Result<T, Trouble> {
    match make() {
        Err(Errno::EEXIST) => {}
        made => return Ok(made.map_err(SystemProblem::at("make", path))?),
    }
    let found = look(parent, name).map_err(SystemProblem::at("look at", path))?;
    if found.is_some_and(|stat| kind(&stat) == SFlag::S_IFDIR) {
        return Err(clash(path.to_owned(), wanted, Shape::Directory));
    }
    unlinkat(parent, name, UnlinkatFlags::NoRemoveDir)
        .map_err(SystemProblem::at("replace", path))?;
    Ok(make().map_err(SystemProblem::at("make", path))?)
}

/// Two kinds of file at one path; the builder adds who was first.
pub(super) fn clash(path: PathBuf, wanted: Shape, found: Shape) -> Trouble {
    Trouble::Clash {
        path,
        wanted,
        found,
        earlier: None,
    }
}
