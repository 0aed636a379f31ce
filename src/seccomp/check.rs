//! Checks of arguments: the first clause whose tests all hold answers.

use super::answer::Answer;
use super::instruction::{Assembler, Comparison, Label};

/// What becomes of a call, by its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) clauses: Vec<Clause>,
    pub(super) otherwise: Answer,
}

/// An answer, and what must hold for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clause {
    pub(super) tests: Vec<Test>,
    pub(super) answer: Answer,
}

/// A test of one 32-bit word of the arguments.
///
/// The word is what the kernel's own parameter holds: the kernel drops the high half of an `int`,
/// an `unsigned int` or a `umode_t`, so a test that looked at it could be passed by setting it
/// (CVE-2019-10063).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) word: Word,
    pub(super) condition: Condition,
}

/// Half of an argument, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Low(u8),
    High(u8),
}

/// What a word must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// One of these.
    OneOf(&'static [u32]),
    /// This, under the mask.
    Masked { mask: u32, value: u32 },
    /// Any of these bits set.
    AnyBit(u32),
    /// All bits but these clear.
    Within(u32),
    /// Less than this.
    Below(u32),
}

impl Word {
    /// Its offset in `struct seccomp_data`, little-endian.
    fn offset(self) -> u32 {
        match self {
            Word::Low(argument) => 16 + 8 * u32::from(argument),
            Word::High(argument) => 20 + 8 * u32::from(argument),
        }
    }
}

impl Check {
    /// Appends the check to a program; the label is its first instruction.
    pub(super) fn assemble(&self, into: &mut Assembler) -> Label {
        let mut next = into.answer(self.otherwise);
        for clause in self.clauses.iter().rev() {
            let otherwise = next;
            next = into.answer(clause.answer);
            for test in clause.tests.iter().rev() {
                next = test.assemble(into, next, otherwise);
            }
        }
        next
    }
}

impl Test {
    fn assemble(&self, into: &mut Assembler, yes: Label, no: Label) -> Label {
        let compare = match self.condition {
            Condition::OneOf(values) => values.iter().rev().fold(no, |next, value| {
                into.branch(Comparison::Equal, *value, yes, next)
            }),
            Condition::Masked { mask, value } => {
                let compare = into.branch(Comparison::Equal, value, yes, no);
                into.mask(mask, compare)
            }
            Condition::AnyBit(bits) => into.branch(Comparison::AnyBit, bits, yes, no),
            Condition::Within(bits) => into.branch(Comparison::AnyBit, !bits, no, yes),
            Condition::Below(bound) => into.branch(Comparison::AtLeast, bound, no, yes),
        };
        into.load(self.word.offset(), compare)
    }
}
