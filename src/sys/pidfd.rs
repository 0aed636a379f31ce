//! Processes held by a descriptor: no other process can take their id over.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

/// pidfd_open(2) without flags; the descriptor is close-on-exec.
///
/// # Errors
/// `ESRCH` when there is no such process; `EINVAL` for a process id below 1.
pub fn open(pid: libc::pid_t) -> Result<OwnedFd, Errno> {
    // SAFETY: two integers, no pointer.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    let fd = RawFd::try_from(fd).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just given this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// pidfd_send_signal(2) as kill(2) would send it.
///
/// # Errors
/// `ESRCH` when the process was reaped; `EPERM` when it is another's.
pub fn send_signal(process: BorrowedFd<'_>, signal: libc::c_int) -> Result<(), Errno> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    let fd = process.as_raw_fd();
    // SAFETY: a null `info` is allowed, and nothing else is a pointer.
    let done = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, no_info, 0) };
    Errno::result(done).map(drop)
}
