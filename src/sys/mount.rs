//! The mount interface by descriptors (Linux 5.2 to 5.12), and pivot_root.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use super::{Result, descriptor, done};

/// Attributes that a mount gets and loses (mount_setattr(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// MOUNT_ATTR_* to set.
    pub set: u64,
    /// MOUNT_ATTR_* to clear.
    pub clear: u64,
}

/// How far a call reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// This mount alone.
    One,
    /// This mount and every mount below it.
    Recursive,
}

impl Depth {
    fn flag(self) -> libc::c_uint {
        match self {
            Depth::One => 0,
            Depth::Recursive => libc::AT_RECURSIVE as libc::c_uint,
        }
    }
}

/// open_tree(2): a detached copy of the mount at `path` below `dir`.
///
/// # Errors
/// EINVAL when a copy of one mount would uncover a locked one below it, or when `dir` belongs to
/// another mount namespace.
pub fn clone_tree(dir: BorrowedFd<'_>, path: &CStr, depth: Depth) -> Result<OwnedFd> {
    let flags = libc::OPEN_TREE_CLONE
        | libc::OPEN_TREE_CLOEXEC
        | libc::AT_EMPTY_PATH as libc::c_uint
        | depth.flag();
    // SAFETY: `path` is NUL-terminated and outlives the call.
    descriptor(unsafe { libc::syscall(libc::SYS_open_tree, dir.as_raw_fd(), path.as_ptr(), flags) })
}

/// mount_setattr(2) on the mount that `mount` is the root of; it becomes private too.
///
/// A copy joins the peers of what it was copied from: on a host whose mounts are shared, as systemd
/// leaves them, everything mounted over it would appear on the host.
///
/// # Errors
/// EPERM when a locked flag would be cleared.
pub fn set_attributes(mount: BorrowedFd<'_>, attributes: Attributes, depth: Depth) -> Result<()> {
    let value = libc::mount_attr {
        attr_set: attributes.set,
        attr_clr: attributes.clear,
        propagation: libc::MS_PRIVATE,
        userns_fd: 0,
    };
    set_attribute_struct(mount, &value, depth)
}

/// The same for a mount that goes on travelling with its peers: what must not be, for tests alone.
///
/// # Errors
/// As [`set_attributes`].
pub fn set_attributes_alone(
    mount: BorrowedFd<'_>,
    attributes: Attributes,
    depth: Depth,
) -> Result<()> {
    let value = libc::mount_attr {
        attr_set: attributes.set,
        attr_clr: attributes.clear,
        propagation: 0,
        userns_fd: 0,
    };
    set_attribute_struct(mount, &value, depth)
}

/// Shows a detached mount through the id map of a user namespace (mount_setattr(2), Linux 5.12).
///
/// # Errors
/// EINVAL when the file system cannot do it; EPERM when the mount is not detached or the caller does
/// not own the file system.
pub fn set_id_map(
    mount: BorrowedFd<'_>,
    user_namespace: BorrowedFd<'_>,
    depth: Depth,
) -> Result<()> {
    let value = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP,
        attr_clr: 0,
        propagation: 0,
        userns_fd: user_namespace.as_raw_fd() as u64,
    };
    set_attribute_struct(mount, &value, depth)
}

fn set_attribute_struct(
    mount: BorrowedFd<'_>,
    value: &libc::mount_attr,
    depth: Depth,
) -> Result<()> {
    let flags = libc::AT_EMPTY_PATH as libc::c_uint | depth.flag();
    // SAFETY: `value` is a mount_attr of the stated size, and the path is a static empty string.
    done(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            ptr::from_ref(value),
            size_of::<libc::mount_attr>(),
        )
    })
}

/// Makes every mount of this namespace private, so that no mount travels out or in.
///
/// # Errors
/// As mount(2).
pub fn make_all_private() -> Result<()> {
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: a change of propagation reads the target alone, a static string.
    done(libc::c_long::from(unsafe {
        libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), flags, ptr::null())
    }))
}

/// move_mount(2) of a detached mount onto `path` below `dir`, or onto `dir` itself where `path` is empty.
///
/// # Errors
/// ENOTDIR when one is a directory and the other is not; EINVAL for a target of another namespace.
pub fn attach(mount: BorrowedFd<'_>, dir: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    let mut flags = libc::MOVE_MOUNT_F_EMPTY_PATH;
    if path.is_empty() {
        flags |= libc::MOVE_MOUNT_T_EMPTY_PATH;
    }
    // SAFETY: both paths are NUL-terminated and outlive the call.
    done(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_raw_fd(),
            c"".as_ptr(),
            dir.as_raw_fd(),
            path.as_ptr(),
            flags,
        )
    })
}

/// fsopen(2): a file system to configure.
///
/// # Errors
/// ENODEV when the kernel does not have it; EPERM when this user namespace may not mount it.
pub fn open_filesystem(name: &CStr) -> Result<OwnedFd> {
    // SAFETY: `name` is NUL-terminated and outlives the call.
    descriptor(unsafe { libc::syscall(libc::SYS_fsopen, name.as_ptr(), libc::FSOPEN_CLOEXEC) })
}

/// Sets a key of the file system to a text (fsconfig(2)).
///
/// # Errors
/// EINVAL for an option or a value that the file system does not know.
pub fn set_option(filesystem: BorrowedFd<'_>, key: &CStr, value: &CStr) -> Result<()> {
    let value = value.as_ptr().cast();
    configure(filesystem, libc::FSCONFIG_SET_STRING, key.as_ptr(), value)
}

/// Sets a key that takes no value (fsconfig(2)).
///
/// # Errors
/// As [`set_option`].
pub fn set_flag(filesystem: BorrowedFd<'_>, key: &CStr) -> Result<()> {
    configure(
        filesystem,
        libc::FSCONFIG_SET_FLAG,
        key.as_ptr(),
        ptr::null(),
    )
}

/// Makes the configured file system, and a detached mount of it with these MOUNT_ATTR_* (fsmount(2)).
///
/// # Errors
/// EPERM when the file system would show what this namespace hides (proc, sysfs).
pub fn create_mount(filesystem: BorrowedFd<'_>, attributes: u64) -> Result<OwnedFd> {
    configure(
        filesystem,
        libc::FSCONFIG_CMD_CREATE,
        ptr::null(),
        ptr::null(),
    )?;
    // SAFETY: only numbers are passed.
    descriptor(unsafe {
        libc::syscall(
            libc::SYS_fsmount,
            filesystem.as_raw_fd(),
            libc::FSMOUNT_CLOEXEC,
            attributes as libc::c_uint,
        )
    })
}

fn configure(
    filesystem: BorrowedFd<'_>,
    command: libc::c_uint,
    key: *const libc::c_char,
    value: *const libc::c_void,
) -> Result<()> {
    // SAFETY: the callers above pass NUL-terminated strings, or null where the command takes none.
    done(unsafe {
        libc::syscall(
            libc::SYS_fsconfig,
            filesystem.as_raw_fd(),
            command,
            key,
            value,
            0,
        )
    })
}

/// pivot_root(2) with the new root as the working directory; the old root then lies over it.
///
/// # Errors
/// EINVAL when the new root is no mount point, or the old one is the kernel's first.
pub fn pivot_here() -> Result<()> {
    // SAFETY: two static strings.
    done(unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) })
}

/// Detaches what is mounted at `path`, now or when its last user leaves.
///
/// # Errors
/// As umount2(2).
pub fn detach(path: &CStr) -> Result<()> {
    // SAFETY: `path` is NUL-terminated and outlives the call.
    done(libc::c_long::from(unsafe {
        libc::umount2(path.as_ptr(), libc::MNT_DETACH)
    }))
}
