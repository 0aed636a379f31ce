//! The sandbox's own control groups: made, limited, entered, read, killed, removed.
//!
//! Where they lie:
//!
//! | host | groups |
//! | --- | --- |
//! | v1 | `OWN/sandbox-NAME-PID` in the hierarchy of each controller that a limit needs, and of `freezer` |
//! | hybrid | the same, and one in the unified tree without controllers: it gives `cgroup.kill` |
//! | v2, root | `MOUNT/sandbox/sandbox-NAME-PID` |
//! | v2, delegated | `OWN/sandbox/sandbox-NAME-PID`; where others live in the own group, beside it |
//! | v2, a login's group | the same in a scope that the service manager of the session gives ([`scope`]) |
//!
//! Without a limit the groups are made too (`GroupLimits::handle`), as far as nobody has to be asked for
//! them: a sandbox is then stopped, killed and counted as one. That costs 0.15 ms (freezer and unified tree
//! together: made, entered, removed). On v2 such a group lies in the own group or the root of the mount,
//! without the middle one, since it wants no controller.
//!
//! The keys, their files and the conversion of each value stand in one table ([`ROWS`]), which prints itself
//! for the manual ([`printed`]).
//!
//! The middle group `sandbox` of v2 is there because it holds the controllers fast: whoever manages
//! the group above cannot switch a controller off there while a child has it switched on, so no
//! limit can be lost in the middle of a run. Weights so share out among the sandboxes in it what it gets as a whole,
//! with the weight of any group, beside its neighbours.

mod alarm;
mod apply;
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
pub mod scope;
mod settings;
mod table;
mod unit;
mod usage;

pub use error::{Cause, CgroupError, Failure};
pub use groups::{Entry, Groups};
pub use live::{Freezer, WaysIn, figures, freezer, set_freezer, thaw, ways_in};
pub use remove::sweep;
pub use table::{Place, ROWS, Row, printed};
pub use unit::start_scope;
