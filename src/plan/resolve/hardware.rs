//! Limits of what the machine has in pieces: CPUs, memory nodes, disks, huge pages.

use crate::diag::{At, Problem};
use crate::model::{ByteSize, Cpus, DiskFact, Hardware, NumberList};
use crate::plan::{Amount, Disk, IoLimit, IoRate, Purpose};
use crate::profile::raw::{Opt, RawHugetlb, RawIo, Setting};

use super::scope::Scope;

/// What the machine has, where that is known.
fn machine<'a>(scope: &mut Scope<'a>) -> Option<&'a Hardware> {
    let facts = scope.facts()?;
    scope.wanted.hardware = true.into();
    facts.hardware.as_ref()
}

/// What the machine has, for limits that a smaller machine meets by itself. Only judging asks: a start in a sandbox
/// that is smaller than its profile allows is what the profile allows.
fn size_of_machine<'a>(scope: &mut Scope<'a>) -> Option<&'a Hardware> {
    match scope.given.purpose {
        Purpose::Judge => machine(scope),
        Purpose::Start => None,
    }
}

/// `limits.cpus`.
pub(super) fn cpus(cpus: At<Cpus>, scope: &mut Scope<'_>) -> At<Amount> {
    let there = size_of_machine(scope).and_then(|machine| machine.cpus.count());
    if let Some(there) = there.filter(|there| cpus.value.thousandths > there * 1000) {
        let message = format!("`limits.cpus` is {}, and this host has {there}", cpus.value);
        warn_unused(&cpus, message, scope);
    }
    cpus.map(Amount::Cpus)
}

/// `limits.memory` and `limits.memory_high`, by key.
pub(super) fn memory(size: &At<ByteSize>, key: &str, scope: &mut Scope<'_>) {
    let there = size_of_machine(scope).and_then(|machine| machine.memory);
    if let Some(there) = there.filter(|there| size.value > *there) {
        let there = there.0 >> 20;
        let message = format!("`{key}` is {}, and this host has {there}M", size.value);
        warn_unused(size, message, scope);
    }
}

fn warn_unused<T>(at: &At<T>, message: String, scope: &mut Scope<'_>) {
    let problem = Problem::warning("limits.above-host", &at.origin, message);
    scope.report(problem.help("write less where it is meant to limit something on this host"));
}

/// `limits.cpuset`.
pub(super) fn cpuset(list: At<NumberList>, scope: &mut Scope<'_>) -> At<Amount> {
    if let Some(machine) = machine(scope) {
        judge_list(&list, &machine.cpus, ("limits.cpuset", "CPU"), scope);
    }
    list.map(Amount::Cpuset)
}

/// `limits.memory_nodes`.
pub(super) fn memory_nodes(list: At<NumberList>, scope: &mut Scope<'_>) -> At<Amount> {
    if let Some(machine) = machine(scope) {
        let words = ("limits.memory_nodes", "memory node");
        judge_list(&list, &machine.nodes, words, scope);
    }
    list.map(Amount::MemoryNodes)
}

fn judge_list(
    asked: &At<NumberList>,
    there: &NumberList,
    (key, noun): (&'static str, &str),
    scope: &mut Scope<'_>,
) {
    let Some(number) = asked.value.first_beyond(there) else {
        return;
    };
    let message = format!("`{key}` has {noun} {number}, which this host has not");
    let problem = asked.error("limits.number-not-there", message);
    scope.report(problem.help(format!("write numbers out of `\"{there}\"`")));
}

/// `limits.io`.
pub(super) fn io(raw: &[At<RawIo>], scope: &mut Scope<'_>) -> Vec<At<Amount>> {
    let mut limits: Vec<At<Amount>> = Vec::new();
    for entry in raw {
        let Some(limit) = disk_limit(&entry.value, scope) else {
            continue;
        };
        scope.sound(twice(&limits, &limit, entry));
        limits.push(At::new(Amount::Io(limit), entry.origin.clone()));
    }
    limits
}

/// The kernel keeps one limit a disk: of two partitions the second would undo the first.
fn twice(before: &[At<Amount>], limit: &IoLimit, entry: &At<RawIo>) -> Option<Problem> {
    let same = |at: &&At<Amount>| match &at.value {
        Amount::Io(other) => other.disk == limit.disk && limit.disk != Disk::Symbolic,
        _ => false,
    };
    let first = before.iter().find(same)?;
    let message = format!("`{}` is the disk of another entry", limit.device);
    let problem = entry.error("limits.io-same-disk", message);
    let problem = problem.also(&first.origin, "this one");
    Some(problem.help("write one entry for the whole disk"))
}

fn disk_limit(raw: &RawIo, scope: &mut Scope<'_>) -> Option<IoLimit> {
    let RawIo {
        device,
        read_bps,
        write_bps,
        read_iops,
        write_iops,
    } = raw;
    let path = scope.host_path(device);
    let of = path.clone().unwrap_or_default();
    let bytes = [(IoRate::ReadBps, read_bps), (IoRate::WriteBps, write_bps)];
    let bytes = bytes.map(|(rate, written)| bytes_a_second(rate, written, &of, scope));
    let requests = [
        (IoRate::ReadIops, read_iops),
        (IoRate::WriteIops, write_iops),
    ];
    let requests = requests.map(|(rate, written)| {
        let key = format!("limits.io.{}", rate.key());
        let of = rate.of_disk(&of);
        let number = scope.setting_of(written.as_ref()?, &key, &of)?;
        Some((rate, number.value))
    });
    let rates = bytes.into_iter().chain(requests).flatten().collect();
    let path = path?;
    let disk = disk(&path, device, scope)?;
    Some(IoLimit {
        device: path,
        disk,
        rates,
    })
}

fn bytes_a_second(
    rate: IoRate,
    written: &Opt<Setting<ByteSize>>,
    disk: &str,
    scope: &mut Scope<'_>,
) -> Option<(IoRate, u64)> {
    let key = format!("limits.io.{}", rate.key());
    let size = scope.setting_of(written.as_ref()?, &key, &rate.of_disk(disk))?;
    if size.value.0 == 0 {
        let problem = size.error(
            "limits.io-zero",
            format!("`{key}` is 0, which no disk can be"),
        );
        scope.report(problem.help("write the bytes of a second, such as `\"10M\"`"));
        return None;
    }
    Some((rate, size.value.0))
}

fn disk<T>(path: &str, written: &At<T>, scope: &mut Scope<'_>) -> Option<Disk> {
    let Some(facts) = scope.facts() else {
        return Some(Disk::Symbolic);
    };
    scope.wanted.disks.insert(path.into());
    let problem = |code, message: String| written.error(code, message);
    let offence = match facts.disks.get(std::path::Path::new(path)) {
        // Asked for; the answer comes with the next round.
        None => return Some(Disk::Symbolic),
        Some(DiskFact::Whole { major, minor }) => {
            return Some(Disk::Number {
                major: *major,
                minor: *minor,
            });
        }
        Some(DiskFact::None) => problem(
            "limits.io-no-disk",
            format!("`{path}` is no block device, and lies on none"),
        )
        .help("name a disk such as `/dev/sda`, or a path of a file system that lies on one"),
        Some(DiskFact::Missing) => {
            problem("limits.io-missing", format!("device `{path}` is not there"))
                .help("write a disk that `lsblk` lists")
        }
        Some(DiskFact::Hidden(why)) => problem(
            "limits.io-hidden",
            format!("device `{path}` cannot be looked at: {why}"),
        ),
    };
    scope.report(offence);
    None
}

/// `limits.hugetlb`.
pub(super) fn hugetlb(raw: &[RawHugetlb], scope: &mut Scope<'_>) -> Vec<At<Amount>> {
    raw.iter().filter_map(|entry| pages(entry, scope)).collect()
}

fn pages(raw: &RawHugetlb, scope: &mut Scope<'_>) -> Option<At<Amount>> {
    let RawHugetlb { page, most } = raw;
    let most = scope.setting(most, &format!("limits.hugetlb.{}", page.value))?;
    if let Some(machine) = machine(scope)
        && !machine.huge_pages.contains(&page.value)
    {
        let known: Vec<String> = machine.huge_pages.iter().map(quoted).collect();
        let message = format!("this kernel has no huge pages of {}", page.value);
        let problem = page.error("limits.hugetlb-unknown-page", message);
        scope.report(match known.as_slice() {
            [] => problem.help("leave it out: without huge pages nothing can use any"),
            known => problem.help(format!("write one of {}", known.join(", "))),
        });
        return None;
    }
    if most.value.0 % page.value.0 != 0 {
        let message = format!(
            "`limits.hugetlb` of {} bytes is no whole number of pages of {}",
            most.value.0, page.value
        );
        let whole = ByteSize(most.value.0 / page.value.0 * page.value.0);
        let problem = most.error("limits.hugetlb-part-of-page", message);
        scope.report(problem.help(format!("write `\"{whole}\"`, or a page more")));
        return None;
    }
    let page = page.value;
    Some(most.map(|most| Amount::Hugetlb { page, most }))
}

fn quoted(size: &ByteSize) -> String {
    format!("`\"{size}\"`")
}
