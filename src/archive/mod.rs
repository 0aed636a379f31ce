//! Archives, member by member: what a tar file says, checked before anybody acts on it.
//!
//! Nothing here touches a file system but to read the archive itself: a [`Receiver`] is told of each
//! member, in the archive's order.
//!
//! # What a receiver may rely on
//!
//! - A path is relative, clean and below the root; it may be any bytes that a kernel takes as names.
//! - A hard link names a file that the archive, or an earlier layer of the image, gave before it. One to
//!   a symbolic link comes as another symbolic link, one to a device not at all.
//! - Within one layer nothing but links and files is put over links and files, and a directory over a
//!   link, which means the directory that the link names.
//! - A later layer may put anything in place of anything, which then is gone with all below it.
//! - A path may lead through a symbolic link that the archive made: links are the receiver's to follow,
//!   inside its tree.
//! - Devices and pipes are left out, and counted.
//! - Sizes, numbers and lengths are within limits that a build can bear (`limits.rs`).

mod error;
mod file;
mod header;
mod index;
mod known;
mod limits;
mod member;
mod name;
mod pax;
mod sparse;
mod stream;
mod tape;
mod walk;
mod whiteout;

pub use error::{ArchiveError, BadName, Reason, WalkError};
pub use file::Archive;
pub use limits::Limit;
// For `oci`, which reads the layers of images by the same rules.
pub(crate) use error::printable;
pub(crate) use file::{Held, Slice};
pub(crate) use index::Index;
pub(crate) use stream::packing_of;
pub(crate) use walk::{Names, Walk, unpacked_hash};

pub use member::{Attributes, Body, Member, Receiver};
