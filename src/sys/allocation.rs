//! Counts allocations after the clone, in debug builds: there must be none.
//!
//! A copied address space may hold the allocator's lock for ever; and what allocates there grows with
//! time. Release builds count nothing.

use super::Result;

#[cfg(debug_assertions)]
mod counted {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    pub static COUNTING: AtomicBool = AtomicBool::new(false);
    pub static COUNT: AtomicU32 = AtomicU32::new(0);

    #[global_allocator]
    static ALLOCATOR: Counted = Counted;

    struct Counted;

    // SAFETY: every call goes to the system's allocator as it came.
    unsafe impl GlobalAlloc for Counted {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            if COUNTING.load(Ordering::Relaxed) {
                COUNT.fetch_add(1, Ordering::Relaxed);
            }
            // SAFETY: as the caller promised.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            // SAFETY: as the caller promised.
            unsafe { System.dealloc(pointer, layout) }
        }
    }
}

/// From here on this process should not allocate.
pub fn start_counting() {
    #[cfg(debug_assertions)]
    counted::COUNTING.store(true, std::sync::atomic::Ordering::Relaxed);
}

/// Hands on the number of allocations since [`start_counting`], where it is counted and not zero.
///
/// # Errors
/// As `hand_on`.
pub fn tell(hand_on: impl FnOnce(u32) -> Result<()>) -> Result<()> {
    #[cfg(debug_assertions)]
    let count = counted::COUNT.load(std::sync::atomic::Ordering::Relaxed);
    #[cfg(not(debug_assertions))]
    let count = 0;
    if count == 0 { Ok(()) } else { hand_on(count) }
}
