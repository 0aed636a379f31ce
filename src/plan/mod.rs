//! (raw profile, facts) to `Plan`: validated, resolved, ordered, printable. Pure.

mod limits;
mod tree;

pub use limits::{Amount, GroupLimit, GroupLimits, Lacking, ProcessLimit};
pub use tree::{Existing, Missing, MountPoint, MountPointKind, TreePlan, TreeSource};
