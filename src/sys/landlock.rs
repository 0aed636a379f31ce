//! Landlock, call by call (landlock(7)); rights are the kernel's own bits.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;

use super::{Result, checked, descriptor, done};

/// LANDLOCK_ACCESS_FS_*, include/uapi/linux/landlock.h.
pub mod access {
    /// Execute a file.
    pub const EXECUTE: u64 = 1;
    /// Open a file to write.
    pub const WRITE_FILE: u64 = 1 << 1;
    /// Open a file to read.
    pub const READ_FILE: u64 = 1 << 2;
    /// List a directory.
    pub const READ_DIR: u64 = 1 << 3;
    /// Remove a directory or rename it.
    pub const REMOVE_DIR: u64 = 1 << 4;
    /// Remove a file or rename it.
    pub const REMOVE_FILE: u64 = 1 << 5;
    /// Make a character device.
    pub const MAKE_CHAR: u64 = 1 << 6;
    /// Make a directory.
    pub const MAKE_DIR: u64 = 1 << 7;
    /// Make a file.
    pub const MAKE_REG: u64 = 1 << 8;
    /// Make a socket.
    pub const MAKE_SOCK: u64 = 1 << 9;
    /// Make a named pipe.
    pub const MAKE_FIFO: u64 = 1 << 10;
    /// Make a block device.
    pub const MAKE_BLOCK: u64 = 1 << 11;
    /// Make a symbolic link.
    pub const MAKE_SYM: u64 = 1 << 12;
    /// Rename or link from one directory to another (version 2).
    pub const REFER: u64 = 1 << 13;
    /// Truncate a file (version 3).
    pub const TRUNCATE: u64 = 1 << 14;
    /// Commands to a device (version 5).
    pub const IOCTL_DEV: u64 = 1 << 15;
}

/// LANDLOCK_SCOPE_*: what reaches no further than the processes under the same rules (version 6).
pub mod scope {
    /// Connections to abstract Unix sockets.
    pub const ABSTRACT_UNIX_SOCKET: u64 = 1;
    /// Signals.
    pub const SIGNAL: u64 = 1 << 1;
}

/// LANDLOCK_CREATE_RULESET_VERSION.
const VERSION: u32 = 1;

/// LANDLOCK_RULE_PATH_BENEATH.
const PATH_BENEATH: u32 = 1;

/// struct landlock_ruleset_attr as of version 6: an older kernel takes it where what it does not know
/// is zero.
#[repr(C)]
struct RulesetAttributes {
    files: u64,
    network: u64,
    scopes: u64,
}

/// struct landlock_path_beneath_attr.
#[repr(C, packed)]
struct PathBeneath {
    access: u64,
    parent: i32,
}

/// The version of the kernel's interface.
///
/// # Errors
/// ENOSYS where the kernel has no Landlock, EOPNOTSUPP where it is switched off.
pub fn version() -> Result<u32> {
    // SAFETY: with this flag the kernel reads no memory.
    let version = checked(unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            ptr::null::<RulesetAttributes>(),
            0usize,
            VERSION,
        )
    })?;
    u32::try_from(version).map_err(|_| nix::errno::Errno::EOVERFLOW)
}

/// Rules by which everything in `files` and `scopes` is refused that no rule allows.
///
/// # Errors
/// As [`version`]; EINVAL for a right, E2BIG for a scope that the kernel does not know.
pub fn create(files: u64, scopes: u64) -> Result<OwnedFd> {
    let attributes = RulesetAttributes {
        files,
        network: 0,
        scopes,
    };
    // SAFETY: the pointer and the length are those of one struct, which the kernel only reads.
    descriptor(unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            &raw const attributes,
            size_of::<RulesetAttributes>(),
            0u32,
        )
    })
}

/// Allows `access` to what descriptor `parent` shows, and to everything below it.
///
/// # Errors
/// EBADFD for what lies in no file system of files, EBADF for no descriptor, EINVAL for rights that a
/// file cannot have.
pub fn allow(rules: BorrowedFd<'_>, parent: RawFd, access: u64) -> Result<()> {
    let rule = PathBeneath { access, parent };
    // SAFETY: the pointer is that of one struct of the kind that is named, which the kernel only reads.
    done(unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            rules.as_raw_fd(),
            PATH_BENEATH,
            &raw const rule,
            0u32,
        )
    })
}

/// Puts the caller under the rules for ever; needs no_new_privs.
///
/// # Errors
/// EPERM without no_new_privs, E2BIG below sixteen others.
pub fn restrict(rules: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: numbers alone.
    done(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0u32) })
}
