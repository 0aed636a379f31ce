//! The records beside upper layers: what lies below them.
//!
//! JSON with a version. A member that is added does not change it; a reader passes over those that it
//! does not know.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Moment, open_file};

const VERSION: u32 = 1;

/// The name of a record, and what it is called until it is whole.
const NAME: &str = "record.json";
const DRAFT: &str = "record.json.new";

/// Longer than any record with two paths.
const LONGEST: u64 = 64 << 10;

/// What lies below the writes to the root tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TreeRecord {
    version: u32,
    /// The tree of the last run; it may have been removed since.
    pub tree: String,
}

impl TreeRecord {
    pub fn new(tree: String) -> TreeRecord {
        let version = VERSION;
        TreeRecord { version, tree }
    }
}

/// What lies below an overlay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OverlayRecord {
    version: u32,
    /// Absolute host path, without links.
    pub source: String,
    /// Path inside.
    pub target: String,
    /// The inode of the host directory.
    pub inode: u64,
    /// When the host directory was made, where its file system knows.
    pub born: Option<Moment>,
    /// When the overlay was first made.
    pub since: Moment,
    /// When its writes were last carried to the host, from when on the times of directories are our own.
    #[serde(default)]
    pub carried: Option<Carried>,
}

/// A time of carrying to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Carried {
    /// Its end; where it was killed, its beginning.
    pub at: Moment,
    /// Whether it came to its end.
    pub finished: bool,
}

impl Carried {
    /// Whether a directory of the host that was changed at `time` may have been changed by it.
    pub fn explains(&self, time: Moment) -> bool {
        !self.finished || time <= self.at
    }
}

impl OverlayRecord {
    pub fn new(source: &str, target: &str, directory: &Entry) -> OverlayRecord {
        OverlayRecord {
            version: VERSION,
            source: source.to_owned(),
            target: target.to_owned(),
            inode: directory.inode,
            born: directory.born,
            since: Moment::now(),
            carried: None,
        }
    }

    /// Whether it is about this very directory.
    pub fn is_about(&self, directory: &Entry) -> bool {
        self.inode == directory.inode && self.born == directory.born
    }
}

/// Why a record cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// There is none.
    Missing,
    /// It is of a version that is not known.
    Newer,
    /// It is no record.
    Misshapen,
    /// The kernel's answer.
    System(Errno),
}

/// Reads the record in `dir`.
pub(super) fn read<T: DeserializeOwned>(dir: BorrowedFd<'_>) -> Result<T, Unreadable> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let file = open_file(dir, OsStr::new(NAME)).map_err(|errno| match errno {
        Errno::ENOENT => Unreadable::Missing,
        errno => Unreadable::System(errno),
    })?;
    let mut text = Vec::new();
    let read = file.take(LONGEST).read_to_end(&mut text);
    read.map_err(|error| Unreadable::System(errno(&error)))?;
    let version: Version = serde_json::from_slice(&text).map_err(|_| Unreadable::Misshapen)?;
    if version.version > VERSION {
        return Err(Unreadable::Newer);
    }
    serde_json::from_slice(&text).map_err(|_| Unreadable::Misshapen)
}

/// Writes the record in `dir`: after a crash it is the old one or the new one.
pub(super) fn write<T: Serialize>(dir: BorrowedFd<'_>, record: &T) -> nix::Result<()> {
    let text = serde_json::to_vec_pretty(record).map_err(|_| Errno::EINVAL)?;
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_NOFOLLOW;
    let mode = Mode::from_bits_truncate(0o600);
    let mut file = File::from(openat(dir, DRAFT, flags | OFlag::O_CLOEXEC, mode)?);
    file.write_all(&text).map_err(|error| errno(&error))?;
    file.sync_all().map_err(|error| errno(&error))?;
    renameat(dir, DRAFT, dir, NAME)
}

/// The errno of an error of the standard library.
pub(super) fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_record_is_read_as_written_and_a_later_one_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let dir = File::open(place.path()).unwrap();
        assert_eq!(read::<TreeRecord>(dir.as_fd()), Err(Unreadable::Missing));
        let record = TreeRecord::new("/tree".to_owned());
        write(dir.as_fd(), &record).unwrap();
        assert_eq!(read(dir.as_fd()), Ok(record));
        let path = place.path().join(NAME);
        std::fs::write(&path, r#"{"version":1,"tree":"/t","later":[1]}"#).unwrap();
        assert_eq!(read(dir.as_fd()), Ok(TreeRecord::new("/t".to_owned())));
        std::fs::write(&path, r#"{"version":2}"#).unwrap();
        assert_eq!(read::<TreeRecord>(dir.as_fd()), Err(Unreadable::Newer));
        std::fs::write(&path, "x").unwrap();
        assert_eq!(read::<TreeRecord>(dir.as_fd()), Err(Unreadable::Misshapen));
    }
}
