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

/// Whether it may be opened for reading, or could be after a chmod(2) of the program's own; what lies in a
/// directory that tells no names may still be opened by name.
pub(super) fn read(path: &CStr, above: &[CString]) -> Finding {
    let status = match sys::probe::status(path) {
        Ok(status) => status,
        Err(errno) => return unreached(above, errno),
    };
    let opened = match kind(&status) {
        Kind::Directory => sys::probe::open(path, libc::O_RDONLY | libc::O_DIRECTORY)
            .and_then(|directory| sys::probe::list(directory.as_fd())),
        Kind::File => sys::probe::open(path, libc::O_RDONLY | QUIET).map(drop),
        Kind::Special => special(path, libc::R_OK),
    };
    let Err(errno) = opened else {
        return Finding::Done;
    };
    if errno == Errno::EACCES && may_change_mode(path, &status) {
        return Finding::Owned;
    }
    let is_directory = matches!(kind(&status), Kind::Directory);
    match is_directory && sys::probe::access(path, libc::X_OK).is_ok() {
        true => Finding::Searchable,
        false => outcome(Err(errno)),
    }
}

/// What stands for a path that could not even be looked at: a directory on the way may be the program's own,
/// to be opened with chmod(2).
fn unreached(above: &[CString], errno: Errno) -> Finding {
    if errno != Errno::EACCES {
        return outcome(Err(errno));
    }
    let Ok((directory, _)) = nearest(above) else {
        return outcome(Err(errno));
    };
    match sys::probe::status(directory) {
        Ok(status) if may_change_mode(directory, &status) => Finding::Owned,
        // It lets through, so a link in it leads to where the refusal came from: that was not looked at.
        _ if sys::probe::access(directory, libc::X_OK).is_ok() => Finding::Unclear,
        _ => outcome(Err(errno)),
    }
}

/// chmod(2) is the owner's, on a mount that may be written; /proc refuses it to everybody.
fn may_change_mode(path: &CStr, status: &libc::statx) -> bool {
    is_owned(status) && is_writable_mount(path) && !is_on_proc(path)
}

fn is_on_proc(path: &CStr) -> bool {
    sys::probe::open(path, libc::O_PATH)
        .and_then(|file| sys::file::filesystem_type(file.as_fd()))
        .is_ok_and(|kind| kind == libc::PROC_SUPER_MAGIC)
}

/// Whether a refusal may be this process's alone: unlike the program it is not dumpable, so that its own
/// files of /proc are root's. Those of the first process are refused to the program too, and whoever is the
/// program by then may have any other number.
pub(super) fn is_own_refusal(path: &CStr, finding: Finding) -> bool {
    if !matches!(finding, Finding::Refused { .. }) {
        return false;
    }
    let Some(name) = path.to_bytes().strip_prefix(b"/proc/") else {
        return is_on_proc(path);
    };
    let process = name.split(|byte| *byte == b'/').next().unwrap_or(name);
    let is_number = process.iter().all(u8::is_ascii_digit);
    process == b"self" || process == b"thread-self" || is_number && process != b"1"
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
        Err(errno @ (Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP)) => {
            return make(path, above, errno);
        }
        Err(errno) => {
            return match (unreached(above, errno), nearest(above)) {
                (Finding::Refused { .. }, Ok((directory, rest)))
                    if may_replace(directory, rest) =>
                {
                    Finding::Replaceable
                }
                (finding, _) => finding,
            };
        }
    };
    let written = match kind(&status) {
        Kind::Directory => write_directory(path),
        Kind::File => sys::probe::open(path, libc::O_WRONLY | QUIET).map(drop),
        Kind::Special => special(path, libc::W_OK),
    };
    let Err(errno) = written else {
        return Finding::Done;
    };
    if errno == Errno::EACCES && may_change_mode(path, &status) {
        return Finding::Owned;
    }
    match is_replaceable(&status, above) {
        true => Finding::Replaceable,
        // The directory that the file really lies in was not looked at; on a read-only mount it is one too.
        false if errno != Errno::EROFS && is_link(path) => Finding::Unclear,
        false => outcome(Err(errno)),
    }
}

/// Whether the last name of a path is that of a symbolic link.
fn is_link(path: &CStr) -> bool {
    let opened = sys::probe::open(path, libc::O_PATH | libc::O_NOFOLLOW);
    let status = opened.and_then(|file| sys::file::status(file.as_fd()));
    status.is_ok_and(|status| status.st_mode & libc::S_IFMT == libc::S_IFLNK)
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

/// Whether the nearest directory that is there may be written, or could be: what lies between can be made
/// too, and a file that stands in the way can be replaced by a directory.
fn make(path: &CStr, above: &[CString], errno: Errno) -> Finding {
    let (directory, rest) = match nearest(above) {
        Ok(found) => found,
        Err(errno) => return unreached(above, errno),
    };
    // The path itself is missing, whatever the reason why it stays so.
    let refused = match write_directory(directory) {
        Ok(()) => return Finding::Creatable,
        Err(Errno::ENOTDIR) => errno,
        Err(refused) => refused,
    };
    let is_own = refused == Errno::EACCES
        && sys::probe::status(directory).is_ok_and(|status| may_change_mode(directory, &status));
    if is_own || may_replace(directory, rest) {
        return Finding::Creatable;
    }
    let is_there = |path| sys::probe::open(path, libc::O_PATH | libc::O_NOFOLLOW).is_ok();
    let below = above.len() - rest.len() - 1;
    let missing = below.checked_sub(1).and_then(|place| above.get(place));
    match is_there(missing.map_or(path, |missing| missing)) {
        // Through it something may be made elsewhere.
        true => Finding::Unclear,
        false => outcome(Err(refused)),
    }
}

fn may_replace(path: &CStr, above: &[CString]) -> bool {
    sys::probe::status(path).is_ok_and(|status| is_replaceable(&status, above))
}

/// The nearest of them that is there and can be looked at, and those above it.
fn nearest(above: &[CString]) -> sys::Result<(&CStr, &[CString])> {
    let mut rest = above;
    while let Some((directory, higher)) = rest.split_first() {
        match sys::probe::status(directory) {
            Ok(_) => return Ok((directory, higher)),
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::EACCES) => rest = higher,
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
/// the nearest one of a file that is not there. A file that can be read is one that ld.so(8) can map and run
/// whatever its mode, and one that can be written or replaced is the program's to make executable.
pub(super) fn execute(
    path: &CStr,
    above: &[CString],
    arguments: &StringArray,
    environment: &StringArray,
) -> Finding {
    let status = match sys::probe::status(path) {
        Ok(status) => status,
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => return execute_made(path, above),
        Err(errno) => return unreached(above, errno),
    };
    let found = match kind(&status) {
        Kind::Directory => match sys::probe::mount_flags(path) {
            Ok(flags) if has(flags, libc::ST_NOEXEC) => Finding::NoExec,
            result => outcome(result.map(drop)),
        },
        _ => execute_file(path, arguments, environment),
    };
    match (found, kind(&status)) {
        (Finding::Refused { .. }, Kind::File) => changed_or_loaded(path, above, found),
        _ => found,
    }
}

fn changed_or_loaded(path: &CStr, above: &[CString], refused: Finding) -> Finding {
    let is_readable = sys::probe::open(path, libc::O_RDONLY | QUIET).is_ok();
    match write(path, above) {
        Finding::Refused { .. } if is_readable => Finding::Loadable,
        Finding::Refused { .. } => refused,
        Finding::Owned => Finding::Owned,
        _ => Finding::Replaceable,
    }
}

fn execute_made(path: &CStr, above: &[CString]) -> Finding {
    let flags = nearest(above).and_then(|(directory, _)| sys::probe::mount_flags(directory));
    match write(path, above) {
        Finding::Unclear => Finding::Unclear,
        _ if flags.is_ok_and(|flags| has(flags, libc::ST_NOEXEC)) => Finding::NoExec,
        Finding::Refused { .. } => outcome(Err(Errno::ENOENT)),
        found => found,
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
