//! Builds the root tree that a plan describes, and finds it again quickly.
//!
//! # From sources to a tree
//!
//! Each source adds to a layout: the tree as data, in which links are followed in memory. Then
//! the layout is written on all processors, directories first, and its list, the
//! inventory, is kept beside the tree. So nothing that a source says can lead anything
//! outside, what a later source replaces is never copied, and a contradiction costs no copying.
//!
//! Rules: sources are taken in their order. A file or link replaces an earlier file or link. A directory
//! is merged with an earlier directory, also through a link inside the tree; the later one's mode and
//! times count. A directory where a file is, or the reverse, is an error that names both sources. Links
//! are followed inside the tree only. Archives and images go in by the same rules; within an image a later
//! layer takes the place of an earlier one, and its whiteouts reach no further. What programs open at run
//! time without saying so comes by two tables: that of the bundles, and the rules of each interpreter for
//! its own library; what of that is broken on the host is as broken in the tree. What no file of the host stands behind has the time 0, so that the
//! same plan gives the same tree. See [`TreeSource`](crate::plan::TreeSource) for what each source brings.
//!
//! # The store
//!
//! One directory of the user, mode 0700, so that nobody else reaches a tree by its name:
//!
//! | path | holds |
//! | --- | --- |
//! | `trees/ID/root/` | a finished tree; never changed again |
//! | `trees/ID/inventory` | everything in it: names, modes, hashes, the host's inodes that it was copied from |
//! | `trees/ID/stamps` | every host file and directory that it was made of |
//! | `trees/ID/durable` | present when the disk has all of it |
//! | `trees/ID/altered` | present when something in it is not as it was written |
//! | `recipes/KEY` | the id of a plan's tree, and the stamps that a quick look checks |
//! | `users/HASH` | which plan's tree a profile or a lock asked for last |
//! | `building/KEY.PID.N/` | a tree that is being built; locked by its builder |
//! | `locks/KEY` | locked by whoever builds that plan's tree |
//!
//! KEY is a hash of the plan without its origins, the user and the version of this format.
//! ID is new with each build.
//!
//! Trees share files by hard links among themselves, never with the host: a file is found by its
//! key (the hash of its content and of what all names of one inode share) in the inventories of the
//! other trees, and a host file whose inode is as an earlier build found it is not even opened. A folder of
//! objects beside the trees was tried first: it doubled the names that a first build makes, and needed
//! rules of its own for crashes, locks and garbage, all of which the trees have already.
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
//! - Two equal files of a tree stay two files, and the names of one file stay names of one.

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
mod times;
mod unpack;
mod view;
mod walk;
mod whole;
mod write;

pub use error::{BuildError, Earlier, Part, Shape, StoreError, SystemProblem, Trouble};
pub use manifest::{Entry, EntryKind, Manifest};
pub use progress::{Progress, Silent};
pub use record::Notes;
pub use store::{Built, Collected, Collection, Durability, Listed, Refresh, Store, Tree};
