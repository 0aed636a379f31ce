//! Copies of host files and directories.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, futimens};
use nix::unistd::ftruncate;

use super::build::{Builder, set_mode, stat_of};
use super::draft::{ALLOWED_BITS, DirMeta, Spot, times};
use super::error::{SystemProblem, Trouble};
use super::exclude::Exclude;
use super::host::{self, HostPlace};
use super::remove::names;
use super::stamps::Identity;
use super::walk::{Last, kind, look, open_dir, shape};
use crate::sys::copy::{attribute, attribute_names, set_attribute};

/// Directories within each other; each holds two descriptors open while it is copied.
const DEEPEST: usize = 128;

/// A file of the host.
struct From<'a> {
    dir: BorrowedFd<'a>,
    name: &'a OsStr,
    path: &'a Path,
}

/// A place in the draft.
struct To<'a> {
    dir: BorrowedFd<'a>,
    name: &'a OsStr,
    path: &'a Path,
}

/// How closely a file is watched for changes.
#[derive(Clone, Copy)]
enum Watch {
    /// At each look.
    Always,
    /// As one of many in a directory's copy, this deep.
    Among(usize),
}

/// The copy of one directory.
struct DirCopy<'a> {
    /// The host directory.
    top: PathBuf,
    exclude: &'a Exclude,
    /// The first file that cannot be read, and how many.
    unreadable: Option<(PathBuf, usize)>,
}

impl DirCopy<'_> {
    fn cannot_read(&mut self, path: &Path) {
        let (_, count) = self.unreadable.get_or_insert_with(|| (path.to_owned(), 0));
        *count += 1;
    }

    fn leaves_out(&self, name: &OsStr, path: &Path, stat: &FileStat) -> bool {
        let below = path.strip_prefix(&self.top).unwrap_or(path);
        self.exclude.holds(name, below, shape(stat))
    }
}

impl Builder<'_> {
    /// Copies a host path with all links on the way: each link comes to its own place, what is
    /// at the end comes to its place free of links. With `to`, only what is at the end comes.
    pub(super) fn bring(
        &mut self,
        from: &Path,
        to: Option<&Path>,
        exclude: &Exclude,
    ) -> Result<(), Trouble> {
        let HostPlace { place, stat, trail } = host::find(self.host.as_fd(), from)?;
        match to {
            None => self.bring_trail(&trail)?,
            Some(_) => self.watch_trail(&trail),
        }
        let inside = to.unwrap_or(&place.path);
        self.give(inside);
        let from = From {
            dir: place.parent.as_fd(),
            name: &place.name,
            path: &place.path,
        };
        match kind(&stat) {
            SFlag::S_IFDIR => self.bring_dir(&from, inside, exclude),
            SFlag::S_IFREG => self.bring_file(&from, inside),
            _ => Err(Trouble::Special(place.path)),
        }
    }

    /// Makes links of the host at their own places.
    pub(super) fn bring_trail(&mut self, trail: &[host::TrailLink]) -> Result<(), Trouble> {
        self.watch_trail(trail);
        trail.iter().try_for_each(|link| self.bring_link(link))
    }

    fn watch_trail(&mut self, trail: &[host::TrailLink]) {
        for link in trail {
            self.stamps.always(&link.path, Some(&link.stat));
        }
    }

    fn bring_link(&mut self, link: &host::TrailLink) -> Result<(), Trouble> {
        let place = self.draft.place(&link.path, Last::Kept)?;
        let is_link = place
            .found
            .as_ref()
            .is_some_and(|stat| kind(stat) == SFlag::S_IFLNK);
        let text = is_link.then(|| readlinkat(&place.parent, place.name.as_os_str()));
        if text.is_some_and(|text| text.is_ok_and(|text| text == link.text)) {
            return Ok(());
        }
        self.give(&link.path);
        self.draft.link(&place, &link.text, Some(&link.stat))
    }

    fn bring_file(&mut self, from: &From, inside: &Path) -> Result<(), Trouble> {
        let place = self.draft.place(inside, Last::Kept)?;
        let to = To {
            dir: place.parent.as_fd(),
            name: &place.name,
            path: &place.path,
        };
        let file = open_file(from)?;
        if host::is_of_kernel(file.as_fd(), from.path)? {
            return Err(Trouble::KernelFile(from.path.to_owned()));
        }
        self.copy_file(&file, from.path, &to, Watch::Always)
    }

    fn bring_dir(&mut self, from: &From, inside: &Path, exclude: &Exclude) -> Result<(), Trouble> {
        let dir = open_dir(from.dir, from.name, OFlag::O_RDONLY)
            .map_err(|errno| unreadable("open", from.path, errno))?;
        if host::is_of_kernel(dir.as_fd(), from.path)? {
            return Err(Trouble::KernelFile(from.path.to_owned()));
        }
        let into = self.draft.directory(inside)?;
        let mut copy = DirCopy {
            top: from.path.to_owned(),
            exclude,
            unreadable: None,
        };
        let mut path = from.path.to_owned();
        self.copy_dir(&mut copy, dir, &mut path, &into, 0)?;
        match copy.unreadable {
            Some((first, count)) => Err(Trouble::Unreadable { first, count }),
            None => Ok(()),
        }
    }

    fn copy_dir(
        &mut self,
        copy: &mut DirCopy,
        from: OwnedFd,
        path: &mut PathBuf,
        into: &Spot,
        depth: usize,
    ) -> Result<(), Trouble> {
        if depth > DEEPEST {
            return Err(Trouble::Deep(path.clone()));
        }
        let stat = self.settled(&from, path)?;
        self.stamps.dir(path, &stat, depth);
        self.describe(into, &from, &stat, path)?;
        if (stat.st_dev, stat.st_ino) == self.store {
            return Ok(());
        }
        let names = names(from.as_fd()).map_err(SystemProblem::at("list", path))?;
        for name in names {
            path.push(&name);
            self.copy_entry(copy, &from, &name, path, into, depth)?;
            path.pop();
        }
        Ok(())
    }

    fn describe(
        &mut self,
        into: &Spot,
        from: &OwnedFd,
        stat: &FileStat,
        path: &Path,
    ) -> Result<(), Trouble> {
        self.copy_attributes(from.as_fd(), into.fd.as_fd(), path)?;
        self.notes.privileges += u64::from(stat.st_mode & 0o6000 != 0);
        let meta = DirMeta {
            mode: stat.st_mode & ALLOWED_BITS,
            times: Some(times(stat)),
        };
        self.draft.describe(&into.path, meta);
        Ok(())
    }

    fn copy_entry(
        &mut self,
        copy: &mut DirCopy,
        from: &OwnedFd,
        name: &OsStr,
        path: &mut PathBuf,
        into: &Spot,
        depth: usize,
    ) -> Result<(), Trouble> {
        let found = look(from, name).map_err(SystemProblem::at("look at", path))?;
        let Some(stat) = found.filter(|stat| !copy.leaves_out(name, path, stat)) else {
            return Ok(());
        };
        let file = From {
            dir: from.as_fd(),
            name,
            path,
        };
        match kind(&stat) {
            SFlag::S_IFDIR => {
                let Some(dir) = opened(copy, path, open_dir(from, name, OFlag::O_RDONLY))? else {
                    return Ok(());
                };
                self.copy_child(copy, dir, name, path, into, depth + 1)
            }
            SFlag::S_IFREG => self.copy_child_file(copy, &file, into, depth + 1),
            SFlag::S_IFLNK => self.copy_link(&file, &stat, into),
            _ => {
                self.notes.special += 1;
                Ok(())
            }
        }
    }

    fn copy_child(
        &mut self,
        copy: &mut DirCopy,
        dir: OwnedFd,
        name: &OsStr,
        path: &mut PathBuf,
        into: &Spot,
        depth: usize,
    ) -> Result<(), Trouble> {
        let spot = self.draft.enter(into, name)?;
        if !host::is_of_kernel(dir.as_fd(), path)? {
            return self.copy_dir(copy, dir, path, &spot, depth);
        }
        self.notes.kernel_mounts += 1;
        let stat = stat_of(&dir, path)?;
        self.describe(&spot, &dir, &stat, path)
    }

    fn copy_child_file(
        &mut self,
        copy: &mut DirCopy,
        from: &From,
        into: &Spot,
        depth: usize,
    ) -> Result<(), Trouble> {
        let Some(file) = opened(copy, from.path, open_nofollow(from))? else {
            return Ok(());
        };
        // The copy has failed already: the rest is only counted.
        if copy.unreadable.is_some() {
            return Ok(());
        }
        let to = To {
            dir: into.fd.as_fd(),
            name: from.name,
            path: &into.path.join(from.name),
        };
        self.copy_file(&File::from(file), from.path, &to, Watch::Among(depth))
    }

    fn copy_link(&mut self, from: &From, stat: &FileStat, into: &Spot) -> Result<(), Trouble> {
        let text = match readlinkat(from.dir, from.name) {
            Ok(text) => text,
            // Gone, or no link any more: its directory has changed, which its stamp tells.
            Err(Errno::ENOENT | Errno::EINVAL) => return Ok(()),
            Err(errno) => return Err(SystemProblem::at("read the link", from.path)(errno).into()),
        };
        let path = into.path.join(from.name);
        self.draft
            .link_at(into.fd.as_fd(), from.name, &path, &text, Some(stat))
    }

    fn copy_file(
        &mut self,
        file: &File,
        path: &Path,
        to: &To,
        watch: Watch,
    ) -> Result<(), Trouble> {
        let stat = self.settled(file, path)?;
        if kind(&stat) != SFlag::S_IFREG {
            return Err(Trouble::Changing(path.to_owned()));
        }
        let shared = stat.st_nlink > 1;
        if shared && self.draft.link_copied(&stat, to.dir, to.name, to.path)? {
            self.watch(path, &stat, watch);
            return Ok(());
        }
        let made = File::from(self.draft.new_file(to.dir, to.name, to.path)?);
        let stat = self.fill(file, &made, &stat, path)?;
        self.watch(path, &stat, watch);
        self.copy_attributes(file.as_fd(), made.as_fd(), path)?;
        self.notes.privileges += u64::from(stat.st_mode & 0o6000 != 0);
        set_mode(&made, stat.st_mode, to.path)?;
        let (accessed, modified) = times(&stat);
        futimens(&made, &accessed, &modified)
            .map_err(SystemProblem::at("set the times of", to.path))?;
        if shared {
            self.draft
                .remember_copied(&stat, to.dir, to.name, to.path)?;
        }
        let bytes = stat.st_size.cast_unsigned();
        self.notes.files += 1;
        self.notes.bytes += bytes;
        self.progress.advance(bytes);
        Ok(())
    }

    /// Copies the content; once more when it changed meanwhile. What it was in the end.
    fn fill(
        &mut self,
        file: &File,
        made: &File,
        stat: &FileStat,
        path: &Path,
    ) -> Result<FileStat, Trouble> {
        let mut before = *stat;
        for _ in 0..2 {
            let copied = self.content.transfer(file, made, &before);
            copied.map_err(SystemProblem::at("copy", path))?;
            let after = stat_of(file, path)?;
            if Identity::of(&after) == Identity::of(&before) {
                return Ok(after);
            }
            ftruncate(made, 0).map_err(SystemProblem::at("empty the copy of", path))?;
            before = self.settled(file, path)?;
        }
        Err(Trouble::Changing(path.to_owned()))
    }

    /// User attributes come along; capabilities of files do not, and access lists neither,
    /// because they name ids that mean nothing inside.
    fn copy_attributes(
        &mut self,
        from: BorrowedFd,
        into: BorrowedFd,
        path: &Path,
    ) -> Result<(), Trouble> {
        let names = attribute_names(from).map_err(SystemProblem::at("read attributes of", path))?;
        for name in names.split_inclusive(|byte| *byte == 0) {
            let Ok(name) = CStr::from_bytes_with_nul(name) else {
                continue;
            };
            if name == c"security.capability" {
                self.notes.privileges += 1;
            } else if name.to_bytes().starts_with(b"user.") {
                self.copy_attribute(from, into, name)
                    .map_err(SystemProblem::at("copy attributes of", path))?;
            }
        }
        Ok(())
    }

    fn copy_attribute(
        &mut self,
        from: BorrowedFd,
        into: BorrowedFd,
        name: &CStr,
    ) -> nix::Result<()> {
        let value = match attribute(from, name) {
            Err(Errno::ENODATA) => return Ok(()),
            value => value?,
        };
        match set_attribute(into, name, &value) {
            Err(Errno::ENOTSUP) => self.notes.attributes += 1,
            done => done?,
        }
        Ok(())
    }

    fn watch(&mut self, path: &Path, stat: &FileStat, watch: Watch) {
        match watch {
            Watch::Always => self.stamps.always(path, Some(stat)),
            Watch::Among(depth) => self.stamps.file(path, stat, depth),
        }
    }

    fn settled(&self, file: impl AsFd, path: &Path) -> Result<FileStat, Trouble> {
        let stat = self.stamps.settled(|| nix::sys::stat::fstat(&file));
        Ok(stat.map_err(SystemProblem::at("look at", path))?)
    }
}

/// Opens without following a link and without waiting for a pipe's writer.
fn open_nofollow(from: &From) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY
        | OFlag::O_NOFOLLOW
        | OFlag::O_NONBLOCK
        | OFlag::O_NOCTTY
        | OFlag::O_CLOEXEC;
    openat(from.dir, from.name, flags, Mode::empty())
}

fn open_file(from: &From) -> Result<File, Trouble> {
    let opened = open_nofollow(from);
    Ok(opened
        .map_err(|errno| unreadable("open", from.path, errno))?
        .into())
}

fn unreadable(doing: &'static str, path: &Path, errno: Errno) -> Trouble {
    match errno {
        Errno::EACCES | Errno::EPERM => Trouble::Unreadable {
            first: path.to_owned(),
            count: 1,
        },
        Errno::ENOENT => Trouble::Missing(path.to_owned()),
        errno => SystemProblem::at(doing, path)(errno).into(),
    }
}

/// What was opened in a directory's copy; none when it cannot be read, or has just gone.
fn opened(
    copy: &mut DirCopy,
    path: &Path,
    opened: nix::Result<OwnedFd>,
) -> Result<Option<OwnedFd>, Trouble> {
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(Errno::EACCES | Errno::EPERM) => {
            copy.cannot_read(path);
            Ok(None)
        }
        // Gone, or another kind now: its directory has changed, which its stamp tells.
        Err(Errno::ENOENT | Errno::ELOOP | Errno::ENOTDIR | Errno::ENXIO) => Ok(None),
        Err(errno) => Err(SystemProblem::at("open", path)(errno).into()),
    }
}
