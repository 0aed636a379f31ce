//! Who asked a program to end.

use schemars::JsonSchema;
use serde::Serialize;

/// A demand to end that came from outside while the program ran, and what came of it.
///
/// It says nothing of how the program ended: one that was asked can still leave with a code of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stop {
    /// Where it came from.
    pub by: StopSource,
    /// The signal that `sandbox` itself got; null where it was none.
    pub signal: Option<i32>,
    /// Its name without `SIG`.
    pub signal_name: Option<String>,
    /// Who sent it, as `sandbox` sees process ids; null where the kernel did, or a process that it cannot see.
    pub sender_pid: Option<i32>,
    /// The user who sent it.
    pub sender_uid: Option<u32>,
    /// Whether the program ended in time.
    pub answer: StopAnswer,
}

/// Where a demand to end came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StopSource {
    /// Somebody sent `sandbox` a signal.
    Signal,
    /// The process that started `sandbox` has ended (`supervise.kill_on_parent_exit`).
    CallerEnded,
    /// The caller's terminal is gone.
    TerminalClosed,
}

/// What came of a demand to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StopAnswer {
    /// The program ended.
    Ended,
    /// It did not within `supervise.stop_timeout`, and was killed.
    Killed,
}
