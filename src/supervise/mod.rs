//! Starts a plan, watches it, ends all of it, and says what happened.

mod asked;
mod cpu_clock;
mod deadly;
mod desk;
mod detach;
mod exec;
mod gauges;
mod group;
mod job_control;
mod log;
mod memory_alarm;
mod outcome;
mod refused;
mod relay;
mod rusage;
mod seen;
mod state;
mod stop;
mod streams;
mod watch;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use crate::cgroup::{CgroupError, Groups};
use crate::launch::{self, Filters, LaunchError, Resources, Running, launch};
use crate::model::{CgroupFacts, CgroupVersion, KeptPlace, Outcome, Switch};
use crate::plan::{OwnLimits, Plan, Seat, Supervise};
use crate::sys::pidfd::Identity;

use desk::Desk;
pub use desk::{Described, Ended, Told, ask};
use detach::Away;
pub use detach::{Detach, Detached, Start, detach};
pub use exec::{Inside, NotEntered, Stays, exec};
use gauges::Gauges;
pub use outcome::Unstarted;
use seen::{FirstProcess, Rules};
pub use state::{After, Claim, Entry, LOGS, Record, Runner, Standing, StateDirectory, Waited};
pub use stop::{Reached, Stopping, signal};
use streams::{Replaced, Streams};
pub use watch::caller;
use watch::{Outside, watch};

/// What a run needs beside the plan.
pub struct Run<'a> {
    /// The steps, and what they were made from.
    pub plan: &'a Plan,
    /// The built root tree.
    pub tree: &'a Path,
    /// What is kept under its name, locked for this run (see [`Resources::kept`]).
    pub kept: &'a [Option<KeptPlace>],
    /// Where those who want that lock see whether this run is over (see [`Resources::note`]).
    pub note: Option<BorrowedFd<'a>>,
    /// The system-call filters.
    pub filters: &'a Filters,
    /// Where groups can be made.
    pub cgroups: &'a CgroupFacts,
    /// Reads that anew, when this process was moved.
    pub regroup: fn() -> CgroupFacts,
    /// This process's own limits, which the program inherits where the profile sets none.
    pub limits: fn() -> OwnLimits,
    /// Who started it (see [`caller`]).
    pub caller: Option<BorrowedFd<'a>>,
    /// The profile as the caller wrote it, for other commands.
    pub profile: &'a str,
    /// The plan as other commands show it.
    pub describe: &'a dyn Fn() -> Described,
    /// Writes the report that the caller asked for.
    pub report: &'a dyn Fn(&Outcome),
    /// How the end of a run without a caller is told to people.
    pub conclude: &'a dyn Fn(&Outcome) -> Concluded,
    /// Told, before the program starts, what the host lacks and the profile allows to miss.
    pub on_missing: fn(&Plan, &[CgroupError]),
}

/// Why a run did not come to the program, or was lost.
#[derive(Debug)]
pub enum RunError {
    /// A limit that must hold cannot.
    Group(Box<CgroupError>),
    /// The parent's part of the start failed.
    Launch(LaunchError),
    /// The set-up inside failed, or the program could not be executed.
    Unstarted(Unstarted),
    /// The state directory cannot be written, so that nobody could undo a killed run.
    State(io::Error),
    /// The loop around the sandbox failed; everything in it was killed.
    Watch(io::Error),
    /// A group of the sandbox cannot be entered.
    Enter(io::Error),
    /// No group of the caller's lies above both it and the sandbox's, and no service manager gives one; why.
    Apart(String),
    /// Everything ended, but a group is still there.
    Remove(io::Error),
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concluded {
    /// The report, as JSON.
    pub report: String,
    /// The same for people.
    pub text: String,
}

/// Runs a plan to its end; where it is `detached`, its program goes on without the caller.
///
/// # Errors
/// When the program did not start; nothing of the sandbox is left then.
pub fn run(
    run: &Run<'_>,
    claim: &mut Claim,
    detached: Option<Detached>,
) -> Result<Outcome, RunError> {
    let mut outside = Outside::default();
    let outcome = run_to_end(run, claim, detached, &mut outside);
    let after = match outside.away.as_ref().map(Away::is_known) {
        Some(true) => After::Keep,
        Some(false) | None => After::Remove,
    };
    match &outcome {
        // What is written and kept is there before anybody learns of the end.
        Ok(outcome) => {
            (run.report)(outcome);
            let noted = match after {
                After::Keep => note_end(run, claim, outcome),
                After::Remove => Ok(()),
            };
            claim.end(outcome.exit_code, after).and(noted)
        }
        // What was lost behind the caller's back is known by its exit code.
        Err(RunError::Watch(_) | RunError::Remove(_)) => claim.end(NOT_KNOWN, after),
        Err(_) => Ok(()),
    }
    .map_err(RunError::State)?;
    outcome
}

fn note_end(run: &Run<'_>, claim: &Claim, outcome: &Outcome) -> io::Result<()> {
    let Concluded { report, text } = (run.conclude)(outcome);
    claim.note_outcome(&report)?;
    let ended = claim.note_end(&Ended {
        text,
        plan: (run.describe)(),
    });
    match ended {
        // Room was kept for the report alone: without this, `inspect` shows less.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => Ok(()),
        noted => noted,
    }
}

/// The exit code of a run whose end is lost, as `up` has it.
const NOT_KNOWN: u8 = 125;

fn run_to_end<'r>(
    run: &'r Run<'_>,
    claim: &mut Claim,
    detached: Option<Detached>,
    outside: &mut Outside<'r>,
) -> Result<Outcome, RunError> {
    let (facts, mut groups) = group::make(run, claim)?;
    (run.on_missing)(run.plan, groups.missing());
    look_outside(run, claim, detached, outside).map_err(RunError::State)?;
    let rules = rules(run.plan);
    adopt(rules)?;
    let listened = run.filters.listened.clone();
    let gauges = Gauges::start(run.plan, &groups);
    let replaced = replace_streams(run.plan, outside).map_err(RunError::Watch)?;
    let running = launch(run.plan, &resources(run, &facts, &groups)).map_err(RunError::Launch)?;
    drop(replaced);
    if let Some(away) = &outside.away {
        away.let_streams_go().map_err(RunError::Watch)?;
    }
    let runner = match outside.away {
        Some(_) => Runner::Detached,
        None => Runner::Attached,
    };
    let has_groups = match groups.paths().is_empty() {
        true => Switch::Off,
        false => Switch::On,
    };
    outside.desk = Some(desk(run, claim, has_groups).map_err(RunError::State)?);
    let note = |running: &Running| claim.note_run(&record(run, running, runner)?);
    outside.groups = groups.paths();
    let seen = watch(running, rules, outside, listened, gauges, note).map_err(RunError::Watch)?;
    groups.kill().map_err(RunError::Remove)?;
    let used = groups.usage();
    let outcome = outcome::outcome(run.plan, &claim.name, &seen, used, &groups);
    groups.remove().map_err(RunError::Remove)?;
    outcome.map_err(RunError::Unstarted)
}

/// Where no kernel ends them, orphans come to this process should the first one be killed.
fn adopt(rules: Rules) -> Result<(), RunError> {
    match rules.first_process {
        FirstProcess::Init | FirstProcess::Beside => Ok(()),
        FirstProcess::Subreaper => {
            crate::sys::process::become_subreaper().map_err(|errno| RunError::Watch(errno.into()))
        }
    }
}

/// Who is answered to: the caller, whose end is the program's too, for as long as the profile says or a
/// detached start takes.
fn look_outside(
    run: &Run<'_>,
    claim: &Claim,
    detached: Option<Detached>,
    outside: &mut Outside<'_>,
) -> io::Result<()> {
    if let Some(mut detached) = detached {
        outside.caller = detached.caller.take();
        claim.reserve_outcome()?;
        outside.away = Some(Away::begin(detached, claim)?);
        return Ok(());
    }
    let ends_with_caller = run.plan.settings.supervise.kill_on_parent_exit.value;
    let needed = run.caller.filter(|_| ends_with_caller.is_on());
    outside.caller = needed
        .map(|caller| caller.try_clone_to_owned())
        .transpose()?;
    Ok(())
}

fn desk<'r>(run: &'r Run<'_>, claim: &Claim, has_groups: Switch) -> io::Result<Desk<'r>> {
    let place = claim.place().ok_or(io::ErrorKind::NotFound)?;
    Desk::open(place, move || Told {
        seat: Seat::of(&run.plan.settings, has_groups, &(run.limits)()),
        plan: (run.describe)(),
    })
}

/// Pipes for the program's streams, where their bytes count and no log takes them in.
fn replace_streams(plan: &Plan, outside: &mut Outside<'_>) -> io::Result<Replaced> {
    if plan.settings.output.is_none() || outside.away.is_some() {
        return Ok(Replaced::default());
    }
    let (streams, replaced) = Streams::replace(plan.settings.command.terminal.value)?;
    outside.streams = streams;
    Ok(replaced)
}

fn record(run: &Run<'_>, running: &Running, runner: Runner) -> io::Result<Record> {
    let settings = &run.plan.settings;
    let Supervise {
        stop_signal,
        stop_timeout,
        kill_on_parent_exit: _,
    } = &settings.supervise;
    let args = settings.command.args.iter();
    let timeout = stop_timeout.value.0.as_millis();
    let first = Identity::of_held(running.child.pid, running.child.pidfd.as_fd())?;
    Ok(Record {
        version: Record::VERSION,
        profile: settings.private.hide(run.profile),
        command: args.map(|arg| settings.private.hide(&arg.value)).collect(),
        runner,
        supervisor: Identity::own()?.to_string(),
        first_process: first.to_string(),
        first_process_number: first.number(),
        first_process_is_init: settings.namespaces.pid.value.is_on(),
        stop_signal: stop_signal.value.number(),
        stop_timeout_ms: u64::try_from(timeout).unwrap_or(u64::MAX),
        started_ms: state::now_ms(),
        started_unix: state::unix_now(),
    })
}

fn resources<'a>(run: &Run<'a>, facts: &CgroupFacts, groups: &'a Groups) -> Resources<'a> {
    let entry = groups.enter();
    Resources {
        tree: run.tree,
        kept: run.kept,
        note: run.note,
        filters: run.filters,
        groups: launch::Groups {
            unified: entry.clone_into,
            tasks: entry.tasks,
            shown: shown_groups(facts, groups),
            missing: groups.missing().iter().map(|missed| missed.key).collect(),
        },
        joined: &[],
    }
}

/// Each group under the name of its hierarchy below /sys/fs/cgroup; on a pure v2 host it is the whole.
fn shown_groups(facts: &CgroupFacts, groups: &Groups) -> Vec<(String, std::path::PathBuf)> {
    let mounts = &facts.hierarchies;
    let pure = mounts
        .iter()
        .all(|mount| mount.version == CgroupVersion::V2);
    let paths = groups.paths().into_iter();
    let named = paths.filter_map(|path| {
        let mount = mounts.iter().find(|mount| path.starts_with(&mount.mount))?;
        let name = mount.mount.file_name()?.to_string_lossy().into_owned();
        Some((if pure { String::new() } else { name }, path))
    });
    named.collect()
}

fn rules(plan: &Plan) -> Rules {
    let settings = &plan.settings;
    let supervise = &settings.supervise;
    Rules {
        wall_time: settings.wall_time.as_ref().map(|time| time.value.0),
        output: settings.output.as_ref().map(|size| size.value.0),
        stop_signal: supervise.stop_signal.value.number(),
        stop_timeout: supervise.stop_timeout.value.0,
        first_process: match settings.namespaces.pid.value.is_on() {
            true => FirstProcess::Init,
            false => FirstProcess::Subreaper,
        },
    }
}
