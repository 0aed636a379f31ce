//! Parts of binds that are pinned, read-only or hidden. Nothing here allocates.
//!
//! Each is found once, from the bind's own root and through no link: a program of an earlier run may
//! still be writing there. What is mounted over it is a copy of this very place, so that nothing else
//! of the host can come to be shown, and an idmapped bind stays one.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use crate::plan::{MountPointKind, PartGuard};
use crate::sys;
use crate::sys::file::How;
use crate::sys::mount::{Attributes, Depth};

use super::arm::{ArmedPart, ArmedPlace};
use super::init::{Inside, held};
use super::mounts::READ_ONLY;
use super::parent::verify_shape;

impl Inside<'_> {
    pub(super) fn guard(&self, part: &ArmedPart) -> sys::Result<()> {
        // An optional bind that was not there has no parts.
        let Some(top) = self.top(&part.place)? else {
            return Ok(());
        };
        let place = find(top, &part.place)?;
        verify_shape(part.shape, &sys::file::status(place.as_fd())?)?;
        let mount = match part.guard {
            PartGuard::Pinned => itself(&place, 0)?,
            PartGuard::ReadOnly => itself(&place, READ_ONLY)?,
            PartGuard::Hidden => {
                let object = match part.shape {
                    MountPointKind::Directory => c"dir",
                    MountPointKind::File => c"file",
                };
                sys::mount::clone_tree(held(&self.masks)?, object, Depth::One)?
            }
        };
        sys::mount::attach(mount.as_fd(), place.as_fd(), c"")
    }

    /// Fails where something has come to be there since the plan was made.
    pub(super) fn check_missing(&self, place: &ArmedPlace) -> sys::Result<()> {
        let Some(top) = self.top(place)? else {
            return Ok(());
        };
        match find(top, place) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(()),
            Err(errno) => Err(errno),
            Ok(_) => Err(Errno::EEXIST),
        }
    }

    /// The bind, which has been attached meanwhile.
    fn top(&self, place: &ArmedPlace) -> sys::Result<Option<BorrowedFd<'_>>> {
        let slot = self.slots.get(place.slot).ok_or(Errno::ENFILE)?;
        Ok(slot.as_ref().map(AsFd::as_fd))
    }
}

fn find(top: BorrowedFd<'_>, place: &ArmedPlace) -> sys::Result<OwnedFd> {
    let resolve = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS;
    // Not O_NOFOLLOW, which would open a link at the end itself in place of refusing it.
    let how = How::existing(libc::O_PATH, resolve);
    sys::file::open(top, &place.below, how)
}

/// A copy of a place with everything mounted below it, which may not be uncovered.
fn itself(place: &OwnedFd, set: u64) -> sys::Result<OwnedFd> {
    let copy = sys::mount::clone_tree(place.as_fd(), c"", Depth::Recursive)?;
    let attributes = Attributes { set, clear: 0 };
    sys::mount::set_attributes(copy.as_fd(), attributes, Depth::Recursive)?;
    Ok(copy)
}
