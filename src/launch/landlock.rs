//! Puts the program under Landlock. Nothing here allocates.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;

use crate::plan::Missing;
use crate::sys;
use crate::sys::file::{HERE, How};
use crate::sys::landlock::access;

use super::arm::{ArmedLandlock, ArmedReach};

/// Makes the rules and enters them, inside the new root.
pub(super) fn restrict(armed: &ArmedLandlock) -> sys::Result<()> {
    let rules = sys::landlock::create(armed.files, armed.scopes)?;
    for place in &armed.places {
        allow_place(rules.as_fd(), place)?;
    }
    for number in &armed.descriptors {
        allow_descriptor(rules.as_fd(), *number, armed.files)?;
    }
    sys::landlock::restrict(rules.as_fd())
}

fn allow_place(rules: BorrowedFd<'_>, place: &ArmedReach) -> sys::Result<()> {
    let how = How::existing(libc::O_PATH, libc::RESOLVE_NO_MAGICLINKS);
    let found = match sys::file::open(HERE, &place.path, how) {
        Err(Errno::ENOENT | Errno::ENOTDIR) if place.missing == Missing::Skipped => return Ok(()),
        // What the program's user cannot reach needs no rule.
        Err(Errno::EACCES) => return Ok(()),
        found => found?,
    };
    sys::landlock::allow(rules, found.as_raw_fd(), place.access)
}

/// What a descriptor of the host's shows lies below no place: /dev/stdout would be refused. It is allowed
/// for what it was opened for: a file that was handed in to be read is not opened again to be written.
fn allow_descriptor(rules: BorrowedFd<'_>, number: i32, known: u64) -> sys::Result<()> {
    let flags = match sys::file::status_flags(number) {
        Err(Errno::EBADF) => return Ok(()),
        flags => flags?,
    };
    let read = access::READ_FILE | access::EXECUTE;
    let write = access::WRITE_FILE | access::TRUNCATE;
    let opened = match flags & libc::O_ACCMODE {
        libc::O_RDONLY => read,
        libc::O_WRONLY => write,
        _ => read | write,
    };
    match sys::landlock::allow(rules, number, (opened | access::IOCTL_DEV) & known) {
        // Pipes and sockets are never refused.
        Err(Errno::EBADFD | Errno::EBADF) => Ok(()),
        result => result,
    }
}
