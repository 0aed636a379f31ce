//! The groups of one sandbox, from making to removal.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use super::create::{create, places};
use super::error::{CgroupError, Failure};
use super::nest::Nest;
use super::remove;
use crate::model::{CgroupFacts, CgroupVersion};
use crate::plan::GroupLimits;

/// The control groups of one sandbox.
///
/// Dropping it kills what is left in them and removes them, as far as that works; to know whether
/// it worked, call [`Groups::remove`].
#[derive(Debug, Default)]
pub struct Groups {
    // Dropped in this order: the groups, then the nest around one of them.
    pub(super) list: Vec<Group>,
    pub(super) nest: Option<Nest>,
    pub(super) directory: Option<OwnedFd>,
    pub(super) tasks: Vec<OwnedFd>,
    pub(super) missing: Vec<CgroupError>,
    pub(super) devices_unguarded: Option<Failure>,
}

/// How a child gets in, both ways together before its first allocation.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// A directory of v2 for `CLONE_INTO_CGROUP`.
    pub clone_into: Option<BorrowedFd<'a>>,
    /// v1: files that the child itself, while it has one thread, writes `0` to. A process id written
    /// by the parent instead would wait for a grace period of the kernel, 7 ms and more.
    pub tasks: &'a [OwnedFd],
}

impl Groups {
    /// Makes the groups that `limits` need below the places in `facts`, limits written; none without limits.
    ///
    /// Limits that may be missing and cannot be enforced are in [`Groups::missing`] afterwards.
    ///
    /// # Errors
    /// The first limit that must hold and cannot; what was made until then is gone again.
    pub fn create(
        limits: &GroupLimits,
        facts: &CgroupFacts,
        name: &str,
    ) -> Result<Groups, CgroupError> {
        create(limits, facts, name)
    }

    /// Every place where [`Groups::create`] may make a group with the same arguments: noted before, a
    /// process that is killed in the middle leaves nothing that nobody knows of.
    pub fn places(limits: &GroupLimits, facts: &CgroupFacts, name: &str) -> Vec<PathBuf> {
        places(limits, facts, name)
    }

    /// How the child gets in.
    pub fn enter(&self) -> Entry<'_> {
        Entry {
            clone_into: self.directory.as_ref().map(AsFd::as_fd),
            tasks: &self.tasks,
        }
    }

    /// Limits that do not hold on this host, and why.
    pub fn missing(&self) -> &[CgroupError] {
        &self.missing
    }

    /// Why the groups let every device through; nothing where they do not.
    pub fn devices_unguarded(&self) -> Option<&Failure> {
        self.devices_unguarded.as_ref()
    }

    /// What was made, for whoever has to [`sweep`](super::sweep) it if this process is killed.
    pub fn paths(&self) -> Vec<PathBuf> {
        let leaf = self.nest.as_ref().and_then(Nest::own_leaf);
        let groups = self.list.iter().map(|group| group.dir.as_path());
        groups.chain(leaf).map(Path::to_owned).collect()
    }

    /// Kills all that lives in the groups.
    ///
    /// Mostly nothing does any more: the end of PID 1 took all processes of its namespace along.
    ///
    /// # Errors
    /// When something still lives there after two seconds, or lives outside this PID namespace.
    pub fn kill(&self) -> io::Result<()> {
        remove::kill(self.list.iter().map(|group| group.dir.as_path()))
    }

    /// Removes the groups, and gives up after two seconds with processes in one.
    ///
    /// # Errors
    /// The first group that could not be removed; the others are gone. It may be called again.
    pub fn remove(&mut self) -> io::Result<()> {
        let mut outcome = Ok(());
        for group in &mut self.list {
            let removed = group.remove();
            outcome = outcome.and(removed);
        }
        self.list.retain(|group| group.state == State::Present);
        if self.list.is_empty() {
            self.nest = None;
        }
        outcome
    }

    /// The group that has `controller`.
    pub(super) fn with(&self, controller: &str) -> Option<&Group> {
        self.list
            .iter()
            .find(|group| group.controllers.iter().any(|name| name == controller))
    }

    /// The group in the unified hierarchy.
    pub(super) fn unified(&self) -> Option<&Group> {
        self.list
            .iter()
            .find(|group| group.version == CgroupVersion::V2)
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        if !self.list.is_empty() {
            self.kill().ok();
        }
    }
}

/// One group that this process made; dropping it removes it.
#[derive(Debug)]
pub(super) struct Group {
    pub version: CgroupVersion,
    pub dir: PathBuf,
    pub controllers: Vec<String>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Present,
    Removed,
}

impl Group {
    pub(super) fn new(version: CgroupVersion, dir: PathBuf, controllers: Vec<String>) -> Group {
        Group {
            version,
            dir,
            controllers,
            state: State::Present,
        }
    }

    fn remove(&mut self) -> io::Result<()> {
        if self.state == State::Present {
            remove::group(&self.dir)?;
            self.state = State::Removed;
        }
        Ok(())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.remove().ok();
    }
}
