//! Builds the root tree that a plan describes, and finds it again quickly.
//!
//! # The store
//!
//! One directory of the user, mode 0700, so that nobody else reaches a tree by its name:
//!
//! | path | holds |
//! | --- | --- |
//! | `trees/ID/root/` | a finished tree; never changed again |
//! | `trees/ID/stamps` | every host file and directory that it was made of |
//! | `trees/ID/durable` | present when the disk has all of it |
//! | `trees/ID/locked` | the text of its lock, when one was made |
//! | `recipes/KEY` | the id of a plan's tree, and the stamps that a quick look checks |
//! | `building/KEY.PID.N/` | a tree that is being built; locked by its builder |
//! | `locks/KEY` | locked by whoever builds that plan's tree |
//!
//! KEY is a hash of the plan without its origins, the user and the version of this format.
//! ID is new with each build.
//!
//! # What always holds
//!
//! - A tree gets its name by one rename after it is complete. After a crash of the machine a name
//!   may stand for half a tree, because waiting for the disk costs more than building; so a tree
//!   is used only in the boot in which it was built, or with its mark `durable`, which
//!   [`Store::make_durable`] sets once the disk has everything.
//! - A tree in use is locked (flock, shared) on `trees/ID`; to remove one takes the lock alone.
//! - What a killed builder left in `building` is not locked and is removed by the next build.
//! - Nothing in a tree has set-user-id, set-group-id or file capabilities, or is a device, and
//!   all of it belongs to the user who built it.
//!
//! # Rules of building
//!
//! Sources are taken in their order. A file or link replaces an earlier file or link. A directory
//! is merged with an earlier directory, also through a link inside the tree; the later one's mode
//! and times count. A directory where a file is, or the reverse, is an error that names both
//! sources. Links are followed inside the tree only. What programs open at run time without saying so
//! comes by two tables: that of the bundles, and the rules of each interpreter for its own library.
//! Links in these directories bring what they lead to, and plug-ins their libraries; what of that is
//! broken on the host is as broken in the tree. See [`TreeSource`](crate::plan::TreeSource)
//! for what each source brings.

mod build;
mod bundles;
mod content;
mod copy;
mod error;
mod exclude;
mod host;
mod interpreters;
mod inventory;
mod key;
mod layout;
mod linker;
mod locked;
mod manifest;
mod pool;
mod programs;
mod progress;
mod receive;
mod recipe;
mod record;
mod remove;
mod stamps;
mod store;
mod view;
mod walk;
mod whole;
mod write;

pub use error::{BuildError, Earlier, Part, Shape, StoreError, SystemProblem, Trouble};
pub use manifest::{Entry, EntryKind, Manifest};
pub use progress::{Progress, Silent};
pub use record::Notes;
pub use store::{Built, Collected, Collection, Durability, Listed, Refresh, Store, Tree};
