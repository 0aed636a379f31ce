//! One instruction of classic BPF, and how programs are put together from them.

use super::answer::Answer;

/// The kernel's `struct sock_filter` (include/uapi/linux/filter.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// Operation, operand and size.
    pub code: u16,
    /// How many instructions to skip where the comparison holds.
    pub jt: u8,
    /// How many to skip where it does not.
    pub jf: u8,
    /// The constant: an offset, a mask, a value, an answer or the distance of a jump.
    pub k: u32,
}

const LOAD_WORD: u16 = 0x20;
const AND: u16 = 0x54;
const JUMP: u16 = 0x05;
const RETURN: u16 = 0x06;

/// The same program with another answer in the place of `old`.
pub(super) fn replace_answer(
    program: &[Instruction],
    old: Answer,
    new: Answer,
) -> Vec<Instruction> {
    let replaced = program.iter().map(|instruction| match *instruction {
        Instruction {
            code: RETURN, k, ..
        } if k == old.action() => Instruction {
            k: new.action(),
            ..*instruction
        },
        other => other,
    });
    replaced.collect()
}

/// How a conditional jump compares the accumulator with its constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    AtLeast,
    AnyBit,
}

impl Comparison {
    fn code(self) -> u16 {
        match self {
            Comparison::Equal => 0x15,
            Comparison::AtLeast => 0x35,
            Comparison::AnyBit => 0x45,
        }
    }
}

/// A place in a program, counted from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(usize);

/// Puts a program together from its last instruction to its first: BPF jumps forward only, so every
/// target exists before the jump to it.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    reversed: Vec<Instruction>,
    /// The latest return of each answer, which later jumps share while it is near.
    returns: Vec<(Answer, Label)>,
}

impl Assembler {
    /// How far a conditional jump reaches, less one: a step may still come in between.
    const NEAR: usize = u8::MAX as usize - 1;

    /// An instruction that answers, shared where one is near.
    pub(super) fn answer(&mut self, answer: Answer) -> Label {
        let found = self.returns.iter().position(|(known, _)| *known == answer);
        if let Some(place) = found {
            let label = self.returns[place].1;
            if self.distance(label) <= Assembler::NEAR {
                return label;
            }
            self.returns.swap_remove(place);
        }
        let label = self.push(RETURN, answer.action());
        self.returns.push((answer, label));
        label
    }

    /// Loads the word at `offset` of `struct seccomp_data` and goes on at `then`.
    pub(super) fn load(&mut self, offset: u32, then: Label) -> Label {
        self.fall_through(then);
        self.push(LOAD_WORD, offset)
    }

    /// Masks the accumulator and goes on at `then`.
    pub(super) fn mask(&mut self, mask: u32, then: Label) -> Label {
        self.fall_through(then);
        self.push(AND, mask)
    }

    /// Compares the accumulator with `k` and goes to `yes` or `no`, however far they are.
    pub(super) fn branch(&mut self, how: Comparison, k: u32, yes: Label, no: Label) -> Label {
        let yes = self.near(yes);
        let no = self.near(no);
        let (jt, jf) = (self.distance(yes), self.distance(no));
        // Both fit: `near` leaves room for the one instruction that the other may have added.
        debug_assert!(jt.max(jf) <= usize::from(u8::MAX));
        self.reversed.push(Instruction {
            code: how.code(),
            jt: jt as u8,
            jf: jf as u8,
            k,
        });
        self.here()
    }

    /// The finished program.
    pub(super) fn finish(mut self) -> Vec<Instruction> {
        self.reversed.reverse();
        self.reversed
    }

    /// Makes the instruction that is pushed next lead to `then`.
    fn fall_through(&mut self, then: Label) {
        let distance = self.distance(then);
        if distance > 0 {
            self.push(JUMP, distance as u32);
        }
    }

    /// `label`, or a jump to it that a condition reaches.
    fn near(&mut self, label: Label) -> Label {
        let distance = self.distance(label);
        if distance <= Assembler::NEAR {
            return label;
        }
        self.push(JUMP, distance as u32)
    }

    /// How many instructions the next one must skip to reach `label`.
    fn distance(&self, label: Label) -> usize {
        self.reversed.len() - label.0
    }

    fn push(&mut self, code: u16, k: u32) -> Label {
        self.reversed.push(Instruction {
            code,
            jt: 0,
            jf: 0,
            k,
        });
        self.here()
    }

    fn here(&self) -> Label {
        Label(self.reversed.len())
    }
}
