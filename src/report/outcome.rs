//! A finished run: as JSON for machines, and in one line for people where something other than the
//! program ended it.

use libc::{SIGINT, SIGPIPE};
use schemars::JsonSchema;
use serde::Serialize;

use super::failed::Failed;
use super::printable::json_escaped;
use super::schema::schema_of;
use crate::model::{
    ByteSize, Call, Deadly, Ending, LimitKind, Outcome, RefusedCall, Signal, Stop, StopAnswer,
    StopSource,
};

/// The version of the report that is written. A member that is added does not change it, so readers
/// pass over those that they do not know; one that is renamed, removed or gets another meaning does.
pub(super) const VERSION: u8 = 1;

/// What one run of `sandbox` did, as `--report` writes it.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Report")]
struct Report<'a> {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    version: u8,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

/// What a file of `--report` holds.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "Reported")]
#[expect(dead_code, reason = "the schema is made from its fields, nothing else")]
enum Reported<'a> {
    /// The program ran.
    Ran(Report<'a>),
    /// There is no outcome.
    Failed(Failed<'a>),
}

/// The report, with its keys always in the same order, and a line break at its end.
pub fn json(outcome: &Outcome) -> String {
    let report = Report {
        version: VERSION,
        outcome,
    };
    // Plain data with texts as keys: there is nothing in it that JSON cannot say.
    let text = json_escaped(&serde_json::to_string_pretty(&report).unwrap_or_default());
    text + "\n"
}

/// The JSON Schema of [`json`] and of [`failed`](super::failed()), made from the types themselves, with a line break at its end.
pub fn json_schema() -> String {
    schema_of::<Reported<'_>>()
}

/// Why it ended, where that was not the program's own doing, or the limits that may explain why it
/// failed; nothing after an ordinary end.
pub fn summary(outcome: &Outcome) -> Option<String> {
    let ended = match outcome.ending {
        Ending::Exited { .. } => None,
        // As shells: whoever pressed Ctrl-C or closed the pipe knows.
        Ending::Signalled {
            signal: SIGINT | SIGPIPE,
            ..
        } => None,
        Ending::Signalled { signal } => Some(match &outcome.stopped_by {
            Some(stop) => stopped(signal, stop),
            None => signalled(signal),
        }),
        Ending::Limit { limit, .. } => Some(limited(outcome, limit)),
        Ending::Seccomp { call, reason, .. } => Some(killed_for(&call, reason)),
    };
    // A program that failed at a limit often says so in no words that anyone understands.
    let hints = match outcome.exit_code {
        0 => Vec::new(),
        _ => hints(outcome),
    };
    let refused = match outcome.exit_code {
        0 => Vec::new(),
        _ => refused(outcome),
    };
    let parts: Vec<String> = ended.into_iter().chain(hints).chain(refused).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The calls that the policy refused, where they may explain a failure, but the one that is told already.
fn refused(outcome: &Outcome) -> Vec<String> {
    let is_told = |call: &RefusedCall| match outcome.ending {
        Ending::Seccomp { call: told, .. } => {
            call.killed == 1 && (call.name == told.name()) && call.architecture == told.architecture
        }
        _ => false,
    };
    let calls = outcome.refused_calls.iter().flatten();
    let calls = calls.filter(|call| !is_told(call));
    let (killed, refused): (Vec<_>, Vec<_>) = calls.partition(|call| call.killed > 0);
    let told = [
        ("`security.seccomp` refused", refused),
        ("`security.seccomp` killed who called", killed),
    ];
    let told = told.into_iter().filter(|(_, calls)| !calls.is_empty());
    told.map(|(what, calls)| format!("{what} {}", listed(&calls)))
        .collect()
}

fn listed(calls: &[&RefusedCall]) -> String {
    /// Three names tell what kind of program it is; the report has all.
    const MOST: usize = 3;
    let named = calls.iter().take(MOST);
    let named = named.map(|call| called(&call.name, call.architecture));
    let more = calls.len().saturating_sub(MOST);
    let more = (more > 0).then(|| format!("{more} more"));
    named.chain(more).collect::<Vec<_>>().join(", ")
}

/// A call, and whose it is where that is no 64-bit architecture.
fn called(name: &str, architecture: &str) -> String {
    match architecture {
        "x86_64" | "aarch64" => format!("`{name}`"),
        "other" => format!("`{name}` of another architecture"),
        other => format!("`{name}` of {other}"),
    }
}

fn killed_for(call: &Call, reason: Deadly) -> String {
    let what = called(&call.name(), call.architecture);
    let why = match (reason, call.architecture) {
        (Deadly::Refused, _) => "which `security.seccomp` refuses",
        (Deadly::Architecture, "x86") => "which `security.architectures` leaves out",
        (Deadly::Architecture, _) => "whose calls never run",
    };
    format!("killed for calling {what}, {why}")
}

/// The limits that were met and did not end the run themselves.
fn hints(outcome: &Outcome) -> Vec<String> {
    let ended_it = |limit: &LimitKind| matches!(outcome.ending, Ending::Limit { limit: ended, .. } if ended == *limit);
    let met = outcome.limits_hit.iter().filter(|limit| !ended_it(limit));
    met.map(|limit| hint(outcome, *limit)).collect()
}

fn hint(outcome: &Outcome, limit: LimitKind) -> String {
    let subject = format!("`{}`{}", limit.key(), limit_value(outcome, limit));
    let (verb, count) = match limit {
        LimitKind::Memory => ("ended", outcome.usage.oom_kills),
        LimitKind::Pids => ("refused", outcome.usage.pids_refused),
        LimitKind::WallTime | LimitKind::CpuTime | LimitKind::Output => {
            return format!("{subject} was over");
        }
    };
    match count {
        Some(1) => format!("{subject} {verb} 1 process"),
        Some(count) => format!("{subject} {verb} {count} processes"),
        None => format!("{subject} {verb} processes"),
    }
}

fn limited(outcome: &Outcome, limit: LimitKind) -> String {
    let key = limit.key();
    let value = limit_value(outcome, limit);
    match limit {
        LimitKind::Memory => {
            let peak = outcome.usage.memory_peak_bytes.map(rounded);
            let peak = peak.map_or_else(String::new, |peak| format!(" (peak {peak})"));
            format!("killed: `{key}`{value} was used up{peak}")
        }
        LimitKind::WallTime => format!("killed: `{key}`{value} was over"),
        LimitKind::CpuTime => format!("killed: `{key}`{value} was used up"),
        LimitKind::Output => format!("killed: it wrote more than `{key}`{value}"),
        LimitKind::Pids => format!("killed: `{key}`{value} was reached"),
    }
}

/// ` 300M`; nothing where the limit is not known.
fn limit_value(outcome: &Outcome, limit: LimitKind) -> String {
    let mut layers = outcome.isolation.iter();
    let value = layers.find(|layer| layer.layer == limit.key());
    let value = value.and_then(|layer| layer.value.as_ref());
    value.map_or_else(String::new, |value| format!(" {value}"))
}

/// Killed by a signal after somebody had asked for the end.
fn stopped(signal: i32, stop: &Stop) -> String {
    let who = match (stop.by, &stop.signal_name) {
        (StopSource::Signal, Some(name)) => format!("SIG{name} to `sandbox`"),
        (StopSource::Signal, None) => "a signal to `sandbox`".to_owned(),
        (StopSource::CallerEnded, _) => "the end of the process that started it".to_owned(),
        (StopSource::TerminalClosed, _) => "the end of its terminal".to_owned(),
    };
    match stop.answer {
        StopAnswer::Killed => {
            format!("killed: it did not end within `supervise.stop_timeout` after {who}")
        }
        StopAnswer::Ended => format!("{} after {who}", signalled(signal)),
    }
}

fn signalled(signal: i32) -> String {
    let name = Signal::name_of(signal);
    if signal == libc::SIGSYS {
        let why = "a system call that `security.seccomp` does not let run";
        return format!("killed by SIG{name}: it made {why}");
    }
    match name.parse::<i32>() {
        Ok(number) => format!("killed by signal {number}"),
        Err(_) => format!("killed by SIG{name}"),
    }
}

/// A size to three digits, for people: `299M`.
fn rounded(bytes: u64) -> String {
    let units = [(30, "G"), (20, "M"), (10, "K")];
    let unit = units.iter().find(|(shift, _)| bytes >= 1 << shift);
    match unit {
        None => ByteSize(bytes).to_string(),
        Some((shift, name)) => {
            let tenths = (u128::from(bytes) * 10) >> shift;
            match (tenths / 10, tenths % 10) {
                (whole, part) if whole < 100 && part > 0 => format!("{whole}.{part}{name}"),
                (whole, _) => format!("{whole}{name}"),
            }
        }
    }
}
