//! User namespaces that only carry a map, for idmapped mounts.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;

use crate::model::{IdExtent, id_maps};
use crate::plan::{HostIds, Identity, OwnerMap, UserIds};
use crate::sys;
use crate::sys::file::How;

use super::procfs;

/// The maps of a user namespace: ids on disk, and ids of the host as which they show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    users: Vec<IdExtent>,
    groups: Vec<IdExtent>,
}

/// The user namespaces through which mounts are idmapped, by their maps.
#[derive(Debug, Default)]
pub(super) struct IdMaps {
    namespaces: BTreeMap<Shown, OwnedFd>,
}

impl IdMaps {
    /// The namespace through which the owners of files show so to this program; none where they show as
    /// they are.
    pub fn namespace(
        &mut self,
        owner: OwnerMap,
        identity: &Identity,
    ) -> sys::Result<Option<&OwnedFd>> {
        let Some(key) = shown(owner, identity) else {
            return Ok(None);
        };
        if !self.namespaces.contains_key(&key) {
            let made = user_namespace(&key)?;
            self.namespaces.insert(key.clone(), made);
        }
        self.namespaces.get(&key).ok_or(Errno::ENOENT).map(Some)
    }
}

fn shown(owner: OwnerMap, identity: &Identity) -> Option<Shown> {
    let program = identity.user.value;
    let host = match identity.host {
        HostIds::Caller(ids) | HostIds::Range(ids) => ids,
        HostIds::Same => program,
    };
    match owner {
        OwnerMap::Kept | OwnerMap::KeptByWish => None,
        OwnerMap::Mapped(UserIds { uid, gid }) => Some(Shown {
            users: vec![IdExtent::single(uid, host.uid)],
            groups: vec![IdExtent::single(gid, host.gid)],
        }),
        OwnerMap::Ranged => Some(Shown {
            users: id_maps::on_disk(&identity.maps.value.users, program.uid),
            groups: id_maps::on_disk(&identity.maps.value.groups, program.gid),
        }),
    }
}

/// Makes a user namespace with these maps.
///
/// A namespace lives as long as something refers to it: a process that does nothing holds it until the
/// descriptor that is returned does.
fn user_namespace(shown: &Shown) -> sys::Result<OwnedFd> {
    let holder = sys::process::idle(libc::CLONE_NEWUSER)?;
    let pid = holder.pid;
    let files = [
        ("setgroups", "deny".to_owned()),
        ("uid_map", id_maps::text(&shown.users)),
        ("gid_map", id_maps::text(&shown.groups)),
    ];
    for (name, content) in files {
        write_process_file(pid, name, content.as_bytes())?;
    }
    let proc = procfs::open()?;
    let directory = c_path(format!("{pid}/ns"))?;
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    let directory = procfs::open_below(proc.as_fd(), &directory, flags)?;
    // A magic link, which leads out of /proc to the namespace itself.
    sys::file::open(directory.as_fd(), c"user", How::existing(libc::O_RDONLY, 0))
}

fn c_path(path: String) -> sys::Result<CString> {
    CString::new(path).map_err(|_| Errno::EINVAL)
}

/// Writes a file of a child's /proc directory in one write. The number is the child's as long as it has not been
/// waited for.
pub(super) fn write_process_file(pid: i32, name: &str, content: &[u8]) -> sys::Result<()> {
    let proc = procfs::open()?;
    procfs::write(proc.as_fd(), &c_path(format!("{pid}/{name}"))?, content)
}

pub(super) fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}
