//! What differs between an upper layer and what lies below it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::readlinkat;
use nix::unistd::{Whence, lseek};

use super::entry::{Entry, Kind, Moment, attributes, is_opaque, look, open_file, was_copied_up};
use super::place::{names, open_dir};

/// Deeper trees are a program's attempt at something; each level holds two descriptors.
const MOST_DEPTH: usize = 128;

/// Longer paths no call takes.
const LONGEST: usize = libc::PATH_MAX as usize - 256;

/// What happened at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// It is gone.
    Deleted,
    /// It is another.
    Changed,
    /// It is new.
    Added,
    /// It cannot be looked at: why.
    Unseen(&'static str),
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path from the top of the layer.
    pub path: PathBuf,
    /// What happened.
    pub act: Act,
    /// What it is, or was.
    pub kind: Kind,
    /// The permission bits before and after, where they differ.
    pub mode: Option<(u32, u32)>,
    /// Whether the content differs: always, where it is new or gone.
    pub content: bool,
    /// When the upper layer's file was made, where its file system knows.
    pub(super) since: Option<Moment>,
    /// Whether something lay below when it was made.
    pub(super) copied_up: bool,
}

impl Change {
    /// Whether it is about one name with `other`, which then has the other half of a replacement.
    pub(super) fn pairs_with(&self, other: &Change) -> bool {
        self.path == other.path && self.act != other.act
    }
}

/// Whether a directory of the upper layer hides what lies below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Below {
    Merged,
    Hidden,
}

/// A walk through both.
#[derive(Debug, Default)]
pub(super) struct Walk {
    changes: Vec<Change>,
    path: PathBuf,
    depth: usize,
    /// Nothing is known of what lies below.
    blind: bool,
    /// When the outermost directory was made that hides what lies below: nothing in it is younger.
    hidden: Option<Moment>,
}

impl Walk {
    /// What differs in `upper`, each with its path; without a `lower`, by what the layer itself says.
    pub fn changes(
        upper: BorrowedFd<'_>,
        lower: Option<BorrowedFd<'_>>,
    ) -> nix::Result<Vec<Change>> {
        let mut walk = Walk {
            blind: lower.is_none(),
            ..Walk::default()
        };
        if let Some(lower) = lower {
            let name = OsStr::new("");
            if let (Some(above), Some(below)) = (look(upper, name)?, look(lower, name)?) {
                walk.directory_itself(&above, &below, (upper, lower));
            }
        }
        walk.directory(upper, lower, Below::Merged)?;
        if walk.blind {
            walk.guess();
        }
        walk.changes
            .sort_by(|a, b| (&a.path, a.act).cmp(&(&b.path, b.act)));
        Ok(walk.changes)
    }

    /// Whether all of `lower` is in `upper`, and nothing else.
    pub fn is_same(upper: BorrowedFd<'_>, lower: BorrowedFd<'_>) -> nix::Result<bool> {
        let mut walk = Walk::default();
        walk.directory(upper, Some(lower), Below::Hidden)?;
        Ok(walk.changes.is_empty())
    }

    fn directory(
        &mut self,
        upper: BorrowedFd<'_>,
        lower: Option<BorrowedFd<'_>>,
        below: Below,
    ) -> nix::Result<()> {
        let above = names(upper)?;
        for name in &above {
            self.path.push(name);
            let found = look(upper, name)?;
            if let Some(found) = found {
                let under = match lower {
                    Some(lower) => look(lower, name)?,
                    None => None,
                };
                self.entry(name, (upper, found), lower.zip(under), below)?;
            }
            self.path.pop();
        }
        if let (Below::Hidden, Some(lower)) = (below, lower) {
            let since = look(upper, OsStr::new(""))?.and_then(|dir| dir.born);
            for name in names(lower)? {
                if above.binary_search(&name).is_err()
                    && let Some(gone) = look(lower, &name)?
                {
                    self.path.push(&name);
                    self.note(Act::Deleted, gone.kind, since);
                    self.path.pop();
                }
            }
        }
        Ok(())
    }

    /// What was copied up is another now; of a directory nobody knows whether anything differs.
    fn guess(&mut self) {
        self.changes
            .retain(|change| change.kind != Kind::Directory || !change.copied_up);
        for change in &mut self.changes {
            if change.act == Act::Added && change.copied_up {
                change.act = Act::Changed;
            }
        }
    }

    fn entry(
        &mut self,
        name: &OsStr,
        (upper, above): (BorrowedFd<'_>, Entry),
        lower: Option<(BorrowedFd<'_>, Entry)>,
        below: Below,
    ) -> nix::Result<()> {
        match lower {
            _ if self.path.as_os_str().len() > LONGEST => {
                self.note(Act::Unseen("its path is too long"), above.kind, None);
                Ok(())
            }
            None if above.whiteout => {
                if self.blind {
                    self.note(Act::Deleted, Kind::File, above.born);
                }
                Ok(())
            }
            Some((_, under)) if above.whiteout => {
                self.note(Act::Deleted, under.kind, above.born);
                Ok(())
            }
            Some((dir, under)) if under.kind == above.kind => {
                self.same_kind(name, (upper, above), (dir, under), below)
            }
            other => {
                if let Some((_, under)) = other {
                    self.note(Act::Deleted, under.kind, above.born);
                }
                self.added(name, upper, above)
            }
        }
    }

    fn added(&mut self, name: &OsStr, upper: BorrowedFd<'_>, above: Entry) -> nix::Result<()> {
        self.note(Act::Added, above.kind, above.born);
        if above.kind == Kind::File {
            match (open_file(upper, name), self.changes.last_mut()) {
                (Ok(file), _) => self.copied_up(file.as_fd()),
                (Err(_), Some(change)) => change.act = Act::Unseen("it cannot be read"),
                (Err(_), None) => {}
            }
        }
        match above.kind {
            Kind::Directory => self.into(name, upper, None, Below::Merged),
            _ => Ok(()),
        }
    }

    fn same_kind(
        &mut self,
        name: &OsStr,
        (upper, above): (BorrowedFd<'_>, Entry),
        (lower, under): (BorrowedFd<'_>, Entry),
        below: Below,
    ) -> nix::Result<()> {
        match above.kind {
            Kind::Directory => self.into(name, upper, Some((lower, above, under)), below),
            Kind::File => self.file(name, (upper, above), (lower, under)),
            Kind::Link => {
                let changed = readlinkat(upper, name)? != readlinkat(lower, name)?;
                if changed {
                    self.note(Act::Changed, above.kind, above.born);
                }
                Ok(())
            }
            Kind::Pipe | Kind::Socket | Kind::Device => Ok(()),
        }
    }

    fn file(
        &mut self,
        name: &OsStr,
        (upper, above): (BorrowedFd<'_>, Entry),
        (lower, under): (BorrowedFd<'_>, Entry),
    ) -> nix::Result<()> {
        let (Ok(new), Ok(old)) = (open_file(upper, name), open_file(lower, name)) else {
            self.note(Act::Unseen("it cannot be read"), above.kind, above.born);
            return Ok(());
        };
        let Difference {
            content,
            marks,
            mode,
        } = difference((&new, &above), (&old, &under))?;
        if content || marks || mode.is_some() {
            self.note(Act::Changed, above.kind, above.born);
            self.copied_up(new.as_fd());
            if let Some(change) = self.changes.last_mut() {
                (change.mode, change.content) = (mode, content);
            }
        }
        Ok(())
    }

    fn directory_itself(
        &mut self,
        above: &Entry,
        under: &Entry,
        (upper, lower): (BorrowedFd<'_>, BorrowedFd<'_>),
    ) {
        if Walk::differs_itself((upper, above), (lower, under)) {
            self.note(Act::Changed, Kind::Directory, above.born);
            if let Some(change) = self.changes.last_mut() {
                change.mode = (above.mode != under.mode).then_some((under.mode, above.mode));
                change.content = false;
            }
        }
    }

    /// Whether two directories differ in themselves, whatever is in them.
    pub fn differs_itself(
        (upper, above): (BorrowedFd<'_>, &Entry),
        (lower, under): (BorrowedFd<'_>, &Entry),
    ) -> bool {
        above.mode != under.mode || attributes(upper).ok() != attributes(lower).ok()
    }

    /// Goes into a directory of the upper layer.
    fn into(
        &mut self,
        name: &OsStr,
        upper: BorrowedFd<'_>,
        lower: Option<(BorrowedFd<'_>, Entry, Entry)>,
        below: Below,
    ) -> nix::Result<()> {
        if self.depth == MOST_DEPTH {
            self.note(Act::Unseen("it lies too deep"), Kind::Directory, None);
            return Ok(());
        }
        let under = lower.map(|(lower, ..)| open_dir(lower, name)).transpose();
        let (dir, under) = match (open_dir(upper, name), under) {
            (Err(Errno::EACCES), _) | (_, Err(Errno::EACCES)) => {
                self.note(Act::Unseen("it cannot be read"), Kind::Directory, None);
                return Ok(());
            }
            (dir, under) => (dir?, under?),
        };
        if let (Some((_, above, below)), Some(under)) = (&lower, &under) {
            self.directory_itself(above, below, (dir.as_fd(), under.as_fd()));
        } else {
            self.copied_up(dir.as_fd());
        }
        let outside = self.hidden;
        let below = match is_opaque(dir.as_fd()) {
            true => Below::Hidden,
            false => below,
        };
        if below == Below::Hidden && outside.is_none() {
            self.hidden = look(dir.as_fd(), OsStr::new(""))?.and_then(|dir| dir.born);
        }
        self.depth += 1;
        let walked = self.directory(dir.as_fd(), under.as_ref().map(AsFd::as_fd), below);
        self.depth -= 1;
        self.hidden = outside;
        walked
    }

    fn note(&mut self, act: Act, kind: Kind, since: Option<Moment>) {
        self.changes.push(Change {
            path: self.path.clone(),
            act,
            kind,
            mode: None,
            content: true,
            since: since.into_iter().chain(self.hidden).min(),
            copied_up: false,
        });
    }

    /// Marks the last change, if it is about the file that is open.
    fn copied_up(&mut self, file: BorrowedFd<'_>) {
        let path: &Path = &self.path;
        if let Some(change) = self.changes.last_mut()
            && change.path == path
        {
            change.copied_up = was_copied_up(file);
        }
    }
}

/// In what two files differ.
struct Difference {
    content: bool,
    marks: bool,
    mode: Option<(u32, u32)>,
}

fn difference(
    (new, above): (&File, &Entry),
    (old, under): (&File, &Entry),
) -> nix::Result<Difference> {
    Ok(Difference {
        content: above.size != under.size || !same_content(new, old)?,
        marks: attributes(new.as_fd())? != attributes(old.as_fd())?,
        mode: (under.mode != above.mode).then_some((under.mode, above.mode)),
    })
}

/// Whether two files of one name differ in nothing; what cannot be read differs.
pub(super) fn same_file(
    (upper, above): (BorrowedFd<'_>, &Entry),
    (lower, under): (BorrowedFd<'_>, &Entry),
    name: &OsStr,
) -> nix::Result<bool> {
    let (Ok(new), Ok(old)) = (open_file(upper, name), open_file(lower, name)) else {
        return Ok(false);
    };
    let Difference {
        content,
        marks,
        mode,
    } = difference((&new, above), (&old, under))?;
    Ok(!content && !marks && mode.is_none())
}

/// Compares two files of one size, without a look at what is a hole in both: a file of a terabyte may
/// hold nothing.
fn same_content(a: &File, b: &File) -> nix::Result<bool> {
    let (mut left, mut right) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut at = 0;
    while let Some(start) = data_from(a, at)?.into_iter().chain(data_from(b, at)?).min() {
        let (first, second) = (fill(a, &mut left, start)?, fill(b, &mut right, start)?);
        if left[..first] != right[..second] {
            return Ok(false);
        }
        match first {
            0 => break,
            first => at = start + first as u64,
        }
    }
    Ok(true)
}

/// Where content begins, from `at` on; nothing where the rest is a hole.
fn data_from(file: &File, at: u64) -> nix::Result<Option<u64>> {
    let from = i64::try_from(at).map_err(|_| Errno::EOVERFLOW)?;
    match lseek(file, from, Whence::SeekData) {
        Ok(start) => Ok(u64::try_from(start).ok()),
        Err(Errno::ENXIO) => Ok(None),
        // A file system that does not tell.
        Err(Errno::EINVAL) => Ok(Some(at)),
        Err(errno) => Err(errno),
    }
}

/// Reads from `at` until the buffer is full or the file ends.
fn fill(file: &File, buffer: &mut [u8], at: u64) -> nix::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(super::record::errno(&error)),
        }
    }
    Ok(filled)
}
