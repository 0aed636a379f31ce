//! Judgements over plans, and what a profile comes to, topic by topic: pure functions, the same answer on
//! every machine.

pub mod audit;
mod page;
mod syscalls;

pub use syscalls::{Syscalls, syscalls};
