//! (raw profile, facts) to `Plan`: validated, resolved, ordered, printable. Pure.

mod by_variable;
mod group;
mod isolation;
mod landlock;
mod limits;
mod private;
mod probe;
mod resolve;
mod seat;
mod settings;
mod step;
mod steps;
mod syscalls;
mod tree;
mod trial;

pub use by_variable::{ByVariable, StandIn};
pub use group::HostGroup;
pub use isolation::{Shortfalls, isolation};
pub use landlock::{Landlock, LandlockPlace, LandlockReach, LandlockRules};
pub use limits::{
    Amount, DeviceRule, Disk, GroupLimit, GroupLimits, IoLimit, IoRate, Lacking, ProcessLimit,
};
pub use private::PrivateValues;
pub use probe::Probe;
pub use resolve::{Attempt, Given, Knowledge, Purpose, attempt, resolve, wanted};
pub use seat::{Further, OwnLimits, Seat};
pub use settings::{
    Clock, ClockOffset, Command, Device, Expect, HostIds, IdMaps, Identity, Loss, MapWriter, Mount,
    MountKind, Namespaces, OpenPart, OwnerMap, PartGuard, Privacy, Settings, Supervise, System,
    TargetPoint, Terminal, UserIds, Variable,
};
pub use step::{
    Accepts, Action, GuardPart, HostDevice, KeptPart, Lane, MountAction, Namespace, OpenBind,
    OpenKept, Phase, ProgramAction, Slot, Step, SysSource,
};
pub(crate) use steps::{DEVICES, PROC_MASKS, PROC_SEALS, SYS_MASKS};
pub use steps::{End, steps};
pub use syscalls::Syscalls;
use syscalls::base;
pub use tree::{Existing, Missing, MountPoint, MountPointKind, TreePlan, TreeSource};
pub use trial::{Trial, Tried};

use serde::Serialize;

use crate::diag::Origin;

/// A whole start as plain data: what was decided, and the steps that carry it out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// What was decided.
    pub settings: Settings,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The plan that carries out `settings`.
    pub fn new(settings: Settings) -> Plan {
        let steps = steps(&settings, End::Execute);
        Plan { settings, steps }
    }

    /// The plan that makes the very same sandbox, and tries in it what `settings` expect; each trial has
    /// a time limit of its own in place of the program's.
    pub fn for_test(settings: Settings) -> Plan {
        let settings = Settings {
            wall_time: None,
            output: None,
            ..settings
        };
        let steps = steps(&settings, End::Answer);
        Plan { settings, steps }
    }

    /// What of it is kept under the sandbox's name, in the order of the steps, each with its line.
    pub fn kept(&self) -> impl Iterator<Item = (&OpenKept, &Origin)> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::OpenKept(kept) => Some((kept, &step.origin)),
            _ => None,
        })
    }
}
