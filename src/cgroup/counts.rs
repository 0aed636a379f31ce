//! Control files that count, read alike from groups of both versions; nothing where a group has no such file.

use std::path::Path;
use std::time::Duration;

use super::file::{keyed, read};
use crate::model::Pressure;

/// The one number of a file.
pub(super) fn number(group: &Path, file: &str) -> Option<u64> {
    read(&group.join(file)).ok()?.trim_end().parse().ok()
}

/// CPU time of all processes, those that have ended too: `cpu.stat` of v2, which every group has, or `cpuacct` of v1.
pub(super) fn cpu_used(group: &Path) -> Option<Duration> {
    let unified = read(&group.join("cpu.stat")).ok();
    let unified = unified.and_then(|text| keyed(&text, "usage_usec"));
    let unified = unified.map(Duration::from_micros);
    unified.or_else(|| number(group, "cpuacct.usage").map(Duration::from_nanos))
}

/// The most memory at once: `memory.peak` (Linux 5.19), or the high-water mark of v1.
pub(super) fn memory_peak(group: &Path) -> Option<u64> {
    let files = ["memory.peak", "memory.max_usage_in_bytes"];
    files.into_iter().find_map(|file| number(group, file))
}

/// Periods in which the quota was used up, and for how long processes waited for the next: `cpu.stat`, which has
/// these lines in groups with the controller only.
pub(super) fn throttled(group: &Path) -> Option<(u64, Duration)> {
    let text = read(&group.join("cpu.stat")).ok()?;
    let periods = keyed(&text, "nr_throttled")?;
    let unified = keyed(&text, "throttled_usec").map(Duration::from_micros);
    // v1 counts nanoseconds.
    let time = unified.or_else(|| keyed(&text, "throttled_time").map(Duration::from_nanos))?;
    Some((periods, time))
}

/// Bytes read and written on all devices: of io.stat, or of the throttling policy of v1, which counts what
/// reaches a device.
pub(super) fn transferred(group: &Path) -> Option<(u64, u64)> {
    if let Ok(text) = read(&group.join("io.stat")) {
        let sum = |key: &str| {
            let words = text.split_ascii_whitespace();
            let values = words.filter_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            values
                .filter_map(|value| value.parse::<u64>().ok())
                .fold(0u64, u64::saturating_add)
        };
        return Some((sum("rbytes"), sum("wbytes")));
    }
    let text = read(&group.join("blkio.throttle.io_service_bytes")).ok()?;
    let sum = |key: &str| {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let values = lines.filter_map(|(_, rest)| rest.strip_prefix(key)?.trim().parse().ok());
        values.fold(0u64, u64::saturating_add)
    };
    Some((sum("Read "), sum("Write ")))
}

/// Pressure stall information of a group of v2, with whatever controllers (CONFIG_PSI, `psi=1`).
pub(super) fn pressure(group: &Path) -> Option<Pressure> {
    let of = |file: &str| read(&group.join(file)).ok();
    let (cpu, memory, io) = (of("cpu.pressure"), of("memory.pressure"), of("io.pressure"));
    if cpu.is_none() && memory.is_none() && io.is_none() {
        return None;
    }
    let total = |text: &Option<String>, kind: &str| stalled(text.as_deref()?, kind);
    Some(Pressure {
        cpu_some_seconds: total(&cpu, "some"),
        memory_some_seconds: total(&memory, "some"),
        memory_full_seconds: total(&memory, "full"),
        io_some_seconds: total(&io, "some"),
        io_full_seconds: total(&io, "full"),
    })
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=1234`, in microseconds.
fn stalled(text: &str, kind: &str) -> Option<Duration> {
    let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
    let mut words = line.split_ascii_whitespace();
    let total = words.find_map(|word| word.strip_prefix("total="))?;
    total.parse().ok().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(files: &[(&str, &str)]) -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(place.path().join(name), text).unwrap();
        }
        place
    }

    #[test]
    fn throttling_is_counted_in_both_units() {
        let unified = group(&[(
            "cpu.stat",
            "usage_usec 9\nnr_periods 8\nnr_throttled 3\nthrottled_usec 1500000\n",
        )]);
        let v1 = group(&[(
            "cpu.stat",
            "nr_periods 8\nnr_throttled 3\nthrottled_time 1500000000\n",
        )]);
        let expected = Some((3, Duration::from_millis(1500)));
        assert_eq!(throttled(unified.path()), expected);
        assert_eq!(throttled(v1.path()), expected);
        // Without the controller.
        let bare = group(&[("cpu.stat", "usage_usec 9\nuser_usec 9\n")]);
        assert_eq!(throttled(bare.path()), None);
    }

    #[test]
    fn pressure_is_the_totals() {
        let line = |kind: &str, total: u64| {
            format!("{kind} avg10=0.12 avg60=0.00 avg300=0.00 total={total}\n")
        };
        let (cpu, memory) = (
            line("some", 2_000_000),
            line("some", 30) + &line("full", 10),
        );
        let place = group(&[("cpu.pressure", &cpu), ("memory.pressure", &memory)]);
        let told = pressure(place.path()).unwrap();
        assert_eq!(told.cpu_some_seconds, Some(Duration::from_secs(2)));
        assert_eq!(told.memory_some_seconds, Some(Duration::from_micros(30)));
        assert_eq!(told.memory_full_seconds, Some(Duration::from_micros(10)));
        assert_eq!(told.io_some_seconds, None);
        assert_eq!(pressure(group(&[]).path()), None);
    }
}
