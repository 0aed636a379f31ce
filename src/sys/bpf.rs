//! bpf(2), as far as the device rule of control groups needs it.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::{Result, descriptor, done};

/// One instruction (include/uapi/linux/bpf.h, Documentation/bpf/standardization/instruction-set.rst).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// What it does.
    pub code: u8,
    /// Destination in the low half, source in the high one.
    pub registers: u8,
    /// Of memory or of a jump.
    pub offset: i16,
    /// A constant.
    pub immediate: i32,
}

impl Instruction {
    const fn new(code: u8, to: u8, from: u8, offset: i16, immediate: i32) -> Instruction {
        Instruction {
            code,
            registers: to | from << 4,
            offset,
            immediate,
        }
    }

    /// `to` = the 32 bits at `from` + `offset` (BPF_LDX | BPF_MEM | BPF_W).
    pub const fn load(to: u8, from: u8, offset: i16) -> Instruction {
        Instruction::new(0x61, to, from, offset, 0)
    }

    /// `to` = `from` (BPF_ALU64 | BPF_MOV | BPF_X).
    pub const fn copy(to: u8, from: u8) -> Instruction {
        Instruction::new(0xbf, to, from, 0, 0)
    }

    /// `to` = `value` (BPF_ALU64 | BPF_MOV | BPF_K).
    pub const fn set(to: u8, value: i32) -> Instruction {
        Instruction::new(0xb7, to, 0, 0, value)
    }

    /// `to` >>= `bits` (BPF_ALU64 | BPF_RSH | BPF_K).
    pub const fn shift_right(to: u8, bits: i32) -> Instruction {
        Instruction::new(0x77, to, 0, 0, bits)
    }

    /// `to` &= `mask` (BPF_ALU64 | BPF_AND | BPF_K).
    pub const fn and(to: u8, mask: i32) -> Instruction {
        Instruction::new(0x57, to, 0, 0, mask)
    }

    /// Skips `count` instructions where `register` is `value` (BPF_JMP | BPF_JEQ | BPF_K).
    pub const fn skip_equal(register: u8, value: i32, count: i16) -> Instruction {
        Instruction::new(0x15, register, 0, count, value)
    }

    /// Skips `count` instructions where `register` is not `value` (BPF_JMP | BPF_JNE | BPF_K).
    pub const fn skip_unequal(register: u8, value: i32, count: i16) -> Instruction {
        Instruction::new(0x55, register, 0, count, value)
    }

    /// Ends with register 0 as the answer (BPF_JMP | BPF_EXIT).
    pub const fn exit() -> Instruction {
        Instruction::new(0x95, 0, 0, 0, 0)
    }
}

/// BPF_PROG_LOAD and BPF_PROG_ATTACH.
const LOAD: i32 = 5;
const ATTACH: i32 = 8;
/// BPF_PROG_TYPE_CGROUP_DEVICE.
const DEVICE_PROGRAM: u32 = 15;
/// BPF_CGROUP_DEVICE.
const AT_DEVICES: u32 = 6;
/// BPF_F_ALLOW_MULTI: those of the groups above are asked too, and one in a group below takes none away.
const ALLOW_MULTI: u32 = 2;

/// What BPF_PROG_LOAD reads of union bpf_attr; what is not named is zero.
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
}

/// What BPF_PROG_ATTACH reads of it.
#[repr(C)]
struct Attach {
    target: u32,
    program: u32,
    place: u32,
    flags: u32,
}

/// Loads a program that answers whether a device may be opened.
///
/// # Errors
/// EPERM without CAP_BPF and CAP_NET_ADMIN over the host, EINVAL for a program that the kernel refuses or
/// where it has none of these.
pub fn load_device_program(program: &[Instruction]) -> Result<OwnedFd> {
    let count = u32::try_from(program.len()).map_err(|_| nix::errno::Errno::E2BIG)?;
    let attributes = Load {
        kind: DEVICE_PROGRAM,
        count,
        instructions: program.as_ptr().addr() as u64,
        license: c"MIT".as_ptr().addr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
    };
    // SAFETY: both addresses in `attributes` are of memory that outlives the call, the length of the first
    // is stated and the second ends with a NUL; the kernel only reads.
    descriptor(unsafe {
        libc::syscall(
            libc::SYS_bpf,
            LOAD,
            &raw const attributes,
            size_of::<Load>(),
        )
    })
}

/// Has the kernel ask `program` about the processes of the group at `group`, for as long as there is one.
///
/// # Errors
/// EPERM as above, or where a group above has one that stands alone.
pub fn attach_device_program(group: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<()> {
    let number = |file: BorrowedFd<'_>| file.as_raw_fd().cast_unsigned();
    let attributes = Attach {
        target: number(group),
        program: number(program),
        place: AT_DEVICES,
        flags: ALLOW_MULTI,
    };
    // SAFETY: the pointer and the length are those of one struct, which the kernel only reads.
    done(unsafe {
        libc::syscall(
            libc::SYS_bpf,
            ATTACH,
            &raw const attributes,
            size_of::<Attach>(),
        )
    })
}
