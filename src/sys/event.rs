//! Counters that others raise and this process polls (eventfd(2)).

use std::os::fd::OwnedFd;

use super::{Result, descriptor};

/// A counter at zero; reading takes what it holds, and never blocks.
///
/// # Errors
/// As eventfd(2).
pub fn counter() -> Result<OwnedFd> {
    // SAFETY: only numbers are passed.
    descriptor(libc::c_long::from(unsafe {
        libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK)
    }))
}
