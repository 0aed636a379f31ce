//! Limits to control files: which value goes where. Pure.

use super::error::Cause;
use crate::model::{ByteSize, CgroupVersion, Cpus};
use crate::plan::Amount;

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// The control file.
    pub file: &'static str,
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
}

impl Setting {
    fn new(file: &'static str, value: impl ToString) -> Setting {
        Setting {
            file,
            value: value.to_string(),
            need: Need::Required,
        }
    }
}

/// The controller of v1 that counts CPU time; each group of v2 counts it without one.
pub(super) const CPU_ACCOUNTING: &str = "cpuacct";

/// The controller that enforces a limit, or counts what it is about.
pub(super) fn controller(amount: Amount) -> &'static str {
    match amount {
        Amount::CpuTime(_) => CPU_ACCOUNTING,
        Amount::Memory(_) | Amount::Swap(_) => "memory",
        Amount::Cpus(_) => "cpu",
        Amount::Pids(_) => "pids",
    }
}

/// Memory comes before swap: on v1 the sum of both may never be below the first.
pub(super) fn rank(amount: Amount) -> u8 {
    match amount {
        Amount::Memory(_) => 0,
        Amount::Swap(_) => 1,
        Amount::Cpus(_) => 2,
        Amount::Pids(_) => 3,
        Amount::CpuTime(_) => 4,
    }
}

/// The writes for a limit in a new group, in order; `memory` is the memory limit that holds already.
pub(super) fn settings(
    version: CgroupVersion,
    amount: Amount,
    memory: Option<ByteSize>,
) -> Result<Vec<Setting>, Cause> {
    match (amount, version) {
        (Amount::Memory(size), CgroupVersion::V1) => {
            Ok(vec![Setting::new("memory.limit_in_bytes", size.0)])
        }
        (Amount::Memory(size), CgroupVersion::V2) => Ok(memory_v2(size)),
        (Amount::Swap(size), CgroupVersion::V1) => swap_v1(size, memory),
        (Amount::Swap(size), CgroupVersion::V2) => {
            Ok(vec![Setting::new("memory.swap.max", size.0)])
        }
        (Amount::Cpus(cpus), CgroupVersion::V1) => Ok(cpus_v1(cpus)),
        (Amount::Cpus(cpus), CgroupVersion::V2) => {
            let Bandwidth { quota, period } = Bandwidth::of(cpus);
            Ok(vec![Setting::new("cpu.max", format!("{quota} {period}"))])
        }
        // The supervisor looks at the count.
        (Amount::CpuTime(_), _) => Ok(Vec::new()),
        (Amount::Pids(count), _) => Ok(vec![Setting::new("pids.max", pids(count))]),
    }
}

/// Out of memory ends the sandbox as a whole, not whichever process happens to be largest: half of
/// a build that goes on without the other half helps nobody. On v1 the kernel has no such switch.
fn memory_v2(size: ByteSize) -> Vec<Setting> {
    let whole_group = Setting {
        need: Need::Helpful,
        ..Setting::new("memory.oom.group", 1)
    };
    vec![Setting::new("memory.max", size.0), whole_group]
}

/// v1 counts memory and swap together, so swap alone has no limit of its own there.
fn swap_v1(swap: ByteSize, memory: Option<ByteSize>) -> Result<Vec<Setting>, Cause> {
    let memory = memory.ok_or(Cause::SwapNeedsMemory)?;
    let both = memory.0.saturating_add(swap.0);
    Ok(vec![Setting::new("memory.memsw.limit_in_bytes", both)])
}

/// A new group's period is 100 ms already, so that most limits are one write.
fn cpus_v1(cpus: Cpus) -> Vec<Setting> {
    let Bandwidth { quota, period } = Bandwidth::of(cpus);
    let quota = Setting::new("cpu.cfs_quota_us", quota);
    if period == Bandwidth::PERIOD {
        vec![quota]
    } else {
        vec![Setting::new("cpu.cfs_period_us", period), quota]
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

/// The kernel takes numbers below 4,194,304 only; more processes than that it can never have.
fn pids(count: u64) -> String {
    const KERNEL_LIMIT: u64 = 4 << 20;
    if count >= KERNEL_LIMIT {
        "max".to_owned()
    } else {
        count.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(version: CgroupVersion, amount: Amount, memory: Option<u64>) -> Vec<String> {
        settings(version, amount, memory.map(ByteSize))
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
            written(V1, memory, None),
            ["memory.limit_in_bytes 314572800"]
        );
        assert_eq!(
            written(V2, memory, None),
            ["memory.max 314572800", "memory.oom.group 1"]
        );
        let swap = Amount::Swap(ByteSize(4096));
        assert_eq!(written(V2, swap, None), ["memory.swap.max 4096"]);
        assert_eq!(
            written(V1, swap, Some(8192)),
            ["memory.memsw.limit_in_bytes 12288"]
        );
        assert_eq!(
            written(V1, swap, Some(u64::MAX)),
            [format!("memory.memsw.limit_in_bytes {}", u64::MAX)]
        );
        assert_eq!(settings(V1, swap, None), Err(Cause::SwapNeedsMemory));
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
