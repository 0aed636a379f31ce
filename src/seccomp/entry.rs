//! What `allow` and `deny` of a profile name.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::model::{Invalid, nearest};

use super::arch::{call_names, place};
use super::groups::{Bundle, Group, bundles, groups};
use super::x86;

/// A group, several groups, or a single call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// `@privileged`.
    Bundle(&'static Bundle),
    /// `@debug`.
    Group(&'static Group),
    /// `ptrace`.
    Call(&'static str),
}

impl Entry {
    /// Its spelling.
    pub fn name(self) -> &'static str {
        match self {
            Entry::Bundle(bundle) => bundle.name,
            Entry::Group(group) => group.name,
            Entry::Call(name) => name,
        }
    }

    /// The calls that it stands for.
    pub fn calls(self) -> Vec<&'static str> {
        match self {
            Entry::Call(name) => vec![name],
            Entry::Group(group) => group.calls().collect(),
            Entry::Bundle(bundle) => {
                let members = groups()
                    .iter()
                    .filter(|group| bundle.groups.contains(&group.name));
                members.flat_map(Group::calls).collect()
            }
        }
    }
}

impl FromStr for Entry {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Entry, Invalid> {
        let bundle = bundles().iter().find(|bundle| bundle.name == text);
        let group = groups().iter().find(|group| group.name == text);
        let call = || place(text).and_then(|place| call_names().nth(place));
        match (bundle, group) {
            (Some(bundle), _) => return Ok(Entry::Bundle(bundle)),
            (None, Some(group)) => return Ok(Entry::Group(group)),
            (None, None) => {}
        }
        call().map(Entry::Call).ok_or_else(|| unknown(text))
    }
}

/// Of 32-bit x86 alone, of a group, or of nothing.
fn unknown(text: &str) -> Invalid {
    let names = groups().iter().map(|group| group.name);
    let names = names.chain(bundles().iter().map(|bundle| bundle.name));
    if text.starts_with('@') {
        let invalid = Invalid::because("is no group of system calls");
        return match nearest(text, names) {
            Some(near) => invalid.help(format!("write `{near}`")),
            None => invalid.help("`sandbox explain PROFILE seccomp` lists the groups"),
        };
    }
    let own = x86::numbers().find(|(name, _)| *name == text);
    if let Some((own, _)) = own {
        let invalid = Invalid::because("is a call of 32-bit x86 alone");
        return match x86::basis(own) {
            x86::Basis::Like(like) => {
                invalid.help(format!("write `{like}`, which stands for both"))
            }
            x86::Basis::Reaches(_) | x86::Basis::Fixed(_) => {
                invalid.help("leave it out: the calls that it stands for decide about it")
            }
        };
    }
    let invalid = Invalid::because("is no system call of Linux");
    let bare = names.map(|name| name.trim_start_matches('@'));
    match nearest(text, call_names().chain(bare)) {
        Some(near) if place(near).is_some() => invalid.help(format!("write `{near}`")),
        Some(near) => invalid.help(format!("write `@{near}`")),
        None => invalid.help("`sandbox explain PROFILE seccomp` lists the calls"),
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_the_nearest_is_told() {
        assert_eq!("ptrace".parse(), Ok(Entry::Call("ptrace")));
        assert_eq!("@debug".parse::<Entry>().unwrap().calls().len(), 5);
        let privileged: Entry = "@privileged".parse().unwrap();
        assert!(privileged.calls().contains(&"mount") && privileged.calls().contains(&"swapon"));
        let help = |text: &str| text.parse::<Entry>().unwrap_err().help.unwrap();
        assert_eq!(help("ptrase"), "write `ptrace`");
        assert_eq!(help("@debgu"), "write `@debug`");
        assert_eq!(help("io-uring"), "write `@io-uring`");
        assert_eq!(help("chown32"), "write `chown`, which stands for both");
        assert!(help("socketcall").starts_with("leave it out"));
    }
}
