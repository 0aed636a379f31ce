//! What is noted of a run, for the other commands.

use std::io;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::sys::pidfd::Identity;

use super::claim::VERSION;

/// How the supervisor stands to whoever started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runner {
    /// In the caller's own process, at its terminal.
    Attached,
    /// In a session of its own.
    Detached,
}

/// A sandbox whose first process was started.
///
/// Times are those of a clock that nobody sets and that goes on while the machine sleeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this format.
    pub version: u32,
    /// The profile, as the caller wrote it, without private values.
    pub profile: String,
    /// The program and its arguments, without private values.
    pub command: Vec<String>,
    /// Whether the caller waits for it.
    pub runner: Runner,
    /// The supervisor, as [`Identity`] writes itself.
    pub supervisor: String,
    /// The first process inside, likewise.
    pub first_process: String,
    /// Its number in pidfs, where the kernel has that: /proc may hide it.
    #[serde(default)]
    pub first_process_number: Option<u64>,
    /// Whether the end of the first process ends all others (a PID namespace).
    pub first_process_is_init: bool,
    /// The number of the signal that asks the program to end.
    pub stop_signal: i32,
    /// How long to wait then, in milliseconds.
    pub stop_timeout_ms: u64,
    /// When it was started, in milliseconds since the machine was.
    pub started_ms: u64,
    /// The same in seconds since 1970, by the clock of that moment.
    pub started_unix: u64,
}

impl Record {
    /// The version that is written.
    pub const VERSION: u32 = VERSION;

    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(io::Error::other)
    }

    /// A record of this version or a later one that kept the meaning of what this one has.
    pub(super) fn decode(bytes: &[u8]) -> serde_json::Result<Record> {
        serde_json::from_slice(bytes)
    }

    /// The supervisor.
    pub fn supervisor(&self) -> Option<Identity> {
        self.supervisor.parse().ok()
    }

    /// The first process.
    pub fn first_process(&self) -> Option<Identity> {
        let first: Identity = self.first_process.parse().ok()?;
        Some(first.numbered(self.first_process_number))
    }

    /// How long ago it was started.
    pub fn age(&self) -> Duration {
        Duration::from_millis(now_ms().saturating_sub(self.started_ms))
    }
}

/// Milliseconds since the machine was started.
pub fn now_ms() -> u64 {
    // Every kernel has this clock.
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds since 1970; none before it.
pub fn unix_now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
