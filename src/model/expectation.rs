//! What a profile's tests expect of the sandbox, and what was found there.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::{ByteSize, InsidePath, Invalid, NetworkMode};

/// Whether something must be impossible or possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// `deny_…`.
    Denied,
    /// `allow_…`.
    Allowed,
}

/// What may be done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathUse {
    /// A file is read, a directory listed.
    Read,
    /// A file is written, something made in a directory.
    Write,
    /// A file is executed.
    Execute,
}

/// One expectation of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expectation {
    /// `deny_read`, `allow_write` and their kin.
    Path {
        /// Which of the two.
        expected: Expected,
        /// What is done with it.
        using: PathUse,
        /// Path inside.
        path: InsidePath,
    },
    /// `deny_connect`, `allow_connect`.
    Connect {
        /// Which of the two.
        expected: Expected,
        /// Where to.
        to: Endpoint,
    },
    /// `deny_syscall`, `allow_syscall`.
    SystemCall {
        /// Which of the two.
        expected: Expected,
        /// The kernel's name.
        name: String,
    },
    /// `env_absent`: a name, or the start of names with one `*` behind it.
    EnvAbsent(String),
    /// `max_memory`: of all processes together.
    MaxMemory(ByteSize),
    /// `max_pids`: of the whole sandbox, its first process too.
    MaxPids(u64),
    /// `max_open_files`: of one process.
    MaxOpenFiles(u64),
}

impl Expectation {
    /// The key in the profile.
    pub fn key(&self) -> &'static str {
        use Expected::{Allowed, Denied};
        match self {
            Expectation::Path {
                expected, using, ..
            } => match (expected, using) {
                (Denied, PathUse::Read) => "deny_read",
                (Allowed, PathUse::Read) => "allow_read",
                (Denied, PathUse::Write) => "deny_write",
                (Allowed, PathUse::Write) => "allow_write",
                (Denied, PathUse::Execute) => "deny_exec",
                (Allowed, PathUse::Execute) => "allow_exec",
            },
            Expectation::Connect { expected, .. } => match expected {
                Denied => "deny_connect",
                Allowed => "allow_connect",
            },
            Expectation::SystemCall { expected, .. } => match expected {
                Denied => "deny_syscall",
                Allowed => "allow_syscall",
            },
            Expectation::EnvAbsent(_) => "env_absent",
            Expectation::MaxMemory(_) => "max_memory",
            Expectation::MaxPids(_) => "max_pids",
            Expectation::MaxOpenFiles(_) => "max_open_files",
        }
    }

    /// Whether it stands, after `finding` in a sandbox with this network.
    pub fn judge(&self, finding: Finding, network: NetworkMode) -> Verdict {
        let holds = match self {
            Expectation::Path {
                expected: Expected::Denied,
                ..
            } => match finding {
                Finding::NoExec => true,
                Finding::Refused { errno } => PATH_DENIALS.contains(&errno),
                _ => false,
            },
            Expectation::Path { using, .. } => match finding {
                Finding::Done => true,
                Finding::Creatable => *using == PathUse::Write,
                _ => false,
            },
            Expectation::Connect { expected, to } => match expected {
                Expected::Denied => not_connected(to, finding, network),
                Expected::Allowed => finding == Finding::Done,
            },
            Expectation::SystemCall { expected, .. } => match expected {
                Expected::Denied => matches!(
                    finding,
                    Finding::Refused { .. }
                        | Finding::Killed {
                            signal: libc::SIGSYS
                        }
                ),
                Expected::Allowed => finding == Finding::Done,
            },
            Expectation::EnvAbsent(_) => finding == Finding::Absent,
            Expectation::MaxMemory(_) => matches!(
                finding,
                Finding::Held { .. }
                    | Finding::Killed {
                        signal: libc::SIGKILL
                    }
            ),
            Expectation::MaxPids(_) | Expectation::MaxOpenFiles(_) => {
                matches!(finding, Finding::Held { .. })
            }
        };
        match holds {
            true => Verdict::Holds,
            false => Verdict::Fails,
        }
    }
}

/// What follows the key, as the profile would write it without its variables.
impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expectation::Path { path, .. } => path.fmt(f),
            Expectation::Connect { to, .. } => to.fmt(f),
            Expectation::SystemCall { name, .. } => name.fmt(f),
            Expectation::EnvAbsent(pattern) => pattern.fmt(f),
            Expectation::MaxMemory(size) => size.fmt(f),
            Expectation::MaxPids(count) | Expectation::MaxOpenFiles(count) => count.fmt(f),
        }
    }
}

/// Answers by which a path is denied. Others (no memory, no descriptors left) say nothing about it.
const PATH_DENIALS: [i32; 12] = [
    libc::EACCES,
    libc::EPERM,
    libc::ENOENT,
    libc::ENOTDIR,
    libc::EROFS,
    libc::ELOOP,
    libc::ENXIO,
    libc::ENODEV,
    libc::ENOSYS,
    libc::ENAMETOOLONG,
    libc::ENOEXEC,
    libc::ETXTBSY,
];

/// Answers by which a connection is denied, whatever the network.
const CONNECT_DENIALS: [i32; 12] = [
    libc::EACCES,
    libc::EPERM,
    libc::ENOENT,
    libc::ENOTDIR,
    libc::ENOSYS,
    libc::ENETUNREACH,
    libc::EHOSTUNREACH,
    libc::ENETDOWN,
    libc::ETIMEDOUT,
    libc::EAFNOSUPPORT,
    libc::EPROTONOSUPPORT,
    libc::EADDRNOTAVAIL,
];

/// Who refuses was reached, and the next time somebody may listen there; only in a network of the
/// sandbox's own is nobody but itself behind it. A socket in the file system is there or is not.
fn not_connected(to: &Endpoint, finding: Finding, network: NetworkMode) -> bool {
    match finding {
        Finding::TimedOut => true,
        Finding::Refused {
            errno: libc::ECONNREFUSED,
        } => network == NetworkMode::None && !matches!(to, Endpoint::Path(_)),
        Finding::Refused { errno } => CONNECT_DENIALS.contains(&errno),
        _ => false,
    }
}

/// Whether an expectation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Holds,
    /// It does not, or could not be answered.
    Fails,
}

/// Where a connection goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// TCP.
    Tcp(SocketAddr),
    /// A socket in the file system inside.
    Path(InsidePath),
    /// A socket of the network namespace's own names, without the `@`.
    Abstract(String),
    /// Only in a symbolic plan: a text with variables.
    Symbolic(String),
}

/// Most bytes of a Unix socket's name (sun_path of unix(7), with the NUL at either end).
const UNIX_NAME: usize = 107;

impl FromStr for Endpoint {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Endpoint, Invalid> {
        let long = Invalid::because("is longer than a socket's name may be (107 bytes)");
        if let Some(name) = text.strip_prefix('@') {
            return match name.len() {
                0 => Err(Invalid::because("has no name behind the `@`")),
                1..=UNIX_NAME => Ok(Endpoint::Abstract(name.to_owned())),
                _ => Err(long),
            };
        }
        if text.starts_with('/') {
            let path: InsidePath = text.parse()?;
            return match path.as_str().len() {
                ..=UNIX_NAME => Ok(Endpoint::Path(path)),
                _ => Err(long),
            };
        }
        let address: Result<SocketAddr, _> = text.parse();
        match address {
            Ok(address) if address.port() > 0 => Ok(Endpoint::Tcp(address)),
            _ => Err(not_an_address(text)),
        }
    }
}

/// Names are not resolved: inside by nobody, and outside they may mean something else.
fn not_an_address(text: &str) -> Invalid {
    let address = text.parse::<std::net::IpAddr>();
    if let Ok(address) = address {
        let help = format!("write `{}`", SocketAddr::new(address, 443));
        return Invalid::because("has no port").help(help);
    }
    let help = "write an IP address and a port such as `192.0.2.1:443` or `[2001:db8::1]:443`, the path of a \
                socket, or `@` and its abstract name";
    Invalid::because("is no address").help(help)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp(address) => address.fmt(f),
            Endpoint::Path(path) => path.fmt(f),
            Endpoint::Abstract(name) => write!(f, "@{name}"),
            Endpoint::Symbolic(text) => text.fmt(f),
        }
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What was found where an expectation was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It worked: opened, listed, connected, let through.
    Done,
    /// The kernel said no.
    Refused {
        /// How.
        errno: i32,
    },
    /// The way leads through a link such as /proc/self/exe, which means another thing for the program.
    Magic,
    /// It cannot be written, but belongs to the program's user, who can change its mode.
    Owned,
    /// It cannot be written, but it or a directory above it can be renamed and made anew.
    Replaceable,
    /// A directory that tells no names, but lets through to what lies in it.
    Searchable,
    /// It cannot be executed by itself, but can be read and so run by ld.so(8).
    Loadable,
    /// A link leads to where it could not be looked.
    Unclear,
    /// It is not there, and can be made.
    Creatable,
    /// Nothing answered.
    TimedOut,
    /// A signal ended who tried.
    Killed {
        /// Which.
        signal: i32,
    },
    /// The limit was passed.
    Exceeded {
        /// MiB, processes, or the number of a descriptor.
        reached: u32,
    },
    /// The limit held.
    Held {
        /// MiB or processes at the end.
        reached: u32,
    },
    /// The program has such a variable.
    Present {
        /// Its place in the environment.
        place: u32,
    },
    /// The program has no such variable.
    Absent,
    /// The mount forbids execution.
    NoExec,
    /// Trying could harm the host, which has not enough memory left.
    NotTried,
    /// It took too long.
    Late,
    /// Who tried ended without an answer.
    Silent,
}

impl Finding {
    /// As two numbers, for a record.
    pub fn encode(self) -> (u8, i32) {
        let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        match self {
            Finding::Done => (1, 0),
            Finding::Refused { errno } => (2, errno),
            Finding::Magic => (3, 0),
            Finding::Owned => (4, 0),
            Finding::Replaceable => (5, 0),
            Finding::Creatable => (6, 0),
            Finding::TimedOut => (7, 0),
            Finding::Killed { signal } => (8, signal),
            Finding::Exceeded { reached } => (9, number(reached)),
            Finding::Held { reached } => (10, number(reached)),
            Finding::Present { place } => (11, number(place)),
            Finding::Absent => (12, 0),
            Finding::NoExec => (13, 0),
            Finding::NotTried => (14, 0),
            Finding::Late => (15, 0),
            Finding::Silent => (16, 0),
            Finding::Searchable => (17, 0),
            Finding::Loadable => (18, 0),
            Finding::Unclear => (19, 0),
        }
    }

    /// What [`Finding::encode`] made.
    pub fn decode(code: u8, value: i32) -> Option<Finding> {
        let count = u32::try_from(value).unwrap_or(0);
        Some(match code {
            1 => Finding::Done,
            2 => Finding::Refused { errno: value },
            3 => Finding::Magic,
            4 => Finding::Owned,
            5 => Finding::Replaceable,
            6 => Finding::Creatable,
            7 => Finding::TimedOut,
            8 => Finding::Killed { signal: value },
            9 => Finding::Exceeded { reached: count },
            10 => Finding::Held { reached: count },
            11 => Finding::Present { place: count },
            12 => Finding::Absent,
            13 => Finding::NoExec,
            14 => Finding::NotTried,
            15 => Finding::Late,
            16 => Finding::Silent,
            17 => Finding::Searchable,
            18 => Finding::Loadable,
            19 => Finding::Unclear,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_come_back_as_they_were_sent() {
        for code in 1..=19 {
            let finding = Finding::decode(code, 0).unwrap();
            assert_eq!(finding.encode().0, code);
        }
        let held = Finding::Held { reached: 70 };
        let (code, value) = held.encode();
        assert_eq!(Finding::decode(code, value), Some(held));
        assert_eq!(Finding::decode(0, 0), None);
        assert_eq!(Finding::decode(20, 0), None);
    }

    #[test]
    fn endpoints_are_addresses_and_sockets() {
        for text in ["192.0.2.1:443", "[2001:db8::1]:443", "/run/a.sock", "@bus"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        let long = format!("@{}", "x".repeat(108));
        for text in [
            "example.com:443",
            "192.0.2.1",
            "192.0.2.1:0",
            "@",
            "",
            &long,
            "::1:80",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn who_refuses_was_reached_unless_the_network_is_the_sandboxs_own() {
        let refused = Finding::Refused {
            errno: libc::ECONNREFUSED,
        };
        let deny = |to: &str| Expectation::Connect {
            expected: Expected::Denied,
            to: to.parse().unwrap(),
        };
        for (to, own, shared) in [
            ("127.0.0.1:1", Verdict::Holds, Verdict::Fails),
            ("@bus", Verdict::Holds, Verdict::Fails),
            ("/run/bus", Verdict::Fails, Verdict::Fails),
        ] {
            assert_eq!(deny(to).judge(refused, NetworkMode::None), own, "{to}");
            assert_eq!(deny(to).judge(refused, NetworkMode::Host), shared, "{to}");
        }
    }

    #[test]
    fn an_error_of_the_trial_is_no_denial() {
        let lacking = Finding::Refused {
            errno: libc::ENFILE,
        };
        let path = Expectation::Path {
            expected: Expected::Denied,
            using: PathUse::Read,
            path: "/x".parse().unwrap(),
        };
        assert_eq!(path.judge(lacking, NetworkMode::None), Verdict::Fails);
        assert_eq!(
            path.judge(Finding::Silent, NetworkMode::None),
            Verdict::Fails
        );
        assert_eq!(
            path.judge(Finding::Magic, NetworkMode::None),
            Verdict::Fails
        );
    }
}
