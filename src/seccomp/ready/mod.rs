//! The programs of policies that grant nothing, made ahead; a test compares them with the compiler's.

mod default;
mod strict;

use super::arch::Arch;
use super::instruction::Instruction;
use super::policy::Base;

/// Operation, both distances, constant.
type Row = (u16, u8, u8, u32);

/// The program for `arch`, where there is one.
pub(super) fn program(base: Base, arch: Arch) -> Option<Vec<Instruction>> {
    let rows = match (base, arch) {
        (Base::Default, Arch::X86_64) => default::X86_64,
        (Base::Default, Arch::Aarch64) => default::AARCH64,
        (Base::Strict, Arch::X86_64) => strict::X86_64,
        (Base::Strict, Arch::Aarch64) => strict::AARCH64,
        (Base::None(_), _) | (_, Arch::X86) => return None,
    };
    let instructions = rows
        .iter()
        .map(|&(code, jt, jf, k)| Instruction { code, jt, jf, k });
    Some(instructions.collect())
}
