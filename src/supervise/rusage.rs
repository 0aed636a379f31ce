//! The kernel's own count of all processes that were waited for, where no group counts.

use std::path::Path;
use std::time::Duration;

use crate::model::Usage;

/// Figures of the groups, completed by those of getrusage(2).
pub(super) fn complete(used: Usage, usage: &libc::rusage) -> Usage {
    let count = |count: i64| u64::try_from(count).ok();
    // ru_maxrss is in KiB, ru_inblock and ru_oublock in units of 512 bytes whatever the device has (getrusage(2)).
    let bytes = |blocks: i64| {
        count(blocks)
            .filter(|_| counts_io())
            .map(|blocks| blocks * 512)
    };
    Usage {
        user_seconds: used.user_seconds.or_else(|| time(usage.ru_utime)),
        system_seconds: used.system_seconds.or_else(|| time(usage.ru_stime)),
        max_rss_bytes: count(usage.ru_maxrss).map(|kib| kib * 1024),
        major_faults: count(usage.ru_majflt),
        read_bytes: used.read_bytes.or_else(|| bytes(usage.ru_inblock)),
        written_bytes: used.written_bytes.or_else(|| bytes(usage.ru_oublock)),
        voluntary_switches: count(usage.ru_nvcsw),
        involuntary_switches: count(usage.ru_nivcsw),
        ..used
    }
}

/// A kernel without CONFIG_TASK_IO_ACCOUNTING says 0, and has no such file.
fn counts_io() -> bool {
    Path::new("/proc/self/io").exists()
}

fn time(time: libc::timeval) -> Option<Duration> {
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let micros = u64::try_from(time.tv_usec).ok()?;
    Some(Duration::from_secs(seconds) + Duration::from_micros(micros))
}
