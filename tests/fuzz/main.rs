//! Everything that reads what a stranger may have written, with texts that nobody would write.
//!
//! One test a parser. Each first reads its kept inputs again (`corpus/TARGET/*`), then makes new ones out of
//! them and of its seeds for `SANDBOX_FUZZ_SECONDS` (2 where that is not set), always the same ones: `SANDBOX_FUZZ_SEED`
//! gives others. None may panic, take more than ten seconds or more memory than its target allows, and each
//! target states what else must hold. The input that breaks a rule is left in Cargo's directory for tests, and the
//! message names it: kept under `corpus/TARGET`, it is read again by every run.
//!
//! `SANDBOX_FUZZ_SAVE=DIR` writes there each small input that a parser answered in a new way.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests, and what they are built from"
)]

mod archives;
mod databases;
mod elves;
mod harness;
mod images;
mod kept;
mod locks;
mod made_elf;
mod mutate;
mod profiles;
#[path = "../random.rs"]
mod random;
mod shown;
mod stores;
#[path = "../archive/tarball.rs"]
#[allow(dead_code, reason = "shared with the tests of archives")]
mod tarball;
mod trees;
mod words;
