//! Users and file modes.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::Invalid;

/// Who the program is, inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum UserSpec {
    /// Has the ids of the person who starts the sandbox.
    Caller,
    /// 0:0, which outside is an unprivileged id.
    Root,
    /// Numbers are ids, never names (CVE-2016-3697).
    Ids {
        /// User id inside.
        uid: u32,
        /// Group id inside.
        gid: u32,
    },
    /// A name of the tree's /etc/passwd.
    Name(String),
}

impl FromStr for UserSpec {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<UserSpec, Invalid> {
        match text {
            "" => Err(Invalid::because("is empty")),
            "caller" => Ok(UserSpec::Caller),
            "root" => Ok(UserSpec::Root),
            _ if text.starts_with(|c: char| c.is_ascii_digit()) => ids(text),
            _ => user_name(text),
        }
    }
}

fn ids(text: &str) -> Result<UserSpec, Invalid> {
    let (uid, gid) = text.split_once(':').unwrap_or((text, text));
    let id = |word: &str| match word.parse() {
        // (uid_t)-1 means "unchanged" to every call that takes an id.
        Ok(u32::MAX) | Err(_) => Err(Invalid::because("is not `UID` or `UID:GID` in numbers")),
        Ok(id) => Ok(id),
    };
    Ok(UserSpec::Ids {
        uid: id(uid)?,
        gid: id(gid)?,
    })
}

fn user_name(text: &str) -> Result<UserSpec, Invalid> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-$".contains(c);
    if text.len() > 32 || text.starts_with('-') || !text.chars().all(fits) {
        return Err(Invalid::because(
            "is neither `caller`, `root`, `UID:GID` nor the name of a user",
        ));
    }
    Ok(UserSpec::Name(text.to_owned()))
}

impl fmt::Display for UserSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UserSpec::Caller => f.write_str("caller"),
            UserSpec::Root => f.write_str("root"),
            UserSpec::Ids { uid, gid } => write!(f, "{uid}:{gid}"),
            UserSpec::Name(name) => f.write_str(name),
        }
    }
}

/// A supplementary group of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum GroupSpec {
    /// A number is an id, never a name.
    Id(u32),
    /// A name of the host's /etc/group.
    Name(String),
}

impl FromStr for GroupSpec {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<GroupSpec, Invalid> {
        let wrong = || {
            Err(Invalid::because(
                "is neither a group id nor the name of a group",
            ))
        };
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return match text.parse() {
                // (gid_t)-1 means "unchanged" to every call that takes an id.
                Ok(u32::MAX) | Err(_) => wrong(),
                Ok(id) => Ok(GroupSpec::Id(id)),
            };
        }
        match user_name(text) {
            Ok(UserSpec::Name(name)) if !name.is_empty() => Ok(GroupSpec::Name(name)),
            _ => wrong(),
        }
    }
}

impl fmt::Display for GroupSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GroupSpec::Id(id) => write!(f, "{id}"),
            GroupSpec::Name(name) => f.write_str(name),
        }
    }
}

/// Permission bits, written in octal: `"0755"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileMode(pub u32);

impl FromStr for FileMode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<FileMode, Invalid> {
        let octal = !text.is_empty() && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let bits = octal.then(|| u32::from_str_radix(text, 8).ok()).flatten();
        match bits {
            Some(bits) if bits & 0o6000 != 0 && bits <= 0o7777 => Err(Invalid::because(
                "sets the set-user-id or set-group-id bit, which no file of a sandbox has",
            )
            .help(format!("write `{:04o}`", bits & 0o1777))),
            Some(bits) if bits <= 0o7777 => Ok(FileMode(bits)),
            _ => Err(Invalid::because("is not a mode in octal").help("write it like `\"0755\"`")),
        }
    }
}

impl fmt::Display for FileMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl Serialize for FileMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
