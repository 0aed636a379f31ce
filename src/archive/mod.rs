//! Archives, member by member: what a tar file says, checked before anybody acts on it.
//!
//! Nothing here touches a file system: a [`Receiver`] is told of each member, in the archive's order.

mod member;

pub use member::{Attributes, Body, Member, Receiver};
