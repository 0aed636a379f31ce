//! One upper layer with its record and what lies below it.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use serde::de::DeserializeOwned;

use crate::diag::{Origin, Problem};

use super::compare::{Change, Walk};
use super::entry::look;
use super::place::{enter, failed, open_absolute, open_dir};
use super::record::{self, OverlayRecord, TreeRecord, Unreadable};

/// What lies below an upper layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerKind {
    /// The root tree.
    Tree,
    /// A directory of the host.
    Overlay {
        /// Its absolute path, without links.
        source: PathBuf,
    },
}

/// An upper layer.
#[derive(Debug)]
pub struct Layer {
    /// What lies below it.
    pub kind: LayerKind,
    /// Its path inside.
    pub target: PathBuf,
    /// Why what lies below cannot be compared with, where it cannot.
    pub missing: Option<String>,
    /// Its directory among the overlays.
    pub(super) id: OsString,
    pub(super) upper: OwnedFd,
    pub(super) lower: Option<OwnedFd>,
    /// The directory with the record.
    pub(super) dir: OwnedFd,
    /// What it says; nothing for the tree.
    pub(super) record: Option<OverlayRecord>,
}

impl Layer {
    /// That over the tree; nothing where no run has come so far as to make it.
    pub(super) fn of_tree(dir: OwnedFd, path: &Path) -> Result<Option<Layer>, Problem> {
        let Some((record, upper)) = read::<TreeRecord>(&dir, path)? else {
            return Ok(None);
        };
        let lower = open_absolute(Path::new(&record.tree)).ok();
        let gone = || "the tree of the last run has been removed since".to_owned();
        Ok(Some(Layer {
            kind: LayerKind::Tree,
            target: PathBuf::from("/"),
            missing: lower.is_none().then(gone),
            id: OsString::new(),
            upper,
            lower,
            dir,
            record: None,
        }))
    }

    /// One of an overlay.
    pub(super) fn of_overlay(
        dir: OwnedFd,
        path: &Path,
        id: OsString,
    ) -> Result<Option<Layer>, Problem> {
        let Some((record, upper)) = read::<OverlayRecord>(&dir, path)? else {
            return Ok(None);
        };
        let (lower, missing) = match below(&record) {
            Ok(lower) => (Some(lower), None),
            Err(why) => (None, Some(why)),
        };
        Ok(Some(Layer {
            kind: LayerKind::Overlay {
                source: PathBuf::from(&record.source),
            },
            target: PathBuf::from(&record.target),
            missing,
            id,
            upper,
            lower,
            dir,
            record: Some(record),
        }))
    }

    /// The host directory below an overlay.
    pub fn source(&self) -> Option<&Path> {
        match &self.kind {
            LayerKind::Tree => None,
            LayerKind::Overlay { source } => Some(source),
        }
    }

    /// What differs from what lies below, each with its path from the top, sorted by path.
    ///
    /// # Errors
    /// When the layer cannot be read.
    pub fn changes(&self) -> Result<Vec<Change>, Problem> {
        let lower = self.lower.as_ref().map(AsFd::as_fd);
        Walk::changes(self.upper.as_fd(), lower).map_err(failed("compare", &self.target))
    }
}

/// The directory that the record names, or why it is not there.
fn below(record: &OverlayRecord) -> Result<OwnedFd, String> {
    let path = Path::new(&record.source);
    let gone = |errno: Errno| {
        let why = errno.desc().to_lowercase();
        format!("`{}` cannot be opened: {why}", record.source)
    };
    let dir = open_absolute(path).map_err(gone)?;
    let found = look(dir.as_fd(), OsStr::new("")).map_err(gone)?;
    match found.is_some_and(|found| record.is_about(&found)) {
        true => Ok(dir),
        false => Err(format!(
            "`{}` is another directory than the one that was written over",
            record.source
        )),
    }
}

/// The record of a layer and its upper directory; nothing where it was never finished.
fn read<T: DeserializeOwned>(dir: &OwnedFd, path: &Path) -> Result<Option<(T, OwnedFd)>, Problem> {
    let layers = match open_dir(dir, OsStr::new("layers")) {
        Err(Errno::ENOENT) => return Ok(None),
        layers => layers.map_err(failed("open", path))?,
    };
    let upper = enter(layers, OsStr::new("upper")).map_err(|errno| match errno {
        Errno::EACCES => closed(path),
        errno => failed("open", path)(errno),
    })?;
    let record = record::read(dir.as_fd()).map_err(|why| unreadable(&why, path))?;
    Ok(Some((record, upper)))
}

/// The program has taken all rights from the top of what it wrote.
fn closed(path: &Path) -> Problem {
    let message = format!(
        "what is kept in `{}` was closed from inside",
        path.display()
    );
    Problem::error("kept.closed", &Origin::Default, message).help(
        "open its top inside with `chmod`, or drop it with `sandbox discard` or `sandbox reset`",
    )
}

/// That a record cannot be read.
pub(super) fn unreadable(why: &Unreadable, path: &Path) -> Problem {
    let path = path.display();
    let (message, help) = match why {
        Unreadable::Newer => (
            format!("`{path}` was written by a newer `sandbox`"),
            "use that one",
        ),
        Unreadable::System(errno) => (
            format!(
                "the record in `{path}` cannot be read: {}",
                errno.desc().to_lowercase()
            ),
            "make it readable",
        ),
        Unreadable::Missing | Unreadable::Misshapen => (
            format!(
                "the record in `{path}` is damaged, so that nobody knows what it was laid over"
            ),
            "save what you need of it, and give the name to `sandbox reset`",
        ),
    };
    Problem::error("kept.record", &Origin::Default, message).help(help)
}
