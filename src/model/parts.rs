//! Parts of a bind: what lies below it and may not be written, or not be seen.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

use super::{InsidePath, Invalid, Switch};

/// What a part of a bind is kept from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// Being written.
    ReadOnly,
    /// Being seen.
    Hide,
}

impl Protection {
    /// The key of `[[mount]]` that asks for it.
    pub fn key(self) -> &'static str {
        match self {
            Protection::ReadOnly => "read_only",
            Protection::Hide => "hide",
        }
    }
}

/// A relative path below a bind, without `.`, `..` and doubled slashes: an entry of `read_only` or `hide`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPath {
    path: String,
    /// Whether it may be missing: `?path`.
    pub may_miss: Switch,
}

impl PartPath {
    /// The path, relative and never empty.
    pub fn as_str(&self) -> &str {
        &self.path
    }
}

impl FromStr for PartPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<PartPath, Invalid> {
        let (path, may_miss) = match text.strip_prefix('?') {
            Some(path) => (path, Switch::On),
            None => (text, Switch::Off),
        };
        if path.starts_with('/') {
            let below = path.trim_start_matches('/');
            return Err(
                Invalid::because("is not relative to the bind").help(format!(
                    "write what stands behind the bind's own path, as `{below}`"
                )),
            );
        }
        if path.contains(['*', '?']) {
            return Err(
                Invalid::because("holds a wildcard, and only paths are known here")
                    .help("write an entry for each path, or the directory that holds them all"),
            );
        }
        let whole: InsidePath = format!("/{path}").parse()?;
        match whole.as_str().trim_start_matches('/') {
            "" => Err(Invalid::because("names nothing below the bind")
                .help("write a path below it; for the whole bind there is `access`")),
            path => Ok(PartPath {
                path: path.to_owned(),
                may_miss,
            }),
        }
    }
}

impl fmt::Display for PartPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// What lies at a path below a bind, no link followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartFact {
    /// A directory.
    Directory,
    /// Anything else that is no link, and how many names it has.
    File {
        /// The number of hard links.
        names: u64,
    },
    /// A symbolic link, or something behind one.
    Link,
    /// Nothing.
    Missing,
    /// Not to be seen by the caller; why.
    Hidden(String),
}

/// A part of a bind that is not protected, or only as long as nobody outside moves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unprotected {
    /// The path inside.
    pub path: String,
    /// What it should be kept from.
    pub protection: Protection,
    /// Why it is not, or when it no longer is.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_relative_path_below_the_bind() {
        let path = |text: &str| text.parse::<PartPath>();
        let hooks = path("./.git//hooks/").unwrap();
        assert_eq!(
            (hooks.as_str(), hooks.may_miss),
            (".git/hooks", Switch::Off)
        );
        let env = path("?.env").unwrap();
        assert_eq!((env.as_str(), env.may_miss), (".env", Switch::On));
        for wrong in [
            "", "?", ".", "/", "/etc", "?/etc", "a/../b", "..", "*.env", "a?", "??a", "a\nb",
        ] {
            assert!(path(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(path("app/[id].tsx").unwrap().as_str(), "app/[id].tsx");
    }
}
