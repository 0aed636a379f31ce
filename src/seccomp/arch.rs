//! Architectures, and the names and numbers of their system calls.

use crate::model::Call;

use super::table::TABLE;
use super::x86;

/// Every x32 call carries this bit.
pub(super) const X32_BIT: u32 = 0x4000_0000;
/// AUDIT_ARCH_ARM: 32-bit programs on 64-bit ARM.
const ARM: u32 = 0x4000_0028;

/// An architecture that policies are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// x86-64, without its 32-bit and x32 entries.
    X86_64,
    /// 64-bit ARM, without its 32-bit entry.
    Aarch64,
    /// 32-bit x86, beside x86-64.
    X86,
}

impl Arch {
    /// The architecture that this program was built for, if policies exist for it.
    pub fn native() -> Option<Arch> {
        if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
            Some(Arch::X86_64)
        } else if cfg!(all(target_arch = "aarch64", target_endian = "little")) {
            Some(Arch::Aarch64)
        } else {
            None
        }
    }

    /// The kernel's `AUDIT_ARCH_*` (include/uapi/linux/audit.h): `__AUDIT_ARCH_64BIT`,
    /// `__AUDIT_ARCH_LE` and the machine number of ELF.
    pub fn audit_number(self) -> u32 {
        match self {
            Arch::X86_64 => 0xc000_003e,
            Arch::Aarch64 => 0xc000_00b7,
            Arch::X86 => 0x4000_0003,
        }
    }

    /// What the report calls it.
    pub fn name(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Aarch64 => "aarch64",
            Arch::X86 => "x86",
        }
    }

    /// Its calls, by name, with their numbers.
    pub(super) fn calls(self) -> Box<dyn Iterator<Item = (&'static str, u32)>> {
        match self {
            Arch::X86_64 => Box::new(TABLE.iter().map(|row| (row.name, row.x86_64))),
            Arch::Aarch64 => Box::new(
                TABLE
                    .iter()
                    .filter_map(|row| Some((row.name, row.aarch64?))),
            ),
            Arch::X86 => Box::new(x86::numbers()),
        }
    }
}

/// The place of `name` in the table of 64-bit calls.
pub(super) fn place(name: &str) -> Option<usize> {
    TABLE.binary_search_by_key(&name, |row| row.name).ok()
}

/// The number of the system call `name`, in the kernel's spelling (`newfstatat`, not `fstatat`).
pub fn syscall_number(arch: Arch, name: &str) -> Option<u32> {
    let row = || place(name).map(|place| &TABLE[place]);
    match arch {
        Arch::X86_64 => row().map(|row| row.x86_64),
        Arch::Aarch64 => row().and_then(|row| row.aarch64),
        Arch::X86 => x86::number(name),
    }
}

/// The name of the system call with this number.
pub fn syscall_name(arch: Arch, number: u32) -> Option<&'static str> {
    let mut calls = arch.calls();
    calls
        .find(|(_, known)| *known == number)
        .map(|(name, _)| name)
}

/// A call as the kernel tells it: by its `AUDIT_ARCH_*` and number.
pub fn call(architecture: u32, number: i32) -> Call {
    let bits = number.cast_unsigned();
    let all = [Arch::X86_64, Arch::Aarch64, Arch::X86];
    let arch = all
        .into_iter()
        .find(|arch| arch.audit_number() == architecture);
    let (name, architecture) = match arch {
        // Most of its numbers are those of x86-64 with the bit set.
        Some(Arch::X86_64) if bits & X32_BIT != 0 => {
            (syscall_name(Arch::X86_64, bits & !X32_BIT), "x32")
        }
        Some(arch) => (syscall_name(arch, bits), arch.name()),
        None if architecture == ARM => (None, "arm"),
        None => (None, "other"),
    };
    Call {
        name,
        number,
        architecture,
    }
}

/// Every call of the table, in order.
pub(super) fn call_names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_numbers_are_unique() {
        assert!(TABLE.windows(2).all(|pair| pair[0].name < pair[1].name));
        for arch in [Arch::X86_64, Arch::Aarch64, Arch::X86] {
            let mut numbers: Vec<u32> = arch.calls().map(|(_, number)| number).collect();
            let all = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), all);
        }
    }

    #[test]
    fn a_name_leads_to_its_number_and_back() {
        assert_eq!(syscall_number(Arch::X86_64, "ioctl"), Some(16));
        assert_eq!(syscall_number(Arch::Aarch64, "ioctl"), Some(29));
        assert_eq!(syscall_number(Arch::Aarch64, "open"), None);
        assert_eq!(syscall_name(Arch::Aarch64, 29), Some("ioctl"));
        assert_eq!(syscall_name(Arch::X86_64, 400), None);
    }

    #[test]
    fn a_call_is_told_by_what_the_kernel_says_of_it() {
        let told = |architecture, number| {
            let call = call(architecture, number);
            (call.name(), call.architecture)
        };
        assert_eq!(told(0xc000_003e, 101), ("ptrace".to_owned(), "x86_64"));
        assert_eq!(told(0xc000_00b7, 117), ("ptrace".to_owned(), "aarch64"));
        assert_eq!(told(0x4000_0003, 26), ("ptrace".to_owned(), "x86"));
        assert_eq!(told(0xc000_003e, 0x4000_0027), ("getpid".to_owned(), "x32"));
        assert_eq!(told(ARM, 26), ("26".to_owned(), "arm"));
        assert_eq!(told(0, -7), ("-7".to_owned(), "other"));
    }
}
