//! Ids and capabilities.

use super::{Result, done};

/// Sets real, effective and saved group and then user id; clears PDEATHSIG.
///
/// # Errors
/// EINVAL for an id that the user namespace does not map; EPERM without the capability.
pub fn become_user(uid: u32, gid: u32) -> Result<()> {
    // Not glibc's wrappers: they signal every thread of a process whose threads the child lacks.
    // SAFETY: only numbers are passed.
    done(unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) })?;
    // SAFETY: only numbers are passed.
    done(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) })
}

/// Leaves every supplementary group but these.
///
/// # Errors
/// EPERM without CAP_SETGID or after "deny" in /proc/PID/setgroups; EINVAL for more than 65536 groups or
/// one that the user namespace does not map.
pub fn keep_groups(keep: &[libc::gid_t]) -> Result<()> {
    // SAFETY: the kernel reads as many ids as the slice has.
    done(unsafe { libc::syscall(libc::SYS_setgroups, keep.len(), keep.as_ptr()) })
}

/// Takes capability `number` out of the bounding set.
///
/// # Errors
/// EINVAL when the kernel has no such capability; EPERM without CAP_SETPCAP.
pub fn drop_from_bounding_set(number: u8) -> Result<()> {
    let number = libc::c_ulong::from(number);
    // SAFETY: the option takes a number.
    done(libc::c_long::from(unsafe {
        libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0)
    }))
}

/// Keeps permitted capabilities over a change from uid 0 (PR_SET_KEEPCAPS).
///
/// # Errors
/// As prctl(2).
pub fn keep_over_user_change() -> Result<()> {
    // SAFETY: the option takes a number.
    done(libc::c_long::from(unsafe {
        libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0)
    }))
}

/// Clears the ambient set.
///
/// # Errors
/// As prctl(2).
pub fn clear_ambient_set() -> Result<()> {
    // SAFETY: the option takes numbers.
    done(libc::c_long::from(unsafe {
        libc::prctl(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_CLEAR_ALL,
            0,
            0,
            0,
        )
    }))
}

/// Puts capability `number` into the ambient set, so that it passes exec.
///
/// # Errors
/// EPERM when it is not permitted and inheritable.
pub fn raise_ambient(number: u8) -> Result<()> {
    let number = libc::c_ulong::from(number);
    // SAFETY: the option takes numbers.
    done(libc::c_long::from(unsafe {
        libc::prctl(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_RAISE,
            number,
            0,
            0,
        )
    }))
}

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Makes effective, permitted and inheritable sets equal to `mask` (bit N is capability N).
///
/// # Errors
/// EPERM when `mask` holds what is not permitted.
pub fn set_capabilities(mask: u64) -> Result<()> {
    /// _LINUX_CAPABILITY_VERSION_3 of include/uapi/linux/capability.h.
    const VERSION: u32 = 0x2008_0522;
    let header = Header {
        version: VERSION,
        pid: 0,
    };
    let half = |bits: u32| Sets {
        effective: bits,
        permitted: bits,
        inheritable: bits,
    };
    // The halves are 32-bit words by definition, so the casts cut on purpose.
    let sets = [half(mask as u32), half((mask >> 32) as u32)];
    // SAFETY: version 3 reads one header and two sets.
    done(unsafe { libc::syscall(libc::SYS_capset, &raw const header, sets.as_ptr()) })
}
