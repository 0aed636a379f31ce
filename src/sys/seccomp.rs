//! Loading a system-call filter.

use super::{Result, done};

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
