//! What is said of sandboxes that run.

use std::time::Duration;

use indicatif::HumanBytes;
use schemars::JsonSchema;
use serde::Serialize;
use unicode_width::UnicodeWidthChar;

use super::printable::{json_escaped, printable};
use super::schema::schema_of;
use super::table::table;
use crate::model::{Figures, RunState, RunningSandbox};

/// The list for people.
pub fn text(list: &[RunningSandbox]) -> String {
    if list.is_empty() {
        return "no sandboxes\n".to_owned();
    }
    let head = ["NAME", "STATE", "PID", "AGE", "COMMAND", "PROFILE"].map(str::to_owned);
    let rows = list.iter().map(row);
    table(
        &std::iter::once(head).chain(rows).collect::<Vec<_>>(),
        &[2, 3],
    )
}

/// No command takes more of a line.
const LONGEST_COMMAND: usize = 40;

fn row(sandbox: &RunningSandbox) -> [String; 6] {
    let state = match (sandbox.state, sandbox.exit_code) {
        (RunState::Ended, Some(code)) => format!("ended ({code})"),
        (state, _) => state.to_string(),
    };
    let command = printable(&sandbox.command.join(" "));
    let command = shortened(command, LONGEST_COMMAND);
    let age = sandbox.age_seconds.map(Duration::from_secs_f64);
    [
        printable(&sandbox.name),
        state,
        or_dash(sandbox.pid),
        or_dash(age.map(short)),
        command,
        printable(sandbox.profile.as_deref().unwrap_or("-")),
    ]
}

/// The text in so many columns; a wide character takes two.
fn shortened(text: String, columns: usize) -> String {
    let mut width = 0;
    let end = text.char_indices().find(|(_, c)| {
        width += c.width().unwrap_or(0);
        width > columns
    });
    match end {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A time in its largest unit.
fn short(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// The list as JSON.
pub fn json(list: &[RunningSandbox]) -> String {
    printed(&list)
}

fn printed<T: Serialize>(value: &T) -> String {
    // Numbers, texts and lists of them always have a form in JSON.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    json_escaped(&text) + "\n"
}

/// A sandbox and what it uses.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// What it uses.
    #[serde(flatten)]
    pub figures: Figures,
}

/// The figures for people; with those of a moment before, the processor time is a share.
pub fn stats_text(now: &[Measured], before: Option<(&[Measured], Duration)>) -> String {
    if now.is_empty() {
        return "no sandboxes\n".to_owned();
    }
    let cpu = match before {
        Some(_) => "OF ONE CPU",
        None => "CPU TIME",
    };
    let head = [
        "NAME",
        cpu,
        "MEMORY",
        "LIMIT",
        "PIDS",
        "DISK READ",
        "WRITTEN",
    ]
    .map(str::to_owned);
    let rows = now.iter().map(|measured| {
        let Figures {
            cpu_seconds,
            memory_bytes,
            memory_peak_bytes: _,
            memory_limit_bytes,
            pids,
            pids_limit: _,
            read_bytes,
            written_bytes,
            throttled_seconds: _,
        } = measured.figures;
        let bytes = |count: Option<u64>| or_dash(count.map(HumanBytes));
        let total = cpu_seconds.map(|seconds| format!("{seconds:.2} s"));
        [
            printable(&measured.name),
            or_dash(share(measured, before).or(total)),
            bytes(memory_bytes),
            bytes(memory_limit_bytes),
            or_dash(pids),
            bytes(read_bytes),
            bytes(written_bytes),
        ]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    table(&rows, &[1, 2, 3, 4, 5, 6])
}

fn share(now: &Measured, before: Option<(&[Measured], Duration)>) -> Option<String> {
    let (before, time) = before?;
    let before = before.iter().find(|earlier| earlier.name == now.name)?;
    let used = now.figures.cpu_seconds? - before.figures.cpu_seconds?;
    Some(super::footer::share(
        Duration::from_secs_f64(used.max(0.0)),
        time,
    ))
}

/// The figures as JSON.
pub fn stats_json(list: &[Measured]) -> String {
    printed(&list)
}

/// The JSON Schema of [`json`], made from the types themselves, with a line break at its end.
pub fn json_schema() -> String {
    schema_of::<Vec<RunningSandbox>>()
}

/// That of [`stats_json`].
pub fn stats_json_schema() -> String {
    schema_of::<Vec<Measured>>()
}

/// A sandbox, and what else is to be told of it: how it ended, its plan.
pub fn inspected(sandbox: &RunningSandbox, parts: &[String]) -> String {
    let head = text(std::slice::from_ref(sandbox));
    let parts = parts.iter().filter(|part| !part.is_empty());
    parts.fold(head, |above, part| format!("{above}\n{part}"))
}

/// What `sandbox inspect --json` prints.
#[derive(Serialize, JsonSchema)]
struct Inspected<'a> {
    /// As `sandbox ps --json` has it.
    sandbox: &'a RunningSandbox,
    /// The settings and steps, and the files of the profile by number; null where they are not known.
    plan: Option<serde_json::Value>,
    /// The report of its end, by schemas/report.schema.json; null while it runs.
    report: Option<serde_json::Value>,
}

/// The same as JSON.
pub fn inspected_json(
    sandbox: &RunningSandbox,
    plan: Option<serde_json::Value>,
    report: Option<serde_json::Value>,
) -> String {
    printed(&Inspected {
        sandbox,
        plan,
        report,
    })
}

/// That of [`inspected_json`].
pub fn inspected_json_schema() -> String {
    schema_of::<Inspected<'_>>()
}
