//! From what is decided about each number to one program.

use crate::model::guard::{self, Guard};

use super::answer::Answer;
use super::arch::{Arch, X32_BIT};
use super::check::Check;
use super::instruction::{Assembler, Comparison, Instruction, Label};

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// The same whatever its arguments.
    Always(Answer),
    /// It depends on them.
    Checked(Check),
}

/// Offsets in `struct seccomp_data` (include/uapi/linux/seccomp.h).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// The number that a tracer writes to skip a call.
const SKIPPED: u32 = 0xffff_ffff;

/// What is decided about the numbers of one architecture.
pub(super) struct Numbers {
    /// Whose.
    pub(super) arch: Arch,
    /// Indexed by number. Numbers beyond, and those without a decision, answer ENOSYS.
    pub(super) decisions: Vec<Option<Decision>>,
    /// Numbers with a check that are called so often that they skip the search; calls that are always allowed
    /// need no such thing, the kernel answers them from a bitmap (Linux 5.11).
    pub(super) frequent: Vec<u32>,
}

/// Where a number leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Answer(Answer),
    Check(Label),
}

/// A run of numbers, up to the start of the next one, that lead to one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    start: u32,
    target: Target,
}

/// The program for the machine's own architecture and, where its programs run too, for 32-bit x86.
pub(super) fn assemble(native: &Numbers, x86: Option<&Numbers>) -> Vec<Instruction> {
    let mut into = Assembler::default();
    let x86 = x86.map(|numbers| {
        let start = lookup(&mut into, numbers);
        into.load(NUMBER, start)
    });
    let search = lookup(&mut into, native);
    entry(&mut into, native.arch, search, x86);
    into.finish()
}

/// From a number in the accumulator to its answer.
fn lookup(into: &mut Assembler, numbers: &Numbers) -> Label {
    let targets = targets(into, &numbers.decisions);
    let mut start = search(into, &ranges(&targets));
    for number in numbers.frequent.iter().rev() {
        if let Some(Target::Check(check)) = targets.get(*number as usize) {
            start = into.branch(Comparison::Equal, *number, *check, start);
        }
    }
    start
}

/// Appends each check once, and says where every number leads.
fn targets(into: &mut Assembler, decisions: &[Option<Decision>]) -> Vec<Target> {
    let mut checks: Vec<(&Check, Label)> = Vec::new();
    let mut targets = Vec::with_capacity(decisions.len());
    for decision in decisions {
        targets.push(match decision {
            None => Target::Answer(Answer::ENOSYS),
            Some(Decision::Always(answer)) => Target::Answer(*answer),
            Some(Decision::Checked(check)) => {
                let known = checks.iter().find(|(known, _)| *known == check);
                Target::Check(known.map(|(_, label)| *label).unwrap_or_else(|| {
                    let label = check.assemble(into);
                    checks.push((check, label));
                    label
                }))
            }
        });
    }
    targets
}

/// Neighbours that lead to one place become one range; the last range has no end.
fn ranges(targets: &[Target]) -> Vec<Range> {
    let unknown = Target::Answer(Answer::ENOSYS);
    let mut ranges: Vec<Range> = Vec::new();
    for (start, target) in (0..).zip(targets.iter().copied().chain([unknown])) {
        if ranges.last().is_none_or(|last| last.target != target) {
            ranges.push(Range { start, target });
        }
    }
    ranges
}

/// A balanced search: about eight comparisons for the numbers of one architecture, where a list
/// would take hundreds, and a fifth of the time to load.
fn search(into: &mut Assembler, ranges: &[Range]) -> Label {
    match ranges {
        [] => into.answer(Answer::ENOSYS),
        [only] => leaf(into, only.target),
        [around, single, rest]
            if around.target == rest.target && single.start + 1 == rest.start =>
        {
            let no = leaf(into, around.target);
            let yes = leaf(into, single.target);
            into.branch(Comparison::Equal, single.start, yes, no)
        }
        _ => {
            let (below, above) = ranges.split_at(ranges.len() / 2);
            let bound = above[0].start;
            let yes = search(into, above);
            let no = search(into, below);
            into.branch(Comparison::AtLeast, bound, yes, no)
        }
    }
}

fn leaf(into: &mut Assembler, target: Target) -> Label {
    match target {
        Target::Answer(answer) => into.answer(answer),
        Target::Check(label) => label,
    }
}

/// Architecture and x32 first: the numbers mean nothing before (hardening rule 21).
fn entry(into: &mut Assembler, arch: Arch, search: Label, x86: Option<Label>) {
    let kill = into.answer(Answer::Kill);
    let start = match arch {
        Arch::Aarch64 | Arch::X86 => search,
        Arch::X86_64 if !guard::holds(Guard::X32) => search,
        Arch::X86_64 => {
            let skipped = into.answer(Answer::ENOSYS);
            let high = into.branch(Comparison::Equal, SKIPPED, skipped, kill);
            into.branch(Comparison::AtLeast, X32_BIT, high, search)
        }
    };
    let number = into.load(NUMBER, start);
    if !guard::holds(Guard::Architecture) {
        return;
    }
    let foreign = match x86 {
        Some(x86) => into.branch(Comparison::Equal, Arch::X86.audit_number(), x86, kill),
        None => kill,
    };
    let native = into.branch(Comparison::Equal, arch.audit_number(), number, foreign);
    into.load(ARCHITECTURE, native);
}
