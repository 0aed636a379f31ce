//! The system-call policy: its tables, its programs in a machine of the test's own, and in the
//! kernel.
#![allow(
    unsafe_code,
    reason = "loading a filter and attacking it are system calls"
)]
#![allow(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests say what they skip"
)]
#![allow(missing_docs)]

mod kernel;
mod load;
mod machine;
mod oracle;
mod policies;
mod policy;
mod programs;
mod ready;
#[path = "../skip.rs"]
mod skip;
mod table;
