//! Taking a tree away, without ever leaving it: no link is followed, no mount is entered
//! (CVE-2024-23652 was a cleanup that did).

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::error::SystemProblem;
use super::walk::open_dir;

/// The names in a directory, sorted.
pub(super) fn names(dir: BorrowedFd) -> nix::Result<Vec<OsString>> {
    let fd = open_dir(dir, OsStr::new("."), OFlag::O_RDONLY)?;
    let mut names = Vec::new();
    for entry in Dir::from_fd(fd)?.iter() {
        let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes `name` from `parent`, whatever it is, with all that is below. What is gone is fine.
pub(super) fn remove(parent: BorrowedFd, name: &OsStr) -> Result<(), SystemProblem> {
    remove_all(parent, name).map_err(SystemProblem::at("remove", Path::new(name)))
}

/// Two may remove the same leftover at once: what the other one took is gone as well.
fn remove_all(parent: BorrowedFd, name: &OsStr) -> nix::Result<()> {
    match remove_below(parent, name) {
        Err(Errno::ENOENT) => Ok(()),
        done => done,
    }
}

fn remove_below(parent: BorrowedFd, name: &OsStr) -> nix::Result<()> {
    match unlinkat(parent, name, UnlinkatFlags::NoRemoveDir) {
        Err(Errno::EISDIR) => {}
        done => return done,
    }
    let dir = open_own(parent, name)?;
    for name in names(dir.as_fd())? {
        remove_all(dir.as_fd(), &name)?;
    }
    drop(dir);
    unlinkat(parent, name, UnlinkatFlags::RemoveDir)
}

/// Opens a directory of ours for emptying, even where its mode forbids that to its owner.
fn open_own(parent: BorrowedFd, name: &OsStr) -> nix::Result<OwnedFd> {
    let before = fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if before.st_dev != fstat(parent)?.st_dev {
        return Err(Errno::EXDEV);
    }
    if before.st_mode & 0o700 != 0o700 {
        // The parent is private: nobody can put a link here between the two calls.
        fchmodat(parent, name, Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
    }
    let dir = open_dir(parent, name, OFlag::O_RDONLY)?;
    fchmod(&dir, Mode::S_IRWXU)?;
    Ok(dir)
}
