//! Commands about sandboxes that run, or ran detached. Each begins by undoing what killed supervisors left.

mod down;
mod exec;
mod inspect;
mod kill;
mod logs;
mod pause;
mod ps;
mod stats;
mod wait;

pub use down::Down;
pub use exec::Exec;
pub use inspect::Inspect;
pub use kill::Kill;
pub use logs::Logs;
pub use pause::{Pause, Resume};
pub use ps::Ps;
pub use stats::Stats;
pub use wait::Wait;

use std::io;

use clap::Args;

use crate::cgroup::{self, Freezer};
use crate::diag::Problem;
use crate::host::places;
use crate::model::{RunState, RunningSandbox, nearest};
use crate::report::printable;
use crate::supervise::{self, Entry, Record, Runner, Standing, StateDirectory, Told};

use super::exit::Exit;
use super::output;
use super::profile::{failed, general};
use super::tree::no_home;

/// One sandbox.
#[derive(Debug, Args)]
pub struct Named {
    /// The sandbox's name, as `sandbox ps` shows it
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// The state directory, and what is in it; what killed supervisors left is gone.
pub struct Running {
    /// The directory.
    pub state: StateDirectory,
    /// By name.
    pub list: Vec<Entry>,
}

impl Running {
    /// Opens the state directory of this user.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn find() -> Result<Running, Problem> {
        let state = directory()?;
        let list = state.sweep(&cgroup::sweep).map_err(swept)?;
        Ok(Running { state, list })
    }

    /// The names alone, fast.
    ///
    /// # Errors
    /// As [`Running::find`].
    pub fn names(ended: bool) -> Result<Vec<String>, Problem> {
        let names = directory()?.names(ended, &cgroup::sweep);
        names.map_err(swept)
    }

    /// The sandbox of this name, whether it runs or has ended.
    ///
    /// # Errors
    /// Where there is none, with the nearest name.
    pub fn named(&self, name: &str) -> Result<&Entry, Problem> {
        let found = self.list.iter().find(|entry| entry.name == name);
        found.ok_or_else(|| {
            let known = self.list.iter().map(|entry| entry.name.as_str());
            let message = format!("no sandbox `{}` is known here", printable(name));
            let problem = general("running.unknown", message);
            match nearest(name, known) {
                Some(near) => problem.help(format!("write `{near}`")),
                None => problem.help("see `sandbox ps --all`"),
            }
        })
    }

    /// The sandbox of this name, which must run.
    ///
    /// # Errors
    /// Where none runs.
    pub fn alive(&self, name: &str) -> Result<&Entry, Problem> {
        let entry = self.named(name)?;
        match (&entry.left, entry.runs()) {
            (Some(reason), _) => Err(lost(entry, reason)),
            (None, true) => Ok(entry),
            (None, false) => {
                let message = format!("the sandbox `{name}` has ended");
                Err(general("running.ended", message))
            }
        }
    }
}

/// What killed runs left could not be undone.
pub(super) fn swept(error: io::Error) -> Problem {
    failed("state.sweep", "clean up after killed runs", &error)
}

/// The state directory of this user.
///
/// # Errors
/// When it cannot be opened.
pub(super) fn directory() -> Result<StateDirectory, Problem> {
    let place = places::state().ok_or_else(no_home)?;
    let what = format!("open the state directory `{}`", place.display());
    StateDirectory::open(place).map_err(|error| failed("state.directory", &what, &error))
}

/// Its supervisor was killed, and every command tries in vain to remove the rest.
pub fn lost(entry: &Entry, reason: &str) -> Problem {
    let message = format!(
        "the supervisor of `{}` was killed, and what it left cannot be removed: {reason}",
        entry.name
    );
    general("running.left", message).help("end what holds it; every `sandbox` command tries again")
}

/// What the supervisor of a sandbox that runs tells of it.
///
/// # Errors
/// When it does not answer.
pub fn ask(entry: &Entry) -> Result<Told, Problem> {
    let name = &entry.name;
    if entry.record.is_none() {
        let message = format!("the sandbox `{name}` is still starting");
        return Err(general("running.starting", message));
    }
    supervise::ask(entry).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => {
            let message = format!("the supervisor of `{name}` does not answer: it is stopped");
            let problem = general("running.supervisor", message);
            problem.help("let it go on: `fg` in its shell, or `kill -CONT` to it")
        }
        _ => failed(
            "running.supervisor",
            &format!("ask the supervisor of `{name}`"),
            &error,
        ),
    })
}

/// What a command came to, where 1 says that it was not done.
pub fn finish(result: Result<(), Problem>) -> Exit {
    match result {
        Ok(()) => Exit::DONE,
        Err(problem) => output::refuse(problem, Exit::NO),
    }
}

/// Prints a result.
///
/// # Errors
/// When it cannot be written.
pub fn print(text: &str) -> Result<(), Problem> {
    output::text(text).map_err(|error| failed("command-line.output", "write the result", &error))
}

/// What there is to tell of a sandbox.
pub fn told(entry: &Entry) -> RunningSandbox {
    let noted = entry.record.as_ref();
    let identity = |entry: &Entry| match entry.standing {
        Standing::Lives(supervisor) => Some(supervisor.pid()),
        Standing::Ended { .. } | Standing::Unknown => None,
    };
    let first = noted
        .filter(|_| entry.runs())
        .and_then(Record::first_process);
    RunningSandbox {
        name: entry.name.clone(),
        state: state(entry),
        pid: first.map(|first| first.pid()),
        supervisor_pid: identity(entry),
        age_seconds: noted.map(|record| record.age().as_secs_f64()),
        started_unix: noted.map(|record| record.started_unix),
        detached: noted.map(|record| record.runner == Runner::Detached),
        log_lost_bytes: log_lost(entry),
        exit_code: match entry.standing {
            Standing::Ended { code } => Some(code),
            Standing::Lives(_) | Standing::Unknown => None,
        },
        command: noted.map_or_else(Vec::new, |record| record.command.clone()),
        profile: noted.map(|record| record.profile.clone()),
    }
}

/// What the log lost; nothing where there is none.
fn log_lost(entry: &Entry) -> Option<u64> {
    let is_attached = |record: &Record| record.runner == Runner::Attached;
    match entry.record.as_ref().is_some_and(is_attached) {
        true => None,
        // A lock that is open can be read.
        false => entry.log_lost().ok(),
    }
}

/// Says in one line how much of what a program wrote is in no log.
pub fn warn_of_losses(entry: &Entry) {
    if let Some(lost) = log_lost(entry).filter(|lost| *lost > 0) {
        output::error_text(&format!(
            "sandbox: warning: {lost} bytes that the program of `{}` wrote are missing in its log: the disk was full\n",
            entry.name
        ));
    }
}

fn state(entry: &Entry) -> RunState {
    if entry.left.is_some() {
        return RunState::Lost;
    }
    if !entry.runs() {
        return RunState::Ended;
    }
    if entry.record.is_none() {
        return RunState::Starting;
    }
    // Groups that cannot be read go at this moment.
    let groups = entry.groups().unwrap_or_default();
    match cgroup::freezer(&groups) {
        Ok(Some(Freezer::Frozen)) => RunState::Paused,
        Ok(Some(Freezer::Thawed) | None) | Err(_) => RunState::Running,
    }
}
