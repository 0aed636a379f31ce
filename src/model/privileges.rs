//! Capabilities, resource limits and signals, by the kernel's names.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::Invalid;

/// A capability, in the kernel's spelling (capabilities(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability(u8);

impl Capability {
    /// The capability with this number, if the kernel's table names it.
    pub fn from_number(number: u8) -> Option<Capability> {
        Capability::table()
            .any(|(known, _)| known == number)
            .then_some(Capability(number))
    }

    /// Its number, the bit in the masks of capget(2).
    pub fn number(self) -> u8 {
        self.0
    }

    fn table() -> impl Iterator<Item = (u8, String)> {
        caps::all()
            .into_iter()
            .map(|cap| (cap.index(), cap.to_string()))
    }
}

impl FromStr for Capability {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Capability, Invalid> {
        if let Some((number, _)) = Capability::table().find(|(_, name)| name == text) {
            return Ok(Capability(number));
        }
        let names: Vec<String> = Capability::table().map(|(_, name)| name).collect();
        let upper = text.to_uppercase();
        let prefixed = if upper.starts_with("CAP_") {
            upper
        } else {
            format!("CAP_{upper}")
        };
        let invalid = Invalid::because("is no capability of Linux");
        if prefixed == "CAP_ALL" {
            return Err(invalid.help("name each capability that the program needs"));
        }
        match super::nearest(&prefixed, names.iter().map(String::as_str)) {
            Some(near) => Err(invalid.help(format!("write `{near}`"))),
            None => Err(invalid.help("see capabilities(7)")),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Capability::table().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(&name),
            None => write!(f, "CAP_{}", self.0),
        }
    }
}

impl Serialize for Capability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A resource of setrlimit(2), by its name in limits.conf(5) where that has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// The key in `[limits.process]`.
    pub key: &'static str,
    /// The kernel's name.
    pub kernel_name: &'static str,
    /// The kernel's number.
    pub number: u32,
    /// Whether values are bytes, so that `"8M"` is understood.
    pub unit: &'static str,
}

const fn resource(
    key: &'static str,
    kernel_name: &'static str,
    number: u32,
    unit: &'static str,
) -> Resource {
    Resource {
        key,
        kernel_name,
        number,
        unit,
    }
}

impl Resource {
    /// All of them: numbers of include/uapi/asm-generic/resource.h.
    pub const ALL: &'static [Resource] = &[
        resource("as", "RLIMIT_AS", 9, "bytes"),
        resource("core", "RLIMIT_CORE", 4, "bytes"),
        resource("cpu", "RLIMIT_CPU", 0, "seconds"),
        resource("data", "RLIMIT_DATA", 2, "bytes"),
        resource("fsize", "RLIMIT_FSIZE", 1, "bytes"),
        resource("locks", "RLIMIT_LOCKS", 10, "count"),
        resource("memlock", "RLIMIT_MEMLOCK", 8, "bytes"),
        resource("msgqueue", "RLIMIT_MSGQUEUE", 12, "bytes"),
        resource("nice", "RLIMIT_NICE", 13, "count"),
        resource("nofile", "RLIMIT_NOFILE", 7, "count"),
        resource("nproc", "RLIMIT_NPROC", 6, "count"),
        resource("rss", "RLIMIT_RSS", 5, "bytes"),
        resource("rtprio", "RLIMIT_RTPRIO", 14, "count"),
        resource("rttime", "RLIMIT_RTTIME", 15, "microseconds"),
        resource("sigpending", "RLIMIT_SIGPENDING", 11, "count"),
        resource("stack", "RLIMIT_STACK", 3, "bytes"),
    ];
}

impl FromStr for Resource {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Resource, Invalid> {
        let found = Resource::ALL.iter().find(|resource| resource.key == text);
        let keys: Vec<&str> = Resource::ALL.iter().map(|resource| resource.key).collect();
        found.copied().ok_or_else(|| Invalid::unknown(text, &keys))
    }
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.kernel_name)
    }
}

/// One side of a resource limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum RlimitValue {
    /// A number in the resource's unit.
    Value(u64),
    /// `RLIM_INFINITY`.
    Unlimited,
}

impl RlimitValue {
    /// The number that setrlimit(2) takes.
    pub fn raw(self) -> u64 {
        match self {
            RlimitValue::Value(value) => value,
            RlimitValue::Unlimited => u64::MAX,
        }
    }
}

impl fmt::Display for RlimitValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RlimitValue::Value(value) => write!(f, "{value}"),
            RlimitValue::Unlimited => f.write_str("unlimited"),
        }
    }
}

/// A soft and a hard resource limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rlimit {
    /// What is enforced.
    pub soft: RlimitValue,
    /// How far the program may raise it.
    pub hard: RlimitValue,
}

/// A signal, named without its `SIG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(nix::sys::signal::Signal);

impl Signal {
    /// SIGTERM.
    pub const TERM: Signal = Signal(nix::sys::signal::Signal::SIGTERM);

    /// Its number on this architecture.
    pub fn number(self) -> i32 {
        self.0 as i32
    }

    /// The name of signal `number`: `KILL`, or the number where it has no name.
    pub fn name_of(number: i32) -> String {
        match nix::sys::signal::Signal::try_from(number) {
            Ok(signal) => signal.as_str().trim_start_matches("SIG").to_owned(),
            Err(_) => number.to_string(),
        }
    }
}

impl FromStr for Signal {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Signal, Invalid> {
        let name = text.to_uppercase();
        let name = name.strip_prefix("SIG").unwrap_or(&name);
        if let Ok(signal) = format!("SIG{name}").parse() {
            return Ok(Signal(signal));
        }
        let names: Vec<String> = nix::sys::signal::Signal::iterator()
            .map(|signal| signal.as_str().trim_start_matches("SIG").to_owned())
            .collect();
        let invalid = Invalid::because("is no signal");
        match super::nearest(name, names.iter().map(String::as_str)) {
            Some(near) => Err(invalid.help(format!("write `{near}`"))),
            None => Err(invalid.help("see signal(7)")),
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_start_matches("SIG"))
    }
}

impl Serialize for Signal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
