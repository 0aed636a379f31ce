//! Archives and images, read as whoever runs the tests: what is told of them, and what is refused.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests, and what they are built from"
)]

mod bombs;
mod forms;
mod hostile;
mod images;
mod layout;
mod mutations;
#[path = "../random.rs"]
mod random;
mod recorder;
#[path = "../skip.rs"]
mod skip;
mod strangers;
mod tarball;
mod told;
mod whiteouts;
