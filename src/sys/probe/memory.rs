//! Memory that is used up, and memory that a killed process leaves its answer in.

use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;

use crate::sys::{Result, done};

/// The smallest page of any architecture.
const PAGE: usize = 4096;

fn map(bytes: usize, flags: i32) -> Result<*mut u8> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = flags | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let address = unsafe { libc::mmap(ptr::null_mut(), bytes, access, flags, -1, 0) };
    match address {
        libc::MAP_FAILED => Err(Errno::last()),
        address => Ok(address.cast()),
    }
}

/// Memory of this process alone, which stays until it is given back or the process ends.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    address: *mut u8,
    bytes: usize,
}

impl Block {
    /// Maps and uses `bytes`.
    ///
    /// # Errors
    /// ENOMEM for a limit; one of a control group kills instead.
    pub fn used(bytes: usize) -> Result<Block> {
        let address = map(bytes, libc::MAP_PRIVATE)?;
        for offset in (0..bytes).step_by(PAGE) {
            // SAFETY: it lies within the mapping that was just made, which nobody else knows.
            unsafe { address.add(offset).write_volatile(1) };
        }
        Ok(Block { address, bytes })
    }

    /// Gives it back.
    ///
    /// # Errors
    /// As munmap(2).
    pub fn give_back(self) -> Result<()> {
        // SAFETY: exactly the mapping that was made; no reference into it exists.
        done(libc::c_long::from(unsafe {
            libc::munmap(self.address.cast(), self.bytes)
        }))
    }
}

/// Two numbers that a process and its children share; they stay mapped until all have ended.
#[derive(Debug, Clone, Copy)]
pub struct Shared {
    words: &'static [AtomicU64; 2],
}

impl Shared {
    /// New ones, both zero.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn new() -> Result<Shared> {
        let address = map(PAGE, libc::MAP_SHARED)?;
        // SAFETY: a page of zeroes, aligned to a page, which is never unmapped; zero is a value of an
        // atomic, and all access goes through atomics.
        let words = unsafe { &*address.cast::<[AtomicU64; 2]>() };
        Ok(Shared { words })
    }

    /// The answer; zero while there is none.
    pub fn answer(&self) -> &AtomicU64 {
        let [answer, _] = self.words;
        answer
    }

    /// How far it has come.
    pub fn progress(&self) -> &AtomicU64 {
        let [_, progress] = self.words;
        progress
    }

    /// Both zero again.
    pub fn clear(&self) {
        self.words
            .iter()
            .for_each(|word| word.store(0, Ordering::SeqCst));
    }
}
