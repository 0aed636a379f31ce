//! The contents of both sides of a change, to be shown.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt;

use nix::fcntl::readlinkat;

use crate::diag::Problem;

use super::compare::{Act, Change};
use super::entry::{Kind, look, open_file};
use super::layer::Layer;
use super::place::{failed, open_below, split};

/// Larger files are not compared line by line.
const LARGEST: u64 = 4 << 20;

/// The contents before and after; nothing where there is none, or it is too large to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sides {
    /// What lies below.
    pub before: Side,
    /// What the program made of it.
    pub after: Side,
}

/// One side of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// There is nothing, or nothing with lines.
    Nothing,
    /// The bytes of a file, or where a link leads.
    Bytes(Vec<u8>),
    /// A file of this many bytes.
    TooLarge(u64),
}

/// Both contents of a change.
///
/// # Errors
/// When one cannot be read.
pub fn sides(layer: &Layer, change: &Change) -> Result<Sides, Problem> {
    let lower = layer.lower.as_ref().map(AsFd::as_fd);
    let read = |top: Option<BorrowedFd<'_>>| match top {
        Some(top) => side(top, change).map_err(failed("read", &layer.target.join(&change.path))),
        None => Ok(Side::Nothing),
    };
    let (before, after) = match change.act {
        Act::Deleted => (lower, None),
        Act::Added => (None, Some(layer.upper.as_fd())),
        Act::Changed => (lower, Some(layer.upper.as_fd())),
        Act::Unseen(_) => (None, None),
    };
    Ok(Sides {
        before: read(before)?,
        after: read(after)?,
    })
}

fn side(top: BorrowedFd<'_>, change: &Change) -> nix::Result<Side> {
    let Some((parent, name)) = split(&change.path) else {
        return Ok(Side::Nothing);
    };
    let parent = open_below(top, parent)?;
    let Some(found) = look(parent.as_fd(), name)? else {
        return Ok(Side::Nothing);
    };
    match found.kind {
        Kind::Link => {
            let mut text = readlinkat(&parent, name)?.into_vec();
            text.push(b'\n');
            Ok(Side::Bytes(text))
        }
        Kind::File if found.size > LARGEST => Ok(Side::TooLarge(found.size)),
        Kind::File => {
            let mut bytes = Vec::new();
            let file = open_file(parent.as_fd(), name)?.take(LARGEST);
            let mut file = file;
            let read = file.read_to_end(&mut bytes);
            read.map_err(|error| super::record::errno(&error))?;
            Ok(Side::Bytes(bytes))
        }
        _ => Ok(Side::Nothing),
    }
}
