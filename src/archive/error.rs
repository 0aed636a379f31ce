//! What is wrong with an archive: which one, which member, why.

use std::fmt;
use std::io;

use super::limits::{DEPTH, Limit, NAME, PATH};
use crate::model::Sha256;

/// An archive that is not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveError {
    /// What it is about, with its path: "archive `/a.tar`", "layer 2 of image `/i`".
    pub subject: String,
    /// The member's name as it is written there, made printable.
    pub member: Option<String>,
    /// Why not.
    pub reason: Reason,
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.member {
            None => write!(f, "{} {}", self.subject, self.reason),
            Some(member) => write!(f, "{}: member `{member}` {}", self.subject, self.reason),
        }
    }
}

impl std::error::Error for ArchiveError {}

impl ArchiveError {
    /// What to do about it, as an imperative.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let help = match &self.reason {
            Reason::Digest { found, .. } => {
                return Some(format!(
                    "get the right file, or write `sha256 = \"{found}\"` if this one is meant"
                ));
            }
            Reason::Compression(_) => "pack it again with gzip, zstd or xz",
            Reason::Limit(Limit::Memory) => "pack it again with a smaller window",
            Reason::CutOff | Reason::Damaged(_) => "get the file again",
            Reason::Changed => "wait until nobody writes it",
            _ => return None,
        };
        Some(help.to_owned())
    }
}

/// Why an archive, or one of its members, is not taken in. Each reads on from the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The host has no such path.
    Missing,
    /// It cannot be opened or read; why.
    Unreadable(String),
    /// It is no regular file.
    NoFile,
    /// It was written between its check and the end of its use.
    Changed,
    /// It is not the file that the profile names.
    Digest {
        /// What the profile says.
        wanted: Sha256,
        /// What was found.
        found: Sha256,
    },
    /// Unpacked, it is not what the image says.
    Content {
        /// What the image says.
        wanted: Sha256,
        /// What was found.
        found: Sha256,
    },
    /// It is packed in a way that is not read.
    Compression(&'static str),
    /// Its compressed bytes make no sense.
    Damaged(String),
    /// It does not start with a header of tar.
    NoTar,
    /// It ends in the middle, or without its end mark.
    CutOff,
    /// Something follows its end mark.
    Trailing,
    /// It is larger than anything that is meant.
    Limit(Limit),
    /// A header that makes no sense; what is wrong with it.
    Header(&'static str),
    /// A type of member that nobody knows.
    Type(u8),
    /// A name that is none.
    Name(BadName),
    /// The target of a hard link that is no name.
    Target(String, BadName),
    /// A hard link to what the archive does not hold before it.
    NoTarget(String),
    /// A hard link to a directory.
    DirectoryTarget(String),
    /// Something else where this archive has put a directory.
    OverDirectory,
    /// A directory where this archive has put a file.
    OverFile,
    /// A path on through a file.
    BelowFile(String),
    /// A whiteout that stands for nothing that could be removed; why.
    Whiteout(&'static str),
}

/// Why a name is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadName {
    /// Nothing at all.
    Empty,
    /// It starts at the root.
    Absolute,
    /// It leads upwards.
    Parent,
    /// It holds a zero byte.
    Nul,
    /// It is longer than the kernel takes.
    Long,
    /// It is nested deeper than anybody's.
    Deep,
    /// It stands for the root, and that is a directory.
    Root,
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadName::Empty => f.write_str("has an empty name"),
            BadName::Absolute => f.write_str("has an absolute name"),
            BadName::Parent => f.write_str("has `..` in its name"),
            BadName::Nul => f.write_str("has a zero byte in its name"),
            BadName::Long => write!(
                f,
                "has a name of more than {NAME} bytes, or a path of more than {PATH}"
            ),
            BadName::Deep => write!(f, "is nested deeper than {DEPTH} levels"),
            BadName::Root => f.write_str("stands for the root and is no directory"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Missing => f.write_str("does not exist"),
            Reason::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Reason::NoFile => f.write_str("is no file"),
            Reason::Changed => f.write_str("changed while it was read"),
            Reason::Digest { wanted, found } => {
                write!(f, "has the SHA-256 `{found}`, not `{wanted}`")
            }
            Reason::Content { wanted, found } => {
                write!(f, "unpacks to the SHA-256 `{found}`, not `{wanted}`")
            }
            Reason::Compression(name) => write!(f, "is packed with {name}, which is not read"),
            Reason::Damaged(why) => write!(f, "is damaged: {why}"),
            Reason::NoTar => f.write_str("is no tar archive"),
            Reason::CutOff => f.write_str("is cut off"),
            Reason::Trailing => f.write_str("goes on behind its end mark"),
            Reason::Limit(limit) => limit.fmt(f),
            Reason::Header(what) => write!(f, "has a bad header: {what}"),
            Reason::Type(byte) => {
                write!(f, "is of the unknown type `{}`", [*byte].escape_ascii())
            }
            Reason::Name(why) => why.fmt(f),
            Reason::Target(target, why) => {
                write!(f, "is a hard link to `{target}`, which {why}")
            }
            Reason::NoTarget(target) => {
                write!(
                    f,
                    "is a hard link to `{target}`, which does not come before it"
                )
            }
            Reason::DirectoryTarget(target) => {
                write!(f, "is a hard link to the directory `{target}`")
            }
            Reason::OverDirectory => f.write_str("is a directory and something else"),
            Reason::OverFile => f.write_str("is a file and a directory"),
            Reason::BelowFile(file) => write!(f, "lies below the file `{file}`"),
            Reason::Whiteout(why) => write!(f, "is a whiteout {why}"),
        }
    }
}

impl From<Limit> for Reason {
    fn from(limit: Limit) -> Reason {
        Reason::Limit(limit)
    }
}

/// A reason on its way through readers that know only [`io::Error`].
#[derive(Debug)]
struct Carried(Reason);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Carried {}

impl From<Reason> for io::Error {
    fn from(reason: Reason) -> io::Error {
        io::Error::other(Carried(reason))
    }
}

impl From<Limit> for io::Error {
    fn from(limit: Limit) -> io::Error {
        Reason::from(limit).into()
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Reason {
        if let Some(Carried(reason)) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
            return reason.clone();
        }
        if let Some(errno) = error.raw_os_error() {
            let errno = nix::errno::Errno::from_raw(errno);
            return Reason::Unreadable(errno.desc().to_lowercase());
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Reason::CutOff,
            _ => Reason::Damaged(error.to_string()),
        }
    }
}

/// A walk that ended early.
#[derive(Debug)]
pub enum WalkError<E> {
    /// The archive is at fault.
    Archive(ArchiveError),
    /// The receiver did not take a member in.
    Receiver(E),
}

impl<E> From<ArchiveError> for WalkError<E> {
    fn from(error: ArchiveError) -> WalkError<E> {
        WalkError::Archive(error)
    }
}

/// The longest name that a message shows, in characters.
const SHOWN: usize = 200;

/// A name of an archive as text: what is no UTF-8, and what a terminal acts upon, as escapes.
pub(crate) fn printable(name: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '`' => shown.extend(c.escape_unicode()),
                c if c.is_control() || c == '\\' => shown.extend(c.escape_default()),
                c => shown.push(c),
            }
        }
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    match shown.char_indices().nth(SHOWN) {
        Some((end, _)) => shown[..end].to_owned() + "…",
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_without_what_a_terminal_acts_upon() {
        assert_eq!(printable("grün/\u{1b}[2J".as_bytes()), "grün/\\u{1b}[2J");
        assert_eq!(printable(b"a\xffb\n"), "a\\xffb\\n");
        assert_eq!(printable(&[b'x'; 300]).chars().count(), SHOWN + 1);
    }

    #[test]
    fn a_reason_survives_readers_that_know_only_io_errors() {
        let reason = Reason::Limit(Limit::Rate);
        assert_eq!(Reason::from(io::Error::from(reason.clone())), reason);
        let eof = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert_eq!(Reason::from(eof), Reason::CutOff);
    }
}
