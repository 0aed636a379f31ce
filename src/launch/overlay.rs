//! Overlays: over the tree with an upper layer in memory or on disk, and over host directories.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use crate::sys;
use crate::sys::file::{HERE, How};

use super::arm::ArmedOverlay;
use super::init::Inside;
use super::mounts::{NODEV, NOSUID, descriptor_path, new_tmpfs};

/// The directories beside each other on one mount: what is written, overlayfs's own, and a place where
/// the lower layer may lie while the overlay is made.
pub(super) const UPPER: &CStr = c"upper";
pub(super) const WORK: &CStr = c"work";
pub(super) const LOWER: &CStr = c"lower";

impl Inside<'_> {
    pub(super) fn mount_overlay(&mut self, size: &CStr) -> sys::Result<()> {
        let tree = self.take_slot(0)?.ok_or(Errno::EBADF)?;
        let options = [(c"size", size), (c"mode", c"0755")];
        let writes = new_tmpfs(&options, NOSUID | NODEV)?;
        sys::file::make_directory(writes.as_fd(), UPPER, 0o755)?;
        sys::file::make_directory(writes.as_fd(), WORK, 0o700)?;
        sys::file::make_directory(writes.as_fd(), LOWER, 0o700)?;
        self.lay_root(tree.as_fd(), writes.as_fd())
    }

    pub(super) fn mount_kept(&mut self, upper: usize) -> sys::Result<()> {
        let tree = self.take_slot(0)?.ok_or(Errno::EBADF)?;
        let layers = self.take_slot(upper)?.ok_or(Errno::EBADF)?;
        self.lay_root(tree.as_fd(), layers.as_fd())
    }

    fn lay_root(&mut self, tree: BorrowedFd<'_>, layers: BorrowedFd<'_>) -> sys::Result<()> {
        let overlay = overlay(tree, layers, NOSUID | NODEV)?;
        sys::mount::attach(overlay.as_fd(), HERE, c"/")?;
        self.root = Some(overlay);
        Ok(())
    }

    pub(super) fn attach_overlay(&mut self, armed: &ArmedOverlay) -> sys::Result<()> {
        let lower = self.take_slot(armed.lower)?;
        let layers = self.take_slot(armed.upper)?;
        // An optional source that was not there has left its slot empty.
        let Some(lower) = lower else {
            return Ok(());
        };
        let layers = layers.ok_or(Errno::EBADF)?;
        let overlay = overlay(lower.as_fd(), layers.as_fd(), armed.attributes)?;
        self.attach_at(overlay.as_fd(), &armed.target)?;
        self.put_back(armed.lower, overlay)
    }
}

/// The layers of an overlay stay detached where the kernel takes them so (Linux 6.15, no id map).
/// Else they lie over the old root while it is made, and the overlay keeps its own hold on them; one
/// lies in the other, because each detachment waits for the whole machine.
pub(super) fn overlay(
    lower: BorrowedFd<'_>,
    layers: BorrowedFd<'_>,
    attributes: u64,
) -> sys::Result<OwnedFd> {
    if let Ok(overlay) = join(lower, layers, attributes) {
        return Ok(overlay);
    }
    sys::mount::attach(layers, HERE, c"/")?;
    sys::mount::attach(lower, layers, LOWER)?;
    let overlay = join(lower, layers, attributes)?;
    sys::mount::detach(c"/")?;
    Ok(overlay)
}

fn join(lower: BorrowedFd<'_>, layers: BorrowedFd<'_>, attributes: u64) -> sys::Result<OwnedFd> {
    let how = How::existing(libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW, 0);
    let upper = sys::file::open(layers, UPPER, how)?;
    let work = sys::file::open(layers, WORK, how)?;
    let filesystem = sys::mount::open_filesystem(c"overlay")?;
    let layers = [
        (c"lowerdir", lower),
        (c"upperdir", upper.as_fd()),
        (c"workdir", work.as_fd()),
    ];
    for (key, layer) in layers {
        let mut buffer = [0; 32];
        let path = descriptor_path(layer, &mut buffer)?;
        sys::mount::set_option(filesystem.as_fd(), key, path)?;
    }
    // Extended attributes of its own that an unprivileged user namespace may write (Linux 5.11). Without
    // redirects, metadata-only copies and an index, which it or the next line turns off, the lower layer
    // of a kept upper one may be another at the next run (filesystems/overlayfs.rst, "Changes to
    // underlying filesystems").
    sys::mount::set_flag(filesystem.as_fd(), c"userxattr")?;
    sys::mount::set_option(filesystem.as_fd(), c"index", c"off")?;
    sys::mount::create_mount(filesystem.as_fd(), attributes)
}
