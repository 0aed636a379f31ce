//! `$ORIGIN`, `$LIB` and `$PLATFORM` in names and lists of directories.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What the tokens of one file stand for.
pub(super) struct Tokens<'a> {
    /// The directory of the file.
    pub origin: &'a Path,
    /// glibc only.
    pub lib: Option<&'a OsStr>,
    /// glibc only, where the kernel gives one.
    pub platform: Option<&'a OsStr>,
}

/// Which loader reads the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Glibc,
    /// Knows `$ORIGIN`, and drops the whole list for any other `$`.
    Musl,
}

impl Tokens<'_> {
    /// The text with its tokens replaced; nothing when a known one has no value, for then the loader drops the text.
    ///
    /// As glibc's `is_dst`: with or without braces, and no letter, digit or underscore may follow. Any other `$` is
    /// itself.
    pub fn expand(&self, text: &OsStr) -> Option<OsString> {
        let mut rest = text.as_bytes();
        let mut result = Vec::with_capacity(rest.len());
        while let Some(at) = rest.iter().position(|byte| *byte == b'$') {
            result.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            match self.token(rest) {
                Some((length, value)) => {
                    result.extend_from_slice(value?.as_bytes());
                    rest = &rest[length..];
                }
                None => result.push(b'$'),
            }
        }
        result.extend_from_slice(rest);
        Some(OsString::from_vec(result))
    }

    /// The token at the start of `rest`: its length after the `$`, and its value.
    fn token(&self, rest: &[u8]) -> Option<(usize, Option<&OsStr>)> {
        let known = [
            ("ORIGIN", Some(self.origin.as_os_str())),
            ("PLATFORM", self.platform),
            ("LIB", self.lib),
        ];
        known
            .into_iter()
            .find_map(|(name, value)| Some((token_length(rest, name)?, value)))
    }

    /// The absolute directories of a list such as `DT_RUNPATH`.
    ///
    /// A relative or empty one means the working directory, which a file of the host cannot know: it is left out.
    pub fn directories(&self, list: &OsStr, dialect: Dialect) -> Vec<PathBuf> {
        if dialect == Dialect::Musl && !self.only_origin(list.as_bytes()) {
            return Vec::new();
        }
        list.as_bytes()
            .split(|byte| *byte == b':' || dialect == Dialect::Musl && *byte == b'\n')
            .filter_map(|entry| self.expand(OsStr::from_bytes(entry)))
            .map(|entry| PathBuf::from(without_trailing_slashes(entry)))
            .filter(|directory| directory.is_absolute())
            .collect()
    }

    fn only_origin(&self, list: &[u8]) -> bool {
        list.split(|byte| *byte == b'$')
            .skip(1)
            .all(|rest| rest.starts_with(b"ORIGIN") || rest.starts_with(b"{ORIGIN}"))
    }
}

fn token_length(rest: &[u8], name: &str) -> Option<usize> {
    if let Some(inner) = rest.strip_prefix(b"{") {
        let end = inner.strip_prefix(name.as_bytes())?;
        return end.starts_with(b"}").then_some(name.len() + 2);
    }
    let end = rest.strip_prefix(name.as_bytes())?;
    let goes_on = end
        .first()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    (!goes_on).then_some(name.len())
}

fn without_trailing_slashes(text: OsString) -> OsString {
    let mut bytes = text.into_vec();
    while bytes.len() > 1 && bytes.last() == Some(&b'/') {
        bytes.pop();
    }
    OsString::from_vec(bytes)
}
