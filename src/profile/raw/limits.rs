//! `[limits]` as it is written.

use crate::diag::At;
use crate::model::{ByteSize, Cpus, NumberList, Period, Resource, RlimitValue, Weight};
use crate::profile::template::Template;

use super::{Opt, Setting};

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawLimits {
    /// Memory of all processes together.
    pub memory: Opt<Setting<ByteSize>>,
    /// Memory above which they are slowed down.
    pub memory_high: Opt<Setting<ByteSize>>,
    /// Swap of all processes together.
    pub swap: Opt<Setting<ByteSize>>,
    /// CPU bandwidth.
    pub cpus: Opt<Setting<Cpus>>,
    /// Share of CPU time.
    pub cpu_weight: Opt<Setting<Weight>>,
    /// CPUs.
    pub cpuset: Opt<Setting<NumberList>>,
    /// Memory nodes.
    pub memory_nodes: Opt<Setting<NumberList>>,
    /// Processes and threads.
    pub pids: Opt<Setting<u64>>,
    /// Traffic of disks. Key: the device.
    pub io: Vec<At<RawIo>>,
    /// Share of the time of disks.
    pub io_weight: Opt<Setting<Weight>>,
    /// Memory in huge pages. Key: the size of a page.
    pub hugetlb: Vec<RawHugetlb>,
    /// CPU time of all processes together.
    pub cpu_time: Opt<Setting<Period>>,
    /// Time from start to end.
    pub wall_time: Opt<Setting<Period>>,
    /// Bytes of standard output and standard error together.
    pub output: Opt<Setting<ByteSize>>,
    /// `[limits.process]`. Key: the resource.
    pub process: Vec<RawRlimit>,
}

/// One entry of `limits.io`.
#[derive(Debug, Clone, PartialEq)]
pub struct RawIo {
    /// Host path of a block device, or of something on it.
    pub device: At<Template>,
    /// Bytes read in a second.
    pub read_bps: Opt<Setting<ByteSize>>,
    /// Bytes written in a second.
    pub write_bps: Opt<Setting<ByteSize>>,
    /// Requests to read in a second.
    pub read_iops: Opt<Setting<u64>>,
    /// Requests to write in a second.
    pub write_iops: Opt<Setting<u64>>,
}

/// One entry of `limits.hugetlb`.
#[derive(Debug, Clone, PartialEq)]
pub struct RawHugetlb {
    /// The size of a page.
    pub page: At<ByteSize>,
    /// Most of all pages together.
    pub most: At<Setting<ByteSize>>,
}

/// One entry of `[limits.process]`.
#[derive(Debug, Clone, PartialEq)]
pub struct RawRlimit {
    /// Which resource.
    pub resource: At<Resource>,
    /// Soft limit.
    pub soft: At<Setting<RlimitValue>>,
    /// Hard limit; the same as `soft` where one number was written.
    pub hard: At<Setting<RlimitValue>>,
}
