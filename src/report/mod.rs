//! What is shown to people: problems under their lines, the progress of a build.

pub mod problems;
mod progress;

pub use progress::Bar;
