//! User namespaces that only carry a map, for idmapped mounts.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::OwnedFd;

use nix::errno::Errno;

use crate::plan::UserIds;
use crate::sys;

/// The user namespaces that map one owner each, by owner.
#[derive(Debug, Default)]
pub(super) struct IdMaps {
    namespaces: BTreeMap<(u32, u32), OwnedFd>,
}

impl IdMaps {
    /// The namespace through which files of `owner` show as the host's ids `shown`.
    pub fn namespace(&mut self, owner: UserIds, shown: UserIds) -> sys::Result<&OwnedFd> {
        let key = (owner.uid, owner.gid);
        if let std::collections::btree_map::Entry::Vacant(e) = self.namespaces.entry(key) {
            let made = user_namespace(owner, shown)?;
            e.insert(made);
        }
        self.namespaces.get(&key).ok_or(Errno::ENOENT)
    }
}

/// Makes a user namespace whose map is `owner` to `shown`.
///
/// A namespace lives as long as something refers to it: a process that does nothing holds it until the
/// descriptor that is returned does.
fn user_namespace(owner: UserIds, shown: UserIds) -> sys::Result<OwnedFd> {
    let holder = sys::process::idle(libc::CLONE_NEWUSER)?;
    write_maps(holder.pid, owner, shown)
}

fn write_maps(pid: i32, owner: UserIds, shown: UserIds) -> sys::Result<OwnedFd> {
    let text = |from: u32, to: u32| format!("{from} {to} 1\n");
    let files = [
        ("setgroups", "deny".to_owned()),
        ("uid_map", text(owner.uid, shown.uid)),
        ("gid_map", text(owner.gid, shown.gid)),
    ];
    for (name, content) in files {
        write_process_file(pid, name, content.as_bytes())?;
    }
    let file = File::open(format!("/proc/{pid}/ns/user")).map_err(errno)?;
    Ok(file.into())
}

/// Writes a file of another process's /proc directory in one write.
pub(super) fn write_process_file(pid: i32, name: &str, content: &[u8]) -> sys::Result<()> {
    let path = format!("/proc/{pid}/{name}");
    let file = fs::OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(errno)?;
    sys::file::write_whole(std::os::fd::AsFd::as_fd(&file), content)
}

pub(super) fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}
