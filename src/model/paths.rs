//! Paths inside the sandbox.

use std::fmt;
use std::path::{Component, Path};
use std::str::FromStr;

use serde::Serialize;

use super::Invalid;

/// An absolute path inside the sandbox, without `.`, `..` or doubled slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct InsidePath(String);

impl InsidePath {
    /// The root of the tree.
    pub fn root() -> InsidePath {
        InsidePath("/".to_owned())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path for the standard library.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// What lies below it: `/etc` and `hosts` give `/etc/hosts`.
    ///
    /// # Errors
    /// When the result would not be a path inside the sandbox.
    pub fn join(&self, below: &str) -> Result<InsidePath, Invalid> {
        format!("{}/{below}", self.0.trim_end_matches('/')).parse()
    }

    /// Whether it is `other` or lies below it.
    pub fn is_within(&self, other: &InsidePath) -> bool {
        self.as_path().starts_with(other.as_path())
    }

    /// Its names, without the root.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }
}

impl FromStr for InsidePath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<InsidePath, Invalid> {
        if text.is_empty() {
            return Err(Invalid::because("is empty"));
        }
        if text.contains(|c: char| c.is_control()) {
            return Err(Invalid::because("holds a control character"));
        }
        let path = Path::new(text);
        if !path.is_absolute() {
            return Err(
                Invalid::because("is not an absolute path").help(format!("write `/{text}`"))
            );
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(Invalid::because("holds `..`").help("write the path that is meant"));
        }
        let names: Vec<&str> = text
            .split('/')
            .filter(|name| !matches!(*name, "" | "."))
            .collect();
        Ok(InsidePath(format!("/{}", names.join("/"))))
    }
}

impl fmt::Display for InsidePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
