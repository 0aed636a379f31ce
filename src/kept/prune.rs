//! Dropping from an upper layer what equals the host's.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::readlinkat;

use super::compare::Walk;
use super::entry::{Entry, Kind, is_opaque, look};
use super::place::{enter, names, writable};
use super::remove::Trash;
use super::same::same_file;

/// Removes from `upper` what differs in nothing from `host`, and what marks a deletion of what is not
/// there.
///
/// A directory that hides what lies below it goes as a whole or not at all: without one of its files, that
/// of the host would not show.
pub(super) fn prune(
    upper: BorrowedFd<'_>,
    host: BorrowedFd<'_>,
    trash: &mut Trash,
) -> nix::Result<()> {
    for name in names(upper)? {
        let Some(above) = look(upper, &name)? else {
            continue;
        };
        let below = look(host, &name)?;
        if is_settled(&name, (upper, &above), (host, below.as_ref()), trash)? {
            writable(upper, || trash.take(upper, &name))?;
        }
    }
    Ok(())
}

/// Whether what lies at `name` can go; a directory loses what can go in it.
fn is_settled(
    name: &OsStr,
    (upper, above): (BorrowedFd<'_>, &Entry),
    (host, below): (BorrowedFd<'_>, Option<&Entry>),
    trash: &mut Trash,
) -> nix::Result<bool> {
    let Some(below) = below else {
        return Ok(above.whiteout);
    };
    if above.whiteout || below.kind != above.kind {
        return Ok(false);
    }
    match above.kind {
        Kind::File => same_file((upper, above), (host, below), name),
        Kind::Link => Ok(readlinkat(upper, name)? == readlinkat(host, name)?),
        Kind::Directory => {
            let (dir, under) = match (enter(upper, name), enter(host, name)) {
                // What cannot be looked at stays.
                (Err(Errno::EACCES), _) | (_, Err(Errno::EACCES)) => return Ok(false),
                (dir, under) => (dir?, under?),
            };
            if is_opaque(dir.as_fd()) {
                return Ok(above.mode == below.mode && Walk::is_same(dir.as_fd(), under.as_fd())?);
            }
            prune(dir.as_fd(), under.as_fd(), trash)?;
            let differs = Walk::differs_itself((dir.as_fd(), above), (under.as_fd(), below));
            Ok(!differs && names(&dir)?.is_empty())
        }
        Kind::Pipe | Kind::Socket | Kind::Device => Ok(false),
    }
}
