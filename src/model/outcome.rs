//! What happened to a run.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// Everything that the report says of a finished run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The sandbox's name, with the number of a second run.
    pub name: String,
    /// How it ended.
    pub ending: Ending,
    /// The exit code of `sandbox` itself.
    pub exit_code: u8,
    /// From the start of the program to its end, in seconds.
    #[serde(serialize_with = "seconds", rename = "wall_seconds")]
    pub wall: Duration,
    /// What it used.
    pub usage: Usage,
    /// What held, layer by layer.
    pub enforced: Vec<Enforced>,
    /// What the host could not give and the profile allowed to miss.
    pub degraded: Vec<Degraded>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Ending {
    /// The program left with a code.
    Exited {
        /// Its exit status.
        code: u8,
    },
    /// A signal ended it.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// A limit of the profile ended it.
    Limit {
        /// Which one.
        limit: LimitKind,
        /// The signal that carried it out.
        signal: i32,
    },
}

/// The limits that can end a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitKind {
    /// `limits.memory`: the kernel's out-of-memory killer.
    Memory,
    /// `limits.wall_time`.
    WallTime,
}

/// What a run used; `None` where the host cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Usage {
    /// User CPU time of all processes, seconds.
    #[serde(serialize_with = "seconds_or_null")]
    pub user_seconds: Option<Duration>,
    /// System CPU time of all processes, seconds.
    #[serde(serialize_with = "seconds_or_null")]
    pub system_seconds: Option<Duration>,
    /// Peak memory of the whole sandbox, bytes (cgroup).
    pub memory_peak_bytes: Option<u64>,
    /// Largest resident set of any one process, bytes (getrusage(2)).
    pub max_rss_bytes: Option<u64>,
    /// Most processes and threads at once (cgroup).
    pub pids_peak: Option<u64>,
    /// How often a fork was refused by `limits.pids`.
    pub pids_refused: Option<u64>,
    /// Processes that the out-of-memory killer ended.
    pub oom_kills: Option<u64>,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

fn seconds_or_null<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

/// A layer of isolation that held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enforced {
    /// Its name: `namespace.pid`, `seccomp`, `limits.memory`.
    pub layer: String,
    /// What it was set to.
    pub value: String,
}

/// A part that the host lacks and `allow_degraded` names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Degraded {
    /// The key: `limits.memory`.
    pub key: String,
    /// Why it is missing.
    pub reason: String,
}
