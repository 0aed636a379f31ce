//! What files of trees are told apart by: the hash of their content, and of what else all names of one inode
//! have in common: mode, time of change, user attributes. All belong to whoever owns the store.

use std::ffi::{CStr, CString, OsStr};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, futimens};
use nix::sys::time::TimeSpec;

use super::content::errno;
use super::layout::{Attributes, Meta, allowed_bits};
use super::walk::kind;
use crate::model::guard::{self, Guard};
use crate::sys::copy::{attribute, attribute_names, set_attribute};

/// What a file of a store is found by.
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
        hasher.update(&allowed_bits(*mode).to_le_bytes());
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
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = blake3::Hash::from_bytes(self.content).to_hex();
        let meta = u64::from_be_bytes(self.meta);
        write!(f, "{content}-{meta:016x}")
    }
}

/// Whether an inode is as a look without opening tells.
pub(super) fn is_like(found: &FileStat, size: u64, meta: &Meta) -> bool {
    found.st_mode == (libc::S_IFREG | (allowed_bits(meta.mode)))
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
    fchmod(file, Mode::from_bits_truncate(allowed_bits(meta.mode)))?;
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

/// Whether an attribute is one of the user's own. An overlay keeps its whiteouts in some of them: over a tree
/// that has those, it would hide files (filesystems/overlayfs.rst, `userxattr`).
pub(super) fn comes_along(name: &CStr) -> bool {
    let name = name.to_bytes();
    let capable = name == b"security.capability" && !guard::holds(Guard::StripCapabilities);
    capable || name.starts_with(b"user.") && !name.starts_with(b"user.overlay.")
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
        if name == c"security.capability" && guard::holds(Guard::StripCapabilities) {
            found.capable = true;
        } else if comes_along(name) {
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

/// What a file turned out to be.
pub(super) enum Reading {
    /// A file with this key.
    Key(Key),
    /// A file that its owner may not read: neither may anybody inside.
    Closed,
    /// No file.
    Other,
}

/// What a file in a directory turns out to be when it is read; of `meta`, its mode and time.
pub(super) fn key_of(
    dir: BorrowedFd,
    name: &OsStr,
    mut meta: Meta,
    buffer: &mut Vec<u8>,
) -> nix::Result<Reading> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let opened = openat(dir, name, flags, Mode::empty());
    let file = match opened {
        Err(Errno::EACCES) => return Ok(Reading::Closed),
        Err(Errno::ELOOP | Errno::ENXIO | Errno::ENOENT) => return Ok(Reading::Other),
        opened => File::from(opened?),
    };
    let stat = fstat(&file)?;
    if kind(&stat) != SFlag::S_IFREG {
        return Ok(Reading::Other);
    }
    meta.attributes = attributes(file.as_fd())?.attributes;
    Ok(Reading::Key(Key::new(hash(&file, buffer)?, &meta)))
}
