//! Counts allocations after the clone, in debug builds: there must be none.
//!
//! A copied address space may hold the allocator's lock for ever; and what allocates there grows with
//! time. Release builds count nothing.
//!
//! The same allocator measures how much memory a thread holds at most, for tests of what reads strangers'
//! files: there can be only one in a program.

use super::Result;

#[cfg(debug_assertions)]
mod counted {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    pub static COUNTING: AtomicBool = AtomicBool::new(false);
    pub static COUNT: AtomicU32 = AtomicU32::new(0);

    thread_local! {
        /// Bytes that this thread holds, and the most that it held, since it began to measure.
        pub static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
    }

    fn held(change: isize) {
        // A thread that ends has no number any more, which is no trouble.
        let change = HELD.try_with(|held| {
            let (now, most) = held.get();
            let now = now.saturating_add(change);
            held.set((now, most.max(now)));
        });
        change.ok();
    }

    #[global_allocator]
    static ALLOCATOR: Counted = Counted;

    struct Counted;

    // SAFETY: every call goes to the system's allocator as it came.
    unsafe impl GlobalAlloc for Counted {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            if COUNTING.load(Ordering::Relaxed) {
                COUNT.fetch_add(1, Ordering::Relaxed);
            }
            // A layout is at most isize::MAX bytes long.
            held(layout.size().cast_signed());
            // SAFETY: as the caller promised.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            held(-layout.size().cast_signed());
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

/// From here on it is measured how much memory this thread holds at most.
pub fn start_measuring() {
    #[cfg(debug_assertions)]
    counted::HELD.set((0, 0));
}

/// The most bytes that this thread held at once since [`start_measuring`]; zero where it is not measured.
pub fn most_held() -> usize {
    #[cfg(debug_assertions)]
    let most = counted::HELD.get().1.max(0).unsigned_abs();
    #[cfg(not(debug_assertions))]
    let most = 0;
    most
}
