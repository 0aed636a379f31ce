//! What outlives a run: the upper layer of a kept root tree, those of overlays, and volumes.
//!
//! All of it lies under the sandbox's name in one directory of the user's ([`Store`]), mode 0700:
//!
//! - `root/layers/{upper,work,lower}` and `root/record.json`: `rootfs.writes = "keep"`;
//! - `overlays/ID/layers/{upper,work,lower}` and `overlays/ID/record.json`: `access = "overlay"`. ID is
//!   made of the host path and the target, so that one profile in two checkouts keeps two sets of writes;
//! - `volumes/NAME`;
//! - `trash`: what is being removed.
//!
//! `lower` is empty: a place for the lower layer while the launcher makes the overlay.
//!
//! # Decisions
//!
//! - One lock a name, on its directory, for the whole run. The first process inherits it, so it is free
//!   only when the sandbox is gone, however its supervisor ended; the file `process` says so where the
//!   lock is free a little earlier ([`name`]).
//! - On the host files belong to root, or to the owner of the directory below an overlay, never to the id
//!   of the program, which may be another one day: root shows them through an idmapped mount.
//! - A kept root survives another tree below it: overlayfs defines what then shows as long as neither
//!   redirects nor an index are used, and neither is. What was written or deleted inside stays so; what was
//!   not touched is the new tree's.
//! - A directory that was replaced on the host is another one: an overlay is laid only over the directory
//!   that its record names by inode and birth. Its writes stay until somebody drops them.
//! - `apply` compares, judges and only then writes. What equals the host's file is no change, and is
//!   dropped from the upper layer at the end: a crash in the middle leaves nothing that the next `apply`
//!   could not finish, and no journal is needed.
//! - The times of directories judge nothing, since every file that comes or goes changes them, but in two
//!   cases: a directory that goes as a whole must be as it was, and one whose status alone was changed may
//!   be another, that was moved there.
//! - Whiteouts share one inode, whose birth may be before the deletion: then `apply` may refuse where it
//!   need not, never the other way round.
//! - What is judged is the moment at which the overlay took a file over. A file that was deleted inside,
//!   changed on the host, and only then made anew inside is judged by the birth of the new one: the overlay
//!   has forgotten the deletion. So is one that the program read before the change and saved by a rename after
//!   it, and a directory that was removed, filled on the host, and made again. `changes --diff` shows all three.
//! - A host path stands in the record of its overlay, also where a variable of the environment gave it:
//!   without it nobody could carry the writes back.
//! - Removing works without recursion and with two descriptors, whatever a program nested
//!   (`kept::remove`); looking stops at a depth that no honest tree has, and says so.

mod apply;
mod compare;
mod conflict;
mod content;
mod entry;
mod layer;
mod name;
mod place;
mod prepare;
mod prune;
mod record;
mod remove;
mod same;
mod select;

pub use apply::{Applied, apply};
pub use compare::{Act, Change};
pub use content::{Side, Sides, sides};
pub use entry::Kind;
pub use layer::{Layer, LayerKind};
pub use name::{Name, Store, Volumes};
pub use prepare::prepare;
pub use select::{Selection, discard, select};
