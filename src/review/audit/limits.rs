//! How much the program may use.

use crate::diag::{At, Origin};
use crate::model::{Degradable, RlimitValue};
use crate::plan::{Amount, GroupLimit, Lacking};

use super::score::{Dimension, Weight};
use super::{Found, Rule, Subject};

/// What is missing, and what may be.
pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "audit.no-memory-limit",
        dimension: Dimension::Limits,
        weight: Weight::tenths(4),
        title: "no limit of memory",
        why: "the program can use up all memory, and the kernel ends others for it",
        judge: no_memory_limit,
    },
    Rule {
        code: "audit.no-pids-limit",
        dimension: Dimension::Limits,
        weight: Weight::tenths(4),
        title: "no limit of processes",
        why: "a fork bomb takes every process id of its user, and of the host",
        judge: no_pids_limit,
    },
    Rule {
        code: "audit.no-swap-limit",
        dimension: Dimension::Limits,
        weight: Weight::tenths(1),
        title: "a limit of memory and none of swap",
        why: "what memory refuses goes to swap, as far as the host has any, and makes all others slow",
        judge: no_swap_limit,
    },
    Rule {
        code: "audit.no-time-limit",
        dimension: Dimension::Limits,
        weight: Weight::NONE,
        title: "no limit of time",
        why: "the program can run for ever on all processors; for what a person watches that is as it should be",
        judge: no_time_limit,
    },
    Rule {
        code: "audit.degraded-limits",
        dimension: Dimension::Limits,
        weight: Weight::tenths(2),
        title: "limits that may be missing",
        why: "on a host that cannot enforce them the program runs without; the report of the run says so",
        judge: degraded_limits,
    },
    Rule {
        code: "audit.degraded-landlock",
        dimension: Dimension::Kernel,
        weight: Weight::NONE,
        title: "a second wall that may be missing",
        why: "a mistake in the mounts, or a descriptor that leads out, then has nothing behind it; \
              the plan and the report of the run say so",
        judge: degraded_landlock,
    },
    Rule {
        code: "audit.core-dumps",
        dimension: Dimension::Limits,
        weight: Weight::tenths(3),
        title: "core dumps without end",
        why: "a crash writes all memory of the program to disk, or hands it to the host's crash handler, \
              which runs as root",
        judge: core_dumps,
    },
];

fn has(subject: &Subject<'_>, kind: fn(&Amount) -> bool) -> bool {
    let limits = subject.settings.group_limits.list.iter();
    limits.map(|limit| &limit.amount).any(kind)
}

fn missing(present: bool, message: &str, fix: &str) -> Vec<Found> {
    match present {
        true => Vec::new(),
        false => vec![Found::new(&Origin::Default, message, fix)],
    }
}

fn no_memory_limit(subject: &Subject<'_>) -> Vec<Found> {
    missing(
        has(subject, |amount| matches!(amount, Amount::Memory(_))),
        "nothing limits the memory of the program",
        "set `memory = \"…\"` under `[limits]`",
    )
}

fn no_pids_limit(subject: &Subject<'_>) -> Vec<Found> {
    missing(
        has(subject, |amount| matches!(amount, Amount::Pids(_))),
        "nothing limits how many processes the program starts",
        "set `pids = 256` under `[limits]`, or what the program needs",
    )
}

fn no_swap_limit(subject: &Subject<'_>) -> Vec<Found> {
    let limits = subject.settings.group_limits.list.iter();
    let memory = limits
        .clone()
        .find(|limit| matches!(limit.amount, Amount::Memory(_)));
    let swap = has(subject, |amount| matches!(amount, Amount::Swap(_)));
    match memory.filter(|_| !swap) {
        Some(memory) => vec![Found::new(
            &memory.origin,
            "memory is limited, and swap is not",
            "set `swap = \"0\"` beside it",
        )],
        None => Vec::new(),
    }
}

fn no_time_limit(subject: &Subject<'_>) -> Vec<Found> {
    let timed = subject.settings.wall_time.is_some();
    missing(
        timed || has(subject, |amount| matches!(amount, Amount::Cpus(_))),
        "nothing limits the processors or the time of the program",
        "set `cpus` or `wall_time` under `[limits]`, where nobody watches it",
    )
}

/// One for each entry: what is left out of the list mends one.
fn degraded_limits(subject: &Subject<'_>) -> Vec<Found> {
    let entries = subject.settings.allow_degraded.iter();
    let limits = entries.filter(|entry| entry.value != Degradable::Landlock);
    limits.map(|entry| degraded(entry, subject)).collect()
}

fn degraded(entry: &At<Degradable>, subject: &Subject<'_>) -> Found {
    let limits = subject.settings.group_limits.list.iter();
    let may_lack = limits.filter(|limit| limit.lacking == Lacking::Reported);
    let covered: Vec<&GroupLimit> = may_lack
        .filter(|limit| {
            entry.value == Degradable::Limits || limit.amount.key() == entry.value.word()
        })
        .collect();
    let word = entry.value;
    let fix = format!("leave `{word}` out of `allow_degraded`, where hosts can enforce it");
    if covered.is_empty() {
        let message = format!("`{word}` may be missing, and the profile does not set it");
        return Found::new(&entry.origin, message, fix).weighing(Weight::NONE);
    }
    let keys: Vec<String> = covered
        .iter()
        .map(|limit| format!("`{}`", limit.amount.key()))
        .collect();
    let verb = if keys.len() == 1 { "is" } else { "are" };
    let message = format!("{} {verb} not enforced on every host", keys.join(", "));
    let found = Found::new(&entry.origin, message, fix);
    // What weighs nothing when it is missing weighs nothing when it may be.
    let weighs = |limit: &&GroupLimit| matches!(limit.amount, Amount::Memory(_) | Amount::Pids(_));
    match covered.iter().any(weighs) {
        true => found,
        false => found.weighing(Weight::NONE),
    }
}

/// A note: without the entry a profile that does not write `landlock = true` runs without it too.
fn degraded_landlock(subject: &Subject<'_>) -> Vec<Found> {
    let entries = subject.settings.allow_degraded.iter();
    let landlock = entries.filter(|entry| entry.value == Degradable::Landlock);
    let found = landlock.map(|entry| {
        let message = "the program runs without Landlock, where the kernel has none";
        let fix = "write `landlock = true` and leave `landlock` out of `allow_degraded`, where \
                   every kernel has it";
        Found::new(&entry.origin, message, fix)
    });
    found.collect()
}

fn core_dumps(subject: &Subject<'_>) -> Vec<Found> {
    let limits = subject.settings.process_limits.iter();
    let open = limits.filter(|limit| {
        limit.resource.key == "core" && limit.limit.value.hard == RlimitValue::Unlimited
    });
    let found = open.map(|limit| {
        let message = "the program may dump its memory without end";
        Found::new(
            &limit.limit.origin,
            message,
            "write `core = 0` under `[limits.process]`",
        )
    });
    found.collect()
}
