//! Judgements over plans, and what a profile comes to, topic by topic: pure functions, the same answer on
//! every machine.

pub mod audit;
pub mod diff;
mod page;
mod syscalls;
mod variables;
mod view;
pub mod why;

pub use syscalls::{Syscalls, syscalls};
