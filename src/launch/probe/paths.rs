//! What may be done with a path, without harm to what is there. Nothing here allocates.

use std::ffi::{CStr, CString};
use std::os::fd::AsFd;

use nix::errno::Errno;

use crate::model::Finding;
use crate::sys;
use crate::sys::file::{HERE, How};
use crate::sys::process::StringArray;

use super::outcome;

/// Never waits for the other end of a pipe, never makes a terminal this session's.
const QUIET: i32 = libc::O_NONBLOCK | libc::O_NOCTTY;

/// Whether the path leads through a link that means another thing for each process.
pub(super) fn is_magic(path: &CStr) -> bool {
    let how = How::existing(libc::O_PATH, libc::RESOLVE_NO_MAGICLINKS);
    let refused = sys::file::open(HERE, path, how).err() == Some(Errno::ELOOP);
    refused && sys::probe::open(path, libc::O_PATH).err() != Some(Errno::ELOOP)
}

/// What may be opened without an effect of its own.
enum Kind {
    Directory,
    File,
    /// A pipe, a socket or a device: opening it may do something.
    Special,
}

fn kind(status: &libc::statx) -> Kind {
    /// Memory, null, random and their kin; terminals.
    const HARMLESS: [u32; 3] = [1, 5, 136];
    match u32::from(status.stx_mode) & libc::S_IFMT {
        libc::S_IFDIR => Kind::Directory,
        libc::S_IFREG => Kind::File,
        libc::S_IFCHR if HARMLESS.contains(&status.stx_rdev_major) => Kind::File,
        _ => Kind::Special,
    }
}

/// Whether it may be opened for reading; a directory has to tell its names.
pub(super) fn read(path: &CStr) -> Finding {
    let status = match sys::probe::status(path) {
        Ok(status) => status,
        Err(errno) => return outcome(Err(errno)),
    };
    outcome(match kind(&status) {
        Kind::Directory => sys::probe::open(path, libc::O_RDONLY | libc::O_DIRECTORY)
            .and_then(|directory| sys::probe::list(directory.as_fd())),
        Kind::File => sys::probe::open(path, libc::O_RDONLY | QUIET).map(drop),
        Kind::Special => special(path, libc::R_OK),
    })
}

/// By its mode and its mount alone.
fn special(path: &CStr, mode: i32) -> sys::Result<()> {
    let status = sys::probe::status(path)?;
    let is_device = matches!(
        u32::from(status.stx_mode) & libc::S_IFMT,
        libc::S_IFCHR | libc::S_IFBLK
    );
    if is_device && has(sys::probe::mount_flags(path)?, libc::ST_NODEV) {
        return Err(Errno::EACCES);
    }
    sys::probe::access(path, mode)
}

/// Whether it may be opened for writing, or could be after what its owner or a writer of the directories
/// above it may do; whether it may be made where it is not there.
pub(super) fn write(path: &CStr, above: &[CString]) -> Finding {
    let status = match sys::probe::status(path) {
        Ok(status) => status,
        Err(Errno::ENOENT) => return make(above),
        Err(errno) => return outcome(Err(errno)),
    };
    let written = match kind(&status) {
        Kind::Directory => write_directory(path),
        Kind::File => sys::probe::open(path, libc::O_WRONLY | QUIET).map(drop),
        Kind::Special => special(path, libc::W_OK),
    };
    let Err(errno) = written else {
        return Finding::Done;
    };
    if errno == Errno::EACCES && is_owned(&status) && is_writable_mount(path) {
        return Finding::Owned;
    }
    match is_replaceable(&status, above) {
        true => Finding::Replaceable,
        false => outcome(Err(errno)),
    }
}

/// With a file that has no name, so that nobody sees it; where the file system has none of these, by
/// mode and mount.
fn write_directory(path: &CStr) -> sys::Result<()> {
    match sys::probe::open(path, libc::O_TMPFILE | libc::O_WRONLY) {
        Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::ENOENT | Errno::EINVAL) => {
            sys::probe::access(path, libc::W_OK | libc::X_OK)
        }
        opened => opened.map(drop),
    }
}

/// Whether the nearest directory that is there may be written: what lies between can be made too.
fn make(above: &[CString]) -> Finding {
    match nearest(above) {
        Ok(directory) => match write_directory(directory) {
            Ok(()) => Finding::Creatable,
            // The path itself is missing, whatever the reason why it stays so.
            Err(errno) => outcome(Err(errno)),
        },
        Err(errno) => outcome(Err(errno)),
    }
}

fn nearest(above: &[CString]) -> sys::Result<&CStr> {
    for directory in above {
        match sys::probe::status(directory) {
            Ok(_) => return Ok(directory),
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::ENOENT)
}

fn has(flags: u64, flag: libc::c_ulong) -> bool {
    flags & flag != 0
}

fn is_owned(status: &libc::statx) -> bool {
    status.stx_uid == sys::credentials::own_user()
}

fn is_writable_mount(path: &CStr) -> bool {
    sys::probe::mount_flags(path).is_ok_and(|flags| !has(flags, libc::ST_RDONLY))
}

/// Whether it, or a directory above it, can be renamed and made anew.
///
/// What is mounted cannot, but the directories above it can. Those of the root tree count only for what
/// lies in that tree: nobody outside finds anything by their names.
fn is_replaceable(status: &libc::statx, above: &[CString]) -> bool {
    let Ok(root) = sys::probe::status(c"/") else {
        return false;
    };
    let in_tree = status.stx_mnt_id == root.stx_mnt_id;
    let mut status = *status;
    for directory in above {
        let Ok(parent) = sys::probe::status(directory) else {
            return false;
        };
        if parent.stx_mnt_id == root.stx_mnt_id && !in_tree {
            return false;
        }
        let is_mounted = has(status.stx_attributes, libc::STATX_ATTR_MOUNT_ROOT as _);
        // Only their owners may rename what lies in a sticky directory.
        let is_held = u32::from(parent.stx_mode) & libc::S_ISVTX != 0
            && !is_owned(&parent)
            && !is_owned(&status);
        let is_writable = sys::probe::access(directory, libc::W_OK | libc::X_OK).is_ok();
        if !is_mounted && !is_held && is_writable {
            return true;
        }
        status = parent;
    }
    false
}

/// Whether it may be executed: a directory stands for the files that could be made in it, and so does
/// the nearest one of a file that is not there.
pub(super) fn execute(
    path: &CStr,
    above: &[CString],
    arguments: &StringArray,
    environment: &StringArray,
) -> Finding {
    match sys::probe::status(path) {
        Err(Errno::ENOENT) => match nearest(above) {
            Ok(directory) => execute_made(directory),
            Err(errno) => outcome(Err(errno)),
        },
        Ok(status) if matches!(kind(&status), Kind::Directory) => {
            match sys::probe::mount_flags(path) {
                Ok(flags) if has(flags, libc::ST_NOEXEC) => Finding::NoExec,
                result => outcome(result.map(drop)),
            }
        }
        _ => execute_file(path, arguments, environment),
    }
}

fn execute_made(directory: &CStr) -> Finding {
    match sys::probe::mount_flags(directory) {
        Ok(flags) if has(flags, libc::ST_NOEXEC) => Finding::NoExec,
        Ok(_) if write_directory(directory).is_ok() => Finding::Creatable,
        _ => outcome(Err(Errno::ENOENT)),
    }
}

fn execute_file(path: &CStr, arguments: &StringArray, environment: &StringArray) -> Finding {
    let is_noexec = || sys::probe::mount_flags(path).is_ok_and(|flags| has(flags, libc::ST_NOEXEC));
    match sys::probe::may_execute(path, arguments, environment) {
        Err(Errno::EACCES) if is_noexec() => Finding::NoExec,
        // An old kernel, or a policy that knows execve(2) alone.
        Err(Errno::EINVAL | Errno::ENOSYS | Errno::EPERM) => match is_noexec() {
            true => Finding::NoExec,
            false => outcome(sys::probe::access(path, libc::X_OK)),
        },
        result => outcome(result),
    }
}
