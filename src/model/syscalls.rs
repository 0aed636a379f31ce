//! What a profile says of system calls, beside their names.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::{Invalid, nearest};

/// An error of the kernel, by its name (errno(3)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Errno(u16);

impl Errno {
    /// It may not.
    pub const EPERM: Errno = Errno(1);
    /// This kernel has no such option.
    pub const EINVAL: Errno = Errno(22);
    /// This kernel has no such call.
    pub const ENOSYS: Errno = Errno(38);
    /// This kernel has no such protocol.
    pub const EPROTONOSUPPORT: Errno = Errno(93);
    /// This kernel has no such family of addresses.
    pub const EAFNOSUPPORT: Errno = Errno(97);

    /// Its number, the same on every architecture that policies exist for.
    pub fn number(self) -> u16 {
        self.0
    }

    /// All of them; include/uapi/asm-generic/errno.h ends with 133.
    fn names() -> impl Iterator<Item = (u16, String)> {
        let named = |number: u16| {
            let errno = nix::errno::Errno::from_raw(number.into());
            (errno != nix::errno::Errno::UnknownErrno).then(|| (number, format!("{errno:?}")))
        };
        (1..=133).filter_map(named)
    }
}

impl FromStr for Errno {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Errno, Invalid> {
        if let Some((number, _)) = Errno::names().find(|(_, name)| name == text) {
            return Ok(Errno(number));
        }
        let names: Vec<String> = Errno::names().map(|(_, name)| name).collect();
        let invalid = Invalid::because(format!("names no error: `{text}`"));
        match nearest(&text.to_uppercase(), names.iter().map(String::as_str)) {
            Some(near) => Err(invalid.help(format!("write `errno:{near}`"))),
            None => Err(invalid.help("see errno(3)")),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Errno::names().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(&name),
            None => self.0.fmt(f),
        }
    }
}

impl Serialize for Errno {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What becomes of a call that the policy refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDeny {
    /// It fails with this error.
    Errno(Errno),
    /// The whole process ends with SIGSYS.
    Kill,
    /// It runs, and the kernel logs it: for trying a policy out.
    Log,
}

impl OnDeny {
    /// Where a profile says nothing.
    pub const DEFAULT: OnDeny = OnDeny::Errno(Errno::EPERM);
}

impl FromStr for OnDeny {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<OnDeny, Invalid> {
        match (text, text.strip_prefix("errno:")) {
            ("kill", _) => Ok(OnDeny::Kill),
            ("log", _) => Ok(OnDeny::Log),
            (_, Some(name)) => name.parse().map(OnDeny::Errno),
            _ => {
                let invalid = Invalid::because("is none of `errno:NAME`, `kill`, `log`");
                // `EACCES` alone is a way to write it that others have.
                let help = match Errno::from_str(text) {
                    Ok(errno) => format!("write `errno:{errno}`"),
                    Err(_) => "write `errno:EPERM`, which is also the default".to_owned(),
                };
                Err(invalid.help(help))
            }
        }
    }
}

impl fmt::Display for OnDeny {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OnDeny::Errno(errno) => write!(f, "errno:{errno}"),
            OnDeny::Kill => f.write_str("kill"),
            OnDeny::Log => f.write_str("log"),
        }
    }
}

impl Serialize for OnDeny {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_they_are_written() {
        for text in [
            "errno:EPERM",
            "errno:ENOSYS",
            "errno:EHWPOISON",
            "kill",
            "log",
        ] {
            assert_eq!(text.parse::<OnDeny>().unwrap().to_string(), text);
        }
        assert_eq!("errno:EPERM".parse(), Ok(OnDeny::DEFAULT));
        let help = |text: &str| text.parse::<OnDeny>().unwrap_err().help.unwrap();
        assert_eq!(help("errno:EPREM"), "write `errno:EPERM`");
        assert_eq!(help("EACCES"), "write `errno:EACCES`");
        assert_eq!(help("errno:zzz"), "see errno(3)");
        for wrong in ["", "errno", "errno:", "errno:0", "errno:1", "Kill", "trap"] {
            assert!(wrong.parse::<OnDeny>().is_err(), "{wrong}");
        }
    }
}
