//! What is seen of a run.

use std::time::Duration;

use crate::launch::Record;
use crate::model::{Finding, RefusedCall};
use crate::sys;

/// What was seen of a run.
#[derive(Debug, Clone)]
pub struct Seen {
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
    /// From the start to the end.
    pub wall: Duration,
    pub(super) records: Records,
    pub(super) ended: bool,
}

/// Whether more may come from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Records {
    Open,
    Ended,
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
            wall: Duration::ZERO,
            records: Records::Open,
            ended: false,
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

/// Why the supervisor killed a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Killed {
    /// The wall time was over.
    WallTime,
    /// It was asked to stop and did not.
    StopTimeout,
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
