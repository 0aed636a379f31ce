//! What a process may do, tried without doing it where that is possible.

mod memory;
mod network;

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use super::process::StringArray;
use super::{Result, checked, descriptor, done};

pub use memory::{Block, Shared};
pub use network::{connect_tcp, connect_unix};

/// openat(2), as programs call it; O_CLOEXEC is added.
///
/// # Errors
/// As open(2).
pub fn open(path: &CStr, flags: i32) -> Result<OwnedFd> {
    let (flags, mode) = (flags | libc::O_CLOEXEC, 0o600);
    // SAFETY: `path` is NUL-terminated and outlives the call.
    descriptor(unsafe {
        libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, mode)
    })
}

/// Whether a directory tells its names (getdents64(2)).
///
/// # Errors
/// As getdents64(2).
pub fn list(directory: BorrowedFd<'_>) -> Result<()> {
    // As many bytes as any one name needs.
    let mut names = [0u64; 64];
    // SAFETY: the pointer and the size are those of one array.
    done(unsafe {
        libc::syscall(
            libc::SYS_getdents64,
            directory.as_raw_fd(),
            names.as_mut_ptr(),
            size_of_val(&names),
        )
    })
}

/// faccessat(2) with R_OK, W_OK or X_OK.
///
/// # Errors
/// As access(2).
pub fn access(path: &CStr, mode: i32) -> Result<()> {
    // SAFETY: `path` is NUL-terminated and outlives the call.
    done(unsafe { libc::syscall(libc::SYS_faccessat, libc::AT_FDCWD, path.as_ptr(), mode) })
}

/// The flags of the mount that holds `path` (statvfs(3): ST_RDONLY, ST_NODEV, ST_NOEXEC).
///
/// # Errors
/// As statvfs(3).
pub fn mount_flags(path: &CStr) -> Result<u64> {
    let mut buffer = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: `path` is NUL-terminated, `buffer` has the size of a statvfs.
    done(libc::c_long::from(unsafe {
        libc::statvfs(path.as_ptr(), buffer.as_mut_ptr())
    }))?;
    // SAFETY: the call succeeded, so it has been filled.
    Ok(unsafe { buffer.assume_init() }.f_flag)
}

/// What lies behind `path`, links followed, with its mount (statx(2)).
///
/// # Errors
/// As stat(2).
pub fn status(path: &CStr) -> Result<libc::statx> {
    let mut buffer = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: `path` is NUL-terminated, and `buffer` has the size of a statx.
    done(libc::c_long::from(unsafe {
        libc::statx(
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_NO_AUTOMOUNT,
            libc::STATX_BASIC_STATS | libc::STATX_MNT_ID,
            buffer.as_mut_ptr(),
        )
    }))?;
    // SAFETY: the call succeeded, so the kernel has filled it; what it left is zero.
    Ok(unsafe { buffer.assume_init() })
}

/// AT_EXECVE_CHECK of include/uapi/linux/fcntl.h (Linux 6.14).
const CHECK: i32 = 0x10000;

/// Whether execveat(2) would execute the file; nothing is executed.
///
/// # Errors
/// EINVAL before Linux 6.14; else as execve(2).
pub fn may_execute(path: &CStr, arguments: &StringArray, environment: &StringArray) -> Result<()> {
    let (arguments, environment) = (arguments.as_pointer(), environment.as_pointer());
    // SAFETY: both arrays end with a null, and their strings live as long as they do. A kernel that
    // does not know the flag refuses the call.
    done(unsafe {
        libc::syscall(
            libc::SYS_execveat,
            libc::AT_FDCWD,
            path.as_ptr(),
            arguments,
            environment,
            CHECK,
        )
    })
}

/// What no call has as its last argument by chance.
pub const MARK: u64 = 0x9e37_79b9_7f4a_7c15;

/// A system call of which a filter answers before it runs: the one that looks for [`MARK`] in the last
/// argument, or one that was loaded after it.
///
/// # Errors
/// The filter's.
pub fn call_marked(number: u32) -> Result<()> {
    // SAFETY: the caller has loaded a filter that refuses every call with this mark, so that none runs
    // whatever its number; the arguments are numbers.
    done(unsafe { libc::syscall(libc::c_long::from(number), 0, 0, 0, 0, 0, MARK) })
}

/// A second descriptor of `file`, numbered `lowest` or above (F_DUPFD_CLOEXEC).
///
/// # Errors
/// EINVAL when the limit on open files allows no such number, EMFILE when all are taken.
pub fn duplicate_from(file: BorrowedFd<'_>, lowest: i32) -> Result<OwnedFd> {
    // SAFETY: only numbers are passed.
    descriptor(libc::c_long::from(unsafe {
        libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest)
    }))
}

/// Raises the soft limit on open files to the hard one, as any program may.
///
/// # Errors
/// As prlimit(2).
pub fn raise_open_files() -> Result<()> {
    let mut limit = libc::rlimit64 {
        rlim_cur: 0,
        rlim_max: 0,
    };
    let nothing = ptr::null_mut::<libc::rlimit64>();
    let call = |new: *const libc::rlimit64, old: *mut libc::rlimit64| {
        // SAFETY: both are null or point to a limit that outlives the call.
        done(unsafe { libc::syscall(libc::SYS_prlimit64, 0, libc::RLIMIT_NOFILE, new, old) })
    };
    call(nothing, &raw mut limit)?;
    limit.rlim_cur = limit.rlim_max;
    call(&raw const limit, nothing)
}

/// Sleeps until a signal ends the process.
pub fn sleep_for_ever() -> ! {
    loop {
        // SAFETY: there is nothing to wait for, and no pointer.
        let slept = checked(unsafe { libc::syscall(libc::SYS_ppoll, 0, 0, 0, 0, 0) });
        if slept.is_err() {
            super::process::exit(0);
        }
    }
}
