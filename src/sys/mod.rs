//! The kernel, call by call: descriptors and `&CStr` in, errno out. No policy, no formatting.
//!
//! Nothing here allocates, so that all of it may run between clone and exec.

pub mod allocation;
pub mod bpf;
pub mod copy;
pub mod credentials;
pub mod event;
pub mod file;
pub mod landlock;
pub mod memory;
pub mod mount;
pub mod network;
pub mod pidfd;
pub mod probe;
pub mod process;
pub mod seccomp;
pub mod signal;
pub mod terminal;
pub mod xattr;

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

/// What every call here gives back.
pub type Result<T> = std::result::Result<T, Errno>;

/// A return value of syscall(2): -1 means errno.
fn checked(value: libc::c_long) -> Result<libc::c_long> {
    if value < 0 {
        Err(Errno::last())
    } else {
        Ok(value)
    }
}

/// The same where the value says nothing.
fn done(value: libc::c_long) -> Result<()> {
    checked(value).map(|_| ())
}

/// The same where the value is a new descriptor.
fn descriptor(value: libc::c_long) -> Result<OwnedFd> {
    let raw = checked(value)?;
    let raw = RawFd::try_from(raw).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}
