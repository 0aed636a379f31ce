//! Root trees, built from real directories by whichever user runs the tests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests, and what they are built from"
)]

mod copies;
mod faults;
mod garbage;
mod hostile;
mod lab;
mod links;
mod programs;
mod share;
mod sources;
mod stores;
mod whole;
