//! What lies at one name of an upper layer or of the host, as far as overlayfs and a reader care.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use serde::{Deserialize, Serialize};

use crate::sys;
use crate::sys::copy::{attribute, attribute_names, remove_attribute, set_attribute};

use super::place::c_name;

/// Attributes that overlayfs keeps in an upper layer; none of them is the program's.
const OWN: [&[u8]; 2] = [b"user.overlay.", b"trusted.overlay."];

/// The mode bits that count: set-id ones cannot be made inside and are never carried over.
pub(super) const MODE: u32 = 0o1777;

/// A moment, to the nanosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Moment {
    /// Since 1970.
    pub seconds: i64,
    /// Below one second.
    pub nanoseconds: u32,
}

impl From<libc::statx_timestamp> for Moment {
    fn from(time: libc::statx_timestamp) -> Moment {
        Moment {
            seconds: time.tv_sec,
            nanoseconds: time.tv_nsec,
        }
    }
}

impl Moment {
    /// Whether what has this time may have happened at `then` or later.
    ///
    /// The kernel's clock for files has coarse ticks, so equal times count as later. A time of whole seconds
    /// may come from a file system that keeps no parts of one, and even numbers of them only (FAT).
    pub fn may_be_since(self, then: Moment) -> bool {
        self >= then || self.nanoseconds == 0 && self.seconds.saturating_add(2) > then.seconds
    }

    /// This moment.
    pub fn now() -> Moment {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let since = since.unwrap_or_default();
        Moment {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: since.subsec_nanos(),
        }
    }
}

/// The kinds of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A device.
    Device,
}

impl Kind {
    fn of(mode: u32) -> Kind {
        match mode & libc::S_IFMT {
            libc::S_IFREG => Kind::File,
            libc::S_IFDIR => Kind::Directory,
            libc::S_IFLNK => Kind::Link,
            libc::S_IFIFO => Kind::Pipe,
            libc::S_IFSOCK => Kind::Socket,
            _ => Kind::Device,
        }
    }

    /// Whether the host can be given one.
    pub(super) fn can_be_carried(self) -> bool {
        matches!(self, Kind::File | Kind::Directory | Kind::Link)
    }

    /// As messages call it, without an article.
    pub fn noun(self) -> &'static str {
        match self {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::Link => "link",
            Kind::Pipe => "named pipe",
            Kind::Socket => "socket",
            Kind::Device => "device",
        }
    }
}

/// What lies at a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub kind: Kind,
    /// Permission bits ([`MODE`]).
    pub mode: u32,
    pub size: u64,
    pub inode: u64,
    /// When its content was last changed.
    pub modified: Moment,
    /// When its content or anything about it was last changed.
    pub changed: Moment,
    /// When it was made, where the file system knows.
    pub born: Option<Moment>,
    /// A character device 0:0: the name was deleted.
    pub whiteout: bool,
    pub uid: u32,
    pub gid: u32,
}

/// What lies at `name`; nothing where nothing does. An empty name is the directory itself.
pub(super) fn look(dir: BorrowedFd<'_>, name: &OsStr) -> nix::Result<Option<Entry>> {
    let found = match sys::file::extended_status(dir, &c_name(name)?) {
        Err(Errno::ENOENT) => return Ok(None),
        found => found?,
    };
    let mode = u32::from(found.stx_mode);
    let born = found.stx_mask & libc::STATX_BTIME != 0;
    let number = (found.stx_rdev_major, found.stx_rdev_minor);
    let mut entry = Entry {
        kind: Kind::of(mode),
        mode: mode & MODE,
        size: found.stx_size,
        inode: found.stx_ino,
        modified: found.stx_mtime.into(),
        changed: found.stx_ctime.into(),
        born: born.then(|| found.stx_btime.into()),
        whiteout: mode & libc::S_IFMT == libc::S_IFCHR && number == (0, 0),
        uid: found.stx_uid,
        gid: found.stx_gid,
    };
    // The other form is an empty file with a mark (Linux 6.7).
    if entry.kind == Kind::File && entry.size == 0 && !name.is_empty() {
        let file = open_file(dir, name);
        entry.whiteout = file.is_ok_and(|file| has(file.as_fd(), c"overlay.whiteout"));
    }
    Ok(Some(entry))
}

/// Opens a regular file: nothing else is opened, and nothing waited for.
pub(super) fn open_file(dir: BorrowedFd<'_>, name: &OsStr) -> nix::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = File::from(openat(dir, name, flags, Mode::empty())?);
    match sys::file::status(file.as_fd())?.st_mode & libc::S_IFMT {
        libc::S_IFREG => Ok(file),
        _ => Err(Errno::EINVAL),
    }
}

/// Whether a directory of an upper layer hides everything below it.
pub(super) fn is_opaque(dir: BorrowedFd<'_>) -> bool {
    own(dir, c"overlay.opaque").is_some_and(|value| value == b"y")
}

/// Whether something of an upper layer was copied up from below.
pub(super) fn was_copied_up(file: BorrowedFd<'_>) -> bool {
    has(file, c"overlay.origin")
}

fn has(file: BorrowedFd<'_>, name: &CStr) -> bool {
    own(file, name).is_some()
}

/// The value of an attribute of overlayfs's own, in whichever form.
fn own(file: BorrowedFd<'_>, name: &CStr) -> Option<Vec<u8>> {
    ["user", "trusted"].iter().find_map(|space| {
        let name = format!("{space}.{}", name.to_str().ok()?);
        attribute(file, &c_name(OsStr::new(&name)).ok()?).ok()
    })
}

/// The program's own attributes, sorted by name.
pub(super) fn attributes(file: BorrowedFd<'_>) -> nix::Result<Vec<(std::ffi::CString, Vec<u8>)>> {
    let names = attribute_names(file)?;
    let mut list = Vec::new();
    for name in names.split(|byte| *byte == 0) {
        let is_own = OWN.iter().any(|own| name.starts_with(own));
        if !name.starts_with(b"user.") || is_own {
            continue;
        }
        let name = std::ffi::CString::new(name).map_err(|_| Errno::EINVAL)?;
        match attribute(file, &name) {
            // Gone between the two calls.
            Err(Errno::ENODATA) => {}
            value => list.push((name, value?)),
        }
    }
    list.sort();
    Ok(list)
}

/// Gives a file of the host the program's own attributes of another, and no others.
pub(super) fn give_attributes(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> nix::Result<()> {
    let new = attributes(from)?;
    for (name, _) in attributes(to)? {
        if new.iter().all(|(known, _)| *known != name) {
            remove_attribute(to, &name)?;
        }
    }
    new.iter()
        .try_for_each(|(name, value)| set_attribute(to, name, value))
}

/// Gives a file that takes the place of another the list of who else may do what with that (acl(5)), before
/// its mode: without it, the rights of those that the list names would be the whole group's.
pub(super) fn give_access_list(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> nix::Result<()> {
    const LIST: &CStr = c"system.posix_acl_access";
    let done = match attribute(from, LIST) {
        Ok(list) => set_attribute(to, LIST, &list),
        // It may have one from its directory.
        Err(Errno::ENODATA) => remove_attribute(to, LIST),
        Err(errno) => Err(errno),
    };
    match done {
        Err(Errno::ENODATA | Errno::ENOTSUP) => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_given_and_taken() {
        let file = || tempfile::tempfile().unwrap();
        let (from, to) = (file(), file());
        for (file, name, value) in [
            (&from, c"user.a", b"new"),
            (&from, c"user.overlay.opaque", b"own"),
            (&to, c"user.a", b"old"),
            (&to, c"user.b", b"old"),
        ] {
            set_attribute(file.as_fd(), name, value).unwrap();
        }
        give_attributes(from.as_fd(), to.as_fd()).unwrap();
        let expected = vec![(c"user.a".to_owned(), b"new".to_vec())];
        assert_eq!(attributes(to.as_fd()), Ok(expected));
    }

    #[test]
    fn a_time_without_parts_of_a_second_stands_for_two() {
        let at = |seconds, nanoseconds| Moment {
            seconds,
            nanoseconds,
        };
        let then = at(101, 500);
        for (time, may_be) in [
            (at(101, 500), true),
            (at(101, 499), false),
            (at(101, 0), true),
            (at(100, 0), true),
            (at(100, 999), false),
            (at(99, 0), false),
            (at(200, 0), true),
        ] {
            assert_eq!(time.may_be_since(then), may_be, "{time:?}");
        }
    }
}
