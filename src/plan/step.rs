//! The steps of a start: the one list that `--dry-run` prints and `up` runs.

use serde::Serialize;

use crate::diag::Origin;
use crate::model::{
    Access, ByteSize, Capability, FileMode, InsidePath, MountOption, ProcMount, SeccompPolicy,
    VolumeName,
};

use super::{
    ClockOffset, GroupLimits, HostGroup, IdMaps, LandlockRules, Missing, MountPointKind, OwnerMap,
    PartGuard, Probe, ProcessLimit, TargetPoint, UserIds,
};

/// One thing that is done, who does it and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Which process does it.
    pub lane: Lane,
    /// Which part of the start it belongs to.
    pub phase: Phase,
    /// What is done.
    pub action: Action,
    /// What it is good for, in a few words.
    pub why: &'static str,
    /// The line that asked for it.
    pub origin: Origin,
}

/// Which process performs a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// `sandbox` itself, outside.
    Parent,
    /// The first process inside, which sets everything up and then reaps.
    Init,
    /// The process that becomes the program.
    Program,
}

/// The parts of a start; within one lane they come in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// What the parent opens while it still has the host's names and rights.
    Prepare,
    /// New namespaces.
    Isolate,
    /// Ids and their maps.
    Identity,
    /// Control groups and resource limits.
    Limits,
    /// Everything that is mounted.
    Mounts,
    /// The new root becomes the only one.
    Pivot,
    /// Host name, loopback, clocks.
    Network,
    /// Capabilities leave every set.
    Credentials,
    /// What cannot be undone, and hides the launcher.
    Lockdown,
    /// The program.
    Exec,
}

/// A place for a detached mount on its way from the step that opens it to the one that attaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Slot(pub u32);

impl Slot {
    /// The root tree.
    pub const TREE: Slot = Slot(0);
}

/// A namespace by the kernel's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Namespace {
    /// CLONE_NEWUSER.
    User,
    /// CLONE_NEWNS.
    Mount,
    /// CLONE_NEWPID.
    Pid,
    /// CLONE_NEWIPC.
    Ipc,
    /// CLONE_NEWUTS.
    Uts,
    /// CLONE_NEWNET.
    Network,
    /// CLONE_NEWCGROUP: joined, never made by clone3.
    Cgroup,
    /// CLONE_NEWTIME: joined, never made by clone3.
    Time,
}

impl Namespace {
    /// Its name in messages and in /proc/PID/ns.
    pub fn name(self) -> &'static str {
        match self {
            Namespace::User => "user",
            Namespace::Mount => "mount",
            Namespace::Pid => "pid",
            Namespace::Ipc => "ipc",
            Namespace::Uts => "uts",
            Namespace::Network => "network",
            Namespace::Cgroup => "cgroup",
            Namespace::Time => "time",
        }
    }
}

/// What a step does: owned data, one kernel operation or a few that belong together.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Leaves all supplementary groups but these.
    LeaveGroups {
        /// Groups of the host.
        keep: Vec<HostGroup>,
    },
    /// Makes the control groups and writes their limits.
    MakeGroups(GroupLimits),
    /// Opens a detached copy of the root tree.
    OpenTree {
        /// The ids that own the tree's files and the ids that they show as (root only).
        owner: OwnerMap,
        /// Whether it is read-only.
        access: Access,
    },
    /// Opens a detached copy of a host path with everything mounted below it.
    OpenBind(OpenBind),
    /// Opens a detached copy of a part of what is kept under the sandbox's name.
    OpenKept(OpenKept),
    /// clone3: the first process of the sandbox, in these new namespaces.
    Clone {
        /// Which are new from the first instruction on.
        namespaces: Vec<Namespace>,
    },
    /// setns: enters these namespaces of a program that runs.
    JoinNamespaces {
        /// Which; all others are the caller's own already.
        namespaces: Vec<Namespace>,
    },
    /// Writes the maps of the user namespace; the lane says who does.
    WriteIdMaps(IdMaps),
    /// Lets the first process go on.
    Start,
    /// Has the kernel kill this process when its parent ends.
    DieWithParent,
    /// Waits for [`Action::Start`]; the end of the pipe means that the parent is gone.
    WaitForStart,
    /// Takes these ids.
    BecomeUser(UserIds),
    /// Enters the control groups that clone3 could not (v1), then a namespace of that view.
    EnterGroups,
    /// Sees its own group as the root of the hierarchy.
    NewCgroupNamespace,
    /// PR_SET_NO_NEW_PRIVS.
    NoNewPrivileges,
    /// Leads a session of its own, without a terminal.
    NewSession,
    /// Takes in orphans, where there is no PID namespace.
    BecomeSubreaper,
    /// No mount travels out or in.
    PrivateMounts,
    /// Mounts something in the new root.
    Mount(MountAction),
    /// The new root becomes the only one, the old one is detached.
    PivotRoot,
    /// sethostname.
    SetHostName(String),
    /// Brings the loopback device up.
    LoopbackUp,
    /// A time namespace for the program, with these offsets.
    SetClocks(Vec<ClockOffset>),
    /// No further user namespace can be made, and this is verified.
    ForbidUserNamespaces,
    /// Empties the bounding set but for these.
    DropBoundingSet(Vec<Capability>),
    /// Makes all other sets equal to these.
    SetCapabilities(Vec<Capability>),
    /// Nobody inside can look into the first process.
    HideInit,
    /// Makes the process that becomes the program.
    Fork,
    /// Makes this process the program.
    Program(ProgramAction),
    /// The system-call filter.
    Filter(SeccompPolicy),
    /// The first process takes in what ends, and ends with the program.
    Reap,
}

/// A detached copy of a host path, with everything mounted below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenBind {
    /// Where it waits.
    pub slot: Slot,
    /// Absolute host path.
    pub source: String,
    /// What it has to be.
    pub shape: MountPointKind,
    /// Whether it is read-only.
    pub access: Access,
    /// Beside nosuid and nodev.
    pub options: Vec<MountOption>,
    /// How owners show.
    pub owner: OwnerMap,
    /// What happens when it is gone.
    pub missing: Missing,
    /// Which files it may be.
    pub accepts: Accepts,
}

/// Which files a bind may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accepts {
    /// All but those of another shape.
    Any,
    /// Unix sockets alone.
    Sockets,
}

/// A part of a bind, over itself or hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GuardPart {
    /// Where the bind has waited.
    pub slot: Slot,
    /// The part's path below the bind.
    pub below: String,
    /// The same inside.
    pub target: InsidePath,
    /// What holds for it.
    pub guard: PartGuard,
    /// What it has to be.
    pub shape: MountPointKind,
}

/// A detached copy of a directory that is kept under the sandbox's name.
///
/// Where it lies is the host's affair: whoever launches finds and locks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenKept {
    /// Where it waits.
    pub slot: Slot,
    /// Which part.
    pub part: KeptPart,
    /// Who owns its files on the host, and that they show as the program's.
    pub owner: OwnerMap,
    /// Beside nosuid and nodev.
    pub options: Vec<MountOption>,
}

/// A part of what is kept under the sandbox's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptPart {
    /// The upper layer over the root tree.
    Tree,
    /// The upper layer over a host directory.
    Overlay {
        /// Absolute host path of the directory.
        source: String,
        /// Path inside.
        target: InsidePath,
        /// What happens when the directory is gone at the start.
        missing: Missing,
    },
    /// A directory with a name.
    Volume {
        /// Its name.
        name: VolumeName,
        /// Path inside.
        target: InsidePath,
    },
}

/// A device of the host, or a directory of devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostDevice {
    /// The same path inside and outside.
    pub path: InsidePath,
    /// Whether it is a directory of devices.
    pub shape: MountPointKind,
    /// The kernel's numbers, where it has to be this very device.
    pub number: Option<(u32, u32)>,
    /// What happens when it is gone.
    pub missing: Missing,
}

/// What is mounted in the new root.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountAction {
    /// Puts the tree where the new root will be.
    MountRoot,
    /// An overlay over the tree whose writes are lost at exit.
    MountOverlay {
        /// Most that it may hold.
        size: ByteSize,
    },
    /// An overlay over the tree whose writes stay in an upper layer on disk.
    MountKept {
        /// Where the layers wait.
        upper: Slot,
    },
    /// A tmpfs for /dev with its links.
    MountDev,
    /// One device of the host.
    MountDevice(HostDevice),
    /// A devpts of the sandbox's own at /dev/pts.
    MountPts,
    /// A tmpfs at /dev/shm.
    MountShm {
        /// Most that it may hold.
        size: ByteSize,
    },
    /// POSIX message queues at /dev/mqueue.
    MountMqueue,
    /// A new pseudo-terminal, the session's own, also at /dev/console.
    OpenTerminal,
    /// A new pseudo-terminal, the session's own, of the devpts that is at /dev/pts already.
    JoinTerminals,
    /// /dev becomes read-only.
    SealDev,
    /// /proc of the sandbox's own processes; never with `none`.
    MountProc(ProcMount),
    /// An empty object over a file or directory of /proc, where there is one.
    MaskProc(&'static str),
    /// A read-only mount over a part of /proc.
    SealProc(&'static str),
    /// /sys, read-only: the sandbox's network namespace's own, or a copy of the host's.
    MountSys(SysSource),
    /// An empty directory over a part of /sys, where there is one.
    MaskSys(&'static str),
    /// The sandbox's own control groups at /sys/fs/cgroup, read-only.
    MountCgroup,
    /// Attaches what [`Action::OpenBind`] opened.
    Attach {
        /// Where it waits.
        slot: Slot,
        /// Path inside.
        target: InsidePath,
        /// What it is.
        shape: MountPointKind,
        /// Who makes the place.
        point: TargetPoint,
    },
    /// An overlay over what [`Action::OpenBind`] opened, whose writes stay in an upper layer on disk.
    AttachOverlay {
        /// Where the host directory waits.
        lower: Slot,
        /// Where the layers wait.
        upper: Slot,
        /// Path inside.
        target: InsidePath,
        /// Beside nosuid and nodev.
        options: Vec<MountOption>,
        /// Who makes the place.
        point: TargetPoint,
    },
    /// A part of a bind, mounted over itself, or something empty over it.
    GuardPart(GuardPart),
    /// There is nothing that would have to be protected at this path below a bind.
    CheckMissing {
        /// Where the bind has waited.
        slot: Slot,
        /// The path below the bind.
        below: String,
        /// The same inside.
        target: InsidePath,
    },
    /// An empty file and an empty directory below /dev, to hide with.
    MountEmpty,
    /// An empty file system in memory.
    MountTmpfs {
        /// Path inside.
        target: InsidePath,
        /// Most that it may hold.
        size: ByteSize,
        /// Mode of its root.
        mode: FileMode,
        /// Beside nosuid and nodev.
        options: Vec<MountOption>,
        /// Who makes the place.
        point: TargetPoint,
    },
}

/// What a process does to become the program.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProgramAction {
    /// Leads a process group of its own, the terminal's foreground one where there is a terminal.
    OwnProcessGroup,
    /// setrlimit.
    LimitProcess(ProcessLimit),
    /// File mode creation mask.
    SetUmask(FileMode),
    /// Default dispositions for all signals.
    ResetSignals,
    /// Opens the working directory inside.
    ChangeDirectory(InsidePath),
    /// No program and no `#!` line leads through a link such as /proc/self/exe.
    RefuseMagicLinks {
        /// The paths that are tried.
        candidates: Vec<String>,
    },
    /// Only these descriptors above 2 pass.
    CloseDescriptors {
        /// Numbers that pass.
        keep: Vec<u32>,
    },
    /// Landlock.
    Landlock(LandlockRules),
    /// Has each expectation answered by a process of its own, which goes through all steps behind.
    Probe(Vec<Probe>),
    /// Tries what is expected; the answer passes through memory, so that no filter stops it.
    Answer,
    /// execve.
    Execute {
        /// Absolute paths inside to try in order.
        candidates: Vec<String>,
        /// argv.
        args: Vec<String>,
    },
}

impl From<MountAction> for Action {
    fn from(action: MountAction) -> Action {
        Action::Mount(action)
    }
}

impl From<ProgramAction> for Action {
    fn from(action: ProgramAction) -> Action {
        Action::Program(action)
    }
}

/// What /sys is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SysSource {
    /// A new sysfs, which shows the sandbox's own network namespace.
    New,
    /// A copy of the host's mounts, since its network namespace is shared.
    Host,
}
