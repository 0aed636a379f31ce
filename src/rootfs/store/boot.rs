//! What the disk has: a crash of the machine may leave names of files whose bytes never came to the disk.
//!
//! Waiting for the disk costs more than building, so nothing waits while a tree is built. A tree of an
//! earlier boot is used only with its mark `durable`. Objects have no mark of their own: `unsynced/BOOT`
//! stands there from the first build of a boot until everything was written once, and the first build
//! that finds the mark of another boot reads all objects again.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{fsync, syncfs};

use super::files::{remove_file, write};
use super::{DURABLE, Durability, LOCKS, Store, Tree};
use crate::rootfs::content::errno;
use crate::rootfs::error::{StoreError, SystemProblem};
use crate::rootfs::remove::names;
use crate::rootfs::walk::open_dir;

/// Folder of the marks.
const UNSYNCED: &str = "unsynced";

/// The mark of a machine that does not tell which boot this is: every build is another one then.
const UNKNOWN: &str = "unknown";

/// The letters of a boot's id, and the file that tells it.
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
            .sync()
            .and_then(|()| self.mark_durable(&tree.lock))
            .map_err(SystemProblem::at("write to disk", &tree.root));
        Ok(done?)
    }

    /// Writes all to the disk; the mark of this boot goes where nobody builds meanwhile.
    pub(super) fn sync(&self) -> nix::Result<()> {
        let alone = self
            .objects_lock()
            .ok()
            .filter(|lock| lock.try_lock().is_ok());
        syncfs(&self.fd)?;
        if alone.is_some() {
            let boot = boot_id().unwrap_or_else(|| UNKNOWN.to_owned());
            remove_file(&self.fd, &format!("{UNSYNCED}/{boot}"))?;
        }
        Ok(())
    }

    pub(super) fn mark_durable(&self, tree: &OwnedFd) -> nix::Result<()> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mark = openat(tree, DURABLE, flags, Mode::S_IRUSR)?;
        fsync(&mark)?;
        fsync(tree)
    }

    /// The lock that builders share, and that whoever takes objects away has alone.
    pub(super) fn objects_lock(&self) -> Result<File, SystemProblem> {
        self.lock_file(&format!("{LOCKS}/objects"))
    }

    /// Begins to write objects: they stay while the lock is held, and those of a boot that ended before they
    /// were on the disk are read first.
    pub(super) fn begin_writing(&self) -> Result<File, SystemProblem> {
        let failed = |doing| self.problem(doing, UNSYNCED);
        match mkdirat(&self.fd, UNSYNCED, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(failed("make the directory")(errno)),
        }
        let boot = boot_id().unwrap_or_else(|| UNKNOWN.to_owned());
        let lock = self.objects_lock()?;
        let lock_failed = || self.problem("lock", LOCKS);
        if !self.marks_but(&boot).map_err(failed("list"))?.is_empty() {
            lock.lock().map_err(|error| lock_failed()(errno(error)))?;
            for mark in self.marks_but(&boot).map_err(failed("list"))? {
                self.verify_objects()?;
                remove_file(&self.fd, &format!("{UNSYNCED}/{mark}")).map_err(failed("clear"))?;
            }
        }
        lock.lock_shared()
            .map_err(|error| lock_failed()(errno(error)))?;
        write(&self.fd, &format!("{UNSYNCED}/{boot}"), b"").map_err(failed("write"))?;
        Ok(lock)
    }

    fn marks_but(&self, boot: &str) -> nix::Result<Vec<String>> {
        let dir = open_dir(&self.fd, UNSYNCED.as_ref(), OFlag::O_RDONLY)?;
        let names = names(dir.as_fd())?.into_iter();
        let names = names.filter_map(|name| name.into_string().ok());
        Ok(names.filter(|name| name != boot).collect())
    }
}
