//! What is shown to people.

mod progress;

pub use progress::Bar;
