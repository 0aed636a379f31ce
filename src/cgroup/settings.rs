//! Limits to what is written into control files. Pure.

use super::error::Cause;
use crate::model::{ByteSize, Cpus};
use crate::plan::{Amount, Disk, IoLimit, IoRate};

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// The control file.
    pub file: String,
    /// What to write.
    pub value: String,
    /// Whether the limit holds without it.
    pub need: Need,
}

/// Whether a limit holds without a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It does not.
    Required,
    /// It does; a kernel that lacks the file is fine.
    Helpful,
    /// It does by any of several such writes: by none it does not.
    AnyOf,
}

impl Setting {
    fn new(file: impl Into<String>, value: impl ToString) -> Setting {
        Setting {
            file: file.into(),
            value: value.to_string(),
            need: Need::Required,
        }
    }

    fn with(self, need: Need) -> Setting {
        Setting { need, ..self }
    }
}

type Settings = Result<Vec<Setting>, Cause>;

/// The amount's number into a file that takes it as it is.
pub(super) fn number(file: &'static str, amount: &Amount) -> Result<Setting, Cause> {
    let number = match amount {
        Amount::Memory(ByteSize(bytes))
        | Amount::MemoryHigh(ByteSize(bytes))
        | Amount::Swap(ByteSize(bytes)) => *bytes,
        Amount::CpuWeight(weight) | Amount::IoWeight(weight) => weight.number(),
        Amount::Pids(count) => *count,
        _ => return Err(Cause::Refused),
    };
    Ok(Setting::new(file, number))
}

pub(super) fn memory_v1(amount: &Amount, _: Option<ByteSize>) -> Settings {
    Ok(vec![number("memory.limit_in_bytes", amount)?])
}

/// Out of memory ends the sandbox as a whole, not whichever process happens to be largest: half of
/// a build that goes on without the other half helps nobody. On v1 the kernel has no such switch, and
/// the supervisor is told ([`Groups::memory_alarm`](super::Groups::memory_alarm)).
pub(super) fn memory_v2(amount: &Amount, _: Option<ByteSize>) -> Settings {
    let whole_group = Setting::new("memory.oom.group", 1).with(Need::Helpful);
    Ok(vec![number("memory.max", amount)?, whole_group])
}

/// v1 counts memory and swap together, so swap alone has no limit of its own there.
pub(super) fn swap_v1(amount: &Amount, memory: Option<ByteSize>) -> Settings {
    let Amount::Swap(swap) = amount else {
        return Err(Cause::Refused);
    };
    let memory = memory.ok_or(Cause::SwapNeedsMemory)?;
    let both = memory.0.saturating_add(swap.0);
    Ok(vec![Setting::new("memory.memsw.limit_in_bytes", both)])
}

fn bandwidth(amount: &Amount) -> Result<Bandwidth, Cause> {
    match amount {
        Amount::Cpus(cpus) => Ok(Bandwidth::of(*cpus)),
        _ => Err(Cause::Refused),
    }
}

/// A new group's period is 100 ms already, so that most limits are one write.
pub(super) fn bandwidth_v1(amount: &Amount, _: Option<ByteSize>) -> Settings {
    let Bandwidth { quota, period } = bandwidth(amount)?;
    let quota = Setting::new("cpu.cfs_quota_us", quota);
    Ok(if period == Bandwidth::PERIOD {
        vec![quota]
    } else {
        vec![Setting::new("cpu.cfs_period_us", period), quota]
    })
}

pub(super) fn bandwidth_v2(amount: &Amount, _: Option<ByteSize>) -> Settings {
    let Bandwidth { quota, period } = bandwidth(amount)?;
    Ok(vec![Setting::new("cpu.max", format!("{quota} {period}"))])
}

/// What everybody has: 100 of v2 and of bfq, 1024 shares of v1.
const USUAL_WEIGHT: u64 = 100;

/// As the kernel itself turns one into the other (`sched_weight_from_cgroup`).
pub(super) fn shares(amount: &Amount, _: Option<ByteSize>) -> Settings {
    const USUAL_SHARES: u64 = 1024;
    const LEAST: u64 = 2;
    const MOST: u64 = 262_144;
    let Amount::CpuWeight(weight) = amount else {
        return Err(Cause::Refused);
    };
    let shares = (weight.number() * USUAL_SHARES / USUAL_WEIGHT).clamp(LEAST, MOST);
    Ok(vec![Setting::new("cpu.shares", shares)])
}

pub(super) fn cpus(amount: &Amount, _: Option<ByteSize>) -> Settings {
    match amount {
        Amount::Cpuset(list) => Ok(vec![Setting::new("cpuset.cpus", list)]),
        _ => Err(Cause::Refused),
    }
}

pub(super) fn nodes(amount: &Amount, _: Option<ByteSize>) -> Settings {
    match amount {
        Amount::MemoryNodes(list) => Ok(vec![Setting::new("cpuset.mems", list)]),
        _ => Err(Cause::Refused),
    }
}

/// The kernel takes numbers below 4,194,304 only; more processes than that it can never have.
pub(super) fn processes(amount: &Amount, _: Option<ByteSize>) -> Settings {
    const KERNEL_LIMIT: u64 = 4 << 20;
    match amount {
        Amount::Pids(KERNEL_LIMIT..) => Ok(vec![Setting::new("pids.max", "max")]),
        amount => Ok(vec![number("pids.max", amount)?]),
    }
}

/// The limit and the disk's number as control files take it.
fn disk(amount: &Amount) -> Result<(&IoLimit, String), Cause> {
    match amount {
        Amount::Io(limit) => match limit.disk {
            Disk::Number { major, minor } => Ok((limit, format!("{major}:{minor}"))),
            // A plan for no host is never run.
            Disk::Symbolic => Err(Cause::NoDisk),
        },
        _ => Err(Cause::Refused),
    }
}

pub(super) fn io_v1(amount: &Amount, _: Option<ByteSize>) -> Settings {
    let (limit, disk) = disk(amount)?;
    let setting = |(rate, number): &(IoRate, u64)| {
        let file = match rate {
            IoRate::ReadBps => "blkio.throttle.read_bps_device",
            IoRate::WriteBps => "blkio.throttle.write_bps_device",
            IoRate::ReadIops => "blkio.throttle.read_iops_device",
            IoRate::WriteIops => "blkio.throttle.write_iops_device",
        };
        Setting::new(file, format!("{disk} {}", of_disk(*rate, *number)))
    };
    Ok(limit.rates.iter().map(setting).collect())
}

pub(super) fn io_v2(amount: &Amount, _: Option<ByteSize>) -> Settings {
    let (limit, disk) = disk(amount)?;
    let rate = |(rate, number): &(IoRate, u64)| {
        let key = match rate {
            IoRate::ReadBps => "rbps",
            IoRate::WriteBps => "wbps",
            IoRate::ReadIops => "riops",
            IoRate::WriteIops => "wiops",
        };
        format!(" {key}={}", of_disk(*rate, *number))
    };
    let rates: String = limit.rates.iter().map(rate).collect();
    Ok(vec![Setting::new("io.max", format!("{disk}{rates}"))])
}

/// Requests are counted in 32 bits (`tg_set_limit`); a larger number would be cut to its low half.
fn of_disk(rate: IoRate, number: u64) -> u64 {
    match rate {
        IoRate::ReadBps | IoRate::WriteBps => number,
        IoRate::ReadIops | IoRate::WriteIops => number.min(u64::from(u32::MAX)),
    }
}

fn io_weight(amount: &Amount) -> Result<u64, Cause> {
    match amount {
        Amount::IoWeight(weight) => Ok(weight.number()),
        _ => Err(Cause::Refused),
    }
}

/// From 1 to 1000 with 100 for 100: as systemd turns it (`BFQ_WEIGHT`).
fn bfq_weight(weight: u64) -> u64 {
    match weight {
        ..=USUAL_WEIGHT => weight,
        _ => USUAL_WEIGHT + (weight - USUAL_WEIGHT) * 900 / 9_900,
    }
}

/// `blkio.weight` is that of CFQ, which Linux 5.0 dropped: from 10 to 1000, and 500 for everybody.
pub(super) fn weight_v1(amount: &Amount, _: Option<ByteSize>) -> Settings {
    let weight = io_weight(amount)?;
    let cfq = match weight {
        ..=USUAL_WEIGHT => (weight * 5).max(10),
        _ => 500 + (weight - USUAL_WEIGHT) * 500 / 9_900,
    };
    Ok(vec![
        Setting::new("blkio.bfq.weight", bfq_weight(weight)).with(Need::AnyOf),
        Setting::new("blkio.weight", cfq).with(Need::AnyOf),
    ])
}

pub(super) fn weight_v2(amount: &Amount, _: Option<ByteSize>) -> Settings {
    let weight = io_weight(amount)?;
    Ok(vec![
        Setting::new("io.weight", format!("default {weight}")).with(Need::AnyOf),
        Setting::new("io.bfq.weight", bfq_weight(weight)).with(Need::AnyOf),
    ])
}

pub(super) fn huge_pages_v1(amount: &Amount, _: Option<ByteSize>) -> Settings {
    huge_pages(amount, "limit_in_bytes")
}

pub(super) fn huge_pages_v2(amount: &Amount, _: Option<ByteSize>) -> Settings {
    huge_pages(amount, "max")
}

/// A limit of reservations makes mmap(2) fail (since Linux 5.7); without it the page beyond the
/// limit is a SIGBUS at its first use.
fn huge_pages(amount: &Amount, file: &str) -> Settings {
    let Amount::Hugetlb { page, most } = amount else {
        return Err(Cause::Refused);
    };
    let page = kernels_page(*page);
    let used = Setting::new(format!("hugetlb.{page}.{file}"), most.0);
    let reserved = Setting::new(format!("hugetlb.{page}.rsvd.{file}"), most.0);
    Ok(vec![used, reserved.with(Need::Helpful)])
}

/// A size of page as the kernel names its files (`mem_fmt` of mm/hugetlb_cgroup.c).
fn kernels_page(ByteSize(bytes): ByteSize) -> String {
    match bytes {
        0x4000_0000.. => format!("{}GB", bytes >> 30),
        0x10_0000.. => format!("{}MB", bytes >> 20),
        _ => format!("{}KB", bytes >> 10),
    }
}

/// CPU time `quota` in each `period`, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bandwidth {
    pub quota: u64,
    pub period: u64,
}

impl Bandwidth {
    /// The kernel's own default.
    const PERIOD: u64 = 100_000;
    /// The kernel takes no smaller quota (`min_cfs_quota_period`).
    const SMALLEST_QUOTA: u64 = 1_000;
    /// Nor a longer period (`max_cfs_quota_period`).
    const LONGEST_PERIOD: u64 = 1_000_000;

    /// The share of `cpus`; below a hundredth of a CPU by a longer period, since the quota has a floor.
    pub(super) fn of(cpus: Cpus) -> Bandwidth {
        let quota = cpus.thousandths.saturating_mul(Self::PERIOD / 1_000);
        if quota >= Self::SMALLEST_QUOTA {
            return Bandwidth {
                quota,
                period: Self::PERIOD,
            };
        }
        let period = Self::SMALLEST_QUOTA * 1_000 / cpus.thousandths.max(1);
        Bandwidth {
            quota: Self::SMALLEST_QUOTA,
            period: period.min(Self::LONGEST_PERIOD),
        }
    }

    /// Whether it allows no more than `other`.
    pub(super) fn is_within(self, other: Bandwidth) -> bool {
        u128::from(self.quota) * u128::from(other.period)
            <= u128::from(other.quota) * u128::from(self.period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::table::writes;
    use crate::model::{CgroupVersion, NumberList, Weight};

    fn written(version: CgroupVersion, amount: Amount, memory: Option<u64>) -> Vec<String> {
        writes(version, &amount, memory.map(ByteSize))
            .unwrap()
            .into_iter()
            .map(|setting| format!("{} {}", setting.file, setting.value))
            .collect()
    }

    fn cpus(thousandths: u64) -> Amount {
        Amount::Cpus(Cpus { thousandths })
    }

    #[test]
    fn memory_and_swap() {
        use CgroupVersion::{V1, V2};
        let memory = Amount::Memory(ByteSize(300 << 20));
        assert_eq!(
            written(V1, memory.clone(), None),
            ["memory.limit_in_bytes 314572800"]
        );
        assert_eq!(
            written(V2, memory, None),
            ["memory.max 314572800", "memory.oom.group 1"]
        );
        let swap = Amount::Swap(ByteSize(4096));
        assert_eq!(written(V2, swap.clone(), None), ["memory.swap.max 4096"]);
        assert_eq!(
            written(V1, swap.clone(), Some(8192)),
            ["memory.memsw.limit_in_bytes 12288"]
        );
        assert_eq!(
            written(V1, swap.clone(), Some(u64::MAX)),
            [format!("memory.memsw.limit_in_bytes {}", u64::MAX)]
        );
        assert_eq!(writes(V1, &swap, None), Err(Cause::SwapNeedsMemory));
    }

    #[test]
    fn cpu_shares_keep_within_the_kernels_bounds() {
        use CgroupVersion::{V1, V2};
        assert_eq!(written(V1, cpus(1500), None), ["cpu.cfs_quota_us 150000"]);
        assert_eq!(written(V2, cpus(1500), None), ["cpu.max 150000 100000"]);
        assert_eq!(written(V2, cpus(10), None), ["cpu.max 1000 100000"]);
        assert_eq!(
            written(V1, cpus(3), None),
            ["cpu.cfs_period_us 333333", "cpu.cfs_quota_us 1000"]
        );
        assert_eq!(written(V2, cpus(1), None), ["cpu.max 1000 1000000"]);
        assert_eq!(written(V2, cpus(0), None), ["cpu.max 1000 1000000"]);
    }

    #[test]
    fn shares_compare_across_periods() {
        let of = |thousandths| Bandwidth::of(Cpus { thousandths });
        assert!(of(3).is_within(of(10)));
        assert!(of(1000).is_within(of(1000)));
        assert!(!of(2000).is_within(of(1500)));
    }

    #[test]
    fn weights_keep_their_middle() {
        use CgroupVersion::{V1, V2};
        let weight = |number| Weight::from_number(number).unwrap();
        let cpu = |version, number| written(version, Amount::CpuWeight(weight(number)), None);
        assert_eq!(cpu(V1, 100), ["cpu.shares 1024"]);
        assert_eq!(cpu(V1, 1), ["cpu.shares 10"]);
        assert_eq!(cpu(V1, 10_000), ["cpu.shares 102400"]);
        assert_eq!(cpu(V2, 10_000), ["cpu.weight 10000"]);
        let io = |version, number| written(version, Amount::IoWeight(weight(number)), None);
        for (number, bfq, cfq) in [(1, 1, 10), (100, 100, 500), (10_000, 1000, 1000)] {
            let expected = [
                format!("io.weight default {number}"),
                format!("io.bfq.weight {bfq}"),
            ];
            assert_eq!(io(V2, number), expected);
            let expected = [
                format!("blkio.bfq.weight {bfq}"),
                format!("blkio.weight {cfq}"),
            ];
            assert_eq!(io(V1, number), expected);
        }
    }

    #[test]
    fn disks_lists_and_pages() {
        use CgroupVersion::{V1, V2};
        let io = |disk| {
            Amount::Io(IoLimit {
                device: "/dev/sda".to_owned(),
                disk,
                rates: vec![(IoRate::WriteBps, 1 << 20), (IoRate::ReadIops, 1 << 40)],
            })
        };
        let sda = Disk::Number { major: 8, minor: 0 };
        assert_eq!(
            written(V2, io(sda), None),
            ["io.max 8:0 wbps=1048576 riops=4294967295"]
        );
        let throttle = [
            "blkio.throttle.write_bps_device 8:0 1048576",
            "blkio.throttle.read_iops_device 8:0 4294967295",
        ];
        assert_eq!(written(V1, io(sda), None), throttle);
        assert_eq!(writes(V2, &io(Disk::Symbolic), None), Err(Cause::NoDisk));
        let list: NumberList = "0-1,3".parse().unwrap();
        assert_eq!(
            written(V1, Amount::Cpuset(list.clone()), None),
            ["cpuset.cpus 0-1,3"]
        );
        assert_eq!(
            written(V2, Amount::MemoryNodes(list), None),
            ["cpuset.mems 0-1,3"]
        );
        let pages = |page| Amount::Hugetlb {
            page: ByteSize(page),
            most: ByteSize(1 << 30),
        };
        assert_eq!(
            written(V2, pages(1 << 30), None),
            [
                "hugetlb.1GB.max 1073741824",
                "hugetlb.1GB.rsvd.max 1073741824"
            ]
        );
        assert_eq!(kernels_page(ByteSize(64 << 10)), "64KB");
    }

    #[test]
    fn more_processes_than_the_kernel_can_have_are_no_limit() {
        use CgroupVersion::V1;
        assert_eq!(written(V1, Amount::Pids(64), None), ["pids.max 64"]);
        assert_eq!(
            written(V1, Amount::Pids(4_194_303), None),
            ["pids.max 4194303"]
        );
        assert_eq!(written(V1, Amount::Pids(4_194_304), None), ["pids.max max"]);
    }
}
