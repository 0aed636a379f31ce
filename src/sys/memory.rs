//! The process's own arguments and environment in memory.

use std::ops::Range;

/// Overwrites a range of the caller's own memory with zeros.
///
/// # Safety
/// The range is mapped and writable, and nothing that is still used lies in it.
pub unsafe fn wipe(range: Range<usize>) {
    let length = range.end.saturating_sub(range.start);
    // SAFETY: as the caller promised.
    unsafe { std::ptr::write_bytes(range.start as *mut u8, 0, length) };
}
