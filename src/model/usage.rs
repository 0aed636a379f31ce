//! What a run used.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// What a run used; null where the host cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, JsonSchema)]
pub struct Usage {
    /// User CPU time of all processes, seconds: of the control group, else of all that were waited for.
    #[serde(serialize_with = "seconds_or_null")]
    #[schemars(with = "Option<f64>", range(min = 0))]
    pub user_seconds: Option<Duration>,
    /// System CPU time of all processes, seconds.
    #[serde(serialize_with = "seconds_or_null")]
    #[schemars(with = "Option<f64>", range(min = 0))]
    pub system_seconds: Option<Duration>,
    /// Periods of 100 ms in which `limits.cpus` held processes back (of the control group's `cpu.stat`).
    pub throttled_periods: Option<u64>,
    /// For how long it did, seconds, added up over the CPUs.
    #[serde(serialize_with = "seconds_or_null")]
    #[schemars(with = "Option<f64>", range(min = 0))]
    pub throttled_seconds: Option<Duration>,
    /// Peak memory of the whole sandbox, bytes (of the control group).
    pub memory_peak_bytes: Option<u64>,
    /// Largest resident set of any one process, bytes (getrusage(2)).
    pub max_rss_bytes: Option<u64>,
    /// Page faults that had to read from a device, of all processes that were waited for (getrusage(2)).
    pub major_faults: Option<u64>,
    /// Most processes and threads at once (of the control group).
    pub pids_peak: Option<u64>,
    /// How often a fork was refused by `limits.pids`.
    pub pids_refused: Option<u64>,
    /// Processes that the out-of-memory killer ended.
    pub oom_kills: Option<u64>,
    /// Bytes read from block devices: of the control group, else of all processes that were waited for.
    pub read_bytes: Option<u64>,
    /// Bytes written to block devices, or on their way there where no control group counts.
    pub written_bytes: Option<u64>,
    /// How often a process gave its CPU up to wait, of all that were waited for (getrusage(2)).
    pub voluntary_switches: Option<u64>,
    /// How often the kernel gave a process's CPU to another.
    pub involuntary_switches: Option<u64>,
    /// How long processes waited for what they lacked; null where the kernel does not count it for a group.
    pub pressure: Option<Pressure>,
}

/// Pressure stall information, in seconds: `some` while at least one process waited, `full` while none went on.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, JsonSchema)]
pub struct Pressure {
    /// For a CPU.
    #[serde(serialize_with = "seconds_or_null")]
    #[schemars(with = "Option<f64>", range(min = 0))]
    pub cpu_some_seconds: Option<Duration>,
    /// For memory to be freed or read back.
    #[serde(serialize_with = "seconds_or_null")]
    #[schemars(with = "Option<f64>", range(min = 0))]
    pub memory_some_seconds: Option<Duration>,
    /// The same, all of them.
    #[serde(serialize_with = "seconds_or_null")]
    #[schemars(with = "Option<f64>", range(min = 0))]
    pub memory_full_seconds: Option<Duration>,
    /// For a block device.
    #[serde(serialize_with = "seconds_or_null")]
    #[schemars(with = "Option<f64>", range(min = 0))]
    pub io_some_seconds: Option<Duration>,
    /// The same, all of them.
    #[serde(serialize_with = "seconds_or_null")]
    #[schemars(with = "Option<f64>", range(min = 0))]
    pub io_full_seconds: Option<Duration>,
}

fn seconds_or_null<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}
