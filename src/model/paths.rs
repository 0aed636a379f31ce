//! Paths inside the sandbox.

use std::fmt;
use std::path::{Component, Path};
use std::str::FromStr;

use serde::Serialize;

use super::Invalid;

/// An absolute path inside the sandbox, without `.`, `..` or doubled slashes.
///
/// In a symbolic plan it may start with a variable instead of a slash: `${HOME}/project`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct InsidePath(String);

impl InsidePath {
    /// The root of the tree.
    pub fn root() -> InsidePath {
        InsidePath("/".to_owned())
    }

    /// A path that starts with a variable which stands for an absolute path: `${HOME}/project`.
    ///
    /// Only a symbolic plan holds such paths: what the variable holds is not known, so `..` behind
    /// it, which a host path may have, is taken as it is.
    pub fn symbolic(text: &str) -> InsidePath {
        let names: Vec<&str> = text
            .split('/')
            .filter(|name| !matches!(*name, "" | "."))
            .collect();
        InsidePath(names.join("/"))
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
        let InsidePath(tail) = format!("/{below}").parse()?;
        match (self.0.as_str(), tail.as_str()) {
            ("/", _) => Ok(InsidePath(tail)),
            (_, "/") => Ok(self.clone()),
            (head, _) => Ok(InsidePath(format!("{head}{tail}"))),
        }
    }

    /// The path that holds it; nothing holds the root.
    pub fn parent(&self) -> Option<InsidePath> {
        let (parent, _) = self.0.rsplit_once('/')?;
        match parent {
            "" if self.0 == "/" => None,
            "" => Some(InsidePath::root()),
            _ => Some(InsidePath(parent.to_owned())),
        }
    }

    /// Bytes of the longest path that a system call takes (PATH_MAX, with its zero).
    pub const LONGEST: usize = 4095;

    /// How many names it has: 0 for the root.
    pub fn depth(&self) -> usize {
        self.names().count()
    }

    /// Whether it is `other` or lies below it.
    pub fn is_within(&self, other: &InsidePath) -> bool {
        other.0 == "/" || self.as_path().starts_with(other.as_path())
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
        if text.len() > InsidePath::LONGEST {
            return Err(Invalid::because("is longer than 4095 bytes"));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> InsidePath {
        text.parse().unwrap()
    }

    #[test]
    fn joining_keeps_one_slash_between() {
        assert_eq!(path("/etc").join("hosts").unwrap(), path("/etc/hosts"));
        assert_eq!(path("/").join("/etc/").unwrap(), path("/etc"));
        assert_eq!(path("/etc").join("").unwrap(), path("/etc"));
        assert!(path("/etc").join("../x").is_err());
    }

    #[test]
    fn a_path_that_no_call_takes_is_none() {
        let most = format!("/{}", "a".repeat(4094));
        assert_eq!(path(&most).as_str(), most);
        assert!((most + "a").parse::<InsidePath>().is_err());
    }

    #[test]
    fn parents_end_at_the_root_or_the_variable() {
        assert_eq!(path("/a/b").parent(), Some(path("/a")));
        assert_eq!(path("/a").parent(), Some(path("/")));
        assert_eq!(path("/").parent(), None);
        let home = InsidePath::symbolic("${HOME}/x");
        assert_eq!(home.parent(), Some(InsidePath::symbolic("${HOME}")));
        assert_eq!(InsidePath::symbolic("${HOME}").parent(), None);
        assert!(home.is_within(&InsidePath::root()));
    }
}
