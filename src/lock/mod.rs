//! The lock of a profile: every path that its root tree holds, as text to keep beside the profile.
//!
//! ```text
//! sandbox lock 1
//! profile dev
//! not-locked bind /home/user/project
//! package bash:amd64 5.2.37-2 dpkg
//! /etc/passwd generated 0644
//! /usr dir 0755
//! /usr/bin/bash file 0755 1298416 sha256=… build-id=… package=bash:amd64
//! /usr/bin/sh link bash host
//! /usr/bin/rbash same /usr/bin/bash
//! ```
//!
//! # Decisions
//!
//! - **One line a path, the path first, in the order of the tree**, in which a directory stands before what
//!   is in it, and that before its neighbours. A change of one file is a change of one line in a diff. No
//!   column is padded: the longest name would move all others.
//! - **A version stands once**, in the line of its package; files name the package. An upgrade then shows
//!   as one line with both versions, and as the files that it really changed.
//! - **Nothing that changes without the tree**: no time, no name of the host, no id of the tree, no path
//!   of the host, because the same tree can be copied from another directory.
//! - **Who gives a path is in the line**: `package=NAME`, `host` for a file of no package, `profile` for
//!   what the profile itself states (texts, links, archives).
//! - **What is live is named and not locked**: the content of a bind is not of the tree. That it is bound
//!   there is part of the lock.
//! - **What is made for the caller is named and its content not locked**: a generated /etc/passwd and
//!   /etc/group hold the ids of whoever starts the sandbox. With them, a lock would be good for one person.
//! - **Parameters and the texts of profiles are not in it**: what they change of the tree is. A lock that
//!   named a parameter would refuse the very tree for a limit that has nothing to do with it.
//! - **A value of the caller's environment is never stored**: a path shows `${env:NAME}` in its place.
//! - **Escapes**: `\xHH` for each byte of a space, a backslash, a control character, a character that is
//!   neither a letter nor a number beyond ASCII, and of what is no UTF-8. Every name has one spelling.
//! - **Owners, times and extended attributes** are not locked: all of a tree belongs to who built it.
//!
//! The text is strict, so that each lock has one spelling and equal texts are equal locks. A line that
//! begins with `#` and an empty line say nothing.

mod collect;
mod compare;
mod digest;
mod escape;
mod line;
mod live;
mod parse;
mod print;
mod words;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::packages::{Manager, Package};
use crate::plan::PrivateValues;

pub use collect::{Collected, Unreadable, collect};
pub use compare::{Difference, FileChange, Giver, PackageChange, Presence, Shape, What, compare};
pub use live::{generated, live};
pub use parse::{parse, parse_tree};
pub use words::{Detail, render};

/// What a profile's root tree held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    /// The name of the sandbox.
    pub profile: String,
    /// Places inside where something of the host is mounted live, and what kind of mount it is.
    pub live: BTreeMap<PathBuf, LiveKind>,
    /// What is locked.
    pub tree: LockedTree,
}

/// The part of a lock that the tree alone decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockedTree {
    /// The packages that own files of the tree, each once.
    pub packages: BTreeMap<PackageName, Installed>,
    /// Every path but the root itself.
    pub entries: BTreeMap<PathBuf, Entry>,
}

/// What is live at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveKind {
    /// A path of the host.
    Bind,
    /// A directory that is kept under the sandbox's name.
    Volume,
}

impl LiveKind {
    /// Every kind.
    const ALL: [LiveKind; 2] = [LiveKind::Bind, LiveKind::Volume];

    fn as_str(self) -> &'static str {
        match self {
            LiveKind::Bind => "bind",
            LiveKind::Volume => "volume",
        }
    }
}

/// A package, whatever its version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackageName {
    /// Its name.
    pub name: String,
    /// Its architecture.
    pub architecture: String,
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.architecture)
    }
}

/// How a package is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// In which version.
    pub version: String,
    /// By whom.
    pub manager: Manager,
}

impl From<&Package> for PackageName {
    fn from(package: &Package) -> PackageName {
        PackageName {
            name: package.name.clone(),
            architecture: package.architecture.clone(),
        }
    }
}

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A directory with this mode.
    Directory {
        /// Permission bits.
        mode: u32,
    },
    /// A regular file.
    File {
        /// Permission bits.
        mode: u32,
        /// Bytes.
        size: u64,
        /// Of its content.
        sha256: [u8; 32],
        /// Of an ELF file that has one.
        build_id: Option<Vec<u8>>,
        /// Who gives it.
        giver: GivenBy,
    },
    /// A symbolic link.
    Symlink {
        /// Its text.
        target: OsString,
        /// Who gives it.
        giver: GivenBy,
    },
    /// Another name of the file at this path.
    HardLink(PathBuf),
    /// A file that is made for whoever starts the sandbox, whose ids are in it.
    Generated {
        /// Permission bits.
        mode: u32,
    },
}

/// Who gives a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenBy {
    /// A package of the host.
    Package(PackageName),
    /// The host, and no package.
    Host,
    /// The profile: a text, a link, an archive.
    Profile,
}

impl Entry {
    /// Who gives it; nobody is known for directories and second names.
    pub fn giver(&self) -> Option<&GivenBy> {
        match self {
            Entry::File { giver, .. } | Entry::Symlink { giver, .. } => Some(giver),
            Entry::Directory { .. } | Entry::HardLink(_) | Entry::Generated { .. } => None,
        }
    }
}

impl Lock {
    /// The same with every private value in a path or a link's text replaced by its variable.
    #[must_use]
    pub fn without(self, private: &PrivateValues) -> Lock {
        if private.is_empty() {
            return self;
        }
        let path = |path: &Path| PathBuf::from(hidden(path.as_os_str(), private));
        let Lock {
            profile,
            live,
            tree: LockedTree { packages, entries },
        } = self;
        let entries = entries.into_iter().map(|(name, entry)| {
            let entry = match entry {
                Entry::Symlink { target, giver } => Entry::Symlink {
                    target: hidden(&target, private),
                    giver,
                },
                Entry::HardLink(first) => Entry::HardLink(path(&first)),
                entry
                @ (Entry::Directory { .. } | Entry::File { .. } | Entry::Generated { .. }) => entry,
            };
            (path(&name), entry)
        });
        Lock {
            profile,
            live: live.iter().map(|(at, kind)| (path(at), *kind)).collect(),
            tree: LockedTree {
                packages,
                entries: entries.collect(),
            },
        }
    }
}

fn hidden(text: &OsStr, private: &PrivateValues) -> OsString {
    let shown = String::from_utf8_lossy(text.as_bytes());
    let hidden = private.hide(&shown);
    match hidden == shown {
        true => text.to_owned(),
        false => hidden.into(),
    }
}
