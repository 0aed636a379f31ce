//! What differs between an upper layer and what lies below it.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::readlinkat;

use super::entry::{Entry, Kind, Moment, attributes, is_opaque, look, open_file, was_copied_up};
use super::place::{enter, names};
use super::same::{Difference, difference};

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
    /// Where a link that is new or another leads.
    pub target: Option<OsString>,
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
            Kind::Link => {
                self.leads_to(readlinkat(upper, name)?);
                Ok(())
            }
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
                let target = readlinkat(upper, name)?;
                if target != readlinkat(lower, name)? {
                    self.note(Act::Changed, above.kind, above.born);
                    self.leads_to(target);
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
        let under = lower.map(|(lower, ..)| enter(lower, name)).transpose();
        let (dir, under) = match (enter(upper, name), under) {
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
            target: None,
            since: since.into_iter().chain(self.hidden).min(),
            copied_up: false,
        });
    }

    /// Says of the last change where the link leads.
    fn leads_to(&mut self, target: OsString) {
        if let Some(change) = self.changes.last_mut() {
            change.target = Some(target);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::copy::set_attribute;
    use std::fs::{self, File};

    fn changes(upper: &Path, lower: Option<&Path>) -> Vec<(String, Act)> {
        let upper = File::open(upper).unwrap();
        let lower = lower.map(|path| File::open(path).unwrap());
        let found = Walk::changes(upper.as_fd(), lower.as_ref().map(AsFd::as_fd)).unwrap();
        found
            .into_iter()
            .map(|change| (change.path.display().to_string(), change.act))
            .collect()
    }

    fn mark(path: &Path, name: &std::ffi::CStr, value: &[u8]) {
        set_attribute(File::open(path).unwrap().as_fd(), name, value).unwrap();
    }

    #[test]
    fn both_forms_of_whiteouts_and_hiding_directories_are_read() {
        let place = tempfile::tempdir().unwrap();
        let (upper, lower) = (place.path().join("upper"), place.path().join("lower"));
        for directory in ["hides/sub", "merged", "only-marked"] {
            fs::create_dir_all(upper.join(directory)).unwrap();
            fs::create_dir_all(lower.join(directory)).unwrap();
            fs::write(lower.join(directory).join("file"), "").unwrap();
        }
        for name in ["marked", "absent"] {
            fs::write(upper.join(name), "").unwrap();
            mark(&upper.join(name), c"user.overlay.whiteout", b"");
        }
        fs::write(lower.join("marked"), "x").unwrap();
        mark(&upper.join("hides"), c"user.overlay.opaque", b"y");
        // It says that whiteouts of that form are in it, not that it hides anything.
        mark(&upper.join("only-marked"), c"user.overlay.opaque", b"x");
        let deleted = |path: &str| (path.to_owned(), Act::Deleted);
        let expected = [deleted("hides/sub/file"), deleted("marked")];
        assert_eq!(changes(&upper, Some(&lower)), expected);
    }

    #[test]
    fn without_what_lies_below_the_layer_says_what_it_can() {
        let place = tempfile::tempdir().unwrap();
        let upper = place.path();
        fs::create_dir(upper.join("copied")).unwrap();
        for name in ["copied/changed", "copied/new", "gone"] {
            fs::write(upper.join(name), "").unwrap();
        }
        for name in ["copied", "copied/changed"] {
            mark(&upper.join(name), c"user.overlay.origin", b"x");
        }
        mark(&upper.join("gone"), c"user.overlay.whiteout", b"");
        let expected = [
            ("copied/changed".to_owned(), Act::Changed),
            ("copied/new".to_owned(), Act::Added),
            ("gone".to_owned(), Act::Deleted),
        ];
        assert_eq!(changes(upper, None), expected);
    }
}
