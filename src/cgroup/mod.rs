//! The sandbox's own control groups: made, limited, entered, read, killed, removed.
//!
//! Where they lie:
//!
//! | host | groups |
//! | --- | --- |
//! | v1 | `OWN/sandbox-NAME-PID` in the hierarchy of each controller that a limit needs |
//! | hybrid | the same, and one in the unified tree without controllers: it gives `cgroup.kill` |
//! | v2, root | `MOUNT/sandbox/sandbox-NAME-PID` |
//! | v2, delegated | `OWN/sandbox/sandbox-NAME-PID`; where others live in the own group, beside it |
//!
//! The middle group `sandbox` of v2 is there because it holds the controllers fast: whoever manages
//! the group above cannot switch a controller off there while a child has it switched on, so no
//! limit can be lost in the middle of a run.

mod assign;
mod counts;
mod create;
mod devices;
mod error;
mod file;
mod groups;
mod live;
mod names;
mod nest;
mod remove;
mod settings;
mod usage;

pub use error::{Cause, CgroupError, Failure};
pub use groups::{Entry, Groups};
pub use live::{Freezer, WaysIn, figures, freezer, set_freezer, ways_in};
pub use remove::sweep;
