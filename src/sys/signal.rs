//! Signals without handlers: blocked, then taken one by one.

use std::ptr;

use nix::errno::Errno;

use super::{Result, checked, done};

/// Every signal, as the kernel's 64-bit mask.
pub const ALL: u64 = u64::MAX;

/// Sets the caller's mask of blocked signals; bit N-1 is signal N.
///
/// # Errors
/// As rt_sigprocmask(2).
pub fn block(mask: u64) -> Result<()> {
    // SAFETY: the kernel's mask is 8 bytes long; no old one is asked for.
    done(unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            ptr::from_ref(&mask),
            ptr::null_mut::<u64>(),
            size_of::<u64>(),
        )
    })
}

/// Gives `signal` its default action, the two that glibc keeps for itself (32 and 33) too: its
/// posix_spawn(3) leaves them ignored.
///
/// # Errors
/// EINVAL for SIGKILL, SIGSTOP and what is no signal.
pub fn restore_default(signal: i32) -> Result<()> {
    /// The kernel's own structure: handler, flags, restorer, mask.
    const DEFAULT: [u64; 4] = [0; 4];
    // SAFETY: zeroes are SIG_DFL with an empty mask of 8 bytes and no flags; no old one is asked for.
    done(unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            signal,
            ptr::from_ref(&DEFAULT),
            ptr::null_mut::<u64>(),
            size_of::<u64>(),
        )
    })
}

/// Whether the caller ignores `signal`, mostly since whoever started it did: nohup(1), a shell's
/// background jobs.
///
/// # Errors
/// EINVAL for what is no signal.
pub fn is_ignored(signal: i32) -> Result<bool> {
    // The kernel's own structure: handler, flags, restorer, mask.
    let mut action = [0u64; 4];
    // SAFETY: no new action is set, and the kernel fills its structure of four words.
    done(unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            signal,
            ptr::null::<u64>(),
            ptr::from_mut(&mut action),
            size_of::<u64>(),
        )
    })?;
    let [handler, ..] = action;
    Ok(handler == libc::SIG_IGN as u64)
}

/// Stops the caller, which blocks every signal, as Ctrl-Z would, until it is continued. In a process
/// group that no shell looks after, the kernel lets it go on at once.
///
/// # Errors
/// As rt_sigprocmask(2).
pub fn stop_self() -> Result<()> {
    send(super::process::own_id(), libc::SIGTSTP)?;
    block(ALL & !(1 << (libc::SIGTSTP - 1)))?;
    block(ALL)
}

/// Waits for one of the blocked signals and takes it.
///
/// # Errors
/// As rt_sigtimedwait(2); never EINTR.
pub fn wait() -> Result<i32> {
    let mask = ALL;
    loop {
        // SAFETY: the mask is 8 bytes long; no information and no time limit are asked for.
        let signal = unsafe {
            libc::syscall(
                libc::SYS_rt_sigtimedwait,
                ptr::from_ref(&mask),
                ptr::null_mut::<libc::siginfo_t>(),
                ptr::null::<libc::timespec>(),
                size_of::<u64>(),
            )
        };
        match checked(signal) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(signal) => return i32::try_from(signal).map_err(|_| Errno::EINVAL),
        }
    }
}

/// kill(2).
///
/// # Errors
/// ESRCH when there is no such process.
pub fn send(pid: i32, signal: i32) -> Result<()> {
    // SAFETY: only numbers are passed.
    done(libc::c_long::from(unsafe { libc::kill(pid, signal) }))
}

/// tgkill(2): to one thread of a process.
///
/// # Errors
/// ESRCH when the process has no such thread.
pub fn send_to_thread(process: i32, thread: i32, signal: i32) -> Result<()> {
    // SAFETY: only numbers are passed.
    done(unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal) })
}
