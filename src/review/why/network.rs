//! Why something can be connected to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::diag::Origin;
use crate::model::{Endpoint, InsidePath, NetworkMode, OnDeny};
use crate::plan::{Settings, TreeSource};
use crate::review::view::{Content, view};

use super::{Answer, Reason, Verdict, calls, links, rules};

/// What is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An address, and a port.
    Address(SocketAddr),
    /// A name of a host, and a port.
    Name(String, u16),
    /// A socket in the file system inside.
    Path(InsidePath),
    /// A socket of the network namespace's own names, without the `@`.
    Abstract(String),
}

/// Why a text is no target: what to write.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAnAddress(pub &'static str);

impl FromStr for Target {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Target, NotAnAddress> {
        if text.starts_with(['/', '@']) {
            return match text.parse() {
                Ok(Endpoint::Path(path)) => Ok(Target::Path(path)),
                Ok(Endpoint::Abstract(name)) => Ok(Target::Abstract(name)),
                _ => Err(NotAnAddress(
                    "write `/run/app.sock` for a socket, or `@name` for an abstract one",
                )),
            };
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return match address.port() {
                0 => Err(NotAnAddress("write a port from 1 to 65535")),
                _ => Ok(Target::Address(address)),
            };
        }
        if text.matches(':').count() > 1 {
            return Err(NotAnAddress(
                "write IPv6 addresses in brackets: `[2001:db8::1]:443`",
            ));
        }
        let usual = NotAnAddress(
            "write `example.org:443`, `[2001:db8::1]:443`, `/run/app.sock` or `@name`",
        );
        match text.rsplit_once(':') {
            Some((name, port)) if is_name(name) => match port.parse() {
                Ok(port @ 1..) => Ok(Target::Name(name.to_owned(), port)),
                _ => Err(NotAnAddress("write a port from 1 to 65535")),
            },
            _ => Err(usual),
        }
    }
}

/// By the letters that names of hosts have; what is made of digits and dots alone is meant as an address.
fn is_name(text: &str) -> bool {
    let letters = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    !text.is_empty()
        && text.chars().all(letters)
        && !text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Address(address) => address.fmt(f),
            Target::Name(name, port) => write!(f, "{name}:{port}"),
            Target::Path(path) => path.fmt(f),
            Target::Abstract(name) => write!(f, "@{name}"),
        }
    }
}

pub(super) fn answer(settings: &Settings, to: &Target) -> Answer {
    // What has no network at all answers by that, and not by the calls.
    let no_network = settings.network.value == NetworkMode::None;
    if !(no_network && matches!(to, Target::Address(_) | Target::Name(..))) {
        for call in ["socket", "connect"] {
            let answer = calls::answer(settings, call);
            if let Some(answer) = answer.filter(|answer| answer.verdict == Verdict::Denied) {
                return answer;
            }
        }
    }
    match to {
        Target::Address(address) => of_address(settings, to, is_own(address.ip())),
        Target::Name(name, _) => {
            let own = name.eq_ignore_ascii_case("localhost") || name.ends_with(".localhost");
            let answer = of_address(settings, to, own);
            match answer.verdict {
                Verdict::Depends if !own => by_name(settings, answer, name),
                _ => answer,
            }
        }
        Target::Path(path) => of_path(settings, path),
        Target::Abstract(name) => of_abstract(settings, name),
    }
}

fn is_own(address: IpAddr) -> bool {
    let mapped = match address {
        IpAddr::V6(address) => address.to_ipv4_mapped().map(IpAddr::V4),
        IpAddr::V4(_) => None,
    };
    let address = mapped.unwrap_or(address);
    // What is unspecified is connected to on this very host.
    address.is_loopback() || address.is_unspecified()
}

fn of_address(settings: &Settings, to: &Target, own: bool) -> Answer {
    let network = &settings.network;
    let origin = &network.origin;
    match (network.value, own) {
        (NetworkMode::None, true) => {
            let message = format!(
                "`{to}` is of the sandbox's own loopback: nothing of the host answers there"
            );
            Answer::new(Verdict::Denied, rules::OWN_LOOPBACK, message, origin)
        }
        (NetworkMode::None, false) => {
            let message =
                format!("there is no network: neither `{to}` nor another address is in reach");
            Answer::new(Verdict::Denied, rules::NO_NETWORK, message, origin)
        }
        (NetworkMode::Host, _) => {
            let logs = settings.syscalls.on_deny.value == OnDeny::Log;
            if !logs && calls::unix_alone(settings) {
                let message = "the policy lets no socket but Unix ones be made";
                return Answer::new(
                    Verdict::Denied,
                    rules::FAMILY,
                    message,
                    &settings.seccomp.origin,
                );
            }
            let message =
                format!("the network is the host's: `{to}` is in reach if it is in the host's");
            Answer::new(Verdict::Depends, rules::NETWORK, message, origin)
        }
    }
}

/// By which files a name is looked up.
fn by_name(settings: &Settings, answer: Answer, name: &str) -> Answer {
    let gives = |file: &str| {
        settings
            .tree
            .sources
            .iter()
            .rev()
            .find(|at| match &at.value {
                TreeSource::Copy { from, to, .. } => match to {
                    Some(to) => to.as_str() == file,
                    None => from.to_string_lossy() == file,
                },
                TreeSource::File { path, .. } | TreeSource::Symlink { path, .. } => {
                    path.as_str() == file
                }
                _ => false,
            })
    };
    let servers = gives("/etc/resolv.conf");
    let message = match servers {
        Some(_) => format!(
            "`{name}` is looked up by `/etc/hosts` and the servers of `/etc/resolv.conf` inside"
        ),
        None => format!(
            "`{name}` is looked up by what the root tree has for it: no source names `/etc/resolv.conf`"
        ),
    };
    let origin = servers.map_or(&Origin::Default, |at| &at.origin);
    answer.and(rules::NAME, message, origin)
}

/// A socket of the host is there where a mount shows it: for connecting, a read-only mount is as good as another.
fn of_path(settings: &Settings, path: &InsidePath) -> Answer {
    let (led, first) = links::followed(settings, path);
    let Some(path) = led else {
        let message = "its links lead in a circle";
        return Answer::new(Verdict::Denied, rules::LINK, message, &Origin::Default).behind(first);
    };
    let mut answer: Option<Answer> = None;
    let mut above = &Origin::Default;
    for seen in view(settings, &path) {
        let top = &seen.top;
        let (verdict, rule, message) = match &seen.content {
            Content::Socket { path: source, .. } if path == *top => (
                Verdict::Depends,
                rules::SOCKET,
                format!("it is the host's socket `{source}`, if somebody listens there"),
            ),
            Content::Socket { .. } => (
                Verdict::Denied,
                rules::SOCKET,
                format!("`{top}` is a socket: nothing lies below it"),
            ),
            Content::Host { path: source, .. } => (
                Verdict::Depends,
                rules::BIND,
                format!(
                    "it is the host's `{source}`, mounted at `{top}`: if a socket is there, and somebody listens"
                ),
            ),
            Content::Hidden => (
                Verdict::Denied,
                rules::HIDDEN,
                format!("something empty lies over `{top}`"),
            ),
            Content::Tree | Content::Kept(_) | Content::Memory => (
                Verdict::Denied,
                rules::OWN_SOCKET,
                format!("no socket of the host is shown at `{path}`"),
            ),
        };
        let next = Answer::new(verdict, rule, message, seen.origin);
        answer = Some(match answer {
            None => next,
            Some(before) => optional(before, next, above),
        });
        above = seen.origin;
    }
    let nothing = || {
        let message = format!("no socket of the host is shown at `{path}`");
        Answer::new(
            Verdict::Denied,
            rules::OWN_SOCKET,
            message,
            &Origin::Default,
        )
    };
    answer.unwrap_or_else(nothing).behind(first)
}

/// What shows, and what shows where the host lacks it.
fn optional(mut first: Answer, second: Answer, line: &Origin) -> Answer {
    if first.verdict != second.verdict {
        first.verdict = Verdict::Depends;
    }
    first.reasons.push(Reason {
        rule: rules::OPTIONAL,
        message: "where that is missing, something else shows".to_owned(),
        origin: line.clone(),
    });
    first.reasons.extend(second.reasons);
    first
}

fn of_abstract(settings: &Settings, name: &str) -> Answer {
    let (network, landlock) = (&settings.network, &settings.landlock);
    if network.value == NetworkMode::None {
        let message = format!(
            "`@{name}` is a name of the sandbox's own network: nothing of the host answers there"
        );
        return Answer::new(Verdict::Denied, rules::ABSTRACT, message, &network.origin);
    }
    let mut degraded = settings.allow_degraded.iter();
    match degraded.find(|entry| entry.value.word() == "landlock") {
        _ if !landlock.value.has_scopes() => {
            let message = format!(
                "the network is the host's, and no Landlock: `@{name}` is in reach if somebody listens"
            );
            let answer = Answer::new(Verdict::Depends, rules::ABSTRACT, message, &network.origin);
            answer.and(
                rules::ABSTRACT,
                "it runs without Landlock",
                &landlock.origin,
            )
        }
        Some(entry) => {
            let message =
                format!("Landlock keeps the program from `@{name}`, where the host has it");
            Answer::new(Verdict::Depends, rules::ABSTRACT, message, &entry.origin)
        }
        None => {
            let message = "Landlock keeps the program from abstract sockets of the host";
            Answer::new(Verdict::Denied, rules::ABSTRACT, message, &landlock.origin)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_told_by_its_form() {
        let parse = |text: &str| text.parse::<Target>();
        assert_eq!(
            parse("example.org:443"),
            Ok(Target::Name("example.org".to_owned(), 443))
        );
        assert!(matches!(parse("[2001:db8::1]:443"), Ok(Target::Address(_))));
        assert!(matches!(parse("10.0.0.5:22"), Ok(Target::Address(_))));
        assert!(matches!(parse("/run/x.sock"), Ok(Target::Path(_))));
        assert_eq!(parse("@bus"), Ok(Target::Abstract("bus".to_owned())));
        for text in [
            "host",
            ":1",
            "host:0",
            "2001:db8::1:443",
            "1.2.3:4",
            "a b:1",
            "@",
            "10.0.0.5:70000",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_has_many_spellings() {
        let own = |text: &str| is_own(text.parse().unwrap());
        assert!(own("127.9.9.9") && own("::1") && own("::ffff:127.0.0.1") && own("0.0.0.0"));
        assert!(!own("10.0.0.1") && !own("2001:db8::1"));
    }
}
