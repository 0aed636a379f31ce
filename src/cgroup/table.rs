//! Every key of `[limits]` that a control group enforces: where it goes in each interface. Pure.
//!
//! The code that writes limits and the manual that tells of them read the same rows.

use super::error::Cause;
use super::settings::{
    self, Setting, bandwidth_v1, bandwidth_v2, huge_pages_v1, huge_pages_v2, io_v1, io_v2,
    memory_v1, memory_v2, number, shares, swap_v1, weight_v1, weight_v2,
};
use crate::model::{ByteSize, CgroupVersion};
use crate::plan::Amount;

/// One key.
#[derive(Debug)]
pub struct Row {
    /// As in the profile, its table before it: `limits.memory`.
    pub key: &'static str,
    /// In cgroup v1; nothing where v1 has no such limit.
    pub v1: Option<Place>,
    /// In cgroup v2.
    pub v2: Place,
    /// Of a systemd unit; nothing where systemd has none. It stands in the manual for whoever knows
    /// the limit by this name: nothing of ours sets it, since a unit's limit would count the
    /// supervisor too.
    pub property: Option<&'static str>,
    /// What becomes of the value.
    pub conversion: &'static str,
}

/// Where a limit goes in one interface.
#[derive(Debug)]
pub struct Place {
    /// The controller.
    pub controller: &'static str,
    /// The control files, in the order in which they are written; `<size>` is that of a page.
    pub files: &'static [&'static str],
    /// The writes, out of the amount and the memory limit that holds already.
    write: fn(&Amount, Option<ByteSize>) -> Result<Vec<Setting>, Cause>,
}

const fn place(
    controller: &'static str,
    files: &'static [&'static str],
    write: fn(&Amount, Option<ByteSize>) -> Result<Vec<Setting>, Cause>,
) -> Place {
    Place {
        controller,
        files,
        write,
    }
}

/// The controller of v1 that counts CPU time.
pub(super) const CPU_ACCOUNTING: &str = "cpuacct";

/// Every row, in the order in which limits are written: memory before swap, since the sum of both
/// may never be below the first on v1.
pub static ROWS: [Row; 12] = [
    Row {
        key: "limits.memory",
        v1: Some(place("memory", &["memory.limit_in_bytes"], memory_v1)),
        v2: place("memory", &["memory.max", "memory.oom.group"], memory_v2),
        property: Some("MemoryMax"),
        conversion: "bytes; beyond it all processes are killed together: on v2 by the kernel, on v1 by the supervisor",
    },
    Row {
        key: "limits.memory_high",
        // memory.soft_limit_in_bytes is no such limit: it counts only while the whole host lacks
        // memory, and slows nobody down (Documentation/admin-guide/cgroup-v1/memory.rst, 7).
        v1: None,
        v2: place("memory", &["memory.high"], |amount, _| {
            Ok(vec![number("memory.high", amount)?])
        }),
        property: Some("MemoryHigh"),
        conversion: "bytes; the soft limit of v1 slows nobody down, and does not stand for it",
    },
    Row {
        key: "limits.swap",
        v1: Some(place("memory", &["memory.memsw.limit_in_bytes"], swap_v1)),
        v2: place("memory", &["memory.swap.max"], |amount, _| {
            Ok(vec![number("memory.swap.max", amount)?])
        }),
        property: Some("MemorySwapMax"),
        conversion: "bytes; v1 counts memory and swap together, so that `memory` is added",
    },
    Row {
        key: "limits.cpus",
        v1: Some(place(
            "cpu",
            &["cpu.cfs_period_us", "cpu.cfs_quota_us"],
            bandwidth_v1,
        )),
        v2: place("cpu", &["cpu.max"], bandwidth_v2),
        property: Some("CPUQuota"),
        conversion: "microseconds in each 100 ms; below 0.01 in each longer period, up to 1 s",
    },
    Row {
        key: "limits.cpu_weight",
        v1: Some(place("cpu", &["cpu.shares"], shares)),
        v2: place("cpu", &["cpu.weight"], |amount, _| {
            Ok(vec![number("cpu.weight", amount)?])
        }),
        property: Some("CPUWeight"),
        conversion: "1 to 10000; on v1 1024 shares for 100, between 2 and 262144",
    },
    Row {
        key: "limits.cpuset",
        v1: Some(place("cpuset", &["cpuset.cpus"], settings::cpus)),
        v2: place("cpuset", &["cpuset.cpus"], settings::cpus),
        property: Some("AllowedCPUs"),
        conversion: "a list of CPUs",
    },
    Row {
        key: "limits.memory_nodes",
        v1: Some(place("cpuset", &["cpuset.mems"], settings::nodes)),
        v2: place("cpuset", &["cpuset.mems"], settings::nodes),
        property: Some("AllowedMemoryNodes"),
        conversion: "a list of memory nodes",
    },
    Row {
        key: "limits.pids",
        v1: Some(place("pids", &["pids.max"], settings::processes)),
        v2: place("pids", &["pids.max"], settings::processes),
        property: Some("TasksMax"),
        conversion: "a count; 4194304 and more are no limit",
    },
    Row {
        key: "limits.io",
        v1: Some(place(
            "blkio",
            &[
                "blkio.throttle.read_bps_device",
                "blkio.throttle.write_bps_device",
                "blkio.throttle.read_iops_device",
                "blkio.throttle.write_iops_device",
            ],
            io_v1,
        )),
        v2: place("io", &["io.max"], io_v2),
        property: Some("IOReadBandwidthMax, IOWriteBandwidthMax, IOReadIOPSMax, IOWriteIOPSMax"),
        conversion: "for the whole disk, by its numbers; v1 does not see writes that wait in the page cache",
    },
    Row {
        key: "limits.io_weight",
        v1: Some(place(
            "blkio",
            &["blkio.bfq.weight", "blkio.weight"],
            weight_v1,
        )),
        v2: place("io", &["io.weight", "io.bfq.weight"], weight_v2),
        property: Some("IOWeight"),
        conversion: "1 to 10000; of bfq 1 to 1000, with 100 in the middle for both. Disks with the scheduler bfq or with io.cost.qos obey it",
    },
    Row {
        key: "limits.hugetlb",
        v1: Some(place(
            "hugetlb",
            &[
                "hugetlb.<size>.limit_in_bytes",
                "hugetlb.<size>.rsvd.limit_in_bytes",
            ],
            huge_pages_v1,
        )),
        v2: place(
            "hugetlb",
            &["hugetlb.<size>.max", "hugetlb.<size>.rsvd.max"],
            huge_pages_v2,
        ),
        property: None,
        conversion: "bytes of each size of page; reservations too, so that mmap(2) fails instead of a SIGBUS later",
    },
    Row {
        key: "limits.cpu_time",
        v1: Some(place(CPU_ACCOUNTING, &[], |_, _| Ok(Vec::new()))),
        // Each group counts it.
        v2: place("", &[], |_, _| Ok(Vec::new())),
        property: None,
        conversion: "nothing is written: the supervisor looks at cpuacct.usage of v1, at cpu.stat of v2",
    },
];

/// The row of an amount's key.
pub(super) fn row(amount: &Amount) -> &'static Row {
    let index = rank(amount);
    &ROWS[index]
}

/// Where an amount's row stands.
pub(super) fn rank(amount: &Amount) -> usize {
    match amount {
        Amount::Memory(_) => 0,
        Amount::MemoryHigh(_) => 1,
        Amount::Swap(_) => 2,
        Amount::Cpus(_) => 3,
        Amount::CpuWeight(_) => 4,
        Amount::Cpuset(_) => 5,
        Amount::MemoryNodes(_) => 6,
        Amount::Pids(_) => 7,
        Amount::Io(_) => 8,
        Amount::IoWeight(_) => 9,
        Amount::Hugetlb { .. } => 10,
        Amount::CpuTime(_) => 11,
    }
}

impl Row {
    /// The place in an interface.
    pub fn place(&self, version: CgroupVersion) -> Option<&Place> {
        match version {
            CgroupVersion::V1 => self.v1.as_ref(),
            CgroupVersion::V2 => Some(&self.v2),
        }
    }
}

/// The writes for a limit in a new group, in order; `memory` is the memory limit that holds already.
pub(super) fn writes(
    version: CgroupVersion,
    amount: &Amount,
    memory: Option<ByteSize>,
) -> Result<Vec<Setting>, Cause> {
    let place = row(amount).place(version).ok_or(Cause::NotOnV1)?;
    (place.write)(amount, memory)
}

/// The table as text, in columns for a manual.
pub fn printed() -> String {
    let files = |place: Option<&Place>| match place {
        Some(place) if !place.files.is_empty() => place.files.join(", "),
        Some(_) => "none".to_owned(),
        None => "none".to_owned(),
    };
    let line = |row: &Row| {
        let [v1, v2] = [files(row.v1.as_ref()), files(Some(&row.v2))];
        let property = row.property.unwrap_or("none");
        format!(
            "| {} | {v1} | {v2} | {property} | {} |\n",
            row.key, row.conversion
        )
    };
    let head = "| key | cgroup v1 | cgroup v2 | unit property | value |\n| --- | --- | --- | --- | --- |\n";
    let mut text = head.to_owned();
    text.extend(ROWS.iter().map(line));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cpus, NumberList, Weight};
    use crate::plan::{Disk, IoLimit, IoRate};

    /// One amount of each row.
    fn examples() -> Vec<Amount> {
        let weight = Weight::from_number(200).unwrap();
        let list: NumberList = "0-1".parse().unwrap();
        let io = IoLimit {
            device: "/dev/vda".to_owned(),
            disk: Disk::Number { major: 8, minor: 0 },
            rates: vec![
                (IoRate::ReadBps, 1),
                (IoRate::WriteBps, 2),
                (IoRate::ReadIops, 3),
                (IoRate::WriteIops, 4),
            ],
        };
        vec![
            Amount::Memory(ByteSize(1 << 20)),
            Amount::MemoryHigh(ByteSize(1 << 20)),
            Amount::Swap(ByteSize(0)),
            // Its period differs from the kernel's, so that every file is written.
            Amount::Cpus(Cpus { thousandths: 3 }),
            Amount::CpuWeight(weight),
            Amount::Cpuset(list.clone()),
            Amount::MemoryNodes(list),
            Amount::Pids(4),
            Amount::Io(io),
            Amount::IoWeight(weight),
            Amount::Hugetlb {
                page: ByteSize(2 << 20),
                most: ByteSize(4 << 20),
            },
            Amount::CpuTime("60s".parse().unwrap()),
        ]
    }

    #[test]
    fn every_key_has_its_row_and_every_row_its_files() {
        let examples = examples();
        assert_eq!(examples.len(), ROWS.len());
        for (example, key) in examples.iter().zip(Amount::KEYS) {
            let row = row(example);
            assert_eq!((row.key, example.key()), (key, key));
            for version in [CgroupVersion::V1, CgroupVersion::V2] {
                let Some(place) = row.place(version) else {
                    let found = writes(version, example, None);
                    assert_eq!(found, Err(Cause::NotOnV1), "{key}");
                    continue;
                };
                let settings = writes(version, example, Some(ByteSize(1 << 20))).unwrap();
                let written: Vec<&str> = settings.iter().map(|one| one.file.as_str()).collect();
                let told = place.files.iter().map(|file| file.replace("<size>", "2MB"));
                let told: Vec<String> = told.collect();
                assert_eq!(written, told, "{key}");
                let prefix = format!("{}.", place.controller);
                assert!(
                    written.iter().all(|file| file.starts_with(&prefix)),
                    "{key}"
                );
            }
        }
    }

    #[test]
    fn the_printed_table_has_a_line_for_each_key() {
        let text = printed();
        for key in Amount::KEYS {
            assert!(text.contains(&format!("\n| {key} | ")), "{key}\n{text}");
        }
    }
}
