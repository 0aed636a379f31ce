//! Files by descriptor.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use super::{Result, checked, descriptor, done};

/// The current directory as a directory argument; with an absolute path it is not looked at.
pub const HERE: BorrowedFd<'static> =
    // SAFETY: AT_FDCWD is no descriptor that could be closed, and every *at call takes it.
    unsafe { BorrowedFd::borrow_raw(libc::AT_FDCWD) };

/// Standard input, output and error by their numbers: the standard library's own allocate.
///
/// A process may have them closed; every call then answers EBADF.
pub const STREAMS: [BorrowedFd<'static>; 3] =
    // SAFETY: these three are never closed by us while a call uses them.
    unsafe {
        [
            BorrowedFd::borrow_raw(libc::STDIN_FILENO),
            BorrowedFd::borrow_raw(libc::STDOUT_FILENO),
            BorrowedFd::borrow_raw(libc::STDERR_FILENO),
        ]
    };

/// What openat2(2) takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    /// O_* flags; O_CLOEXEC is always added.
    pub flags: i32,
    /// Mode of a file that is made.
    pub mode: u32,
    /// RESOLVE_* flags.
    pub resolve: u64,
}

impl How {
    /// Opens what is there, with these flags and this way of resolving.
    pub const fn existing(flags: i32, resolve: u64) -> How {
        How {
            flags,
            mode: 0,
            resolve,
        }
    }
}

/// openat2(2).
///
/// # Errors
/// ELOOP and EXDEV when `resolve` forbids a step of the path; EAGAIN when a rename raced with `..`.
pub fn open(dir: BorrowedFd<'_>, path: &CStr, how: How) -> Result<OwnedFd> {
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut raw: libc::open_how = unsafe { MaybeUninit::zeroed().assume_init() };
    raw.flags = (how.flags | libc::O_CLOEXEC) as u64;
    raw.mode = u64::from(how.mode);
    raw.resolve = how.resolve;
    // SAFETY: `path` is NUL-terminated, `raw` is an open_how of the stated size.
    descriptor(unsafe {
        libc::syscall(
            libc::SYS_openat2,
            dir.as_raw_fd(),
            path.as_ptr(),
            ptr::from_mut(&mut raw),
            size_of::<libc::open_how>(),
        )
    })
}

/// mkdirat(2).
///
/// # Errors
/// As mkdir(2).
pub fn make_directory(dir: BorrowedFd<'_>, path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: `path` is NUL-terminated and outlives the call.
    done(libc::c_long::from(unsafe {
        libc::mkdirat(dir.as_raw_fd(), path.as_ptr(), mode)
    }))
}

/// Makes an empty regular file that was not there, without opening it (mknodat(2)).
///
/// # Errors
/// EEXIST when something is there already, a link too.
pub fn make_file(dir: BorrowedFd<'_>, path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: `path` is NUL-terminated and outlives the call.
    done(libc::c_long::from(unsafe {
        libc::mknodat(dir.as_raw_fd(), path.as_ptr(), libc::S_IFREG | mode, 0)
    }))
}

/// symlinkat(2).
///
/// # Errors
/// As symlink(2).
pub fn make_link(target: &CStr, dir: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: both strings are NUL-terminated and outlive the call.
    done(libc::c_long::from(unsafe {
        libc::symlinkat(target.as_ptr(), dir.as_raw_fd(), path.as_ptr())
    }))
}

/// Writes all of `bytes` in one write(2).
///
/// # Errors
/// EIO when the kernel took only a part: files of proc and cgroup take a value whole.
pub fn write_whole(file: BorrowedFd<'_>, bytes: &[u8]) -> Result<()> {
    // SAFETY: the pointer and the length are those of one slice.
    let count = unsafe { libc::write(file.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
    let count = checked(count as libc::c_long)?;
    if usize::try_from(count) == Ok(bytes.len()) {
        Ok(())
    } else {
        Err(nix::errno::Errno::EIO)
    }
}

/// read(2), again after a signal; 0 is the end.
///
/// # Errors
/// As read(2).
pub fn read(file: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    loop {
        // SAFETY: the pointer and the length are those of one slice.
        let count =
            unsafe { libc::read(file.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        match checked(count as libc::c_long) {
            Err(nix::errno::Errno::EINTR) => {}
            Ok(count) => return Ok(usize::try_from(count).unwrap_or(0)),
            Err(errno) => return Err(errno),
        }
    }
}

/// pread(2) from offset 0.
///
/// # Errors
/// As pread(2).
pub fn read_at_start(file: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the pointer and the length are those of one slice.
    let count = unsafe {
        libc::pread(
            file.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            0,
        )
    };
    let count = checked(count as libc::c_long)?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// fchdir(2).
///
/// # Errors
/// As chdir(2).
pub fn change_directory(dir: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: only a descriptor is passed.
    done(libc::c_long::from(unsafe { libc::fchdir(dir.as_raw_fd()) }))
}

/// The magic number of the file system that holds `file` (fstatfs(2)).
///
/// # Errors
/// As fstatfs(2).
pub fn filesystem_type(file: BorrowedFd<'_>) -> Result<i64> {
    let mut buffer = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: `buffer` has the size of a statfs.
    done(libc::c_long::from(unsafe {
        libc::fstatfs(file.as_raw_fd(), buffer.as_mut_ptr())
    }))?;
    // SAFETY: the call succeeded, so the kernel has filled it.
    Ok(unsafe { buffer.assume_init() }.f_type as _)
}

/// What kind of file it is and which device (fstat(2)).
///
/// # Errors
/// As fstat(2).
pub fn status(file: BorrowedFd<'_>) -> Result<libc::stat> {
    let mut buffer = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `buffer` has the size of a stat.
    done(libc::c_long::from(unsafe {
        libc::fstat(file.as_raw_fd(), buffer.as_mut_ptr())
    }))?;
    // SAFETY: the call succeeded, so the kernel has filled it.
    Ok(unsafe { buffer.assume_init() })
}

/// Puts `file` at descriptor `number`, which passes exec (dup3(2) without O_CLOEXEC).
///
/// # Errors
/// EINVAL when both are the same number.
pub fn place_at(file: BorrowedFd<'_>, number: i32) -> Result<()> {
    // SAFETY: only numbers are passed; what `number` was is replaced on purpose.
    done(libc::c_long::from(unsafe {
        libc::dup3(file.as_raw_fd(), number, 0)
    }))
}

/// Lets descriptor `number` pass exec.
///
/// # Errors
/// EBADF when it is not open.
pub fn keep_open(number: i32) -> Result<()> {
    // SAFETY: only numbers are passed.
    done(libc::c_long::from(unsafe {
        libc::fcntl(number, libc::F_SETFD, 0)
    }))
}

/// What descriptor `number` was opened for (F_GETFL).
///
/// # Errors
/// EBADF when it is not open.
pub fn status_flags(number: i32) -> Result<i32> {
    // SAFETY: only numbers are passed.
    let flags = checked(libc::c_long::from(unsafe {
        libc::fcntl(number, libc::F_GETFL)
    }))?;
    i32::try_from(flags).map_err(|_| nix::errno::Errno::EOVERFLOW)
}

/// Makes reads and writes of an open file description fail with EAGAIN where they would wait: of all who share it.
///
/// # Errors
/// As fcntl(2).
pub fn stop_waiting(file: BorrowedFd<'_>) -> Result<()> {
    let flags = status_flags(file.as_raw_fd())?;
    // SAFETY: only numbers are passed.
    done(libc::c_long::from(unsafe {
        libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK)
    }))
}

/// What becomes of the descriptors of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// At once.
    Now,
    /// At exec.
    AtExec,
}

/// close_range(2) of `first` and all above it up to `last`.
///
/// # Errors
/// ENOSYS before Linux 5.9, EINVAL before 5.11 for `AtExec`.
pub fn close_range(first: u32, last: u32, closing: Closing) -> Result<()> {
    let flags = match closing {
        Closing::Now => 0,
        Closing::AtExec => libc::CLOSE_RANGE_CLOEXEC,
    };
    // SAFETY: only numbers are passed; the callers own every descriptor of the range.
    done(unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) })
}

/// Closes every descriptor above the standard streams that would pass exec: the caller's, for all that this
/// program opens itself is close-on-exec.
///
/// # Errors
/// When /proc does not list them.
pub fn close_inherited() -> std::io::Result<()> {
    let mut inherited = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.parse::<i32>().ok());
        // SAFETY: only numbers are passed.
        let passes = |number: &i32| unsafe { libc::fcntl(*number, libc::F_GETFD) } == 0;
        inherited.extend(number.filter(|number| *number > 2).filter(passes));
    }
    for number in inherited {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        close_range(number, number, Closing::Now)?;
    }
    Ok(())
}

/// Whether a path names a file that the caller may execute (faccessat(2)).
///
/// # Errors
/// ENOENT, EACCES and the like.
pub fn executable(path: &CStr) -> Result<()> {
    // SAFETY: `path` is NUL-terminated and outlives the call.
    done(libc::c_long::from(unsafe {
        libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::X_OK, 0)
    }))
}

/// Whether a path names anything, a link too (faccessat2(2)).
///
/// # Errors
/// ENOENT when it does not.
pub fn exists(dir: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    let flags = libc::AT_SYMLINK_NOFOLLOW;
    // SAFETY: `path` is NUL-terminated and outlives the call.
    done(unsafe {
        libc::syscall(
            libc::SYS_faccessat2,
            dir.as_raw_fd(),
            path.as_ptr(),
            libc::F_OK,
            flags,
        )
    })
}

/// What a link below `dir` says (readlinkat(2)); what does not fit is cut.
///
/// # Errors
/// EINVAL for what is no link.
pub fn link_target<'b>(dir: BorrowedFd<'_>, path: &CStr, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
    // SAFETY: `path` is NUL-terminated, and the kernel writes no more than the buffer's length.
    let length = unsafe {
        libc::readlinkat(
            dir.as_raw_fd(),
            path.as_ptr(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
        )
    };
    let length = usize::try_from(length).map_err(|_| nix::errno::Errno::last())?;
    Ok(buffer.get(..length).unwrap_or_default())
}

/// umask(2); gives the old one.
pub fn set_umask(mask: u32) -> u32 {
    // SAFETY: it cannot fail.
    unsafe { libc::umask(mask) }
}

/// What lies at one name of a directory, itself and not what it points to, with the time of its birth
/// where the file system knows it (statx(2)).
///
/// # Errors
/// ENOENT when there is nothing.
pub fn extended_status(dir: BorrowedFd<'_>, name: &CStr) -> Result<libc::statx> {
    let mut buffer = MaybeUninit::<libc::statx>::zeroed();
    let flags = libc::AT_SYMLINK_NOFOLLOW | libc::AT_NO_AUTOMOUNT | libc::AT_EMPTY_PATH;
    // SAFETY: `name` is NUL-terminated, and `buffer` has the size of a statx.
    done(libc::c_long::from(unsafe {
        libc::statx(
            dir.as_raw_fd(),
            name.as_ptr(),
            flags,
            libc::STATX_BASIC_STATS | libc::STATX_BTIME,
            buffer.as_mut_ptr(),
        )
    }))?;
    // SAFETY: the call succeeded, so the kernel has filled it; what it left is zero.
    Ok(unsafe { buffer.assume_init() })
}
