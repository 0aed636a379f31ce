//! What a sandbox may use.

use std::fmt;

use serde::Serialize;

use crate::diag::{At, Origin};
use crate::model::{
    ByteSize, Cpus, InsidePath, NumberList, Period, Resource, Rlimit, Switch, Weight,
};

/// The limits that a control group enforces, each with its place in the profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct GroupLimits {
    /// In the order of the documentation.
    pub list: Vec<GroupLimit>,
    /// A group even without a limit, where the host lets one be made: by it all processes are
    /// stopped, killed and counted at once.
    pub handle: Switch,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Amount {
    /// Memory of all processes together.
    Memory(ByteSize),
    /// Memory above which they are slowed down and have to give pages back.
    MemoryHigh(ByteSize),
    /// Swap beside the memory.
    Swap(ByteSize),
    /// CPU bandwidth.
    Cpus(Cpus),
    /// The share of CPU time where others want it too.
    CpuWeight(Weight),
    /// CPUs that are used.
    Cpuset(NumberList),
    /// Memory nodes that are used.
    MemoryNodes(NumberList),
    /// Processes and threads.
    Pids(u64),
    /// Traffic of one disk.
    Io(IoLimit),
    /// The share of a disk's time where others want it too.
    IoWeight(Weight),
    /// Memory in huge pages of one size.
    Hugetlb {
        /// The size of a page.
        page: ByteSize,
        /// The most of all pages together.
        most: ByteSize,
    },
    /// CPU time of all processes together, which the group counts and the supervisor looks at.
    CpuTime(Period),
}

/// What a sandbox may read from and write to one disk in each second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IoLimit {
    /// The device, or a path on it, of the host.
    pub device: String,
    /// The whole disk that it is.
    pub disk: Disk,
    /// Each rate once, at least one.
    pub rates: Vec<(IoRate, u64)>,
}

/// A disk by the kernel's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disk {
    /// Found on the host.
    Number {
        /// The driver.
        major: u32,
        /// Which of its devices.
        minor: u32,
    },
    /// Nobody looked: the plan is for no host.
    Symbolic,
}

/// What is counted of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum IoRate {
    /// Bytes read.
    ReadBps,
    /// Bytes written.
    WriteBps,
    /// Requests to read.
    ReadIops,
    /// Requests to write.
    WriteIops,
}

impl IoRate {
    /// The key in an entry of `limits.io`.
    pub fn key(self) -> &'static str {
        match self {
            IoRate::ReadBps => "read_bps",
            IoRate::WriteBps => "write_bps",
            IoRate::ReadIops => "read_iops",
            IoRate::WriteIops => "write_iops",
        }
    }

    /// This rate of one disk, as messages call it.
    pub fn of_disk(self, device: &str) -> String {
        format!("limits.io of `{device}`, {}", self.key())
    }

    /// A rate as a profile writes it.
    fn value(self, rate: u64) -> String {
        match self {
            IoRate::ReadBps | IoRate::WriteBps => ByteSize(rate).to_string(),
            IoRate::ReadIops | IoRate::WriteIops => rate.to_string(),
        }
    }
}

impl Amount {
    /// Every key, in the order of the documentation.
    pub const KEYS: [&str; 12] = [
        "limits.memory",
        "limits.memory_high",
        "limits.swap",
        "limits.cpus",
        "limits.cpu_weight",
        "limits.cpuset",
        "limits.memory_nodes",
        "limits.pids",
        "limits.io",
        "limits.io_weight",
        "limits.hugetlb",
        "limits.cpu_time",
    ];

    /// The key in the profile: `limits.memory`.
    pub fn key(&self) -> &'static str {
        match self {
            Amount::Memory(_) => "limits.memory",
            Amount::MemoryHigh(_) => "limits.memory_high",
            Amount::Swap(_) => "limits.swap",
            Amount::Cpus(_) => "limits.cpus",
            Amount::CpuWeight(_) => "limits.cpu_weight",
            Amount::Cpuset(_) => "limits.cpuset",
            Amount::MemoryNodes(_) => "limits.memory_nodes",
            Amount::Pids(_) => "limits.pids",
            Amount::Io(_) => "limits.io",
            Amount::IoWeight(_) => "limits.io_weight",
            Amount::Hugetlb { .. } => "limits.hugetlb",
            Amount::CpuTime(_) => "limits.cpu_time",
        }
    }

    /// The value as a profile writes it; of a table its parts.
    pub fn value(&self) -> String {
        match self {
            Amount::Memory(size) | Amount::MemoryHigh(size) | Amount::Swap(size) => {
                size.to_string()
            }
            Amount::Cpus(cpus) => cpus.to_string(),
            Amount::CpuWeight(weight) | Amount::IoWeight(weight) => weight.to_string(),
            Amount::Cpuset(list) | Amount::MemoryNodes(list) => list.to_string(),
            Amount::Pids(count) => count.to_string(),
            Amount::Io(limit) => limit.to_string(),
            Amount::Hugetlb { page, most } => format!("{page}:{most}"),
            Amount::CpuTime(time) => time.to_string(),
        }
    }
}

impl fmt::Display for IoLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rates = self.rates.iter();
        let rates = rates.map(|(rate, number)| format!("{}={}", rate.key(), rate.value(*number)));
        let rates: Vec<String> = rates.collect();
        write!(f, "{}:{}", self.device, rates.join(","))
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
