//! What the loop is told of the plan, and what it saw of a run.

use std::time::Duration;

use crate::launch::Record;
use crate::model::{Call, Deadly, Finding, RefusedCall};
use crate::sys;

use super::asked::Asked;

/// What the loop needs to know of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    /// When everything is killed.
    pub wall_time: Option<Duration>,
    /// Bytes of standard output and standard error together, after which everything is killed.
    pub output: Option<u64>,
    /// What asks the program to end.
    pub stop_signal: i32,
    /// How long to wait before SIGKILL.
    pub stop_timeout: Duration,
    /// Whether SIGKILL to the first process ends all others.
    pub first_process: FirstProcess,
}

/// How far the kernel's own clean-up reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstProcess {
    /// It is PID 1: with it everything ends.
    Init,
    /// No PID namespace: it has to end the others itself.
    Subreaper,
    /// It has joined a sandbox: its program is one of many there, and the end of it alone.
    Beside,
}

/// What was seen of a run.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// What went wrong before the program.
    pub failure: Option<Record>,
    /// Whether the set-up came to its end.
    pub executing: bool,
    /// The program's wait status.
    pub program: Option<i32>,
    /// The first process's wait status.
    pub init: i32,
    /// What all processes used that were waited for.
    pub usage: libc::rusage,
    /// What the expectations came to, each with its place in the profile.
    pub found: Vec<(u32, Finding)>,
    /// Who ended it, where it was this process.
    pub killed: Option<Killed>,
    /// What its filter refused; none where nobody counted.
    pub refused_calls: Option<Vec<RefusedCall>>,
    /// The call for which the program itself was killed, and why it does not run.
    pub killed_for: Option<(Call, Deadly)>,
    /// Who wanted it to end before it did.
    pub asked: Option<Asked>,
    /// When it was started, in seconds since 1970.
    pub started_unix: u64,
    /// From the start to the end.
    pub wall: Duration,
    /// Bytes that the log could not take in; none where there is no log.
    pub log_lost: Option<u64>,
    /// Whether more may come from inside.
    pub records: Records,
}

/// Whether more may come from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Records {
    Open,
    Ended,
}

/// Why the supervisor killed a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Killed {
    /// The wall time was over.
    WallTime,
    /// The processor time was used up.
    CpuTime,
    /// The kernel has ended a process for memory, and no other.
    Memory,
    /// It wrote more than it may.
    Output,
    /// It was asked to stop and did not.
    StopTimeout,
}

impl Seen {
    pub(super) fn nothing() -> Seen {
        Seen {
            failure: None,
            executing: false,
            program: None,
            init: 0,
            usage: sys::process::no_usage(),
            found: Vec::new(),
            killed: None,
            refused_calls: None,
            killed_for: None,
            asked: None,
            started_unix: 0,
            wall: Duration::ZERO,
            log_lost: None,
            records: Records::Open,
        }
    }

    pub(super) fn records_open(&self) -> bool {
        self.records == Records::Open
    }

    /// Whether the first process left without telling the program's end: its own exit code is not the
    /// program's.
    pub(super) fn is_lost(&self) -> bool {
        let told = self.failure.is_some() || self.program.is_some();
        self.executing && !told && libc::WIFEXITED(self.init)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_was_not_told_is_lost_unless_the_first_process_was_killed() {
        let mut seen = Seen {
            executing: true,
            init: 1 << 8,
            ..Seen::nothing()
        };
        assert!(seen.is_lost());
        seen.program = Some(7 << 8);
        assert!(!seen.is_lost());
        let killed = Seen {
            executing: true,
            init: libc::SIGKILL,
            ..Seen::nothing()
        };
        assert!(!killed.is_lost());
    }
}
