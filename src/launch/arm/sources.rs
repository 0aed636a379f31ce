//! What is opened as a detached copy, made ready: the tree, binds, what is kept, devices.

use std::ffi::CString;
use std::path::Path;

use crate::model::{Access, MountOption};
use crate::plan::{
    Accepts, HostDevice, Missing, MountPointKind, OpenBind, OpenKept, OwnerMap, Slot,
};
use crate::sys::mount::{Attributes, Depth};

use super::super::Resources;
use super::{Armable, Armed, ArmedClone, ArmedDevice, Arming, Links, slot_index};

impl Arming<'_> {
    pub(super) fn tree(&self, owner: OwnerMap, access: Access) -> Armable<Armed> {
        Ok(Armed::OpenClone(ArmedClone {
            slot: slot_index(Slot::TREE),
            source: c_path(self.resources.tree)?,
            shape: MountPointKind::Directory,
            depth: Depth::One,
            attributes: attributes(access, &[]),
            owner,
            missing: Missing::Refused,
            links: Links::Followed,
            accepts: Accepts::Any,
            identity: None,
        }))
    }

    /// The very directory that was locked; an overlay over what this host does not have needs none.
    pub(super) fn kept(&self, kept: &OpenKept) -> Armable<Armed> {
        let OpenKept {
            slot,
            part: _,
            owner,
            options,
        } = kept;
        let Resources { kept: places, .. } = self.resources;
        let index = self.plan.kept().position(|(known, _)| known.slot == *slot);
        let place = index.and_then(|index| places.get(index));
        let Some(place) = place.and_then(Option::as_ref) else {
            return Ok(Armed::OpenNothing);
        };
        Ok(Armed::OpenClone(ArmedClone {
            slot: slot_index(*slot),
            source: c_path(&place.path)?,
            shape: MountPointKind::Directory,
            depth: Depth::One,
            attributes: attributes(Access::ReadWrite, options),
            owner: *owner,
            missing: Missing::Refused,
            links: Links::Refused,
            accepts: Accepts::Any,
            identity: Some((place.device, place.inode)),
        }))
    }
}

fn c_path(path: &Path) -> Armable<CString> {
    CString::new(path.as_os_str().as_encoded_bytes())
}

/// What lies below an overlay is never written, and must have no mounts below it.
pub(super) fn bind(bind: &OpenBind) -> Armable<ArmedClone> {
    let OpenBind {
        slot,
        source,
        shape,
        access,
        options,
        owner,
        missing,
        accepts,
    } = bind;
    let (depth, access) = match access {
        Access::Overlay => (Depth::One, Access::ReadOnly),
        access => (Depth::Recursive, *access),
    };
    Ok(ArmedClone {
        slot: slot_index(*slot),
        source: CString::new(source.as_str())?,
        shape: *shape,
        depth,
        attributes: attributes(access, options),
        owner: *owner,
        missing: *missing,
        links: Links::Refused,
        accepts: *accepts,
        identity: None,
    })
}

pub(super) fn device(device: &HostDevice) -> Armable<ArmedDevice> {
    let HostDevice {
        path,
        shape,
        number,
        missing,
    } = device;
    let names: Vec<&str> = path.names().skip(1).collect();
    let parents = (1..names.len()).map(|end| CString::new(names[..end].join("/")));
    Ok(ArmedDevice {
        source: CString::new(path.as_str())?,
        name: CString::new(names.join("/"))?,
        parents: parents.collect::<Armable<_>>()?,
        shape: *shape,
        number: *number,
        missing: *missing,
    })
}

/// nosuid and nodev always hold; the rest as asked.
pub(super) fn attributes(access: Access, options: &[MountOption]) -> Attributes {
    let mut set = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    if access == Access::ReadOnly {
        set |= libc::MOUNT_ATTR_RDONLY;
    }
    let mut clear = 0;
    for option in options {
        match option {
            MountOption::NoExec => set |= libc::MOUNT_ATTR_NOEXEC,
            MountOption::NoSymFollow => set |= libc::MOUNT_ATTR_NOSYMFOLLOW,
            MountOption::NoAtime => {
                set |= libc::MOUNT_ATTR_NOATIME;
                clear |= libc::MOUNT_ATTR__ATIME;
            }
        }
    }
    Attributes { set, clear }
}
