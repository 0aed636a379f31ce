//! What is shown to people: problems under their lines, plans, failures, results, the progress of a
//! build.

mod actions;
mod printable;
pub mod problems;
mod progress;
pub mod steps;

pub use progress::Bar;
