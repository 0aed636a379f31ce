//! Which abilities of the kernel a plan's steps rest on, each with the first step that does: what
//! `sandbox doctor` tries one by one.

use super::{Action, MapWriter, MountAction, Namespace, OwnerMap, Plan, ProgramAction, SysSource};

/// One ability that a plan needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The place of the first step that needs it.
    pub step: usize,
    /// What is tried.
    pub what: Tried,
}

/// What is tried, in a process of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tried {
    /// A namespace of this kind.
    Namespace(Namespace),
    /// The maps of the user namespace, by whoever writes them.
    IdMaps,
    /// The maps of a range, by newuidmap and newgidmap.
    IdMapHelpers,
    /// A namespace of the view of control groups.
    CgroupNamespace,
    /// A time namespace.
    TimeNamespace,
    /// No mount travels out or in.
    PrivateMounts,
    /// A file system in memory.
    Tmpfs,
    /// An overlay with an upper layer in memory.
    Overlay,
    /// A /proc of the sandbox's own.
    Proc,
    /// A /sys of the sandbox's own.
    Sysfs,
    /// Pseudo-terminals.
    Devpts,
    /// POSIX message queues.
    Mqueue,
    /// A device of the host.
    Device(String),
    /// A mount of the store that shows owners through a map.
    IdMappedStore,
    /// Leaving the old root.
    PivotRoot,
    /// The loopback device.
    Loopback,
    /// A session keyring.
    Keyring,
    /// Landlock.
    Landlock,
    /// A system-call filter.
    Filter,
    /// A filter that asks the supervisor.
    Listener,
    /// Programs run from the file system of the store.
    Execute,
}

impl Tried {
    /// What it is called.
    pub fn name(&self) -> String {
        match self {
            Tried::Namespace(kind) => format!("{} namespace", kind.name()),
            Tried::IdMaps => "id maps".to_owned(),
            Tried::IdMapHelpers => "several ids".to_owned(),
            Tried::CgroupNamespace => "cgroup namespace".to_owned(),
            Tried::TimeNamespace => "time namespace".to_owned(),
            Tried::PrivateMounts => "private mounts".to_owned(),
            Tried::Tmpfs => "tmpfs".to_owned(),
            Tried::Overlay => "overlay".to_owned(),
            Tried::Proc => "/proc".to_owned(),
            Tried::Sysfs => "/sys".to_owned(),
            Tried::Devpts => "terminals".to_owned(),
            Tried::Mqueue => "message queues".to_owned(),
            Tried::Device(path) => path.clone(),
            Tried::IdMappedStore => "idmapped mounts".to_owned(),
            Tried::PivotRoot => "pivot_root".to_owned(),
            Tried::Loopback => "loopback".to_owned(),
            Tried::Keyring => "session keyring".to_owned(),
            Tried::Landlock => "landlock".to_owned(),
            Tried::Filter => "seccomp".to_owned(),
            Tried::Listener => "refused calls".to_owned(),
            Tried::Execute => "programs in the store".to_owned(),
        }
    }
}

impl Plan {
    /// Every ability that its steps need, each once, in the order of the steps.
    pub fn trials(&self) -> Vec<Trial> {
        let mut trials: Vec<Trial> = Vec::new();
        for (step, what) in self.steps.iter().enumerate() {
            for what in tried(&what.action) {
                if !trials.iter().any(|trial| trial.what == what) {
                    trials.push(Trial { step, what });
                }
            }
        }
        trials
    }
}

fn tried(action: &Action) -> Vec<Tried> {
    match action {
        Action::Clone { namespaces } => namespaces.iter().copied().map(Tried::Namespace).collect(),
        Action::WriteIdMaps(maps) => match maps.writer {
            MapWriter::Nobody => Vec::new(),
            MapWriter::Itself | MapWriter::Parent => vec![Tried::IdMaps],
            MapWriter::Helpers(_) => vec![Tried::IdMapHelpers],
        },
        Action::NewCgroupNamespace => vec![Tried::CgroupNamespace],
        Action::SetClocks(_) => vec![Tried::TimeNamespace],
        Action::PrivateMounts => vec![Tried::PrivateMounts],
        Action::OpenTree {
            owner: OwnerMap::Mapped(_) | OwnerMap::Ranged,
            ..
        } => vec![Tried::IdMappedStore],
        Action::Mount(action) => of_mount(action),
        Action::PivotRoot => vec![Tried::PivotRoot],
        Action::LoopbackUp => vec![Tried::Loopback],
        Action::NewSession => vec![Tried::Keyring],
        Action::Filter(_) => vec![Tried::Filter, Tried::Listener],
        Action::Program(ProgramAction::Landlock(_)) => vec![Tried::Landlock],
        Action::Program(ProgramAction::Execute { .. }) => vec![Tried::Execute],
        // What these need is a part of the above, or says so in an error of its own.
        Action::LeaveGroups { .. }
        | Action::MakeGroups(_)
        | Action::OpenTree { .. }
        | Action::OpenBind(_)
        | Action::OpenKept(_)
        | Action::Start
        | Action::DieWithParent
        | Action::WaitForStart
        | Action::BecomeUser(_)
        | Action::EnterGroups
        | Action::NoNewPrivileges
        | Action::BecomeSubreaper
        | Action::SetHostName(_)
        | Action::ForbidUserNamespaces
        | Action::DropBoundingSet(_)
        | Action::SetCapabilities(_)
        | Action::HideInit
        | Action::Fork
        | Action::Program(_)
        | Action::JoinNamespaces { .. }
        | Action::Reap => Vec::new(),
    }
}

fn of_mount(action: &MountAction) -> Vec<Tried> {
    match action {
        MountAction::MountOverlay { .. } => vec![Tried::Overlay],
        MountAction::MountDev
        | MountAction::MountShm { .. }
        | MountAction::MountTmpfs { .. }
        | MountAction::MountEmpty => vec![Tried::Tmpfs],
        MountAction::MountDevice(device) => vec![Tried::Device(device.path.as_str().to_owned())],
        MountAction::MountPts => vec![Tried::Devpts],
        MountAction::MountMqueue => vec![Tried::Mqueue],
        MountAction::MountProc(_) => vec![Tried::Proc],
        MountAction::MountSys(SysSource::New) => vec![Tried::Sysfs],
        // Layers on disk and copies of what the profile names depend on each place, not on the kernel.
        MountAction::MountRoot
        | MountAction::MountKept { .. }
        | MountAction::OpenTerminal
        | MountAction::JoinTerminals
        | MountAction::SealDev
        | MountAction::MaskProc(_)
        | MountAction::SealProc(_)
        | MountAction::MountSys(SysSource::Host)
        | MountAction::MaskSys(_)
        | MountAction::MountCgroup
        | MountAction::Attach { .. }
        | MountAction::AttachOverlay { .. }
        | MountAction::GuardPart(_)
        | MountAction::CheckMissing { .. } => Vec::new(),
    }
}
