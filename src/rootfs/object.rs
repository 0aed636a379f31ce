//! The objects of a store: files by the hash of their content, shared between trees by hard links.
//!
//! An object is `objects/XX/REST-META[.N]`: XX and REST are the BLAKE3 of its content, META a hash of
//! what names of one inode have in common beside it: mode, time of change, user attributes. N counts the
//! equal files of one tree that are not names of one file there, so that two files stay two. An object
//! belongs to whoever owns the store. No object is ever a name of a file of the host.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstatat, futimens, mkdirat};
use nix::sys::time::TimeSpec;
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::content::errno;
use super::layout::{ALLOWED_BITS, Attributes, Meta};
use super::remove::names;
use super::walk::open_dir;
use crate::sys::copy::{attribute, attribute_names, set_attribute};

/// Folder of the store.
pub(super) const OBJECTS: &str = "objects";

/// What an object is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub content: [u8; 32],
    pub meta: [u8; 8],
}

impl Key {
    /// The key of a file with this content.
    pub(super) fn new(content: blake3::Hash, meta: &Meta) -> Key {
        let Meta {
            mode,
            modified: (seconds, nanos),
            attributes,
        } = meta;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(mode & ALLOWED_BITS).to_le_bytes());
        hasher.update(&seconds.to_le_bytes());
        hasher.update(&nanos.to_le_bytes());
        for (name, value) in attributes {
            hasher.update(name.to_bytes_with_nul());
            hasher.update(&(value.len() as u64).to_le_bytes());
            hasher.update(value);
        }
        let mut meta = [0; 8];
        meta.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        Key {
            content: *content.as_bytes(),
            meta,
        }
    }

    /// The path of the object below `objects`.
    fn path(&self, copy: u32) -> String {
        let content = blake3::Hash::from_bytes(self.content).to_hex();
        let (shard, rest) = content.split_at(2);
        let meta = u64::from_be_bytes(self.meta);
        match copy {
            0 => format!("{shard}/{rest}-{meta:016x}"),
            copy => format!("{shard}/{rest}-{meta:016x}.{copy}"),
        }
    }

    /// The key that a name in a shard stands for.
    pub(super) fn from_name(shard: &str, name: &str) -> Option<Key> {
        let (rest, meta) = name.split_once('-')?;
        let meta = meta.split('.').next()?;
        let content = blake3::Hash::from_hex(format!("{shard}{rest}")).ok()?;
        let meta = u64::from_str_radix(meta, 16).ok()?;
        Some(Key {
            content: *content.as_bytes(),
            meta: meta.to_be_bytes(),
        })
    }
}

/// A name that a tree is given for an object.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub dir: BorrowedFd<'a>,
    pub name: &'a OsStr,
}

/// What came of linking to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linked {
    /// The name is one of the object's.
    Done,
    /// There is no such object, or it has as many names as the file system allows.
    Absent,
    /// There was one that is not what its name says: it has been taken away.
    Altered,
}

/// The objects of one store.
#[derive(Debug)]
pub(super) struct Objects {
    dir: OwnedFd,
}

impl Objects {
    /// Opens the objects of a store, and makes their folder where there is none.
    pub(super) fn open(store: BorrowedFd) -> nix::Result<Objects> {
        make_folder(store, OBJECTS)?;
        let dir = open_dir(store, OsStr::new(OBJECTS), OFlag::O_RDONLY)?;
        Ok(Objects { dir })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Gives an object another name, when it still is what it was: size, mode and time tell.
    pub(super) fn link(
        &self,
        key: &Key,
        copy: u32,
        (size, meta): (u64, &Meta),
        to: Target<'_>,
    ) -> nix::Result<Linked> {
        let path = key.path(copy);
        match linkat(&self.dir, path.as_str(), to.dir, to.name, AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::ENOENT | Errno::EMLINK) => return Ok(Linked::Absent),
            Err(errno) => return Err(errno),
        }
        let found = fstatat(to.dir, to.name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if is_like(&found, size, meta) {
            return Ok(Linked::Done);
        }
        unlinkat(to.dir, to.name, UnlinkatFlags::NoRemoveDir)?;
        self.remove(&path)?;
        Ok(Linked::Altered)
    }

    /// Makes a finished file of a tree the object of this key. Where another builder was first, the name
    /// becomes one of that object's.
    pub(super) fn adopt(
        &self,
        key: &Key,
        copy: u32,
        like: (u64, &Meta),
        from: Target<'_>,
    ) -> nix::Result<()> {
        let path = key.path(copy);
        let link = || {
            linkat(
                from.dir,
                from.name,
                &self.dir,
                path.as_str(),
                AtFlags::empty(),
            )
        };
        let done = match link() {
            Err(Errno::ENOENT) => {
                make_folder(self.dir.as_fd(), &path[..2])?;
                link()
            }
            done => done,
        };
        match done {
            Ok(()) | Err(Errno::EMLINK) => Ok(()),
            Err(Errno::EEXIST) => {
                unlinkat(from.dir, from.name, UnlinkatFlags::NoRemoveDir)?;
                match self.link(key, copy, like, from)? {
                    Linked::Done => Ok(()),
                    // Two builders, and a third that damages what they make: the next build is for that.
                    Linked::Absent | Linked::Altered => Err(Errno::ESTALE),
                }
            }
            Err(errno) => Err(errno),
        }
    }

    /// Opens an object for reading.
    pub(super) fn open_object(&self, key: &Key) -> nix::Result<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let path = key.path(0);
        openat(&self.dir, path.as_str(), flags, Mode::empty()).map(File::from)
    }

    /// Takes an object away; trees that have it keep it.
    pub(super) fn remove(&self, path: &str) -> nix::Result<()> {
        match unlinkat(&self.dir, path, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// The objects of one key, by their names in the shard.
    fn all_of(&self, key: &Key) -> nix::Result<Vec<String>> {
        let first = key.path(0);
        let (shard, first) = first.split_at(3);
        let numbered = format!("{first}.");
        let dir = match open_dir(&self.dir, OsStr::new(&shard[..2]), OFlag::O_RDONLY) {
            Err(Errno::ENOENT) => return Ok(Vec::new()),
            dir => dir?,
        };
        let names = names(dir.as_fd())?.into_iter();
        let names = names.filter_map(|name| name.into_string().ok());
        let names = names.filter(|name| *name == first || name.starts_with(&numbered));
        Ok(names.map(|name| format!("{shard}{name}")).collect())
    }

    /// Takes away every object of this key.
    pub(super) fn remove_all(&self, key: &Key) -> nix::Result<()> {
        self.all_of(key)?
            .iter()
            .try_for_each(|path| self.remove(path))
    }

    /// Takes away the objects of this key that no tree has. Nobody may build meanwhile.
    pub(super) fn remove_unused(&self, key: &Key) -> nix::Result<()> {
        for path in self.all_of(key)? {
            let found = fstatat(&self.dir, path.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            if found.st_nlink == 1 {
                self.remove(&path)?;
            }
        }
        Ok(())
    }

    /// The shards that there are.
    pub(super) fn shards(&self) -> nix::Result<Vec<String>> {
        let names = names(self.dir.as_fd())?.into_iter();
        Ok(names.filter_map(|name| name.into_string().ok()).collect())
    }
}

fn make_folder(parent: BorrowedFd, name: &str) -> nix::Result<()> {
    match mkdirat(parent, name, Mode::S_IRWXU) {
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Whether an inode is as a look without opening tells.
pub(super) fn is_like(found: &FileStat, size: u64, meta: &Meta) -> bool {
    found.st_mode == (libc::S_IFREG | (meta.mode & ALLOWED_BITS))
        && found.st_size.cast_unsigned() == size
        && (found.st_mtime, found.st_mtime_nsec) == meta.modified
}

/// Gives a finished file its attributes, mode and time.
///
/// Where the file system has no attributes, `meta` loses them.
pub(super) fn finish(file: &File, meta: &mut Meta) -> nix::Result<Attached> {
    let mut attached = Attached::All;
    if !meta.attributes.is_empty() {
        attached = attach(file.as_fd(), &meta.attributes)?;
        if attached == Attached::None {
            meta.attributes.clear();
        }
    }
    fchmod(file, Mode::from_bits_truncate(meta.mode & ALLOWED_BITS))?;
    let modified = time(meta.modified);
    futimens(file, &modified, &modified)?;
    Ok(attached)
}

/// A time as the kernel takes it.
pub(super) fn time((seconds, nanos): (i64, i64)) -> TimeSpec {
    TimeSpec::new(seconds, nanos)
}

/// Whether attributes could be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attached {
    /// All of them.
    All,
    /// None: the file system has no such thing.
    None,
}

/// Sets attributes.
pub(super) fn attach(file: BorrowedFd, attributes: &Attributes) -> nix::Result<Attached> {
    for (name, value) in attributes {
        match set_attribute(file, name, value) {
            Err(Errno::ENOTSUP) => return Ok(Attached::None),
            done => done?,
        }
    }
    Ok(Attached::All)
}

/// What came with a file beside its content.
pub(super) struct Found {
    /// The user attributes.
    pub attributes: Attributes,
    /// Whether it has capabilities, which stay behind.
    pub capable: bool,
}

/// The user attributes of a file. Capabilities do not come along, and access lists neither, because
/// they name ids that mean nothing inside.
pub(super) fn attributes(file: BorrowedFd) -> nix::Result<Found> {
    let mut found = Found {
        attributes: Vec::new(),
        capable: false,
    };
    let names = attribute_names(file)?;
    for name in names.split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else {
            continue;
        };
        if name == c"security.capability" {
            found.capable = true;
        } else if name.to_bytes().starts_with(b"user.") {
            match attribute(file, name) {
                Err(Errno::ENODATA) => {}
                value => found.attributes.push((CString::from(name), value?)),
            }
        }
    }
    found.attributes.sort();
    Ok(found)
}

/// The hash of all that an open file holds from its start on.
pub(super) fn hash(file: &File, buffer: &mut Vec<u8>) -> nix::Result<blake3::Hash> {
    buffer.resize(super::content::BUFFER, 0);
    let mut hasher = blake3::Hasher::new();
    let mut file = file;
    std::io::Seek::rewind(&mut file).map_err(errno)?;
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(hasher.finalize()),
            Ok(length) => {
                hasher.update(&buffer[..length]);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(errno(error)),
        }
    }
}

/// Where an object of this key lies, for messages.
pub(super) fn shown(key: &Key) -> PathBuf {
    PathBuf::from(OBJECTS).join(key.path(0))
}
