//! What a finished tree holds, entry by entry.

use std::ffi::OsString;
use std::path::PathBuf;

/// The entries of a tree, sorted by path, and where each came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// Every path of the tree but the root itself.
    pub entries: Vec<Entry>,
}

/// One path of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Absolute, as seen inside.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// What it is.
    pub kind: EntryKind,
    /// The host path that it was copied from, free of links.
    pub from: Option<PathBuf>,
}

/// What lies at a path of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Bytes.
        size: u64,
        /// BLAKE3 of its content.
        content: [u8; 32],
    },
    /// A symbolic link with this text.
    Symlink(OsString),
    /// Another name of the file at this path, which is sorted before it.
    HardLink(PathBuf),
}
