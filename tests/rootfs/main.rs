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
#[path = "../archive/layout.rs"]
#[allow(dead_code, reason = "made for more than is needed here")]
mod layout;
mod links;
mod packed;
mod programs;
mod share;
mod sources;
mod stores;
#[path = "../archive/tarball.rs"]
#[allow(dead_code, reason = "made for more than is needed here")]
mod tarball;
mod whole;
