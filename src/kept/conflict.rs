//! What the host changed since a change was made over it.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::unistd::{AccessFlags, faccessat, geteuid};

use super::compare::{Act, Change};
use super::entry::{Entry, Kind, Moment, look};
use super::place::{names, open_below, open_dir, split};
use super::record::{Carried, OverlayRecord};

/// Why `change` cannot be carried to the directory `host`; nothing where it can.
///
/// The record's time counts where the change itself does not know when it was made.
pub(super) fn conflict(
    host: BorrowedFd<'_>,
    change: &Change,
    record: &OverlayRecord,
) -> nix::Result<Option<&'static str>> {
    if let Act::Unseen(why) = change.act {
        return Ok(Some(why));
    }
    let Some((parent, name)) = split(&change.path) else {
        return Ok(None);
    };
    let since = change.since.unwrap_or(record.since);
    let directory = parent;
    let parent = match open_below(host, parent) {
        // The directory is new too, or takes the place of a file.
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
        Err(Errno::ELOOP) => return Ok(Some("a link leads to it on the host")),
        Err(Errno::EXDEV) => return Ok(Some("something is mounted over it on the host")),
        parent => parent?,
    };
    if let Some(why) = closed(parent.as_fd())? {
        return Ok(Some(why));
    }
    let Some(found) = look(parent.as_fd(), name)? else {
        return removed(parent.as_fd(), change, since, record.carried);
    };
    if change.act != Act::Added && was_moved(host, directory, since, record.carried)? {
        return Ok(Some(
            "its directory on the host was moved or given other rights meanwhile",
        ));
    }
    let meanwhile = "the host's was changed meanwhile";
    Ok(match (change.act, found.kind) {
        (Act::Deleted, Kind::Directory) => {
            let own = record.carried.is_some_and(|carried| !carried.finished);
            let judge = Judge { since, own };
            let changed = judge.was_changed_below(parent.as_fd(), name, &found)?;
            changed.then_some("something in the host's was changed meanwhile")
        }
        (Act::Deleted, _) => found.changed.may_be_since(since).then_some(meanwhile),
        (Act::Changed, kind) if kind != change.kind => Some("the host's is of another kind now"),
        // Its times tell of every file that came or went in it.
        (Act::Changed, Kind::Directory) => None,
        (Act::Changed, _) => found.changed.may_be_since(since).then_some(meanwhile),
        // Where it takes the place of another, that deletion was judged.
        (Act::Added | Act::Unseen(_), _) => None,
    })
}

/// Why nothing can be put into a directory of the host; what the caller owns can be opened.
fn closed(dir: BorrowedFd<'_>) -> nix::Result<Option<&'static str>> {
    let rights = AccessFlags::W_OK | AccessFlags::X_OK;
    match faccessat(dir, ".", rights, AtFlags::AT_EACCESS) {
        Ok(()) => Ok(None),
        Err(Errno::EROFS) => Ok(Some("the host's file system is read-only")),
        Err(Errno::EACCES) => {
            let own = look(dir, OsStr::new(""))?.is_some_and(|dir| dir.uid == geteuid().as_raw());
            Ok((!own).then_some("you may not write the host's directory"))
        }
        Err(errno) => Err(errno),
    }
}

/// Whether something was there when the change was made, and is not any more.
fn removed(
    parent: BorrowedFd<'_>,
    change: &Change,
    since: Moment,
    carried: Option<Carried>,
) -> nix::Result<Option<&'static str>> {
    let meanwhile = "the host's was removed meanwhile";
    if change.act != Act::Added || !change.copied_up {
        return Ok(None);
    }
    // A directory with something below it cannot be moved inside; a file may have come from elsewhere,
    // and only a directory on the host that is as it was says that it did.
    if change.kind == Kind::Directory {
        return Ok(Some(meanwhile));
    }
    let above = look(parent, OsStr::new(""))?;
    let touched = above.is_some_and(|above| {
        let own = carried.is_some_and(|carried| carried.explains(above.modified));
        above.modified.may_be_since(since) && !own
    });
    Ok(touched.then_some(meanwhile))
}

/// Whether one of the directories that lead to something may be another than the program saw: what lies
/// in a directory that is moved keeps its own times.
///
/// To move a directory, or to give it other rights, changes its status alone. What comes or goes in it
/// changes its content too, and then nobody can tell any more.
fn was_moved(
    host: BorrowedFd<'_>,
    directory: &Path,
    since: Moment,
    carried: Option<Carried>,
) -> nix::Result<bool> {
    let way = directory.ancestors();
    for path in way.filter(|path| !path.as_os_str().is_empty()) {
        let dir = open_below(host, path)?;
        let moved = look(dir.as_fd(), OsStr::new(""))?.is_some_and(|dir| {
            let own = carried.is_some_and(|carried| carried.explains(dir.changed));
            dir.changed.may_be_since(since) && dir.changed != dir.modified && !own
        });
        if moved {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a directory that goes as a whole is judged by.
struct Judge {
    since: Moment,
    /// An apply that was killed may have begun to remove it.
    own: bool,
}

impl Judge {
    /// Whether the directory `name` or anything in it is younger. Also where nothing but a directory is:
    /// another may have been moved there, with all that is in it.
    fn was_changed_below(
        &self,
        parent: BorrowedFd<'_>,
        name: &OsStr,
        found: &Entry,
    ) -> nix::Result<bool> {
        let Judge { since, own } = *self;
        let is_new = found.born.is_some_and(|born| born.may_be_since(since));
        if is_new || found.changed.may_be_since(since) && !own {
            return Ok(true);
        }
        let dir = open_dir(parent, name)?;
        for name in names(&dir)? {
            let Some(below) = look(dir.as_fd(), &name)? else {
                continue;
            };
            let changed = match below.kind {
                Kind::Directory => self.was_changed_below(dir.as_fd(), &name, &below)?,
                _ => below.changed.may_be_since(since),
            };
            if changed {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether `path` is `of` or lies below it.
pub(super) fn lies_in(path: &Path, of: &Path) -> bool {
    of.as_os_str().is_empty() || path.starts_with(of)
}
