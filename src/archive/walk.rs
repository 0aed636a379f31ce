//! The walk over an archive: each member read, judged, and given to a receiver.
//!
//! The headers are laid out by the crate `tar`; the loop over them is this one. That crate's own loop
//! reads long names and pax headers of any length into memory, splits pax records at line ends, and knows
//! no sparse files of pax. What two readers could take for two different archives is refused here: a size
//! that is given twice, content where none belongs, data behind the end mark.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::BadName;
use super::error::{ArchiveError, Reason, WalkError, printable};
use super::known::{Known, Put};
use super::limits::Budget;
use super::member::{Body, Member, Receiver};
use super::name::{ROOT, clean};
use super::stream::{Hashing, Stream};
use super::tape::{Entry, Input, Shape, Tape};
use super::whiteout::{Meaning, meaning};
use crate::model::Sha256;

/// Which names have a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// None.
    Plain,
    /// Whiteouts, as in the layers of an image.
    Layer,
}

/// A walk over an archive, or over the layers of an image one after the other.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    budget: Budget,
    known: Known,
    skipped: u64,
}

impl Walk {
    /// Gives what one packed tar file holds to `receiver`, and reads it to its end. `content` is the
    /// SHA-256 that it has to have when unpacked.
    pub fn layer<R: Receiver>(
        &mut self,
        subject: &str,
        input: impl Read,
        names: Names,
        content: Option<&Sha256>,
        receiver: &mut R,
    ) -> Result<(), WalkError<R::Error>> {
        let about = |reason| about(subject, None, reason);
        let Walk {
            budget,
            known,
            skipped,
        } = self;
        let hashing = match content {
            Some(_) => Hashing::On,
            None => Hashing::Off,
        };
        let stream = Stream::new(input, budget, hashing).map_err(about)?;
        known.next_layer();
        receiver.layer();
        let mut layer = Layer {
            subject,
            names,
            known,
            skipped,
            budget,
            receiver,
        };
        let mut tape = Tape::new(stream);
        while let Some(entry) = tape.next_entry().map_err(about)? {
            budget.member().map_err(|limit| about(limit.into()))?;
            layer.entry(&entry, &mut tape)?;
        }
        let found = tape.finish().and_then(Stream::finish).map_err(about)?;
        match (content, found) {
            (Some(wanted), Some(found)) if *wanted != found => Err(about(Reason::Content {
                wanted: *wanted,
                found,
            })
            .into()),
            _ => Ok(()),
        }
    }

    /// How many devices and pipes were not carried over.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}

/// The SHA-256 of what a packed file unpacks to.
pub(crate) fn unpacked_hash(subject: &str, input: impl Read) -> Result<Sha256, ArchiveError> {
    let budget = Budget::default();
    let hash = Stream::new(input, &budget, Hashing::On).and_then(Stream::finish);
    let hash = hash.and_then(|hash| hash.ok_or(Reason::CutOff));
    hash.map_err(|reason| about(subject, None, reason))
}

/// An error of an archive.
pub(crate) fn about(subject: &str, member: Option<&[u8]>, reason: Reason) -> ArchiveError {
    ArchiveError {
        subject: subject.to_owned(),
        member: member.map(printable),
        reason,
    }
}

/// One layer under way.
struct Layer<'a, R> {
    subject: &'a str,
    names: Names,
    known: &'a mut Known,
    skipped: &'a mut u64,
    budget: &'a Budget,
    receiver: &'a mut R,
}

impl<R: Receiver> Layer<'_, R> {
    fn entry<I: Input>(
        &mut self,
        entry: &Entry,
        tape: &mut Tape<I>,
    ) -> Result<(), WalkError<R::Error>> {
        let wrong = |reason| WalkError::Archive(about(self.subject, Some(&entry.name), reason));
        let kept = self.budget.keep(entry.link.len() + attribute_bytes(entry));
        kept.map_err(|limit| about(self.subject, None, limit.into()))?;
        let path = clean(&entry.name).map_err(|why| wrong(Reason::Name(why)))?;
        if path == ROOT && entry.shape != Shape::Directory {
            return Err(wrong(Reason::Name(BadName::Root)));
        }
        let meaning = match self.names {
            Names::Plain => Meaning::Plain,
            Names::Layer => meaning(&path).map_err(wrong)?,
        };
        match meaning {
            Meaning::Plain => {}
            Meaning::Whiteout(_) | Meaning::Opaque(_) if !is_empty_file(entry) => {
                return Err(wrong(Reason::Whiteout("that is no empty file")));
            }
            Meaning::Whiteout(gone) => {
                self.known.remove(&gone);
                return self.give(entry, &gone, Body::Whiteout);
            }
            Meaning::Opaque(directory) => {
                self.known.clear_below(directory);
                return self.give(entry, directory, Body::Opaque);
            }
        }
        match &entry.shape {
            Shape::Special => {
                *self.skipped += 1;
                Ok(self.put(entry, &path, Put::Skipped)?)
            }
            Shape::Directory => {
                self.put(entry, &path, Put::Directory)?;
                self.give(entry, &path, Body::Directory)
            }
            Shape::Symlink => self.symlink(entry, &path, OsStr::from_bytes(&entry.link)),
            Shape::HardLink => self.hard_link(entry, &path),
            // Some would make a directory of it.
            Shape::File(_) if entry.name.ends_with(b"/") => Err(wrong(Reason::Header(
                "it is a file with a `/` behind its name",
            ))),
            Shape::File(_) => {
                self.put(entry, &path, Put::File)?;
                self.file(entry, &path, tape)
            }
        }
    }

    /// Notes what lies at a path.
    fn put(&mut self, entry: &Entry, path: &[u8], put: Put) -> Result<(), ArchiveError> {
        let noted = self.known.put(path, put, self.budget);
        noted.map_err(|reason| match reason {
            Reason::Limit(_) => about(self.subject, None, reason),
            reason => about(self.subject, Some(&entry.name), reason),
        })
    }

    fn symlink(
        &mut self,
        entry: &Entry,
        path: &[u8],
        target: &OsStr,
    ) -> Result<(), WalkError<R::Error>> {
        let offence = match target.as_bytes() {
            b"" => Some(Reason::Header("it is a link to nothing")),
            target if target.contains(&0) => Some(Reason::Header("its link has a zero byte")),
            // The kernel counts the zero at the end too.
            target if target.len() >= super::limits::PATH => {
                Some(Reason::Header("its link is longer than a path can be"))
            }
            _ => None,
        };
        if let Some(reason) = offence {
            return Err(about(self.subject, Some(&entry.name), reason).into());
        }
        self.put(entry, path, Put::Symlink(target.to_owned()))?;
        self.give(entry, path, Body::Symlink(target))
    }

    fn hard_link(&mut self, entry: &Entry, path: &[u8]) -> Result<(), WalkError<R::Error>> {
        let shown = || printable(&entry.link);
        let wrong = |reason| WalkError::Archive(about(self.subject, Some(&entry.name), reason));
        let target = clean(&entry.link).map_err(|why| wrong(Reason::Target(shown(), why)))?;
        match self.known.at(&target).cloned() {
            // A name more of what has it: nothing happens.
            Some(Put::File) if target == path => Ok(()),
            Some(Put::File) => {
                self.put(entry, path, Put::File)?;
                let target = Path::new(OsStr::from_bytes(&target));
                self.give(entry, path, Body::HardLink(target))
            }
            // The same link again: nobody can tell it from one with two names.
            Some(Put::Symlink(text)) => self.symlink(entry, path, &text),
            Some(Put::Skipped) => {
                *self.skipped += 1;
                Ok(self.put(entry, path, Put::Skipped)?)
            }
            Some(Put::Directory) => Err(wrong(Reason::DirectoryTarget(shown()))),
            None if target == ROOT => Err(wrong(Reason::DirectoryTarget(shown()))),
            None => Err(wrong(Reason::NoTarget(shown()))),
        }
    }

    fn file<I: Input>(
        &mut self,
        entry: &Entry,
        path: &[u8],
        tape: &mut Tape<I>,
    ) -> Result<(), WalkError<R::Error>> {
        let wrong = |reason| WalkError::Archive(about(self.subject, Some(&entry.name), reason));
        let size = entry.size();
        self.budget
            .allows(size)
            .map_err(|limit| wrong(limit.into()))?;
        let failure = RefCell::new(None);
        let mut content = Content {
            inner: tape.content(entry, self.budget),
            failure: &failure,
        };
        let body = Body::File {
            size,
            content: &mut content,
        };
        let received = self.receiver.member(member(entry, path, body));
        // An error of the content is the archive's, whatever the receiver made of it.
        if let Some(reason) = failure.take() {
            return Err(match reason {
                Reason::Limit(_) => about(self.subject, None, reason).into(),
                reason => wrong(reason),
            });
        }
        received.map_err(WalkError::Receiver)?;
        tape.skip_content().map_err(wrong)
    }

    fn give<'b>(
        &mut self,
        entry: &Entry,
        path: &'b [u8],
        body: Body<'b>,
    ) -> Result<(), WalkError<R::Error>> {
        let given = self.receiver.member(member(entry, path, body));
        given.map_err(WalkError::Receiver)
    }
}

fn attribute_bytes(entry: &Entry) -> usize {
    let attributes = entry.attributes.iter();
    attributes
        .map(|(name, value)| name.count_bytes() + value.len())
        .sum()
}

fn is_empty_file(entry: &Entry) -> bool {
    matches!(entry.shape, Shape::File(_)) && entry.size() == 0
}

fn member<'a>(entry: &Entry, path: &'a [u8], body: Body<'a>) -> Member<'a> {
    Member {
        path: Path::new(OsStr::from_bytes(path)),
        mode: entry.mode,
        modified: entry.modified,
        attributes: entry.attributes.clone(),
        body,
    }
}

/// The content of a file, and what went wrong with it.
struct Content<'a, C> {
    inner: C,
    failure: &'a RefCell<Option<Reason>>,
}

impl<C: Read> Read for Content<'_, C> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let reason = Reason::from(error);
                *self.failure.borrow_mut() = Some(reason.clone());
                Err(reason.into())
            }
            read => read,
        }
    }
}
