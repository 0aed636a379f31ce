//! Extended attributes of files.

use std::ffi::CStr;

use nix::errno::Errno;
use nix::libc;

/// getxattr(2) into `value`, links followed: the part that was filled.
///
/// # Errors
/// `ENODATA` when there is no such attribute, `EOPNOTSUPP` when the file system has none, `ERANGE`
/// when it is longer than `value`.
pub fn read<'a>(path: &CStr, name: &CStr, value: &'a mut [u8]) -> Result<&'a [u8], Errno> {
    let (buffer, room) = (value.as_mut_ptr().cast(), value.len());
    // SAFETY: both strings end with null, and the kernel writes at most `room` bytes.
    let length = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), buffer, room) };
    let length = usize::try_from(Errno::result(length)?).map_err(|_| Errno::EIO)?;
    value.get(..length).ok_or(Errno::EIO)
}
