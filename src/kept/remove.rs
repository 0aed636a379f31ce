//! Taking away what a program left, however deep it nested it and whatever modes it gave it.
//!
//! Every directory is first moved to one place, then emptied there: two descriptors are enough for any
//! depth, no path grows too long, and after a crash the next command finds the rest in the same place.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::place::{names, open_dir, writable};

const TRASH: &str = "trash";

/// The place of what is being removed, in the directory of a locked name.
pub(super) struct Trash {
    dir: OwnedFd,
    next: u64,
}

impl Trash {
    /// Opens it and finishes what a killed command left.
    pub fn open(home: BorrowedFd<'_>) -> nix::Result<Trash> {
        match mkdirat(home, TRASH, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
        let dir = open_dir(home, OsStr::new(TRASH))?;
        let mut trash = Trash { dir, next: 0 };
        let left = names(&trash.dir)?;
        trash.next = left
            .iter()
            .filter_map(|name| number(name))
            .max()
            .map_or(0, |last| last + 1);
        for name in left {
            trash.empty(name)?;
        }
        Ok(trash)
    }

    /// Removes `name` from `parent` at once, and then all that is below it. What is gone is fine.
    pub fn take(&mut self, parent: BorrowedFd<'_>, name: &OsStr) -> nix::Result<()> {
        match self.throw(parent, name)? {
            Some(thrown) => self.empty(thrown),
            None => Ok(()),
        }
    }

    /// Removes what is no directory, and moves a directory here.
    fn throw(&mut self, parent: BorrowedFd<'_>, name: &OsStr) -> nix::Result<Option<OsString>> {
        let found = match fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => return Ok(None),
            found => found?,
        };
        if SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT != SFlag::S_IFDIR {
            return unlinkat(parent, name, UnlinkatFlags::NoRemoveDir).map(|()| None);
        }
        // To move a directory takes the right to write it. A killed sandbox may be about to end still: a
        // link that it lays here between the two calls is not followed.
        fchmodat(parent, name, Mode::S_IRWXU, FchmodatFlags::NoFollowSymlink)?;
        let thrown = OsString::from(self.next.to_string());
        self.next += 1;
        renameat(parent, name, &self.dir, thrown.as_os_str())?;
        Ok(Some(thrown))
    }

    fn empty(&mut self, name: OsString) -> nix::Result<()> {
        let mut waiting = vec![name];
        while let Some(name) = waiting.pop() {
            let dir = match open_dir(&self.dir, &name) {
                // Something else than a directory, laid here by hand.
                Err(Errno::ENOTDIR | Errno::ELOOP) => {
                    unlinkat(&self.dir, name.as_os_str(), UnlinkatFlags::NoRemoveDir)?;
                    continue;
                }
                Err(Errno::EACCES) => {
                    let itself = FchmodatFlags::NoFollowSymlink;
                    fchmodat(&self.dir, name.as_os_str(), Mode::S_IRWXU, itself)?;
                    open_dir(&self.dir, &name)?
                }
                dir => dir?,
            };
            writable(dir.as_fd(), || {
                for below in names(&dir)? {
                    waiting.extend(self.throw(dir.as_fd(), &below)?);
                }
                Ok(())
            })?;
            unlinkat(&self.dir, name.as_os_str(), UnlinkatFlags::RemoveDir)?;
        }
        Ok(())
    }
}

fn number(name: &OsStr) -> Option<u64> {
    name.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn modes_and_links_hold_nothing_back() {
        let place = tempfile::tempdir().unwrap();
        let home = File::open(place.path()).unwrap();
        let closed = place.path().join("a/b/closed");
        fs::create_dir_all(&closed).unwrap();
        fs::create_dir(place.path().join("victim")).unwrap();
        fs::write(place.path().join("victim/file"), "").unwrap();
        symlink("../../victim", place.path().join("a/b/out")).unwrap();
        symlink("/", closed.join("root")).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
        fs::set_permissions(place.path().join("a"), Permissions::from_mode(0o000)).unwrap();
        let mut trash = Trash::open(home.as_fd()).unwrap();
        trash.take(home.as_fd(), OsStr::new("a")).unwrap();
        trash.take(home.as_fd(), OsStr::new("absent")).unwrap();
        assert_eq!(names(&home).unwrap(), ["trash", "victim"]);
        assert!(place.path().join("victim/file").exists());
    }

    #[test]
    fn any_depth_is_removed_with_few_descriptors_and_a_killed_command_is_finished() {
        let place = tempfile::tempdir().unwrap();
        let home = File::open(place.path()).unwrap();
        let mut deep: OwnedFd = home.try_clone().unwrap().into();
        for _ in 0..5000 {
            mkdirat(&deep, "d", Mode::S_IRWXU).unwrap();
            deep = open_dir(&deep, OsStr::new("d")).unwrap();
        }
        drop(deep);
        fs::create_dir_all(place.path().join("trash/7/x")).unwrap();
        let mut trash = Trash::open(home.as_fd()).unwrap();
        assert!(names(&trash.dir).unwrap().is_empty());
        trash.take(home.as_fd(), OsStr::new("d")).unwrap();
        assert_eq!(names(&home).unwrap(), ["trash"]);
        assert!(names(&trash.dir).unwrap().is_empty());
    }
}
