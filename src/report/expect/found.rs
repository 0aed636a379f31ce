//! What happened, in words.

use nix::errno::Errno;

use crate::model::{ByteSize, Endpoint, Expectation, Finding, NetworkMode, PathUse, Signal};
use crate::plan::Settings;

/// What a finding means for this expectation.
pub(super) fn text(what: &Expectation, found: Finding, settings: &Settings) -> String {
    match found {
        Finding::Done => done(what),
        Finding::Refused { errno } => refused(what, errno, settings),
        Finding::Magic => format!(
            "`{what}` leads through a link of /proc that is another thing for each process: not tried"
        ),
        Finding::Owned | Finding::Replaceable => changeable(what, found),
        Finding::Searchable => format!(
            "`{what}` does not tell its names, but what lies in it may be opened by name"
        ),
        Finding::Loadable => format!(
            "`{what}` cannot be executed by itself, but can be read: ld.so runs what it can read"
        ),
        Finding::Unclear => {
            format!("`{what}` leads through a link to where nothing could be looked at: name its target")
        }
        Finding::Creatable => match what {
            Expectation::Path {
                using: PathUse::Execute,
                ..
            } => format!("`{what}` is not there, but can be made and executed"),
            _ => format!("`{what}` is not there, but can be made"),
        },
        Finding::TimedOut => format!("`{what}` did not answer in 3 seconds"),
        Finding::Killed { signal } => killed(what, signal),
        Finding::Exceeded { reached } => exceeded(what, reached),
        Finding::Held { reached } => held(what, reached),
        Finding::Present { place } => {
            let variables = &settings.command.env;
            let name = usize::try_from(place)
                .ok()
                .and_then(|place| variables.get(place))
                .map_or(String::new(), |variable| variable.value.name.clone());
            format!("the program gets the variable `{name}`")
        }
        Finding::Absent => "the program gets no such variable".to_owned(),
        Finding::NoExec => format!("`{what}` lies on a mount with `noexec`"),
        Finding::NotTried => {
            "not tried: no limit of the sandbox is this low, and the host has not enough memory to spare"
                .to_owned()
        }
        Finding::Late => "no answer in time".to_owned(),
        Finding::Silent => "no answer: whoever tried was ended before".to_owned(),
    }
}

/// The kernel said no, and the program can change that.
fn changeable(what: &Expectation, found: Finding) -> String {
    let verb = match what {
        Expectation::Path { using, .. } => verb(*using),
        _ => "reached",
    };
    match found {
        Finding::Owned => format!(
            "`{what}` could not be {verb}, but it or its directory belongs to the program's user, who can change its mode"
        ),
        _ => format!(
            "`{what}` could not be {verb}, but can be replaced: it or a directory above it can be written"
        ),
    }
}

fn verb(using: PathUse) -> &'static str {
    match using {
        PathUse::Read => "opened for reading",
        PathUse::Write => "opened for writing",
        PathUse::Execute => "executed",
    }
}

fn done(what: &Expectation) -> String {
    match what {
        Expectation::Path { using, .. } => match using {
            PathUse::Read => format!("`{what}` was opened for reading"),
            PathUse::Write => format!("`{what}` can be written"),
            PathUse::Execute => format!("`{what}` can be executed"),
        },
        Expectation::Connect { .. } => format!("connected to `{what}`"),
        _ => format!("the filter lets `{what}` through"),
    }
}

fn refused(what: &Expectation, errno: i32, settings: &Settings) -> String {
    let errno = Errno::from_raw(errno);
    let (name, words) = (format!("{errno:?}"), errno.desc());
    match (what, errno) {
        (Expectation::SystemCall { .. }, Errno::UnknownErrno) => {
            format!("the filter answers `{what}` with an error without a name")
        }
        (Expectation::SystemCall { .. }, _) => format!("the filter answers `{what}` with {name}"),
        (Expectation::Connect { to, .. }, Errno::ECONNREFUSED) => unheard(to, settings),
        (Expectation::Path { .. }, Errno::ENOENT) => format!("`{what}` is not there"),
        (Expectation::Connect { .. }, Errno::ENOENT) => format!("`{what}` is not there"),
        (Expectation::Path { using, .. }, _) => {
            let verb = verb(*using);
            format!("`{what}` cannot be {verb}: {words} ({name})")
        }
        _ => format!("`{what}` cannot be reached: {words} ({name})"),
    }
}

/// Nobody listens: who was asked makes the difference.
fn unheard(to: &Endpoint, settings: &Settings) -> String {
    match (to, settings.network.value) {
        (Endpoint::Path(path), _) => format!("`{path}` is there, and nobody listens now"),
        (to, NetworkMode::None) => {
            format!("nobody listens at `{to}` in the sandbox's own network")
        }
        (to, _) => format!("`{to}` was reached, and nobody listens there now"),
    }
}

fn killed(what: &Expectation, signal: i32) -> String {
    match (what, signal) {
        (Expectation::SystemCall { .. }, libc::SIGSYS) => {
            format!("the filter kills whoever calls `{what}`")
        }
        (Expectation::MaxMemory(_), libc::SIGKILL) => {
            "the kernel killed whoever used more".to_owned()
        }
        _ => format!("SIG{} killed whoever tried", Signal::name_of(signal)),
    }
}

fn mebibytes(count: u32) -> ByteSize {
    ByteSize(u64::from(count) << 20)
}

fn exceeded(what: &Expectation, reached: u32) -> String {
    match what {
        Expectation::MaxMemory(_) => format!("{} were used at once", mebibytes(reached)),
        Expectation::MaxPids(_) => format!("{reached} processes ran at once"),
        _ => format!("more than {reached} files can be open at once"),
    }
}

fn held(what: &Expectation, reached: u32) -> String {
    match what {
        Expectation::MaxMemory(_) => format!("no more than {} could be used", mebibytes(reached)),
        Expectation::MaxPids(_) => format!("no more than {reached} processes could be made"),
        _ => format!("no more than {reached} files can be open at once"),
    }
}
