//! A profile resolved: every variable replaced, every default filled in, every value checked.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::diag::At;
use crate::model::{
    Access, ByteSize, Capability, CgroupMount, Degradable, Expectation, ExtraArguments, FileMode,
    IdExtent, InsidePath, MapHelpers, MountOption, NetworkMode, Period, ProcMount, Protection,
    SandboxName, SeccompPolicy, Signal, Switch, SysMount, TerminalMode, TimeOffset, UserSpec,
    VolumeName, Writes,
};

use super::{
    ByVariable, GroupLimits, HostGroup, Landlock, Missing, PrivateValues, ProcessLimit, Syscalls,
    TreePlan,
};

/// Everything that the steps are made from. No `Option` here means "default".
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(remote = "Self")]
pub struct Settings {
    /// The sandbox's name.
    pub name: At<SandboxName>,
    /// What the profile says that it is for.
    pub description: Option<At<String>>,
    /// What runs.
    pub command: Command,
    /// Who it is.
    pub identity: Identity,
    /// What the root tree holds.
    pub tree: TreePlan,
    /// What becomes of writes to the root tree.
    pub writes: At<Writes>,
    /// How much `writes = "discard"` may hold.
    pub writes_size: At<ByteSize>,
    /// The kernel's file systems.
    pub system: System,
    /// Mounts over the tree, parents before children: `host` sources first, then `[[mount]]`.
    pub mounts: Vec<At<Mount>>,
    /// Which namespaces are new.
    pub namespaces: Namespaces,
    /// Which network.
    pub network: At<NetworkMode>,
    /// What the control groups enforce.
    pub group_limits: GroupLimits,
    /// What setrlimit(2) enforces.
    pub process_limits: Vec<ProcessLimit>,
    /// When everything is killed.
    pub wall_time: Option<At<Period>>,
    /// Most that standard output and standard error may hold together.
    pub output: Option<At<ByteSize>>,
    /// Capabilities that stay.
    pub capabilities: Vec<At<Capability>>,
    /// The system-call policy.
    pub seccomp: At<SeccompPolicy>,
    /// Whether the program may make namespaces and mounts of its own.
    pub nested_userns: At<Switch>,
    /// The second wall behind the mounts.
    pub landlock: At<Landlock>,
    /// What may be missing, as the profile lists it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_degraded: Vec<At<Degradable>>,
    /// What is said of system calls beside its name.
    pub syscalls: Syscalls,
    /// How it is watched and ended.
    pub supervise: Supervise,
    /// What `sandbox test` tries, in file order, each at its value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<At<Expect>>,
    /// What is marked `optional` and missing on this host: left out, and the report says so.
    pub left_out: Vec<At<String>>,
    /// Parts of binds that are to be protected and are not, or not against everybody.
    pub unprotected: Vec<At<OpenPart>>,
    /// Numbers that a variable of the caller's says: in a symbolic plan its default stands for them, or where it
    /// has none the widest value.
    #[serde(skip)]
    pub by_variable: Vec<At<ByVariable>>,
    /// Values of the caller's environment that stand in any text above and are never shown.
    #[serde(skip)]
    pub private: PrivateValues,
}

/// Nothing private leaves through the printed settings, whatever text it stands in.
impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Settings::serialize(self, serde_json::value::Serializer);
        let written = written.map_err(serde::ser::Error::custom)?;
        self.private.hide_in(written).serialize(serializer)
    }
}

/// What `sandbox test` tries, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expect {
    /// What is expected.
    pub what: Expectation,
    /// What it is good for, in the profile's words.
    pub why: Option<String>,
}

/// The program and what it starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Command {
    /// The program and its arguments. The first is a name to find in `path`, or an absolute path
    /// inside. None at all only in a symbolic plan: the command line may bring them. There `@image`,
    /// here and in `env`, stands for what only an image tells.
    pub args: Vec<At<String>>,
    /// What `-- …` does; kept for messages.
    pub extra: At<ExtraArguments>,
    /// Where it starts.
    pub workdir: At<InsidePath>,
    /// File mode creation mask.
    pub umask: At<FileMode>,
    /// Whether it has a pseudo-terminal of its own.
    pub terminal: At<Terminal>,
    /// What the profile says of it: a symbolic plan knows no standard input, and takes `auto` for the caller's.
    #[serde(skip)]
    pub terminal_mode: TerminalMode,
    /// Descriptors above 2 that pass, sorted.
    pub fds: Vec<At<u32>>,
    /// The whole environment, sorted by name, each name once.
    pub env: Vec<At<Variable>>,
    /// Where a name without a slash is looked for inside: the PATH of `env`, or the default one.
    pub path: Vec<String>,
}

/// One variable of the program's environment.
#[derive(Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether messages may show the value.
    pub privacy: Privacy,
}

/// Whether a value may be shown or stored: one that comes from the caller's environment may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Privacy {
    /// It stands in the profile.
    Shown,
    /// It came from `${env:…}` or `env.inherit`.
    Private,
}

impl Variable {
    /// Its value, where messages may show it; what stands for it elsewhere.
    pub fn shown(&self) -> &str {
        match self.privacy {
            Privacy::Shown => &self.value,
            Privacy::Private => "(of the caller's environment)",
        }
    }
}

/// A private value never leaves through the printed plan: its name does.
impl Serialize for Variable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.name, self.shown()).serialize(serializer)
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?}", self.name, self.shown())
    }
}

/// Whether the sandbox has a pseudo-terminal of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Terminal {
    /// A new one, from the sandbox's own devpts.
    Own,
    /// The caller's descriptors as they are, in a new session.
    Inherited,
}

/// Which ids the program has, inside and on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// What the profile asks for. A symbolic plan knows no caller: there the ids below are stand-ins
    /// and this is what counts.
    pub asked: At<UserSpec>,
    /// The line of `command.user`.
    pub user: At<UserIds>,
    /// What stands behind these ids on the host.
    pub host: HostIds,
    /// Which ids the user namespace has.
    pub maps: At<IdMaps>,
    /// Supplementary groups of the host that stay, sorted.
    pub groups: Vec<At<HostGroup>>,
}

impl Identity {
    /// Whether an unprivileged caller's own supplementary groups can be left, and are: where a helper of
    /// root's writes the maps.
    pub fn leaves_groups(&self) -> bool {
        matches!(self.maps.value.writer, MapWriter::Helpers(_)) && self.groups.is_empty()
    }
}

/// The maps of a user namespace, and who writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdMaps {
    /// uid_map.
    pub users: Vec<IdExtent>,
    /// gid_map.
    pub groups: Vec<IdExtent>,
    /// Who may write them.
    pub writer: MapWriter,
}

/// Who writes the maps of a user namespace (user_namespaces(7)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapWriter {
    /// There is no user namespace.
    Nobody,
    /// The first process itself: the caller's own ids need no rights.
    Itself,
    /// Root, from outside.
    Parent,
    /// newuidmap(1) and newgidmap(1), by what /etc/subuid and /etc/subgid allow the caller.
    Helpers(MapHelpers),
}

impl IdMaps {
    /// One user and one group, those of the program.
    pub fn single(inside: UserIds, host: HostIds) -> IdMaps {
        let (host, writer) = match host {
            HostIds::Caller(host) => (host, MapWriter::Itself),
            HostIds::Range(host) => (host, MapWriter::Parent),
            HostIds::Same => {
                return IdMaps {
                    users: Vec::new(),
                    groups: Vec::new(),
                    writer: MapWriter::Nobody,
                };
            }
        };
        IdMaps {
            users: vec![IdExtent::single(inside.uid, host.uid)],
            groups: vec![IdExtent::single(inside.gid, host.gid)],
            writer,
        }
    }

    /// Whether ids of more than the program itself are mapped.
    pub fn is_range(&self) -> bool {
        let many = |extents: &[IdExtent]| extents.iter().any(|extent| extent.count > 1);
        self.users.len() > 1 || many(&self.users) || self.groups.len() > 1 || many(&self.groups)
    }
}

/// A user and a group id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UserIds {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// How the program's ids come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum HostIds {
    /// An unprivileged caller's own ids; the sandbox maps itself.
    Caller(UserIds),
    /// Root starts it: an unused unprivileged id, which the parent maps.
    Range(UserIds),
    /// No user namespace: the ids inside are the ids outside.
    Same,
}

/// The kernel's file systems.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct System {
    /// /proc.
    pub proc: At<ProcMount>,
    /// /sys.
    pub sys: At<SysMount>,
    /// Devices beside the six that are always there.
    pub devices: Vec<At<Device>>,
    /// Size of /dev/shm.
    pub shm: At<ByteSize>,
    /// /dev/mqueue.
    pub mqueue: At<Switch>,
    /// /sys/fs/cgroup.
    pub cgroup: At<CgroupMount>,
}

/// A device of the host, or a directory of devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Its path, below /dev, the same inside and outside.
    pub path: InsidePath,
    /// Whether it is a directory of devices.
    pub kind: super::MountPointKind,
    /// What happens when it is gone at the start.
    pub missing: Missing,
}

/// One mount over the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Where, inside.
    pub target: InsidePath,
    /// What is mounted.
    pub kind: MountKind,
    /// Beside nosuid and nodev.
    pub options: Vec<MountOption>,
    /// What the target is in the layer below, and who makes it.
    pub point: TargetPoint,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum MountKind {
    /// A host path, with everything mounted below it.
    Bind {
        /// Absolute host path.
        source: String,
        /// Whether it is a directory or something else.
        shape: super::MountPointKind,
        /// What it allows.
        access: Access,
        /// How the owners of its files show.
        owner: OwnerMap,
        /// What happens when it is gone at the start.
        missing: Missing,
    },
    /// One Unix socket of the host.
    Socket {
        /// Absolute host path.
        source: String,
        /// How its owner shows.
        owner: OwnerMap,
        /// What happens when it is gone at the start.
        missing: Missing,
        /// Why it is granted all the same, where the program can leave the sandbox through it.
        dangerous: Option<String>,
    },
    /// A part of a bind, over itself.
    Part {
        /// Where the bind is mounted.
        top: InsidePath,
        /// What holds for the part.
        guard: PartGuard,
        /// Whether it is a directory or something else.
        shape: super::MountPointKind,
        /// Whether it may be missing, and is then open: what a reviewer has to assume. On a host that lacks it there
        /// is no such mount.
        #[serde(skip)]
        may_miss: Switch,
    },
    /// A directory that is kept under the sandbox's name.
    Volume {
        /// Its name there.
        name: VolumeName,
    },
    /// An empty file system in memory.
    Tmpfs {
        /// Most that it may hold.
        size: ByteSize,
        /// Mode of its root.
        mode: FileMode,
    },
}

/// What holds for a part of a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartGuard {
    /// It stays where it is: a mount point is neither renamed nor removed.
    Pinned,
    /// It cannot be written either.
    ReadOnly,
    /// Something empty lies over it.
    Hidden,
}

/// A part of a bind that is not protected, or not against everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenPart {
    /// Where the bind is mounted.
    pub top: InsidePath,
    /// The part's path inside.
    pub path: InsidePath,
    /// What it is to be kept from.
    pub protection: Protection,
    /// What is lost.
    pub loss: Loss,
}

/// Why a part of a bind is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// It is missing at the start: what comes to be there is not protected.
    Missing,
    /// A program of the host that renames another file over it, as editors and git do, takes the mount off:
    /// the kernel detaches what other mount namespaces have on a file that goes (since Linux 3.19).
    Replaceable,
    /// The same file has so many names, and another one may lie in the bind.
    Linked(u64),
}

impl fmt::Display for OpenPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = match self.protection {
            Protection::ReadOnly => "writable",
            Protection::Hide => "shown",
        };
        match self.loss {
            Loss::Missing => write!(f, "it is missing; what is made there is {open}"),
            Loss::Replaceable => write!(
                f,
                "a file: one that the host renames over it is {open} until the next start"
            ),
            Loss::Linked(names) => write!(f, "it has {names} names; by another one it is {open}"),
        }
    }
}

/// How the owners of a bind's files show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum OwnerMap {
    /// Through an idmapped mount: these ids of the host show as the program's (only as root).
    Mapped(UserIds),
    /// Through an idmapped mount: root's files show as the program's, those of any other id as that
    /// id's inside. For what only the sandbox writes (only as root, where a range is mapped).
    Ranged,
    /// As the user namespace shows them.
    Kept,
    /// The same by the profile's own word, in a symbolic plan, which has no ids for [`OwnerMap::Mapped`].
    KeptByWish,
}

/// Who makes the place of a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TargetPoint {
    /// It is in the tree.
    InTree,
    /// Below a tmpfs of the profile: made at the start.
    Made,
    /// Below a bind: it must be there, nothing is made in the user's files.
    MustExist,
}

/// Which namespaces are the sandbox's own; `network` follows `[network]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Namespaces {
    /// Ids and capabilities.
    pub user: At<Switch>,
    /// Processes.
    pub pid: At<Switch>,
    /// System V and POSIX message objects.
    pub ipc: At<Switch>,
    /// Host name.
    pub uts: At<Switch>,
    /// View of the control groups.
    pub cgroup: At<Switch>,
    /// Clock offsets; none leaves the host's clocks.
    pub time: Vec<At<ClockOffset>>,
    /// Host name inside.
    pub hostname: At<String>,
}

/// The offset of one clock of a time namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClockOffset {
    /// Which clock.
    pub clock: Clock,
    /// How far it is from the host's.
    pub offset: TimeOffset,
}

/// The clocks that a time namespace has (time_namespaces(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Clock {
    /// CLOCK_MONOTONIC.
    Monotonic,
    /// CLOCK_BOOTTIME.
    Boottime,
}

/// How the sandbox is watched and ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Supervise {
    /// Whether it ends when the process that started `sandbox` does.
    pub kill_on_parent_exit: At<Switch>,
    /// What asks the program to end.
    pub stop_signal: At<Signal>,
    /// How long to wait before SIGKILL.
    pub stop_timeout: At<Period>,
}
