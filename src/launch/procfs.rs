//! The host's /proc: opened once for each use, found to be one, and never left (hardening rule 14, CVE-2025-52881).

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use crate::model::guard::{self, Guard};
use crate::sys;
use crate::sys::file::{HERE, How};

/// Opens /proc, and makes sure that it is one. Nothing here allocates.
pub(super) fn open() -> sys::Result<OwnedFd> {
    let how = How::existing(libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW, 0);
    let proc = sys::file::open(HERE, c"/proc", how)?;
    let is_proc = sys::file::filesystem_type(proc.as_fd())? == libc::PROC_SUPER_MAGIC;
    if !is_proc && guard::holds(Guard::ProcMagic) {
        return Err(Errno::EMEDIUMTYPE);
    }
    Ok(proc)
}

/// Opens what lies below a /proc that was checked.
pub(super) fn open_below(proc: BorrowedFd<'_>, path: &CStr, flags: i32) -> sys::Result<OwnedFd> {
    let resolve = match guard::holds(Guard::ProcResolve) {
        true => libc::RESOLVE_BENEATH | libc::RESOLVE_NO_XDEV | libc::RESOLVE_NO_MAGICLINKS,
        false => 0,
    };
    sys::file::open(proc, path, How::existing(flags, resolve))
}

/// Writes a file below a /proc that was checked, in one write.
pub(super) fn write(proc: BorrowedFd<'_>, path: &CStr, value: &[u8]) -> sys::Result<()> {
    let file = open_below(proc, path, libc::O_WRONLY)?;
    sys::file::write_whole(file.as_fd(), value)
}
