//! What a profile comes to, told topic by topic. Makes text of plans, and asks no host.

mod page;
mod syscalls;

pub use syscalls::{Syscalls, syscalls};
