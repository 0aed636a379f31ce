//! What a faithful copy of a file needs beyond `nix`: shared blocks and extended attributes.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::Result;
use nix::errno::Errno;

/// Makes `into` share all blocks of `from` (FICLONE), as btrfs and xfs can.
///
/// # Errors
/// EOPNOTSUPP, EXDEV or EINVAL where the file systems cannot; then nothing has changed.
pub fn share_blocks(from: BorrowedFd, into: BorrowedFd) -> Result<()> {
    // SAFETY: FICLONE takes a descriptor as its argument and touches no memory of ours.
    let done = unsafe { libc::ioctl(into.as_raw_fd(), libc::FICLONE as _, from.as_raw_fd()) };
    Errno::result(done).map(drop)
}

/// The names of all extended attributes, each ended by a zero byte.
///
/// A file system without them has none.
///
/// # Errors
/// What flistxattr(2) says, but for ENOTSUP.
pub fn attribute_names(file: BorrowedFd) -> Result<Vec<u8>> {
    let names = growing(|buffer| {
        // SAFETY: the pointer and the length are those of one live buffer.
        unsafe { libc::flistxattr(file.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) }
    });
    match names {
        Err(Errno::ENOTSUP | Errno::ENOSYS) => Ok(Vec::new()),
        names => names,
    }
}

/// The value of one extended attribute.
///
/// # Errors
/// What fgetxattr(2) says; ENODATA when it has gone.
pub fn attribute(file: BorrowedFd, name: &CStr) -> Result<Vec<u8>> {
    growing(|buffer| {
        let (start, room) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: `name` ends with a zero byte; pointer and length are those of one live buffer.
        unsafe { libc::fgetxattr(file.as_raw_fd(), name.as_ptr(), start, room) }
    })
}

/// Sets one extended attribute.
///
/// # Errors
/// What fsetxattr(2) says; ENOTSUP where the file system has none.
pub fn set_attribute(file: BorrowedFd, name: &CStr, value: &[u8]) -> Result<()> {
    let (start, length) = (value.as_ptr().cast(), value.len());
    // SAFETY: `name` ends with a zero byte; pointer and length are those of one live slice.
    let done = unsafe { libc::fsetxattr(file.as_raw_fd(), name.as_ptr(), start, length, 0) };
    Errno::result(done).map(drop)
}

/// Removes one extended attribute.
///
/// # Errors
/// What fremovexattr(2) says; ENODATA where there is no such one, ENOTSUP where the file system has none.
pub fn remove_attribute(file: BorrowedFd, name: &CStr) -> Result<()> {
    // SAFETY: `name` ends with a zero byte.
    let done = unsafe { libc::fremovexattr(file.as_raw_fd(), name.as_ptr()) };
    Errno::result(done).map(drop)
}

/// Calls with larger and larger buffers, up to the kernel's own limit of 64 KiB.
fn growing(mut call: impl FnMut(&mut [u8]) -> isize) -> Result<Vec<u8>> {
    for room in [512, 8 << 10, 64 << 10] {
        let mut buffer = vec![0; room];
        match Errno::result(call(&mut buffer)) {
            Ok(length) => {
                buffer.truncate(usize::try_from(length).unwrap_or(0));
                return Ok(buffer);
            }
            Err(Errno::ERANGE) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::ERANGE)
}
