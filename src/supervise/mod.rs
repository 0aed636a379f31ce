//! Starts a plan, watches it, ends all of it, and says what happened.

mod group;
mod job_control;
mod outcome;
mod refused;
mod relay;
mod state;
mod watch;

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use crate::cgroup::{CgroupError, Groups};
use crate::launch::{self, Filters, LaunchError, Resources, launch};
use crate::model::{CgroupFacts, CgroupVersion, KeptPlace, Outcome};
use crate::plan::Plan;

pub use outcome::Unstarted;
pub use state::{Claim, StateDirectory};
pub use watch::caller;
use watch::{FirstProcess, Rules, watch};

/// What a run needs beside the plan.
#[derive(Debug)]
pub struct Run<'a> {
    /// The steps, and what they were made from.
    pub plan: &'a Plan,
    /// The built root tree.
    pub tree: &'a Path,
    /// What is kept under its name, locked for this run (see [`Resources::kept`]).
    pub kept: &'a [Option<KeptPlace>],
    /// Where those who want that lock see whether this run is over (see [`Resources::note`]).
    pub note: Option<BorrowedFd<'a>>,
    /// The system-call filters, where there are any.
    pub filters: Option<&'a Filters>,
    /// Where groups can be made.
    pub cgroups: &'a CgroupFacts,
    /// Reads that anew, when this process was moved.
    pub regroup: fn() -> CgroupFacts,
    /// Who started it (see [`caller`]).
    pub caller: Option<BorrowedFd<'a>>,
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
    /// Everything ended, but a group is still there.
    Remove(io::Error),
}

/// Runs a plan to its end.
///
/// # Errors
/// When the program did not start; nothing of the sandbox is left then.
pub fn run(run: &Run<'_>, claim: &mut Claim) -> Result<Outcome, RunError> {
    let (facts, mut groups) = group::make(run, claim)?;
    (run.on_missing)(run.plan, groups.missing());
    let ends_with_caller = run.plan.settings.supervise.kill_on_parent_exit.value;
    let needed = run.caller.filter(|_| ends_with_caller.is_on());
    let needed = needed.map(|caller| caller.try_clone_to_owned()).transpose();
    let needed = needed.map_err(RunError::Watch)?;
    let rules = rules(run.plan);
    if rules.first_process == FirstProcess::Subreaper {
        let adopting = crate::sys::process::become_subreaper();
        adopting.map_err(|errno| RunError::Watch(errno.into()))?;
    }
    let listened = run.filters.and_then(|filters| filters.listened.clone());
    let running = launch(run.plan, &resources(run, &facts, &groups)).map_err(RunError::Launch)?;
    let seen = watch(running, rules, needed, listened).map_err(RunError::Watch)?;
    groups.kill().map_err(RunError::Remove)?;
    let used = groups.usage();
    let outcome = outcome::outcome(run.plan, &claim.name, &seen, used, &groups);
    groups.remove().map_err(RunError::Remove)?;
    outcome.map_err(RunError::Unstarted)
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
        stop_signal: supervise.stop_signal.value.number(),
        stop_timeout: supervise.stop_timeout.value.0,
        first_process: match settings.namespaces.pid.value.is_on() {
            true => FirstProcess::Init,
            false => FirstProcess::Subreaper,
        },
    }
}
