//! Writes limits into a new group, and sees that they hold.

use std::path::Path;

use nix::errno::Errno;
use nix::sys::sysinfo::sysinfo;

use super::error::{Cause, Failure};
use super::file;
use super::settings::{Bandwidth, Need, Setting};
use super::table::writes;
use crate::model::{ByteSize, CgroupVersion, Cpus, Hierarchy, NumberList};
use crate::plan::Amount;

/// Writes one limit into the group at `dir`, beside the memory limit that holds there already.
pub(super) fn apply(
    hierarchy: &Hierarchy,
    dir: &Path,
    amount: &Amount,
    memory: Option<ByteSize>,
) -> Result<(), Failure> {
    let version = hierarchy.version;
    let written = writes(version, amount, memory)
        .map_err(Failure::known)
        .and_then(|list| write_all(version, dir, &list));
    match (amount, written) {
        (Amount::Swap(_), Err(failure)) => without_swap(failure),
        (Amount::Cpus(cpus), Err(failure)) if failure.errno == Some(Errno::EINVAL) => {
            within_outer_quota(hierarchy, *cpus).ok_or(failure)
        }
        (Amount::Cpuset(list), written) => {
            written.map_err(not_in_cpuset)?;
            holds(
                dir,
                list,
                ["cpuset.cpus.effective", "cpuset.effective_cpus"],
            )
        }
        (Amount::MemoryNodes(list), written) => {
            written.map_err(not_in_cpuset)?;
            holds(
                dir,
                list,
                ["cpuset.mems.effective", "cpuset.effective_mems"],
            )
        }
        (Amount::Io(_), Err(failure)) if failure.errno == Some(Errno::ENODEV) => {
            Err(failure.because(Cause::NoDisk))
        }
        (_, written) => written,
    }
}

/// v1 refuses what a group further up does not have (cpuset(7): EACCES, EINVAL).
fn not_in_cpuset(failure: Failure) -> Failure {
    match failure.errno {
        Some(Errno::EACCES | Errno::EINVAL | Errno::ERANGE | Errno::ENOSPC) => {
            failure.because(Cause::NotInCpuset)
        }
        _ => failure,
    }
}

/// v2 takes any number, and gives a group that it can give none of them all that the group above
/// has: what is in force is in another file. On a kernel without it the writing was the judgement.
fn holds(dir: &Path, asked: &NumberList, files: [&str; 2]) -> Result<(), Failure> {
    let found = files.iter().find_map(|name| {
        let path = dir.join(name);
        Some((file::read(&path).ok()?, path))
    });
    let Some((text, path)) = found else {
        return Ok(());
    };
    let in_force: NumberList = text.trim().parse().unwrap_or(NumberList::NONE);
    match in_force.first_beyond(asked) {
        None => Ok(()),
        Some(_) => Err(Failure {
            path: Some(path),
            ..Failure::known(Cause::NotInCpuset)
        }),
    }
}

fn write_all(version: CgroupVersion, dir: &Path, list: &[Setting]) -> Result<(), Failure> {
    let mut lacking = None;
    let mut any = false;
    for Setting { file, value, need } in list {
        let path = dir.join(file);
        match (file::write(&path, value), need) {
            (Ok(()), need) => any |= *need == Need::AnyOf,
            (Err(Errno::ENOENT), Need::Helpful) => {}
            (Err(errno @ Errno::ENOENT), Need::AnyOf) => {
                lacking = Some(Failure::call(version, path, errno));
            }
            (Err(errno), _) => return Err(Failure::call(version, path, errno)),
        }
    }
    lacking.filter(|_| !any).map_or(Ok(()), Err)
}

/// A limit of swap that cannot be written holds nevertheless on a host that has no swap at all.
///
/// Only the host's root could change that while the sandbox runs. `memory.swappiness` is no way
/// out where there is swap: it binds the group's own reclaim, not the host's.
fn without_swap(failure: Failure) -> Result<(), Failure> {
    let cause = match failure.cause {
        Cause::FileMissing => Cause::SwapNotCounted,
        Cause::SwapNeedsMemory => Cause::SwapNeedsMemory,
        _ => return Err(failure),
    };
    // Of the kernel itself: /proc/swaps is often a container's view.
    match sysinfo() {
        Ok(host) if host.swap_total() == 0 => Ok(()),
        _ => Err(failure.because(cause)),
    }
}

/// v1 refuses a share above what a group further up allows; that lower share then holds here too.
fn within_outer_quota(hierarchy: &Hierarchy, cpus: Cpus) -> Option<()> {
    let number = |group: &Path, file: &str| {
        let text = file::read(&group.join(file)).ok()?;
        text.trim_end().parse::<u64>().ok()
    };
    let visible = |group: &&Path| group.starts_with(&hierarchy.mount);
    let outer = hierarchy
        .own
        .ancestors()
        .take_while(visible)
        .find_map(|group| {
            Some(Bandwidth {
                // `-1`, no limit, is no number here.
                quota: number(group, "cpu.cfs_quota_us")?,
                period: number(group, "cpu.cfs_period_us")?,
            })
        })?;
    outer.is_within(Bandwidth::of(cpus)).then_some(())
}
