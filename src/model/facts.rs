//! What the host offers: filled once by `host`, or by hand in tests.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::{
    ByteSize, ImageFact, ImageName, LandlockAbi, NumberList, PartFact, Resource, Rlimit, Switch,
};
use serde::Serialize;

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
    /// What lies at each path below a bind that the profile protects.
    pub parts: BTreeMap<(PathBuf, PathBuf), PartFact>,
    /// Where paths lie in their file systems, with what is mounted below them.
    pub placed: BTreeMap<PathBuf, Vec<Placed>>,
    /// Directories of `sandbox` itself, without links: built trees, and who runs.
    pub own_directories: Vec<PathBuf>,
    /// What the patterns of `system.dev` match, sorted.
    pub matches: BTreeMap<PathBuf, Vec<PathBuf>>,
    /// What images say of the programs that they were made for.
    pub images: BTreeMap<ImageName, ImageFact>,
    /// Where the programs are that the profile names, when they were looked for.
    pub programs: BTreeMap<String, ProgramFact>,
    /// The host's users, when a name or an unused id is looked for.
    pub accounts: Accounts,
    /// The caller's own limits of setrlimit(2), when the profile sets any.
    pub rlimits: Vec<(Resource, Rlimit)>,
    /// Control groups, when limits need them.
    pub cgroups: CgroupFacts,
    /// The whole disk at or below each path of `limits.io`.
    pub disks: BTreeMap<PathBuf, DiskFact>,
    /// Processors, memory nodes and huge pages, where a limit asks for them.
    pub hardware: Option<Hardware>,
    /// Whether standard input is a terminal.
    pub stdin_is_terminal: bool,
    /// Open descriptors above 2 that the profile asks for.
    pub open_descriptors: Vec<u32>,
    /// Highest capability number that the kernel has (/proc/sys/kernel/cap_last_cap).
    pub last_capability: u8,
    /// The kernel's Landlock.
    pub landlock: LandlockAbi,
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
    /// Name in the host's /etc/passwd where `${USER}` is asked for, else `user`.
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
        /// Where it really lies, when a symbolic link stands on the way or at the end.
        real: Option<PathBuf>,
    },
    /// Nothing.
    Missing,
    /// Not to be seen by the caller; why.
    Hidden(String),
}

/// A place in a file system, whatever the mounts by which it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The device of the file system, as mountinfo has it.
    pub device: String,
    /// The path from the root of the file system.
    pub path: PathBuf,
    /// Where it is mounted below the path that was asked for; empty for that path itself.
    pub below: PathBuf,
}

/// Set-id files of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetIdFiles {
    /// Where the search began.
    pub top: PathBuf,
    /// What was found there and below, sorted.
    pub files: Vec<PathBuf>,
    /// Whether everything was looked at.
    pub whole: Switch,
}

/// A git checkout of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCheckout {
    /// The top of its working tree.
    pub top: PathBuf,
    /// The working trees of its submodules, from there; sorted.
    pub submodules: Vec<String>,
}

impl FoundCheckout {
    /// Whether its working tree is at `path`.
    pub fn is_at(&self, path: &str) -> bool {
        self.top.as_os_str() == path
    }
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

/// The whole disk that a path names or lies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskFact {
    /// This one, by the kernel's numbers: of a partition the disk around it.
    Whole {
        /// The driver.
        major: u32,
        /// Which of its devices.
        minor: u32,
    },
    /// Something is there, and no block device is behind it.
    None,
    /// Nothing is there.
    Missing,
    /// Not to be seen by the caller; why.
    Hidden(String),
}

/// What the machine has of that which limits count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardware {
    /// CPUs that are switched on.
    pub cpus: NumberList,
    /// Memory nodes that have memory.
    pub nodes: NumberList,
    /// Sizes of huge pages.
    pub huge_pages: Vec<ByteSize>,
    /// All memory that the kernel hands out, where it tells.
    pub memory: Option<ByteSize>,
}

/// Where a program is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramFact {
    /// At this path.
    Found(PathBuf),
    /// In no directory of the search path.
    Missing {
        /// The name of a program there that is most like it.
        nearest: Option<String>,
    },
}

/// The users of the host, and every id that belongs to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accounts {
    /// The entries of /etc/passwd.
    pub users: Vec<User>,
    /// Ids and ranges of ids that are taken (/etc/passwd, /etc/group, /etc/subuid, /etc/subgid).
    pub taken: Vec<RangeInclusive<u32>>,
    /// The groups of /etc/group: name and id.
    pub groups: Vec<(String, u32)>,
    /// Ids that the caller may map for users (/etc/subuid).
    pub subordinate_users: Vec<RangeInclusive<u32>>,
    /// Ids that the caller may map for groups (/etc/subgid).
    pub subordinate_groups: Vec<RangeInclusive<u32>>,
    /// The programs that map them for an unprivileged caller, where they are installed.
    pub map_helpers: Option<MapHelpers>,
    /// Ids that there are for users and groups alike: in a container they may be few
    /// (/proc/self/uid_map, /proc/self/gid_map). None means that nobody looked.
    pub mapped: Vec<RangeInclusive<u32>>,
}

/// Where newuidmap(1) and newgidmap(1) are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct MapHelpers {
    /// newuidmap.
    pub users: PathBuf,
    /// newgidmap.
    pub groups: PathBuf,
}

/// One line of a passwd(5) file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Home directory.
    pub home: String,
}

impl User {
    /// The user of one line; nothing when the line is a comment or misshapen.
    pub fn from_line(line: &str) -> Option<User> {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        let home = fields.nth(1).unwrap_or_default();
        Some(User {
            name: name.to_owned(),
            uid,
            gid,
            home: home.to_owned(),
        })
    }
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
