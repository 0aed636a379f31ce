//! What the disk has: a crash of the machine may leave names of files whose bytes never came to the disk.
//!
//! Waiting for the disk costs more than building, so nothing waits while a tree is built. A tree of an
//! earlier boot is used, and shared, only with its mark `durable`.

use std::os::fd::OwnedFd;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{fsync, syncfs};

use super::{DURABLE, Durability, Store, Tree};
use crate::rootfs::error::{StoreError, SystemProblem};

/// The file that tells which boot this is (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Which boot of the machine this is; none where /proc does not tell.
pub(super) fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string(BOOT_ID).ok()?;
    let id = text.trim();
    (id.len() == crate::rootfs::record::BOOT).then(|| id.to_owned())
}

impl Store {
    /// Waits until the disk has all of a tree, so that it outlives a crash of the machine.
    ///
    /// This can take seconds, because everything else on that file system is written too; it is
    /// meant for after the program was started, or has ended.
    ///
    /// # Errors
    /// When something could not be written; the tree is then good until the next boot only.
    pub fn make_durable(&self, tree: &Tree) -> Result<(), StoreError> {
        if tree.durability == Durability::Durable {
            return Ok(());
        }
        let done = self
            .write_out(&tree.lock)
            .map_err(SystemProblem::at("write to disk", &tree.root));
        Ok(done?)
    }

    /// Writes all to the disk, then the mark that says so.
    pub(super) fn write_out(&self, tree: &OwnedFd) -> nix::Result<()> {
        syncfs(&self.fd)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mark = openat(tree, DURABLE, flags, Mode::S_IRUSR)?;
        fsync(&mark)?;
        fsync(tree)
    }
}
