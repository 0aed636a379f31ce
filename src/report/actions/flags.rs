//! How something is mounted, as actions tell it.

use crate::model::{Access, ByteSize, FileMode, MountOption, ProcMount};
use crate::plan::{Missing, OwnerMap, TargetPoint, UserIds};

/// `nosuid` and `nodev` always hold; the rest as asked.
pub(super) fn mount_flags(access: Access, options: &[MountOption], owner: OwnerMap) -> String {
    let mut flags = format!("{access} nosuid nodev");
    for option in options {
        flags.push(' ');
        flags.push_str(option.word());
    }
    match owner {
        OwnerMap::Kept | OwnerMap::KeptByWish => flags,
        OwnerMap::Mapped(UserIds { uid, gid }) => format!("{flags} idmap={uid}:{gid}"),
        OwnerMap::Ranged => format!("{flags} idmap=all"),
    }
}

pub(super) fn tmpfs_options(size: ByteSize, mode: FileMode, options: &[MountOption]) -> String {
    let flags = mount_flags(Access::ReadWrite, options, OwnerMap::Kept);
    format!("size={size} mode={mode} {flags}")
}

pub(super) fn proc_options(kind: ProcMount) -> &'static str {
    match kind {
        ProcMount::Private | ProcMount::None => "hidepid=invisible nosuid nodev noexec",
        ProcMount::Pids => "subset=pid hidepid=invisible nosuid nodev noexec",
    }
}

pub(super) fn optional(missing: Missing) -> &'static str {
    match missing {
        Missing::Refused => "",
        Missing::Skipped => " (optional)",
    }
}

pub(super) fn place(point: TargetPoint) -> &'static str {
    match point {
        TargetPoint::InTree => "",
        TargetPoint::Made => " (made)",
        TargetPoint::MustExist => " (must exist)",
    }
}
