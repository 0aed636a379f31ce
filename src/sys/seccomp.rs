//! Loading a system-call filter, and answering for one.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use super::{Result, descriptor, done};

/// One instruction of classic BPF.
pub type Instruction = libc::sock_filter;

/// Puts the caller under a filter for ever (PR_SET_SECCOMP); needs no_new_privs.
///
/// # Errors
/// EINVAL for a program that the kernel refuses, EACCES without no_new_privs.
pub fn load(program: &[Instruction]) -> Result<()> {
    let length = u16::try_from(program.len()).map_err(|_| nix::errno::Errno::E2BIG)?;
    let program = libc::sock_fprog {
        len: length,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the pointer and the length are those of one slice, which the kernel only reads.
    done(libc::c_long::from(unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
            0,
            0,
        )
    }))
}

/// include/uapi/linux/seccomp.h; the first is of Linux 5.0, the second of 5.19: a call that was received is
/// answered before any signal but a deadly one, so that none is counted twice.
const NEW_LISTENER: libc::c_ulong = 1 << 3;
const WAIT_KILLABLE: libc::c_ulong = 1 << 5;
/// SECCOMP_IOCTL_NOTIF_RECV and _SEND, which hold the sizes of what they read and write.
const RECEIVE: u64 = 0xc050_2100;
const SEND: u64 = 0xc018_2101;
/// SECCOMP_IOCTL_NOTIF_ID_VALID.
const IS_VALID: u64 = 0x4008_2102;
const _: () = assert!(size_of::<libc::seccomp_notif>() == 0x50);
const _: () = assert!(size_of::<libc::seccomp_notif_resp>() == 0x18);

/// Whether a call that was received waits for its answer whatever signals come, but a deadly one.
pub fn waits_killable() -> bool {
    let operation = libc::SECCOMP_SET_MODE_FILTER;
    let flags = NEW_LISTENER | WAIT_KILLABLE;
    let no_program = std::ptr::null::<libc::sock_fprog>();
    // SAFETY: the kernel looks at the flags first, and then finds that there is nothing to load.
    let answer = done(unsafe { libc::syscall(libc::SYS_seccomp, operation, flags, no_program) });
    answer == Err(Errno::EFAULT)
}

/// As [`load`], and gives the descriptor by which somebody answers for SECCOMP_RET_USER_NOTIF.
///
/// # Errors
/// EBUSY where the caller is under another listener; EINVAL in older kernels.
pub fn load_listened(program: &[Instruction]) -> Result<OwnedFd> {
    let length = u16::try_from(program.len()).map_err(|_| Errno::E2BIG)?;
    let program = libc::sock_fprog {
        len: length,
        filter: program.as_ptr().cast_mut(),
    };
    let load = |flags: libc::c_ulong| {
        let operation = libc::SECCOMP_SET_MODE_FILTER;
        // SAFETY: the pointer and the length are those of one slice, which the kernel only reads.
        descriptor(unsafe {
            libc::syscall(libc::SYS_seccomp, operation, flags, &raw const program)
        })
    };
    match load(NEW_LISTENER | WAIT_KILLABLE) {
        Err(Errno::EINVAL) => load(NEW_LISTENER),
        result => result,
    }
}

/// A call that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    id: u64,
    /// The thread that made it, in this process's PID namespace.
    pub thread: i32,
    /// The call's number.
    pub number: i32,
    /// The kernel's `AUDIT_ARCH_*`.
    pub architecture: u32,
}

/// Takes a call that [`load_listened`]'s descriptor is readable for; none where its process has ended
/// meanwhile.
///
/// # Errors
/// As seccomp_unotify(2).
pub fn receive(listener: BorrowedFd<'_>) -> Result<Option<Waiting>> {
    // SAFETY: zero is a value of every field, and what the kernel wants to find there.
    let mut call: libc::seccomp_notif = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the request writes one such struct, as its number says.
    let received = unsafe { libc::ioctl(listener.as_raw_fd(), RECEIVE as _, &raw mut call) };
    match done(libc::c_long::from(received)) {
        Ok(()) => Ok(Some(Waiting {
            id: call.id,
            thread: i32::try_from(call.pid).unwrap_or(0),
            number: call.data.nr,
            architecture: call.data.arch,
        })),
        Err(Errno::ENOENT | Errno::EINTR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Whether the call still waits: as long as it does, its thread is there and its id nobody else's.
///
/// # Errors
/// As seccomp_unotify(2).
pub fn still_waits(listener: BorrowedFd<'_>, call: Waiting) -> Result<bool> {
    // SAFETY: the request reads one number, as its own number says.
    let valid = unsafe { libc::ioctl(listener.as_raw_fd(), IS_VALID as _, &raw const call.id) };
    match done(libc::c_long::from(valid)) {
        Ok(()) => Ok(true),
        Err(Errno::ENOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Lets a call that waits fail with `errno`; one whose process has ended needs no answer.
///
/// # Errors
/// As seccomp_unotify(2).
pub fn refuse(listener: BorrowedFd<'_>, call: Waiting, errno: i32) -> Result<()> {
    let mut answer = libc::seccomp_notif_resp {
        id: call.id,
        val: 0,
        error: -errno,
        flags: 0,
    };
    // SAFETY: the request reads one such struct, as its number says.
    let sent = unsafe { libc::ioctl(listener.as_raw_fd(), SEND as _, &raw mut answer) };
    match done(libc::c_long::from(sent)) {
        Err(Errno::ENOENT | Errno::EINPROGRESS) => Ok(()),
        result => result,
    }
}
