//! Directories by descriptor: opening below one, never through a link.

use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fchmod, fstat};
use nix::unistd::{AccessFlags, faccessat};

use crate::diag::{Origin, Problem};
use crate::sys;
use crate::sys::file::How;

/// Opens a directory by one name, itself and not what a link points to.
pub(super) fn open_dir(parent: impl AsFd, name: &OsStr) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// Opens a directory whose entries can be looked at, which takes the right to search it too.
pub(super) fn enter(parent: impl AsFd, name: &OsStr) -> nix::Result<OwnedFd> {
    let dir = open_dir(parent, name)?;
    faccessat(&dir, ".", AccessFlags::X_OK, AtFlags::AT_EACCESS)?;
    Ok(dir)
}

/// Opens a directory of a path below `top`: no link, no `..` and no other mount on the way.
pub(super) fn open_below(top: BorrowedFd<'_>, path: &Path) -> nix::Result<OwnedFd> {
    let resolve = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_XDEV;
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let path = match path.as_os_str().is_empty() {
        true => OsStr::new("."),
        false => path.as_os_str(),
    };
    sys::file::open(top, &c_name(path)?, How::existing(flags, resolve))
}

/// Opens an absolute path without any link.
pub(super) fn open_absolute(path: &Path) -> nix::Result<OwnedFd> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY;
    let how = How::existing(flags, libc::RESOLVE_NO_SYMLINKS);
    sys::file::open(sys::file::HERE, &c_name(path.as_os_str())?, how)
}

/// A name as the kernel takes it.
pub(super) fn c_name(name: &OsStr) -> nix::Result<CString> {
    CString::new(name.as_bytes()).map_err(|_| Errno::EINVAL)
}

/// The names in a directory, sorted.
pub(super) fn names(dir: impl AsFd) -> nix::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::from_fd(open_dir(dir, OsStr::new("."))?)?.iter() {
        let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Does something in a directory of the caller's whose mode may forbid it to its owner.
pub(super) fn writable<T>(
    dir: BorrowedFd<'_>,
    act: impl FnOnce() -> nix::Result<T>,
) -> nix::Result<T> {
    let rights = AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK;
    match faccessat(dir, ".", rights, AtFlags::AT_EACCESS) {
        Ok(()) => return act(),
        Err(Errno::EACCES) => {}
        Err(errno) => return Err(errno),
    }
    let mode = fstat(dir)?.st_mode;
    fchmod(dir, Mode::from_bits_truncate(mode) | Mode::S_IRWXU)?;
    let done = act();
    fchmod(dir, Mode::from_bits_truncate(mode))?;
    done
}

/// The path and the name in it of what lies at `path`; the top itself has none.
pub(super) fn split(path: &Path) -> Option<(&Path, &OsStr)> {
    Some((path.parent()?, path.file_name()?))
}

/// What could not be done with something kept, as a problem of no line.
pub(super) fn failed(doing: &str, path: &Path) -> impl Fn(Errno) -> Problem + use<> {
    let what = format!("cannot {doing} `{}`", path.display());
    move |errno| {
        let message = format!("{what}: {}", errno.desc().to_lowercase());
        let problem = Problem::error("kept.system", &Origin::Default, message);
        match errno {
            Errno::EMFILE => problem.help("raise the limit of open files: `ulimit -n`"),
            Errno::ENOSPC | Errno::EDQUOT => problem.help("make room there"),
            _ => problem,
        }
    }
}
