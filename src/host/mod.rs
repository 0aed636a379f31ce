//! Fills the facts: what the kernel and the host offer. It reads and changes nothing.

pub mod cgroups;
pub mod refusal;
