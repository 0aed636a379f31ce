//! `[[expect]]` as it is written.

use crate::diag::At;
use crate::model::{ByteSize, Expected, PathUse};
use crate::profile::template::Template;

use super::{Opt, Setting};

/// One `[[expect]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct RawExpect {
    /// What is expected.
    pub what: RawExpectation,
    /// What it is good for.
    pub why: Opt<String>,
}

/// The key of an `[[expect]]` that says what is expected.
#[derive(Debug, Clone, PartialEq)]
pub enum RawExpectation {
    /// `deny_read`, `allow_write` and their kin.
    Path {
        /// Which of the two.
        expected: Expected,
        /// What is done with it.
        using: PathUse,
        /// Path inside.
        path: At<Template>,
    },
    /// `deny_connect`, `allow_connect`.
    Connect {
        /// Which of the two.
        expected: Expected,
        /// An address with a port, or a socket.
        to: At<Template>,
    },
    /// `deny_syscall`, `allow_syscall`.
    SystemCall {
        /// Which of the two.
        expected: Expected,
        /// The kernel's name.
        name: At<String>,
    },
    /// `env_absent`.
    EnvAbsent(At<String>),
    /// `max_memory`.
    MaxMemory(At<Setting<ByteSize>>),
    /// `max_pids`.
    MaxPids(At<Setting<u64>>),
    /// `max_open_files`.
    MaxOpenFiles(At<Setting<u64>>),
}
