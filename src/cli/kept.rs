//! What the commands about kept data have in common: which name, and where it is kept.

use std::path::PathBuf;

use clap::Args;

use crate::diag::{Origin, Problem, Problems};
use crate::host::places;
use crate::kept::{Layer, Name, Store};
use crate::model::SandboxName;
use crate::plan::{MountKind, Plan};

use super::exit::Exit;
use super::output;
use super::profile::general;
use super::tree::no_home;

/// The name that a command is about.
#[derive(Debug, Args)]
pub struct Named {
    /// The sandbox's name: that of its profile, or what `--name` said
    #[arg(value_name = "NAME")]
    name: String,
}

/// The writes that a command is about.
#[derive(Debug, Args)]
pub struct Chosen {
    #[command(flatten)]
    name: Named,
    /// Only this file, or what lies below this directory: its path inside, or on the host
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

impl Chosen {
    /// What is kept under the name, locked, and the paths; none stand for all.
    ///
    /// # Errors
    /// The exit code of a command whose problem has been printed.
    pub fn lock(&self) -> Result<(Name, &[PathBuf]), Exit> {
        let paths = absolute(&self.paths)?;
        Ok((self.name.open(Use::Change)?, paths))
    }
}

/// Whether a command changes what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It looks, also while a sandbox of that name runs.
    Look,
    /// It changes something: no sandbox of that name may run.
    Change,
}

impl Named {
    /// What is kept under the name.
    ///
    /// # Errors
    /// The exit code of a command whose problem has been printed.
    pub fn open(&self, purpose: Use) -> Result<Name, Exit> {
        let name: SandboxName = self.name.parse().map_err(|why: crate::model::Invalid| {
            let problem = general("command-line.name", format!("name `{}` {why}", self.name));
            refuse(match why.help {
                Some(help) => problem.help(help),
                None => problem,
            });
            Exit::USAGE
        })?;
        found(&name, purpose).map_err(refuse)
    }
}

fn found(name: &SandboxName, purpose: Use) -> Result<Name, Problem> {
    let place = places::data().ok_or_else(no_home)?;
    let nothing = || {
        let message = format!("nothing is kept under the name `{name}`");
        general("kept.nothing", message)
    };
    let store = Store::find(&place)?.ok_or_else(nothing)?;
    match purpose {
        Use::Look => store.name(name),
        Use::Change => store.lock(name),
    }
}

/// Prints a problem of a command that could then do nothing.
pub fn refuse(problems: impl Into<Problems>) -> Exit {
    output::refuse(problems, Exit::NO)
}

/// The layers of a name.
///
/// # Errors
/// The exit code of a command whose problem has been printed.
pub fn layers(name: &Name) -> Result<Vec<Layer>, Exit> {
    name.layers().map_err(refuse)
}

/// Absolute paths of the command line.
///
/// # Errors
/// Wrong usage, which has been printed, for a relative one: inside it would be another.
fn absolute(paths: &[PathBuf]) -> Result<&[PathBuf], Exit> {
    let Some(relative) = paths.iter().find(|path| !path.is_absolute()) else {
        return Ok(paths);
    };
    let message = format!("path `{}` is not absolute", relative.display());
    let problem = general("command-line.path", message);
    refuse(problem.help("write it as `sandbox changes` does, or as it is on the host"));
    Err(Exit::USAGE)
}

/// What a run keeps, locked for it; nothing for a plan that keeps nothing.
///
/// # Errors
/// When it cannot be made, or another run of that name holds it.
pub fn of_run(plan: &Plan) -> Result<Option<Name>, Problem> {
    let first = plan.kept().next().map(|(_, origin)| origin);
    let Some(place) = places::data() else {
        return first.map_or(Ok(None), |_| Err(no_home()));
    };
    // A program that is shown the place must find the cover over it, or could lay its own data there.
    if first.is_none() && !is_shown(plan, &place) {
        return Ok(None);
    }
    let store = Store::create(&place)?;
    let Some(origin) = first else {
        return Ok(None);
    };
    let taken = store.take(&plan.settings.name.value);
    taken.map(Some).map_err(|problem| held(problem, origin))
}

fn held(mut problem: Problem, origin: &Origin) -> Problem {
    problem.label.origin = origin.clone();
    match problem.code {
        "kept.in-use" => problem
            .label("this is kept, for one run at a time")
            .help("wait until it has ended, or give this run another name with `--name`"),
        _ => problem,
    }
}

fn is_shown(plan: &Plan, place: &std::path::Path) -> bool {
    let place = places::without_links(place);
    plan.settings
        .mounts
        .iter()
        .any(|mount| match &mount.value.kind {
            MountKind::Bind { source, .. } => place.starts_with(source),
            MountKind::Tmpfs { .. }
            | MountKind::Volume { .. }
            | MountKind::Socket { .. }
            | MountKind::Part { .. } => false,
        })
}
