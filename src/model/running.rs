//! Sandboxes that run, as commands tell of them.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// How a sandbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Its tree is built, or its first process is on its way.
    Starting,
    /// It runs.
    Running,
    /// It is frozen.
    Paused,
    /// It was detached and has ended.
    Ended,
    /// Its supervisor was killed, and what it left could not be removed.
    Lost,
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RunState::Starting => "starting",
            RunState::Running => "running",
            RunState::Paused => "paused",
            RunState::Ended => "ended",
            RunState::Lost => "lost",
        })
    }
}

/// A sandbox of the state directory.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunningSandbox {
    /// Its name, with its number.
    pub name: String,
    /// How it stands.
    pub state: RunState,
    /// The first process inside, by the host's number.
    pub pid: Option<i32>,
    /// The supervisor.
    pub supervisor_pid: Option<i32>,
    /// Since it was started, also while the machine slept.
    pub age_seconds: Option<f64>,
    /// When it was started, in seconds since 1970 by the clock of that moment.
    pub started_unix: Option<u64>,
    /// Whether nobody waits for it.
    pub detached: Option<bool>,
    /// Bytes that its program wrote and the log could not take in, as the disk was full; null where there is no log.
    pub log_lost_bytes: Option<u64>,
    /// The exit code of `up`, where it has ended.
    pub exit_code: Option<u8>,
    /// The program and its arguments; values of the caller's environment are not shown.
    pub command: Vec<String>,
    /// The profile, as it was named.
    pub profile: Option<String>,
}

/// What a sandbox uses at a moment; null is what the host does not count for it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, JsonSchema)]
pub struct Figures {
    /// Processor time of all processes together, those that have ended too.
    pub cpu_seconds: Option<f64>,
    /// Memory.
    pub memory_bytes: Option<u64>,
    /// The most of it at once until now.
    pub memory_peak_bytes: Option<u64>,
    /// What of it is allowed.
    pub memory_limit_bytes: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// How many of them are allowed.
    pub pids_limit: Option<u64>,
    /// Read from block devices.
    pub read_bytes: Option<u64>,
    /// Written to block devices.
    pub written_bytes: Option<u64>,
    /// For how long `limits.cpus` held processes back, added up over the CPUs.
    pub throttled_seconds: Option<f64>,
}
