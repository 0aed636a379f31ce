//! The host's side of a copy: where a path leads, and which file systems hold no files.

use std::os::fd::BorrowedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::statfs::{FsType, fstatfs};

use super::error::{SystemProblem, Trouble};
use super::walk::{HostPlace, walk};

/// File systems whose files the kernel makes up, by their magic (statfs(2)).
const KERNEL_FILE_SYSTEMS: [i64; 18] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x1cd1,      // devpts
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0xcafe_4a11, // bpf
    0x1980_0202, // mqueue
    0x6265_6570, // configfs
    0x6573_5543, // fusectl
    0x6165_676c, // pstore
    0xde5e_81e4, // efivarfs
    0x4249_4e4d, // binfmt_misc
    0xf97c_ff8c, // selinuxfs
    0x6e73_6673, // nsfs
    0x0187,      // autofs, which mounts something when it is entered
];

/// Follows a host path to its end.
pub(super) fn find(root: BorrowedFd, path: &Path) -> Result<HostPlace, Trouble> {
    walk(root, path).map_err(|trouble| match trouble {
        Trouble::System(SystemProblem {
            errno: Errno::EACCES,
            path,
            ..
        }) => Trouble::Unreadable {
            first: path,
            count: 1,
        },
        Trouble::System(SystemProblem {
            errno: Errno::ENOTDIR,
            ..
        }) => Trouble::Missing(path.to_owned()),
        trouble => trouble,
    })
}

/// Whether an open file lies in a file system whose content the kernel makes up.
pub(super) fn is_of_kernel(file: BorrowedFd, path: &Path) -> Result<bool, Trouble> {
    let of = fstatfs(file).map_err(SystemProblem::at("look at the file system of", path))?;
    let FsType(magic) = of.filesystem_type();
    Ok(KERNEL_FILE_SYSTEMS.contains(&((magic & 0xffff_ffff) as _)))
}
