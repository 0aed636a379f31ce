//! (raw profile, facts) to `Plan`: validated, resolved, ordered, printable. Pure.

mod enforced;
mod limits;
mod private;
mod resolve;
mod settings;
mod step;
mod steps;
mod syscalls;
mod tree;

pub use enforced::enforced;
pub use limits::{Amount, GroupLimit, GroupLimits, Lacking, ProcessLimit};
pub use private::PrivateValues;
pub use resolve::{Attempt, Given, Knowledge, Purpose, attempt, resolve, wanted};
pub use settings::{
    Clock, ClockOffset, Command, Device, HostIds, Identity, Mount, MountKind, Namespaces, OwnerMap,
    Privacy, Settings, Supervise, System, TargetPoint, Terminal, UserIds, Variable,
};
pub use step::{
    Action, HostDevice, IdPair, KeptPart, Lane, MountAction, Namespace, OpenBind, OpenKept, Phase,
    ProgramAction, Slot, Step, SysSource,
};
pub use steps::steps;
pub use syscalls::Syscalls;
pub use tree::{Existing, Missing, MountPoint, MountPointKind, TreePlan, TreeSource};

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
        let steps = steps(&settings);
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
