//! A lock as text.

use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter, Write};

use super::escape::escape;
use super::{Entry, GivenBy, Lock, LockedTree};

/// The first line. The number goes up when an older program would not understand the text.
pub(super) const FIRST_LINE: &str = "sandbox lock 1";

const COMMENT: &str = "# Written by `sandbox lock`; `sandbox up --locked` starts nothing else.";

impl Display for Lock {
    /// The whole text.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Lock {
            profile,
            live,
            tree,
        } = self;
        writeln!(f, "{FIRST_LINE}\n{COMMENT}")?;
        writeln!(f, "profile {}", Word(profile.as_ref()))?;
        for (path, kind) in live {
            writeln!(f, "not-locked {} {}", kind.as_str(), Word(path.as_ref()))?;
        }
        tree.fmt(f)
    }
}

impl Display for LockedTree {
    /// The lines behind the head.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let LockedTree { packages, entries } = self;
        for (name, installed) in packages {
            let version = Word(installed.version.as_ref());
            writeln!(f, "package {} {version} {}", Name(name), installed.manager)?;
        }
        for (path, entry) in entries {
            writeln!(f, "{} {entry}", Word(path.as_ref()))?;
        }
        Ok(())
    }
}

impl Display for Entry {
    /// What stands behind the path.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Directory { mode } => write!(f, "dir {mode:04o}"),
            Entry::File {
                mode,
                size,
                sha256,
                build_id,
                giver,
            } => {
                write!(f, "file {mode:04o} {size} sha256={}", Hex(sha256))?;
                if let Some(id) = build_id {
                    write!(f, " build-id={}", Hex(id))?;
                }
                write!(f, " {giver}")
            }
            Entry::Symlink { target, giver } => write!(f, "link {} {giver}", Word(target)),
            Entry::Generated { mode } => write!(f, "generated {mode:04o}"),
            Entry::HardLink(first) => write!(f, "same {}", Word(first.as_ref())),
        }
    }
}

impl Display for GivenBy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            GivenBy::Package(name) => write!(f, "package={}", Name(name)),
            GivenBy::Host => f.write_str("host"),
            GivenBy::Profile => f.write_str("profile"),
        }
    }
}

/// A name of any bytes as one word.
pub(super) struct Word<'a>(pub &'a OsStr);

impl Display for Word<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Nothing at all would be no word; no path, target or version is empty.
        escape(self.0, f)
    }
}

/// A package's name and architecture as one word.
struct Name<'a>(&'a super::PackageName);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let super::PackageName { name, architecture } = self.0;
        escape(name.as_ref(), f)?;
        f.write_char(':')?;
        escape(architecture.as_ref(), f)
    }
}

/// Bytes as lower-case hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
