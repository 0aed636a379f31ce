//! What a run used, in four lines for people.

use std::time::Duration;

use indicatif::HumanBytes;

use super::table::table;
use crate::model::{Outcome, Usage};

/// What `--stats` shows: within 80 columns, `-` for what this host does not count.
pub fn footer(outcome: &Outcome) -> String {
    let Usage {
        user_seconds,
        system_seconds,
        throttled_seconds,
        memory_peak_bytes,
        max_rss_bytes,
        pids_peak,
        read_bytes,
        written_bytes,
        // The report has them, and the line above what a limit did.
        throttled_periods: _,
        major_faults: _,
        pids_refused: _,
        oom_kills: _,
        voluntary_switches: _,
        involuntary_switches: _,
        pressure: _,
    } = outcome.usage;
    let cell = |text: &str| text.to_owned();
    let none = || String::new();
    let busy = user_seconds.zip(system_seconds);
    let busy = busy.map(|(user, system)| share(user + system, outcome.wall));
    let rows = [
        [
            cell("time"),
            seconds(Some(outcome.wall)),
            cell("wall"),
            seconds(user_seconds),
            cell("user"),
            seconds(system_seconds),
            cell("system"),
        ],
        [
            cell("cpu"),
            busy.unwrap_or_else(unknown),
            cell("of one CPU"),
            seconds(throttled_seconds),
            cell("throttled"),
            pids_peak.map_or_else(unknown, |count| count.to_string()),
            cell("processes"),
        ],
        [
            cell("memory"),
            bytes(memory_peak_bytes),
            cell("peak"),
            bytes(max_rss_bytes),
            cell("largest"),
            none(),
            none(),
        ],
        [
            cell("disk"),
            bytes(read_bytes),
            cell("read"),
            bytes(written_bytes),
            cell("written"),
            none(),
            none(),
        ],
    ];
    table(&rows, &[1, 3, 5])
}

/// Processor time as a share of the time that one processor had: two at work all the time are 200 %.
pub(super) fn share(used: Duration, of: Duration) -> String {
    match of.is_zero() {
        true => unknown(),
        false => format!("{:.0} %", 100.0 * used.as_secs_f64() / of.as_secs_f64()),
    }
}

fn unknown() -> String {
    "-".to_owned()
}

fn seconds(time: Option<Duration>) -> String {
    /// From here on hundredths tell nothing and cost columns.
    const LONG: Duration = Duration::from_secs(100_000);
    time.map_or_else(unknown, |time| match time < LONG {
        true => format!("{:.2} s", time.as_secs_f64()),
        false => format!("{} s", time.as_secs()),
    })
}

fn bytes(count: Option<u64>) -> String {
    count.map_or_else(unknown, |count| HumanBytes(count).to_string())
}
