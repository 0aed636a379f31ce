//! (raw profile, facts) to `Plan`: validated, resolved, ordered, printable. Pure.

mod limits;
mod private;
mod resolve;
mod settings;
mod tree;

pub use limits::{Amount, GroupLimit, GroupLimits, Lacking, ProcessLimit};
pub use private::PrivateValues;
pub use resolve::{Given, Knowledge, resolve, wanted};
pub use settings::{
    Clock, ClockOffset, Command, Device, HostIds, Identity, Mount, MountKind, Namespaces, OwnerMap,
    Privacy, Settings, Supervise, System, TargetPoint, Terminal, UserIds, Variable,
};
pub use tree::{Existing, Missing, MountPoint, MountPointKind, TreePlan, TreeSource};
