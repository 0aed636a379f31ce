//! What a profile says of system calls beside the name of a policy.

use crate::diag::At;
use crate::model::{OnDeny, SeccompPolicy};
use crate::seccomp::Entry;

use super::kernel::is_unfiltered;
use super::score::{Dimension, Weight};
use super::{Found, Rule, Subject};

/// Opened calls, trials, other architectures.
pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "audit.seccomp-trial",
        dimension: Dimension::Kernel,
        weight: Weight::tenths(50),
        title: "a filter that refuses nothing",
        why: "refused calls run, and the kernel's log alone tells of them: that is to find out what a program \
              needs, not to hold one",
        judge: trial,
    },
    Rule {
        code: "audit.opened-calls",
        dimension: Dimension::Kernel,
        weight: Weight::tenths(30),
        title: "system calls beyond the policy",
        why: "what ordinary programs never call is tested least, and most ways out of sandboxes led through it",
        judge: opened,
    },
    Rule {
        code: "audit.x86",
        dimension: Dimension::Kernel,
        weight: Weight::tenths(2),
        title: "system calls of 32-bit programs",
        why: "they enter the kernel through code of their own, which few programs use",
        judge: x86,
    },
];

/// What an entry weighs that opens something worse than the others.
const HEAVY: &[(&str, u8)] = &[
    ("@mount", 30),
    ("@namespace", 30),
    ("@kernel-program", 20),
    ("@file-handle", 20),
    ("bpf", 20),
    ("io_uring", 20),
    ("@io-uring", 20),
    ("open_by_handle_at", 20),
    ("@privileged", 30),
    ("@debug", 10),
    ("@keyring", 10),
    ("keyctl", 10),
    ("perf_event_open", 10),
    ("ptrace", 10),
    ("userfaultfd", 10),
];

/// What any other weighs.
const OTHER: u8 = 5;

fn trial(subject: &Subject<'_>) -> Vec<Found> {
    let settings = subject.settings;
    let on_deny = &settings.syscalls.on_deny;
    if on_deny.value != OnDeny::Log || settings.seccomp.value == SeccompPolicy::None {
        return Vec::new();
    }
    let message = "system calls that the policy refuses run all the same";
    let fix = "leave `on_deny = \"log\"` out when the policy has been tried";
    vec![Found::new(&on_deny.origin, message, fix)]
}

/// Where nothing is refused nothing is opened: no filter at all must not score lower than a longer list.
fn opened(subject: &Subject<'_>) -> Vec<Found> {
    if is_unfiltered(subject) {
        return Vec::new();
    }
    subject.settings.syscalls.allow.iter().map(entry).collect()
}

fn entry(allowed: &At<Entry>) -> Found {
    let name = allowed.value.to_string();
    let heavy = HEAVY.iter().find(|(start, _)| name.starts_with(start));
    let message = format!("the program may call `{name}`, which the policy refuses");
    let fix =
        "leave it out; the report names the calls that were refused and would have been needed";
    Found::new(&allowed.origin, message, fix)
        .weighing(Weight::tenths(heavy.map_or(OTHER, |(_, weight)| *weight)))
}

fn x86(subject: &Subject<'_>) -> Vec<Found> {
    let x86 = &subject.settings.syscalls.x86;
    if !x86.value.is_on() || is_unfiltered(subject) {
        return Vec::new();
    }
    let message = "the program may make the system calls of 32-bit programs";
    let fix = "leave `\"x86\"` out, where no program of 32 bits runs";
    vec![Found::new(&x86.origin, message, fix)]
}
