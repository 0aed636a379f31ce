//! What a run used, in three lines for people.

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
    let rows = [
        [
            "time".to_owned(),
            seconds(Some(outcome.wall)),
            "wall".to_owned(),
            seconds(user_seconds),
            "user".to_owned(),
            seconds(system_seconds),
            "system".to_owned(),
        ],
        [
            "memory".to_owned(),
            bytes(memory_peak_bytes),
            "peak".to_owned(),
            bytes(max_rss_bytes),
            "largest".to_owned(),
            seconds(throttled_seconds),
            "throttled".to_owned(),
        ],
        [
            "other".to_owned(),
            pids_peak.map_or_else(unknown, |count| count.to_string()),
            "processes".to_owned(),
            bytes(read_bytes),
            "read".to_owned(),
            bytes(written_bytes),
            "written".to_owned(),
        ],
    ];
    table(&rows, &[1, 3, 5])
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
