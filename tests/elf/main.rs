//! What programs need to run, against the loader and the kernel themselves.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests, and what they are built from"
)]

mod cache;
mod fixture;
mod hostile;
mod installed;
mod ldd;
mod musl;
mod scripts;
mod search;
