//! What a tree was made of, so that a later run can tell whether it still is that.
//!
//! A stamp is a path with the inode that was there, or with nothing. Copies of directories have
//! thousands of files; a quick look takes the directories nearest to the top, then files, up to
//! [`QUICK`] of both, and the databases of the package managers. An edit in place of a file
//! deeper in such a copy is seen by [`super::Refresh::Look`] only; a file that was replaced,
//! added or removed changes its directory.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::stat::{FileStat, fstatat, major};

/// Stamps of directory copies that a quick look checks: about a tenth of a millisecond. More would be
/// felt at every start; an upgrade shows in the package databases, and `--refresh` looks at all.
const QUICK: usize = 128;

/// How many of them may be directories.
const QUICK_DIRS: usize = 96;

/// The longest tick by which a kernel's file times advance (HZ = 100).
const TICK: Duration = Duration::from_millis(10);

/// How often an inode is looked at that changes at every tick.
const LOOKS: usize = 16;

/// What a package manager writes at each upgrade.
const PACKAGE_DATABASES: [&CStr; 7] = [
    c"/var/lib/dpkg/status",
    c"/var/lib/rpm/rpmdb.sqlite",
    c"/var/lib/rpm/Packages",
    c"/usr/lib/sysimage/rpm/rpmdb.sqlite",
    c"/lib/apk/db/installed",
    c"/usr/lib/apk/db/installed",
    c"/var/lib/pacman/local",
];

/// The inode at a path, as far as it tells its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    /// 0 for file systems that get another number at each mount (btrfs, overlayfs, nfs).
    pub dev: u64,
    pub ino: u64,
    pub size: u64,
    pub modified: (i64, i64),
    pub changed: (i64, i64),
}

impl Identity {
    pub(super) fn of(stat: &FileStat) -> Identity {
        Identity {
            dev: if major(stat.st_dev) == 0 {
                0
            } else {
                stat.st_dev
            },
            ino: stat.st_ino,
            size: stat.st_size.cast_unsigned(),
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

impl Identity {
    /// The same for comparing files of any path, with a number of the file system that no other one has.
    pub(super) fn on(self, volume: u64) -> Identity {
        Identity {
            dev: volume,
            ..self
        }
    }
}

/// A path, and what was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    pub path: CString,
    pub found: Option<Identity>,
}

/// What is at a path now; anything that cannot be looked at counts as absent.
pub(super) fn identity(path: &CStr) -> Option<Identity> {
    match fstatat(AT_FDCWD, path, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(stat) => Some(Identity::of(&stat)),
        Err(_) => None,
    }
}

/// A look at an inode from which on every change shows in its times.
///
/// A change within one tick of the last one leaves the times as they are, so what was changed just now is
/// looked at again a tick later. Times in the future are not waited for. What never holds still gets a time
/// that no later look finds.
pub(super) fn settled(stat: impl Fn() -> Result<FileStat, Errno>) -> Result<FileStat, Errno> {
    for _ in 0..LOOKS {
        let before = SystemTime::now();
        let found = stat()?;
        let changed = (found.st_ctime, found.st_ctime_nsec);
        if changed < clock(before - TICK) || changed > clock(SystemTime::now()) {
            return Ok(found);
        }
        std::thread::sleep(TICK);
    }
    let mut found = stat()?;
    (found.st_ctime, found.st_ctime_nsec) = (0, 0);
    Ok(found)
}

/// A time as inodes have it.
fn clock(time: SystemTime) -> (i64, i64) {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or_default();
    let nanos = i64::from(since.subsec_nanos());
    (since.as_secs().cast_signed(), nanos)
}

/// All stamps of one build.
pub(super) struct Stamps {
    databases: Vec<Stamp>,
    always: Vec<Stamp>,
    /// Paths of `always`: several programs are looked up in the same places.
    known: HashSet<CString>,
    dirs: Vec<(usize, Stamp)>,
    files: Vec<(usize, Stamp)>,
}

impl Stamps {
    /// Looks at the package databases first: an upgrade while the build runs is seen.
    pub(super) fn begin() -> Stamps {
        let database = |path: &CStr| Stamp {
            path: path.to_owned(),
            found: identity(path),
        };
        Stamps {
            databases: PACKAGE_DATABASES
                .iter()
                .map(|path| database(path))
                .collect(),
            always: Vec::new(),
            known: HashSet::new(),
            dirs: Vec::new(),
            files: Vec::new(),
        }
    }

    /// A path that every look checks.
    pub(super) fn always(&mut self, path: &Path, found: Option<Identity>) {
        if let Some(stamp) = stamp(path, found) {
            self.add(stamp);
        }
    }

    /// A path that every look checks, as it is now.
    pub(super) fn now(&mut self, path: &Path) {
        let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
            return;
        };
        let found = identity(&path);
        self.add(Stamp { path, found });
    }

    /// The first look counts: a change since then is seen.
    fn add(&mut self, stamp: Stamp) {
        if self.known.insert(stamp.path.clone()) {
            self.always.push(stamp);
        }
    }

    /// A directory of a directory's copy, `depth` levels below its top.
    pub(super) fn dir(&mut self, path: &Path, found: Identity, depth: usize) {
        self.dirs
            .extend(stamp(path, Some(found)).map(|stamp| (depth, stamp)));
    }

    /// A file of a directory's copy.
    pub(super) fn file(&mut self, path: &Path, found: Identity, depth: usize) {
        self.files
            .extend(stamp(path, Some(found)).map(|stamp| (depth, stamp)));
    }

    /// The stamps of a quick look, and those of a whole one.
    pub(super) fn finish(self) -> (Vec<Stamp>, Vec<Stamp>) {
        let Stamps {
            databases,
            always,
            known: _,
            mut dirs,
            mut files,
        } = self;
        dirs.sort_by_key(|(depth, _)| *depth);
        files.sort_by_key(|(depth, _)| *depth);
        let covered = dirs.len() + files.len() <= QUICK;
        let few = if covered {
            dirs.len()
        } else {
            dirs.len().min(QUICK_DIRS)
        };
        let mut quick = always.clone();
        if !covered {
            quick.extend(databases);
        }
        quick.extend(dirs.iter().take(few).map(|(_, stamp)| stamp.clone()));
        quick.extend(
            files
                .iter()
                .take(QUICK - few.min(QUICK))
                .map(|(_, stamp)| stamp.clone()),
        );
        let deep = dirs.into_iter().chain(files).map(|(_, stamp)| stamp);
        (quick, always.into_iter().chain(deep).collect())
    }
}

/// None for a path that no call can take: it has a zero byte, so nothing was found there either.
fn stamp(path: &Path, found: Option<Identity>) -> Option<Stamp> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    Some(Stamp { path, found })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// What a file is like that is written `times` times more, each time it is looked at.
    fn written(looks: &Cell<usize>, times: usize) -> FileStat {
        let mut stat = nix::sys::stat::stat("/").unwrap();
        looks.set(looks.get() + 1);
        if looks.get() <= times {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let now = now.unwrap();
            stat.st_ctime = now.as_secs().cast_signed();
            stat.st_ctime_nsec = now.subsec_nanos().into();
        } else {
            (stat.st_ctime, stat.st_ctime_nsec) = (1, 2);
        }
        stat
    }

    #[test]
    fn a_file_is_looked_at_until_it_holds_still() {
        for times in [0, 1, 3] {
            let looks = Cell::new(0);
            let stat = settled(|| Ok(written(&looks, times))).unwrap();
            assert_eq!((stat.st_ctime, stat.st_ctime_nsec), (1, 2), "{times}");
        }
        let stat = settled(|| Ok(written(&Cell::new(0), 1))).unwrap();
        assert_eq!((stat.st_ctime, stat.st_ctime_nsec), (0, 0), "never still");
    }
}
