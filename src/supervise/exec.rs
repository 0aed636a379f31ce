//! A further program in a sandbox that runs.
//!
//! Whoever asks for it starts it, with a plan of its own: the process that joins is this one's child, and what
//! it becomes is a process of the sandbox. The supervisor of the sandbox tells on what terms (`desk`), and has
//! no part in it otherwise: it neither starts nor watches nor ends what is executed so.
//!
//! The namespaces are those of a process that is held by its descriptor. For root that is the first process.
//! It is closed to everybody else, so that they take the program, which is theirs: the owner of a user
//! namespace has every right over the processes in it. A program that may leave its namespaces
//! (`security.nested_userns`, CAP_SYS_ADMIN) is no such place.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;

use crate::cgroup::{self, scope};
use crate::launch::{self, Filters, LaunchError, Resources, Running, clone_flag, launch};
use crate::plan::{Action, Namespace, Plan};
use crate::sys::pidfd::Identity;

use super::gauges::Gauges;
use super::outcome::{ended, exit_code, unstarted};
use super::seen::{FirstProcess, Rules};
use super::state::{Entry, Record};
use super::stop::program;
use super::watch::{Outside, watch};
use super::{RunError, adopt, rules};

/// The namespaces of a sandbox.
#[derive(Debug)]
pub struct Inside {
    /// Which of them are not the caller's own.
    pub namespaces: Vec<Namespace>,
    handles: Vec<(OwnedFd, i32)>,
}

/// Whether the program of a sandbox stays in its namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// It has no way out of them.
    Yes,
    /// It may make others and enter them.
    Perhaps,
}

/// Why a sandbox cannot be entered.
#[derive(Debug)]
pub enum NotEntered {
    /// Its program does not run.
    Ended,
    /// Only root tells the sandbox's namespaces from those that its program has made.
    NotTold,
    /// The kernel refuses to show its namespaces.
    Refused(io::Error),
}

impl From<io::Error> for NotEntered {
    fn from(error: io::Error) -> NotEntered {
        NotEntered::Refused(error)
    }
}

/// Their names below /proc/PID/ns.
const NAMESPACES: [(Namespace, &str); 8] = [
    (Namespace::User, "user"),
    (Namespace::Mount, "mnt"),
    (Namespace::Pid, "pid"),
    (Namespace::Ipc, "ipc"),
    (Namespace::Uts, "uts"),
    (Namespace::Network, "net"),
    (Namespace::Cgroup, "cgroup"),
    (Namespace::Time, "time_for_children"),
];

impl Inside {
    /// Finds the namespaces of a sandbox.
    ///
    /// # Errors
    /// Where they are not known, or not shown.
    pub fn of(entry: &Entry, stays: Stays) -> Result<Inside, NotEntered> {
        let is_root = nix::unistd::geteuid().is_root();
        let identity = match (is_root, stays) {
            (true, _) => entry.record.as_ref().and_then(Record::first_process),
            (false, Stays::Yes) => program(entry)?.map(|(identity, _)| identity),
            (false, Stays::Perhaps) => return Err(NotEntered::NotTold),
        };
        let identity = identity.ok_or(NotEntered::Ended)?;
        let held = identity.hold().map_err(io::Error::from)?;
        let held = held.ok_or(NotEntered::Ended)?;
        let found = found(identity);
        // A list of another process of the same id is none.
        if identity.hold().map_err(io::Error::from)?.is_none() {
            return Err(NotEntered::Ended);
        }
        Ok(Inside::from_parts(held, found?))
    }

    fn from_parts(held: OwnedFd, found: Vec<(Namespace, i32, OwnedFd)>) -> Inside {
        let namespaces = found.iter().map(|(namespace, ..)| *namespace).collect();
        let by_process = found.iter().filter(|(name, ..)| *name != Namespace::Time);
        let flags = by_process.map(|(_, flag, _)| flag).sum();
        let mut handles = Vec::new();
        if flags != 0 {
            handles.push((held, flags));
        }
        // The first process is not in the clocks that it made for its children.
        let clocks = found
            .into_iter()
            .filter(|(name, ..)| *name == Namespace::Time);
        handles.extend(clocks.map(|(_, flag, clocks)| (clocks, flag)));
        Inside {
            namespaces,
            handles,
        }
    }
}

/// The namespaces of a process in which this one is not.
fn found(identity: Identity) -> io::Result<Vec<(Namespace, i32, OwnedFd)>> {
    let mut found = Vec::new();
    for (namespace, name) in NAMESPACES {
        let theirs = fs::File::open(format!("/proc/{}/ns/{name}", identity.pid()));
        let theirs = match theirs {
            // A kernel without them.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            theirs => theirs?,
        };
        let own = fs::metadata(format!("/proc/self/ns/{name}"))?;
        let id = |found: fs::Metadata| (found.dev(), found.ino());
        if id(theirs.metadata()?) != id(own) {
            found.push((namespace, clone_flag(namespace), theirs.into()));
        }
    }
    Ok(found)
}

/// Runs a further program to its end: its exit code, as `up` has it.
///
/// # Errors
/// When the program did not start; the sandbox goes on as before.
pub fn exec(
    plan: &Plan,
    filters: &Filters,
    entry: &Entry,
    inside: &Inside,
    caller: Option<OwnedFd>,
) -> Result<u8, RunError> {
    let supervisor = entry.supervisor().map_err(RunError::Watch)?;
    let groups = entry.groups().map_err(RunError::State)?;
    let ways = cgroup::ways_in(&groups).map_err(RunError::Enter)?;
    let resources = Resources {
        tree: std::path::Path::new("/"),
        kept: &[],
        note: None,
        filters,
        groups: launch::Groups {
            unified: ways.clone_into.as_ref().map(AsFd::as_fd),
            tasks: &ways.tasks,
            shown: Vec::new(),
            missing: Vec::new(),
        },
        joined: &inside.handles,
    };
    let rules = rules(plan);
    let rules = Rules {
        first_process: match rules.first_process {
            FirstProcess::Init | FirstProcess::Beside => FirstProcess::Beside,
            FirstProcess::Subreaper => FirstProcess::Subreaper,
        },
        ..rules
    };
    adopt(rules)?;
    let running = launch_beside(plan, &resources, &entry.name)?;
    let mut outside = Outside {
        caller,
        sandbox: supervisor,
        ..Outside::default()
    };
    let listened = filters.listened.clone();
    let seen = watch(
        running,
        rules,
        &mut outside,
        listened,
        Gauges::default(),
        |_| Ok(()),
    );
    let seen = seen.map_err(RunError::Watch)?;
    match unstarted(&seen) {
        Some(unstarted) => Err(RunError::Unstarted(unstarted)),
        None => Ok(exit_code(ended(&seen))),
    }
}

/// Starts it in the sandbox's groups; where no group of the caller's lies above both them and this process, from a
/// scope of the caller's service manager. Whether one does is the kernel's to say: it refuses the clone.
fn launch_beside(plan: &Plan, resources: &Resources<'_>, name: &str) -> Result<Running, RunError> {
    match launch(plan, resources) {
        Err(error) if is_apart(plan, &error) => scope::enter(name).map_err(RunError::Apart)?,
        launched => return launched.map_err(RunError::Launch),
    }
    launch(plan, resources).map_err(|error| match is_apart(plan, &error) {
        true => RunError::Apart("the one that it gives lies elsewhere".to_owned()),
        false => RunError::Launch(error),
    })
}

/// Root needs no scope: whatever refuses it, a manager of sessions does not help.
fn is_apart(plan: &Plan, error: &LaunchError) -> bool {
    let LaunchError::Step { index, errno } = error else {
        return false;
    };
    let step = plan.steps.get(*index).map(|step| &step.action);
    let refused = *errno == Errno::EACCES && matches!(step, Some(Action::Clone { .. }));
    refused && !nix::unistd::geteuid().is_root()
}
