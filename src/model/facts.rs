//! What the host offers: filled once by `host`, or by hand in tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Everything that a plan depends on beside the profile.
///
/// Facts grow old: they buy better messages, not safety. Every step resolves again and fails closed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The person who starts the sandbox.
    pub caller: HostAccount,
    /// Values of variables, by their spelling without `${}`: `HOME`, `GIT_ROOT`, `env:LANG`.
    pub variables: BTreeMap<String, String>,
    /// The caller's environment.
    pub environment: BTreeMap<String, String>,
    /// The caller's working directory.
    pub current_dir: PathBuf,
    /// What lies at each host path that the profile names.
    pub paths: BTreeMap<PathBuf, PathFact>,
    /// Control groups, when limits need them.
    pub cgroups: CgroupFacts,
    /// Whether standard input is a terminal.
    pub stdin_is_terminal: bool,
    /// Open descriptors above 2 that the profile asks for.
    pub open_descriptors: Vec<u32>,
    /// Highest capability number that the kernel has (/proc/sys/kernel/cap_last_cap).
    pub last_capability: u8,
}

impl Facts {
    /// What lies at `path`; nothing where nobody looked.
    pub fn path(&self, path: &Path) -> Option<&PathFact> {
        self.paths.get(path)
    }
}

/// A user of the host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostAccount {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Name in the host's /etc/passwd, or `user`.
    pub name: String,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

impl HostAccount {
    /// Whether it is the host's root.
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }
}

/// What lies at a host path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathFact {
    /// Something, and who owns it.
    Present {
        /// What it is, links followed.
        kind: PathKind,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
        /// What the path itself points to, when it is a symbolic link.
        link: Option<PathBuf>,
    },
    /// Nothing.
    Missing,
    /// Not to be seen by the caller; why.
    Hidden(String),
}

/// The kinds of file that a plan tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A character or block device.
    Device,
    /// A Unix socket.
    Socket,
    /// A named pipe.
    Pipe,
}

/// Which interface a hierarchy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupVersion {
    /// One hierarchy a controller (or a few).
    V1,
    /// The unified one.
    V2,
}

/// One mounted cgroup hierarchy that the caller is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Its interface.
    pub version: CgroupVersion,
    /// Controllers that it offers to groups below `own`: on v2 what cgroup.controllers says there.
    /// Empty for a v1 hierarchy that has only a name (`name=systemd`).
    pub controllers: Vec<String>,
    /// Where it is mounted.
    pub mount: PathBuf,
    /// The directory of the caller's own group: `mount`, or below it.
    pub own: PathBuf,
}

/// The control groups of the host: v1, v2, or both (hybrid).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CgroupFacts {
    /// Every hierarchy that is mounted where the caller's own group can be seen.
    pub hierarchies: Vec<Hierarchy>,
}

impl CgroupFacts {
    /// The v1 hierarchy that has `controller`; no other hierarchy can have it then.
    pub fn v1_with(&self, controller: &str) -> Option<&Hierarchy> {
        self.hierarchies.iter().find(|hierarchy| {
            hierarchy.version == CgroupVersion::V1
                && hierarchy.controllers.iter().any(|name| name == controller)
        })
    }

    /// The unified hierarchy, with or without controllers.
    pub fn unified(&self) -> Option<&Hierarchy> {
        self.hierarchies
            .iter()
            .find(|hierarchy| hierarchy.version == CgroupVersion::V2)
    }
}
