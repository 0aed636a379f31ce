//! Carrying an overlay's changes to the host directory below it.
//!
//! The program had its way with everything in the upper layer: names, links, modes, depth, kinds of file.
//! So nothing is opened but regular files and directories, no link is followed on either side, every step
//! starts at the descriptor of the directory that the record names, and what cannot be judged is refused
//! before anything is written.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat, renameat};
use nix::sys::stat::{Mode, fchmod, futimens, mkdirat};
use nix::sys::time::TimeSpec;
use nix::unistd::{
    Gid, Uid, UnlinkatFlags, Whence, fchown, fchownat, ftruncate, geteuid, lseek, symlinkat,
    syncfs, unlinkat,
};

use super::compare::{Act, Change};
use super::conflict::conflict;
use super::entry::{Entry, Kind, Moment, give_access_list, give_attributes, look, open_file};
use super::layer::Layer;
use super::name::Name;
use super::place::{failed, names, open_below, split, writable};
use super::prune::prune;
use super::record::{self, Carried, errno};
use super::select::Selection;
use crate::diag::{Origin, Problem, Problems};

/// What was done for one overlay.
#[derive(Debug)]
pub struct Applied {
    /// The host directory.
    pub source: PathBuf,
    /// What it has now, by paths from its top.
    pub carried: Vec<Change>,
    /// What no host directory is given: pipes, sockets, devices. It stays in the overlay.
    pub left_out: Vec<Change>,
}

/// Carries the selected changes to the host, all of them or, where the host changed meanwhile, none.
///
/// # Errors
/// A problem for each file that stands against it; then nothing was written. A failure in the middle
/// leaves each file old or new, and what is not done in the overlay.
pub fn apply(name: &Name, selections: &[Selection<'_>]) -> Result<Vec<Applied>, Problems> {
    let mut problems = Problems::new();
    let mut work = Vec::new();
    for selection in selections {
        match judged(selection) {
            Ok(found) => work.push(found),
            Err(found) => problems.extend(found),
        }
    }
    if problems.has_errors() {
        return Err(problems);
    }
    let carried = work
        .into_iter()
        .map(|(layer, host, changes)| carry(name, layer, host, changes));
    carried.collect::<Result<_, _>>().map_err(one)
}

fn one(problem: Problem) -> Problems {
    let mut problems = Problems::new();
    problems.push(problem);
    problems
}

type Work<'a> = (&'a Layer, BorrowedFd<'a>, Vec<Change>);

/// The changes of a selection, when nothing stands against any of them.
fn judged<'a>(selection: &Selection<'a>) -> Result<Work<'a>, Problems> {
    let layer = selection.layer;
    let (Some(host), Some(record)) = (&layer.lower, &layer.record) else {
        let why = layer
            .missing
            .as_deref()
            .unwrap_or("there is nothing to carry it to");
        let message = format!(
            "the writes at `{}` cannot be carried: {why}",
            layer.target.display()
        );
        return Err(one(Problem::error(
            "kept.no-directory",
            &Origin::Default,
            message,
        )));
    };
    let changes = selection.changes().map_err(one)?;
    let mut problems = Problems::new();
    for change in &changes {
        let path = layer.target.join(&change.path);
        match conflict(host.as_fd(), change, record) {
            Ok(None) => {}
            Ok(Some(why)) => {
                let message = format!("`{}` is not carried: {why}", path.display());
                let problem = Problem::error("kept.conflict", &Origin::Default, message);
                problems.push(problem.help(
                    "look at both, do by hand what is wanted, and drop the rest with `sandbox discard`",
                ));
            }
            Err(errno) => problems.push(failed("look on the host at", &path)(errno)),
        }
    }
    match problems.has_errors() {
        true => Err(problems),
        false => Ok((layer, host.as_fd(), changes)),
    }
}

fn carry(
    name: &Name,
    layer: &Layer,
    host: BorrowedFd<'_>,
    changes: Vec<Change>,
) -> Result<Applied, Problem> {
    let source = layer.source().unwrap_or(Path::new("/")).to_owned();
    let top = look(host, OsStr::new("")).map_err(failed("look at", &source))?;
    let mut carrier = Carrier {
        upper: layer.upper.as_fd(),
        host,
        owner: top
            .filter(|_| geteuid().is_root())
            .map(|top| (Uid::from_raw(top.uid), Gid::from_raw(top.gid))),
        modes: Vec::new(),
        id: layer.id.to_str().unwrap_or_default(),
        interrupted: layer
            .record
            .as_ref()
            .and_then(|record| record.carried)
            .is_some_and(|carried| !carried.finished),
    };
    let mut applied = Applied {
        source,
        carried: Vec::new(),
        left_out: Vec::new(),
    };
    note(layer, false).map_err(failed("note the beginning in", &applied.source))?;
    let mut waiting = changes.into_iter().peekable();
    while let Some(change) = waiting.next() {
        let other = waiting.peek().filter(|next| next.pairs_with(&change));
        let replaced_by = other.map(|other| other.kind);
        let done = match (change.act, replaced_by) {
            // What takes its place is left out, and so is this.
            (Act::Deleted, Some(kind)) if !kind.can_be_carried() => continue,
            // A rename replaces it.
            (Act::Deleted, Some(kind))
                if change.kind != Kind::Directory && kind != Kind::Directory =>
            {
                Ok(())
            }
            (Act::Deleted, _) => carrier.remove(&change.path),
            _ if !change.kind.can_be_carried() => {
                applied.left_out.push(change);
                continue;
            }
            _ => carrier.bring(&change),
        };
        done.map_err(failed(
            "carry to the host",
            &applied.source.join(&change.path),
        ))?;
        applied.carried.push(change);
    }
    let fail = failed("finish", &applied.source);
    carrier.settle_modes().map_err(&fail)?;
    // Only what the disk has may leave the overlay.
    syncfs(host).map_err(&fail)?;
    note(layer, true).map_err(&fail)?;
    let mut trash = name.trash()?;
    prune(carrier.upper, host, &mut trash).map_err(&fail)?;
    Ok(applied)
}

/// From now on the times of the host's directories may be our own doing.
fn note(layer: &Layer, finished: bool) -> nix::Result<()> {
    let Some(record) = &layer.record else {
        return Ok(());
    };
    let at = Moment::now();
    let carried = Some(Carried { at, finished });
    let mut record = record.clone();
    record.carried = carried;
    record::write(layer.dir.as_fd(), &record)
}

struct Carrier<'a> {
    upper: BorrowedFd<'a>,
    host: BorrowedFd<'a>,
    /// Whom new files are given to, where that is not the caller.
    owner: Option<(Uid, Gid)>,
    /// The modes of directories that are set when all is in them.
    modes: Vec<(PathBuf, u32)>,
    /// The overlay's own name.
    id: &'a str,
    /// Whether an earlier apply was killed.
    interrupted: bool,
}

impl Carrier<'_> {
    /// Removes from the host what is gone inside.
    fn remove(&self, path: &Path) -> nix::Result<()> {
        let Some((parent, name)) = split(path) else {
            return Err(Errno::EBUSY);
        };
        match open_below(self.host, parent) {
            Err(Errno::ENOENT) => Ok(()),
            parent => {
                let parent = parent?;
                writable(parent.as_fd(), || remove_all(parent.as_fd(), name))
            }
        }
    }

    fn bring(&mut self, change: &Change) -> nix::Result<()> {
        let Some((parent, name)) = split(&change.path) else {
            return self.keep_mode(&change.path, self.upper);
        };
        let from = open_below(self.upper, parent)?;
        let to = open_below(self.host, parent)?;
        let found = look(from.as_fd(), name)?.ok_or(Errno::ENOENT)?;
        // The program may have opened and closed it: then its mode is no change.
        writable(to.as_fd(), || match change.kind {
            Kind::Directory => self.directory(&change.path, (&to, name)),
            Kind::Link => {
                let text = readlinkat(&from, name)?;
                let draft = self.drafted(&to, |draft| symlinkat(text.as_os_str(), &to, draft))?;
                self.place(&to, &draft, name, |carrier| carrier.own_link(&to, &draft))
            }
            _ => {
                let file = open_file(from.as_fd(), name)?;
                self.file(&file, &found, (&to, name))
            }
        })
    }

    /// A directory may be written until everything is in it.
    fn directory(&mut self, path: &Path, (to, name): (&OwnedFd, &OsStr)) -> nix::Result<()> {
        match mkdirat(to, name, Mode::S_IRWXU) {
            Ok(()) => {
                if let (Some((uid, gid)), dir) =
                    (self.owner, open_below(to.as_fd(), Path::new(name))?)
                {
                    fchown(&dir, Some(uid), Some(gid))?;
                }
            }
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
        let from = open_below(self.upper, path)?;
        self.keep_mode(path, from.as_fd())
    }

    fn keep_mode(&mut self, path: &Path, from: BorrowedFd<'_>) -> nix::Result<()> {
        let found = look(from, OsStr::new(""))?.ok_or(Errno::ENOENT)?;
        let dir = open_below(self.host, path)?;
        give_attributes(from, dir.as_fd())?;
        fchmod(&dir, mode(found.mode) | Mode::S_IRWXU)?;
        self.modes.push((path.to_owned(), found.mode));
        Ok(())
    }

    /// Those in others first: afterwards the way there may be closed.
    fn settle_modes(&self) -> nix::Result<()> {
        for (path, bits) in self.modes.iter().rev() {
            fchmod(open_below(self.host, path)?, mode(*bits))?;
        }
        Ok(())
    }

    fn file(&self, from: &File, found: &Entry, (to, name): (&OwnedFd, &OsStr)) -> nix::Result<()> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
        let mut made = None;
        let draft = self.drafted(to, |draft| {
            let private = Mode::S_IRUSR | Mode::S_IWUSR;
            made = Some(openat(to, draft, flags | OFlag::O_CLOEXEC, private)?);
            Ok(())
        })?;
        let made = File::from(made.ok_or(Errno::ENOENT)?);
        self.place(to, &draft, name, |carrier| {
            copy(from, &made)?;
            give_attributes(from.as_fd(), made.as_fd())?;
            if let Some((uid, gid)) = carrier.owner {
                fchown(&made, Some(uid), Some(gid))?;
            }
            match open_file(to.as_fd(), name) {
                Ok(old) => give_access_list(old.as_fd(), made.as_fd())?,
                // It is new, or takes the place of something else.
                Err(Errno::ENOENT | Errno::ELOOP | Errno::EINVAL | Errno::ENXIO) => {}
                Err(errno) => return Err(errno),
            }
            fchmod(&made, mode(found.mode))?;
            futimens(&made, &TimeSpec::UTIME_OMIT, &time(found))
        })
    }

    /// By descriptor: somebody who may write the directory could put another file in the link's place.
    fn own_link(&self, dir: &OwnedFd, name: &str) -> nix::Result<()> {
        let Some((uid, gid)) = self.owner else {
            return Ok(());
        };
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let link = openat(dir, name, flags, Mode::empty())?;
        match look(link.as_fd(), OsStr::new(""))? {
            Some(found) if found.kind == Kind::Link => {
                fchownat(&link, "", Some(uid), Some(gid), AtFlags::AT_EMPTY_PATH)
            }
            _ => Err(Errno::ESTALE),
        }
    }

    /// Makes something under a name that nothing has.
    ///
    /// Another apply of this overlay that was killed may have left one: the first that it would make here.
    fn drafted(
        &self,
        dir: &OwnedFd,
        mut make: impl FnMut(&str) -> nix::Result<()>,
    ) -> nix::Result<String> {
        let name = |number: u32| format!(".sandbox-{}-{number}", self.id);
        if self.interrupted {
            match unlinkat(dir, name(0).as_str(), UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT | Errno::EISDIR) => {}
                Err(errno) => return Err(errno),
            }
        }
        for draft in (0..).map(name) {
            match make(&draft) {
                Err(Errno::EEXIST) => {}
                made => return made.map(|()| draft),
            }
        }
        Err(Errno::EEXIST)
    }

    /// Finishes what was made aside, and puts it where it belongs.
    fn place(
        &self,
        dir: &OwnedFd,
        draft: &str,
        name: &OsStr,
        finish: impl FnOnce(&Self) -> nix::Result<()>,
    ) -> nix::Result<()> {
        let placed = finish(self).and_then(|()| renameat(dir, draft, dir, name));
        if placed.is_err() {
            // The first failure is what is told.
            unlinkat(dir, draft, UnlinkatFlags::NoRemoveDir).ok();
        }
        placed
    }
}

fn mode(bits: u32) -> Mode {
    Mode::from_bits_truncate(bits)
}

fn time(found: &Entry) -> TimeSpec {
    TimeSpec::new(found.modified.seconds, found.modified.nanoseconds.into())
}

/// Removes what lies at `name` with all that is below it; never into another mount.
fn remove_all(parent: BorrowedFd<'_>, name: &OsStr) -> nix::Result<()> {
    match unlinkat(parent, name, UnlinkatFlags::NoRemoveDir) {
        Err(Errno::EISDIR) => {}
        Err(Errno::ENOENT) => return Ok(()),
        done => return done,
    }
    let dir = open_below(parent, Path::new(name))?;
    writable(dir.as_fd(), || {
        let mut below = names(&dir)?.into_iter();
        below.try_for_each(|name| remove_all(dir.as_fd(), &name))
    })?;
    unlinkat(parent, name, UnlinkatFlags::RemoveDir)
}

/// Copies a file; its holes stay holes, so that a file of a terabyte and nothing in it takes no room.
fn copy(from: &File, mut to: &File) -> nix::Result<()> {
    let size = lseek(from, 0, Whence::SeekEnd)?;
    let mut at = 0;
    while at < size {
        let (start, end) = match lseek(from, at, Whence::SeekData) {
            Ok(start) => (start, lseek(from, start, Whence::SeekHole)?),
            Err(Errno::ENXIO) => break,
            // A file system that does not tell.
            Err(Errno::EINVAL) => (at, size),
            Err(errno) => return Err(errno),
        };
        lseek(from, start, Whence::SeekSet)?;
        lseek(to, start, Whence::SeekSet)?;
        let length = u64::try_from(end - start).unwrap_or(0);
        std::io::copy(&mut from.take(length), &mut to).map_err(|error| errno(&error))?;
        at = end;
    }
    ftruncate(to, size)
}
