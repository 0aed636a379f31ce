//! What a file was built for, and what that decides.

use std::fmt;

use object::Endianness;
use object::elf;

/// Width of addresses in an ELF file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// 32 bits.
    Bits32,
    /// 64 bits.
    Bits64,
}

/// What an ELF file was built for; two files load into one process only when theirs are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// `e_machine`.
    pub number: elf::Machine,
    /// `EI_CLASS`.
    pub class: Class,
    /// `EI_DATA`.
    pub order: Endianness,
}

/// How a library's machine compares with the one that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It can be loaded.
    Same,
    /// The loader steps over it and searches on.
    Other,
    /// The loader gives up: same class, wrong byte order.
    WrongOrder,
}

/// What the C libraries fix for one machine.
pub(super) struct Traits {
    number: elf::Machine,
    class: Class,
    name: &'static str,
    /// Name of Debian's directories below `/lib` and `/usr/lib`.
    pub multiarch: &'static str,
    /// Where distributions put glibc's loader.
    pub glibc: &'static str,
    /// musl's name, as in `/lib/ld-musl-ARCH.so.1`.
    pub musl: &'static str,
    /// What `$PLATFORM` stands for (`AT_PLATFORM`), where the kernel gives one.
    pub platform: Option<&'static str>,
    /// `_DL_CACHE_DEFAULT_ID` of glibc's `dl-cache.h`.
    pub cache_id: u32,
}

/// Every machine that this crate is built for, and those that run beside them.
static TRAITS: [Traits; 9] = [
    Traits {
        number: elf::EM_X86_64,
        class: Class::Bits64,
        name: "x86-64",
        multiarch: "x86_64-linux-gnu",
        glibc: "/lib64/ld-linux-x86-64.so.2",
        musl: "x86_64",
        platform: Some("x86_64"),
        cache_id: 0x0303,
    },
    Traits {
        number: elf::EM_X86_64,
        class: Class::Bits32,
        name: "x32",
        multiarch: "x86_64-linux-gnux32",
        glibc: "/libx32/ld-linux-x32.so.2",
        musl: "x32",
        platform: Some("x86_64"),
        cache_id: 0x0803,
    },
    Traits {
        number: elf::EM_386,
        class: Class::Bits32,
        name: "32-bit x86",
        multiarch: "i386-linux-gnu",
        glibc: "/lib/ld-linux.so.2",
        musl: "i386",
        platform: Some("i686"),
        cache_id: 0x0003,
    },
    Traits {
        number: elf::EM_AARCH64,
        class: Class::Bits64,
        name: "AArch64",
        multiarch: "aarch64-linux-gnu",
        glibc: "/lib/ld-linux-aarch64.so.1",
        musl: "aarch64",
        platform: Some("aarch64"),
        cache_id: 0x0a03,
    },
    Traits {
        number: elf::EM_ARM,
        class: Class::Bits32,
        name: "32-bit Arm",
        multiarch: "arm-linux-gnueabihf",
        glibc: "/lib/ld-linux-armhf.so.3",
        musl: "armhf",
        platform: Some("v7l"),
        cache_id: 0x0903,
    },
    Traits {
        number: elf::EM_RISCV,
        class: Class::Bits64,
        name: "64-bit RISC-V",
        multiarch: "riscv64-linux-gnu",
        glibc: "/lib/ld-linux-riscv64-lp64d.so.1",
        musl: "riscv64",
        platform: None,
        cache_id: 0x1003,
    },
    Traits {
        number: elf::EM_PPC64,
        class: Class::Bits64,
        name: "64-bit Power",
        multiarch: "powerpc64le-linux-gnu",
        glibc: "/lib64/ld64.so.2",
        musl: "powerpc64le",
        platform: None,
        cache_id: 0x0503,
    },
    Traits {
        number: elf::EM_S390,
        class: Class::Bits64,
        name: "64-bit s390",
        multiarch: "s390x-linux-gnu",
        glibc: "/lib/ld64.so.1",
        musl: "s390x",
        platform: None,
        cache_id: 0x0403,
    },
    Traits {
        number: elf::EM_LOONGARCH,
        class: Class::Bits64,
        name: "64-bit LoongArch",
        multiarch: "loongarch64-linux-gnu",
        glibc: "/lib64/ld-linux-loongarch-lp64d.so.1",
        musl: "loongarch64",
        platform: None,
        cache_id: 0x1203,
    },
];

/// The machines whose programs this kernel can run: its own, and the 32-bit one beside it.
const HOST: &[elf::Machine] = if cfg!(target_arch = "x86_64") {
    &[elf::EM_X86_64, elf::EM_386]
} else if cfg!(target_arch = "x86") {
    &[elf::EM_386]
} else if cfg!(target_arch = "aarch64") {
    &[elf::EM_AARCH64, elf::EM_ARM]
} else if cfg!(target_arch = "arm") {
    &[elf::EM_ARM]
} else if cfg!(target_arch = "riscv64") {
    &[elf::EM_RISCV]
} else if cfg!(target_arch = "powerpc64") {
    &[elf::EM_PPC64]
} else if cfg!(target_arch = "s390x") {
    &[elf::EM_S390]
} else if cfg!(target_arch = "loongarch64") {
    &[elf::EM_LOONGARCH]
} else {
    &[]
};

const HOST_ORDER: Endianness = if cfg!(target_endian = "little") {
    Endianness::Little
} else {
    Endianness::Big
};

impl Machine {
    /// Whether this kernel can run it, without an emulator.
    pub fn runs_here(&self) -> bool {
        self.order == HOST_ORDER && HOST.contains(&self.number)
    }

    /// How a file for `self` is treated by a loader for `wanted` (glibc's `open_verify`).
    pub(super) fn fit(&self, wanted: &Machine) -> Fit {
        if self.class != wanted.class {
            Fit::Other
        } else if self.order != wanted.order {
            Fit::WrongOrder
        } else if self.number != wanted.number {
            Fit::Other
        } else {
            Fit::Same
        }
    }

    pub(super) fn traits(&self) -> Option<&'static Traits> {
        TRAITS
            .iter()
            .find(|traits| traits.number == self.number && traits.class == self.class)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.traits() {
            Some(traits) => f.write_str(traits.name)?,
            None => write!(f, "machine {}", self.number.0)?,
        }
        match self.order {
            order if order == HOST_ORDER => Ok(()),
            Endianness::Big => f.write_str(" (big-endian)"),
            Endianness::Little => f.write_str(" (little-endian)"),
        }
    }
}

/// The x86-64 level of this processor: 1 is the baseline, 4 the highest that has a name.
///
/// The features are those of the x86-64 psABI, as glibc's `get-isa-level.h` tests them.
#[cfg(target_arch = "x86_64")]
pub(super) fn x86_64_level() -> u32 {
    use std::arch::is_x86_feature_detected as has;
    let v2 = has!("cmpxchg16b") && has!("popcnt") && has!("sse4.2") && has!("ssse3");
    let v3 = has!("avx2") && has!("bmi1") && has!("bmi2") && has!("f16c") && has!("fma");
    let v3 = v3 && has!("lzcnt") && has!("movbe");
    let v4 = has!("avx512f") && has!("avx512bw") && has!("avx512cd");
    let v4 = v4 && has!("avx512dq") && has!("avx512vl");
    match (v2, v3, v4) {
        (true, true, true) => 4,
        (true, true, false) => 3,
        (true, false, _) => 2,
        (false, _, _) => 1,
    }
}

/// On every other machine there is no such level.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn x86_64_level() -> u32 {
    1
}
