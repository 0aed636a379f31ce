//! What a sandbox may use.

use serde::Serialize;

use crate::diag::{At, Origin};
use crate::model::{ByteSize, Cpus, InsidePath, Period, Resource, Rlimit};

/// The limits that a control group enforces, each with its place in the profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct GroupLimits {
    /// In the order of the documentation.
    pub list: Vec<GroupLimit>,
    /// The devices that may be opened, where the group can refuse all others: a second wall behind
    /// mounts with nodev.
    pub devices: Vec<DeviceRule>,
}

/// A device that a control group lets its processes read and write; none may be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceRule {
    /// A character device by the kernel's numbers.
    Number {
        /// The driver.
        major: u32,
        /// Which of its devices; none is all of them.
        minor: Option<u32>,
    },
    /// Whatever devices lie at or below a path of the host when the group is made.
    Path(InsidePath),
    /// The caller's own terminal, where the sandbox has none: /dev/stdout leads to it.
    Streams,
}

/// One limit of a control group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupLimit {
    /// What is limited, and to what.
    pub amount: Amount,
    /// The line that asked for it.
    pub origin: Origin,
    /// What happens on a host that cannot enforce it.
    pub lacking: Lacking,
}

/// What a control group limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Amount {
    /// Memory of all processes together.
    Memory(ByteSize),
    /// Swap beside the memory.
    Swap(ByteSize),
    /// CPU bandwidth.
    Cpus(Cpus),
    /// Processes and threads.
    Pids(u64),
    /// CPU time of all processes together, which the group counts and the supervisor looks at.
    CpuTime(Period),
}

impl Amount {
    /// Every key, in the order of the documentation.
    pub const KEYS: [&str; 5] = [
        "limits.memory",
        "limits.swap",
        "limits.cpus",
        "limits.pids",
        "limits.cpu_time",
    ];

    /// The key in the profile: `limits.memory`.
    pub fn key(self) -> &'static str {
        match self {
            Amount::Memory(_) => "limits.memory",
            Amount::Swap(_) => "limits.swap",
            Amount::Cpus(_) => "limits.cpus",
            Amount::Pids(_) => "limits.pids",
            Amount::CpuTime(_) => "limits.cpu_time",
        }
    }

    /// The value as a profile writes it.
    pub fn value(self) -> String {
        match self {
            Amount::Memory(size) | Amount::Swap(size) => size.to_string(),
            Amount::Cpus(cpus) => cpus.to_string(),
            Amount::Pids(count) => count.to_string(),
            Amount::CpuTime(time) => time.to_string(),
        }
    }
}

/// What happens when the host cannot enforce a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Lacking {
    /// Nothing runs.
    Refused,
    /// It runs without, and the report says so (`allow_degraded`).
    Reported,
}

/// One limit of setrlimit(2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProcessLimit {
    /// Which.
    pub resource: Resource,
    /// How much.
    pub limit: At<Rlimit>,
}
