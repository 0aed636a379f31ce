//! Processes held by a descriptor: no other process can take their id over.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::{Result, descriptor, done};

/// pidfd_open(2) without flags; the descriptor is close-on-exec.
///
/// # Errors
/// `ESRCH` when there is no such process; `EINVAL` for a process id below 1.
pub fn open(pid: i32) -> Result<OwnedFd> {
    // SAFETY: two integers, no pointer.
    descriptor(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// pidfd_send_signal(2) as kill(2) would send it.
///
/// # Errors
/// `ESRCH` when the process was reaped; `EPERM` when it is another's.
pub fn send_signal(process: BorrowedFd<'_>, signal: i32) -> Result<()> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    let fd = process.as_raw_fd();
    // SAFETY: a null `info` is allowed, and nothing else is a pointer.
    done(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, no_info, 0) })
}
