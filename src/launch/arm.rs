//! Steps made ready: C strings, numbers and arrays, so that nothing is allocated after the clone.

mod ids;
mod landlock;
mod parts;
mod probes;
mod sources;
mod words;

use std::ffi::CString;

use crate::model::guard::{self, Guard};
use crate::model::{Access, FileMode, InsidePath, ProcMount};
use crate::plan::{
    Accepts, Action, Lane, Missing, MountAction, MountPointKind, OwnerMap, Plan, ProgramAction,
    Slot, Step, SysSource, TargetPoint, UserIds,
};
use crate::sys::mount::{Attributes, Depth};
use crate::sys::process::StringArray;
use crate::sys::seccomp::Instruction;

use super::probe::ArmedProbe;
use super::{LaunchError, Resources};
pub(super) use ids::{ArmedMaps, Setgroups, id_maps};
pub(super) use landlock::{ArmedLandlock, ArmedReach};
pub(super) use parts::{ArmedPart, ArmedPlace};
use sources::attributes;
pub use words::clone_flag;
use words::{bytes, clock_offsets, mask, octal};

/// A step of one lane, ready to run.
#[derive(Debug)]
pub(super) struct ArmedStep {
    /// Its place in the plan's list.
    pub index: usize,
    /// What to do.
    pub action: Armed,
}

/// A system-call filter.
#[derive(Debug, Default)]
pub(super) struct ArmedFilter {
    /// It answers by itself.
    pub plain: Vec<Instruction>,
    /// To be tried before: the supervisor answers for it.
    pub listened: Option<Vec<Instruction>>,
}

/// The steps of each lane.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    pub parent: Vec<ArmedStep>,
    pub init: Vec<ArmedStep>,
    pub program: Vec<ArmedStep>,
    /// How many slots the steps use.
    pub slots: usize,
}

/// A detached copy of a host path, ready to be opened.
#[derive(Debug)]
pub(super) struct ArmedClone {
    pub slot: usize,
    pub source: CString,
    pub shape: MountPointKind,
    pub depth: Depth,
    pub attributes: Attributes,
    pub owner: OwnerMap,
    pub missing: Missing,
    pub links: Links,
    pub accepts: Accepts,
    /// Device and inode, where it has to be this very directory.
    pub identity: Option<(u64, u64)>,
}

/// What becomes of links on the way to a host path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// They are followed: the way is the user's own.
    Followed,
    /// They are refused: the plan has the path without links, so one has come since (rule 7).
    Refused,
}

/// A place inside, ready to be found or made.
#[derive(Debug)]
pub(super) struct ArmedTarget {
    /// The path from the root, without the leading slash.
    pub path: CString,
    /// What it has to be.
    pub shape: MountPointKind,
    /// Each directory on the way and the place itself, as (path from the root, last name); empty where
    /// nothing may be made.
    pub make: Vec<(CString, CString)>,
}

/// An action with everything that it needs.
#[derive(Debug)]
pub(super) enum Armed {
    LeaveGroups(Vec<u32>),
    MakeGroups,
    OpenClone(ArmedClone),
    OpenNothing,
    Clone { namespaces: u64 },
    JoinNamespaces,
    WriteIdMaps(ArmedMaps),
    RunMapHelpers([Vec<String>; 2]),
    Start,
    DieWithParent,
    WaitForStart,
    BecomeUser(UserIds),
    EnterGroups,
    NewCgroupNamespace,
    NoNewPrivileges,
    NewSession,
    BecomeSubreaper,
    PrivateMounts,
    MountRoot,
    MountOverlay { size: CString },
    MountKept { upper: usize },
    MountDev,
    MountDevice(ArmedDevice),
    MountPts,
    MountShm { size: CString },
    MountMqueue,
    OpenTerminal,
    JoinTerminals,
    SealDev,
    MountProc(ProcMount),
    MaskProc(ArmedMask),
    SealProc(CString),
    MountSys(SysSource),
    MaskSys(ArmedMask),
    MountCgroup(Vec<(CString, CString)>),
    Attach { slot: usize, target: ArmedTarget },
    AttachOverlay(ArmedOverlay),
    GuardPart(ArmedPart),
    CheckMissing(ArmedPlace),
    MountEmpty,
    MountTmpfs(ArmedTmpfs),
    PivotRoot,
    SetHostName(Vec<u8>),
    LoopbackUp,
    SetClocks(Vec<u8>),
    ForbidUserNamespaces,
    DropBoundingSet { keep: u64 },
    SetCapabilities { keep: u64 },
    HideInit,
    Fork,
    OwnProcessGroup,
    LimitProcess { resource: u32, soft: u64, hard: u64 },
    SetUmask(u32),
    ResetSignals,
    ChangeDirectory(CString),
    RefuseMagicLinks(Vec<CString>),
    CloseDescriptors(Vec<i32>),
    Landlock(ArmedLandlock),
    Filter(ArmedFilter),
    Probe(Vec<ArmedProbe>),
    Answer,
    Execute(ArmedProgram),
    Reap,
}

/// A device of the host.
#[derive(Debug)]
pub(super) struct ArmedDevice {
    /// Its path on the host.
    pub source: CString,
    /// Its path below /dev.
    pub name: CString,
    /// Each directory on the way below /dev.
    pub parents: Vec<CString>,
    pub shape: MountPointKind,
    pub number: Option<(u32, u32)>,
    pub missing: Missing,
}

/// Something empty over a part of a file system of the kernel.
#[derive(Debug)]
pub(super) struct ArmedMask {
    pub path: CString,
    /// The name of the empty object among the masks.
    pub object: &'static std::ffi::CStr,
}

/// A tmpfs of the profile.
#[derive(Debug)]
pub(super) struct ArmedTmpfs {
    pub size: CString,
    pub mode: CString,
    pub attributes: u64,
    pub target: ArmedTarget,
}

/// An overlay over a host directory.
#[derive(Debug)]
pub(super) struct ArmedOverlay {
    /// The slot of the host directory.
    pub lower: usize,
    /// The slot of the layers.
    pub upper: usize,
    pub attributes: u64,
    pub target: ArmedTarget,
}

/// The program.
#[derive(Debug)]
pub(super) struct ArmedProgram {
    pub candidates: Vec<CString>,
    pub arguments: StringArray,
    pub environment: StringArray,
}

/// Directories among what is masked in /proc; all others are files.
const PROC_DIRECTORIES: [&str; 3] = ["acpi", "asound", "scsi"];

/// Makes every step of the plan ready.
///
/// # Errors
/// When a text holds a NUL byte.
pub(super) fn arm(plan: &Plan, resources: &Resources<'_>) -> Result<Lanes, LaunchError> {
    let mut lanes = Lanes {
        slots: 1,
        ..Lanes::default()
    };
    for (index, step) in plan.steps.iter().enumerate() {
        let arming = Arming { plan, resources };
        let action = arming
            .action(step)
            .map_err(|_| LaunchError::Nul { index })?;
        if let Armed::OpenClone(clone) = &action {
            lanes.slots = lanes.slots.max(clone.slot + 1);
        }
        let lane = match step.lane {
            Lane::Parent => &mut lanes.parent,
            Lane::Init => &mut lanes.init,
            Lane::Program => &mut lanes.program,
        };
        lane.push(ArmedStep { index, action });
    }
    Ok(lanes)
}

type Armable<T> = Result<T, std::ffi::NulError>;

struct Arming<'a> {
    plan: &'a Plan,
    resources: &'a Resources<'a>,
}

impl Arming<'_> {
    fn action(&self, step: &Step) -> Armable<Armed> {
        Ok(match &step.action {
            Action::LeaveGroups { keep } => {
                Armed::LeaveGroups(keep.iter().map(|group| group.id).collect())
            }
            Action::MakeGroups(_) => Armed::MakeGroups,
            Action::OpenTree { owner, access } => self.tree(*owner, *access)?,
            Action::OpenBind(bind) => Armed::OpenClone(sources::bind(bind)?),
            Action::OpenKept(kept) => self.kept(kept)?,
            Action::Clone { namespaces } => Armed::Clone {
                namespaces: namespaces.iter().map(|name| clone_flag(*name) as u64).sum(),
            },
            Action::JoinNamespaces { namespaces: _ } => Armed::JoinNamespaces,
            Action::WriteIdMaps(maps) => id_maps(maps),
            Action::Start => Armed::Start,
            Action::DieWithParent => Armed::DieWithParent,
            Action::WaitForStart => Armed::WaitForStart,
            Action::BecomeUser(ids) => Armed::BecomeUser(*ids),
            Action::EnterGroups => Armed::EnterGroups,
            Action::NewCgroupNamespace => Armed::NewCgroupNamespace,
            Action::NoNewPrivileges => Armed::NoNewPrivileges,
            Action::NewSession => Armed::NewSession,
            Action::BecomeSubreaper => Armed::BecomeSubreaper,
            Action::PrivateMounts => Armed::PrivateMounts,
            Action::PivotRoot => Armed::PivotRoot,
            Action::SetHostName(name) => Armed::SetHostName(name.clone().into_bytes()),
            Action::LoopbackUp => Armed::LoopbackUp,
            Action::SetClocks(clocks) => Armed::SetClocks(clock_offsets(clocks)),
            Action::ForbidUserNamespaces => Armed::ForbidUserNamespaces,
            Action::DropBoundingSet(keep) => Armed::DropBoundingSet { keep: mask(keep) },
            Action::SetCapabilities(keep) => Armed::SetCapabilities { keep: mask(keep) },
            Action::HideInit => Armed::HideInit,
            Action::Fork => Armed::Fork,
            Action::Reap => Armed::Reap,
            Action::Filter(_) => self.filter(step.lane),
            Action::Mount(action) => self.mount(action)?,
            Action::Program(action) => self.program(action)?,
        })
    }

    fn filter(&self, lane: Lane) -> Armed {
        let filters = self.resources.filters;
        let listened = filters.listened.as_ref();
        Armed::Filter(match lane {
            Lane::Program => ArmedFilter {
                plain: filters.program.clone(),
                listened: listened.map(|listened| listened.program.clone()),
            },
            Lane::Init | Lane::Parent => ArmedFilter {
                plain: filters.first_process.clone(),
                listened: None,
            },
        })
    }

    fn mount(&self, action: &MountAction) -> Armable<Armed> {
        Ok(match action {
            MountAction::MountRoot => Armed::MountRoot,
            MountAction::MountOverlay { size } => Armed::MountOverlay { size: bytes(*size) },
            MountAction::MountKept { upper } => Armed::MountKept {
                upper: slot_index(*upper),
            },
            MountAction::MountDev => Armed::MountDev,
            MountAction::MountDevice(device) => Armed::MountDevice(sources::device(device)?),
            MountAction::MountPts => Armed::MountPts,
            MountAction::MountShm { size } => Armed::MountShm { size: bytes(*size) },
            MountAction::MountMqueue => Armed::MountMqueue,
            MountAction::OpenTerminal => Armed::OpenTerminal,
            MountAction::JoinTerminals => Armed::JoinTerminals,
            MountAction::SealDev => Armed::SealDev,
            MountAction::MountProc(kind) => Armed::MountProc(*kind),
            MountAction::MaskProc(path) => Armed::MaskProc(ArmedMask {
                path: CString::new(*path)?,
                object: if PROC_DIRECTORIES.contains(path) {
                    c"dir"
                } else {
                    c"file"
                },
            }),
            MountAction::SealProc(path) => Armed::SealProc(CString::new(*path)?),
            MountAction::MountSys(source) => Armed::MountSys(*source),
            MountAction::MaskSys(path) => Armed::MaskSys(ArmedMask {
                path: CString::new(*path)?,
                object: c"dir",
            }),
            MountAction::MountCgroup => Armed::MountCgroup(self.shown_groups()?),
            MountAction::Attach {
                slot,
                target,
                shape,
                point,
            } => Armed::Attach {
                slot: slot_index(*slot),
                target: self.target(target, *shape, *point)?,
            },
            MountAction::AttachOverlay {
                lower,
                upper,
                target,
                options,
                point,
            } => Armed::AttachOverlay(ArmedOverlay {
                lower: slot_index(*lower),
                upper: slot_index(*upper),
                attributes: attributes(Access::ReadWrite, options).set,
                target: self.target(target, MountPointKind::Directory, *point)?,
            }),
            MountAction::GuardPart(part) => Armed::GuardPart(parts::part(part)?),
            MountAction::CheckMissing {
                slot,
                below,
                target: _,
            } => Armed::CheckMissing(parts::place(*slot, below)?),
            MountAction::MountEmpty => Armed::MountEmpty,
            MountAction::MountTmpfs {
                target,
                size,
                mode,
                options,
                point,
            } => Armed::MountTmpfs(ArmedTmpfs {
                size: bytes(*size),
                mode: octal(*mode),
                attributes: attributes(Access::ReadWrite, options).set,
                target: self.target(target, MountPointKind::Directory, *point)?,
            }),
        })
    }

    fn target(
        &self,
        path: &InsidePath,
        shape: MountPointKind,
        point: TargetPoint,
    ) -> Armable<ArmedTarget> {
        let mut make = Vec::new();
        if point == TargetPoint::Made || !guard::holds(Guard::OwnPoints) {
            let mut way = String::new();
            for name in path.names() {
                way.push_str(if way.is_empty() { "" } else { "/" });
                way.push_str(name);
                make.push((CString::new(way.as_str())?, CString::new(name)?));
            }
        }
        Ok(ArmedTarget {
            path: CString::new(path.as_str().trim_start_matches('/'))?,
            shape,
            make,
        })
    }

    fn shown_groups(&self) -> Armable<Vec<(CString, CString)>> {
        let shown = self.resources.groups.shown.iter();
        let armed = shown.map(|(name, path)| {
            let path = path.as_os_str().as_encoded_bytes();
            Ok((CString::new(name.as_str())?, CString::new(path)?))
        });
        armed.collect()
    }

    fn program(&self, action: &ProgramAction) -> Armable<Armed> {
        Ok(match action {
            ProgramAction::OwnProcessGroup => Armed::OwnProcessGroup,
            ProgramAction::LimitProcess(limit) => Armed::LimitProcess {
                resource: limit.resource.number,
                soft: limit.limit.value.soft.raw(),
                hard: limit.limit.value.hard.raw(),
            },
            ProgramAction::SetUmask(FileMode(mask)) => Armed::SetUmask(*mask),
            ProgramAction::ResetSignals => Armed::ResetSignals,
            ProgramAction::ChangeDirectory(path) => {
                Armed::ChangeDirectory(CString::new(path.as_str())?)
            }
            ProgramAction::RefuseMagicLinks { candidates } => {
                Armed::RefuseMagicLinks(c_strings(candidates)?)
            }
            ProgramAction::CloseDescriptors { keep } => Armed::CloseDescriptors(
                keep.iter()
                    .filter_map(|fd| i32::try_from(*fd).ok())
                    .collect(),
            ),
            ProgramAction::Landlock(rules) => Armed::Landlock(landlock::rules(rules)?),
            ProgramAction::Probe(probes) => Armed::Probe(self.probes(probes)?),
            ProgramAction::Answer => Armed::Answer,
            ProgramAction::Execute { candidates, args } => Armed::Execute(ArmedProgram {
                candidates: c_strings(candidates)?,
                arguments: StringArray::new(c_strings(args)?),
                environment: self.environment()?,
            }),
        })
    }

    fn environment(&self) -> Armable<StringArray> {
        let variables = self.plan.settings.command.env.iter();
        let pairs = variables.map(|at| format!("{}={}", at.value.name, at.value.value));
        let mut pairs: Vec<String> = pairs.collect();
        if !guard::holds(Guard::Environment) {
            pairs.extend(std::env::vars().map(|(name, value)| format!("{name}={value}")));
        }
        Ok(StringArray::new(c_strings(&pairs)?))
    }
}

fn c_strings(texts: &[String]) -> Armable<Vec<CString>> {
    texts
        .iter()
        .map(|text| CString::new(text.as_str()))
        .collect()
}

fn slot_index(slot: Slot) -> usize {
    usize::try_from(slot.0).unwrap_or(usize::MAX)
}
