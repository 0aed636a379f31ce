//! `sandbox up`: build the tree, start the program in it, see it to its end.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cgroup::CgroupError;
use crate::diag::{Problem, Problems, Sources};
use crate::host::places;
use crate::kept::{Name, prepare};
use crate::model::{Outcome, SandboxName};
use crate::plan::{Given, Plan, Purpose};
use crate::report;
use crate::supervise::{self, Claim, Run, RunError, StateDirectory};

use crate::sys::file::{self, STREAMS};

use super::exit::Exit;
use super::locked::{self, Known, Place};
use super::profile::{Loaded, general};
use super::tree::{self, Wanted};
use super::{filter, kept, output, refusal};

/// Start the program of a profile in its sandbox
///
/// Exits with the program's own code; 128+N when signal N ended it, 124 when the wall time was over,
/// 125 when nothing was started, 126 when the program cannot be executed, 127 when it is not in the tree.
#[derive(Debug, Args)]
pub struct Up {
    /// Print every step that would be taken, and take none
    #[arg(long)]
    dry_run: bool,
    /// Another name for the sandbox
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Write what happened to FILE, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Look again at every file that the root tree was made of
    #[arg(long, conflicts_with = "verify")]
    refresh: bool,
    /// Read the root tree again, and all that it was made of; what was altered is named and built again
    #[arg(long)]
    verify: bool,
    /// Start only in the very tree that the profile's lock describes (`sandbox lock`)
    #[arg(long, conflicts_with = "dry_run")]
    locked: bool,
    /// The profile
    #[arg(value_name = "PROFILE")]
    profile: PathBuf,
    /// A command in place of the profile's (or behind it, where `command.extra` says so)
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

/// Why nothing ran: what is wrong, and the exit code that says so.
struct Refused {
    problems: Problems,
    exit: Exit,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Problems::from(problem).into()
    }
}

impl From<Problems> for Refused {
    fn from(problems: Problems) -> Refused {
        Refused {
            problems,
            exit: Exit::NOT_STARTED,
        }
    }
}

impl From<Box<Problem>> for Refused {
    fn from(problem: Box<Problem>) -> Refused {
        Refused::from(*problem)
    }
}

impl Up {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let caller = match supervise::caller() {
            Ok(caller) => caller,
            Err(error) => {
                let problem = problem("supervise.caller", "watch who started it", &error);
                return refuse(problem.into(), &Sources::default());
            }
        };
        let given = match self.given() {
            Ok(given) => given,
            Err(problem) => return refuse(problem.into(), &Sources::default()),
        };
        let mut loaded = Loaded::read(&self.profile, given);
        let judged = loaded.judge_for_host();
        let Loaded {
            mut sources,
            problems,
            ..
        } = loaded;
        let Some((settings, facts)) = judged else {
            let exit = Exit::NOT_STARTED;
            return refuse(Refused { problems, exit }, &sources);
        };
        output::problems(problems, &sources);
        let plan = Plan::new(settings);
        if self.dry_run {
            return self.print(&plan, &sources);
        }
        let caller = caller.as_ref().map(AsFd::as_fd);
        match self.start(&plan, &facts.cgroups, caller, &mut sources) {
            Ok(outcome) => Exit(outcome.exit_code),
            Err(refused) => refuse(refused, &sources),
        }
    }

    fn given(&self) -> Result<Given, Problem> {
        let name = self
            .name
            .as_deref()
            .map(str::parse::<SandboxName>)
            .transpose();
        let name = name.map_err(|invalid| {
            let name = self.name.as_deref().unwrap_or_default();
            let problem = general("command-line.name", format!("name `{name}` {invalid}"));
            match invalid.help {
                Some(help) => problem.help(help),
                None => problem,
            }
        })?;
        Ok(Given {
            purpose: Purpose::Start,
            arguments: self.command.clone(),
            name,
            ..Given::default()
        })
    }

    fn print(&self, plan: &Plan, sources: &Sources) -> Exit {
        let style = output::style(&io::stdout());
        match output::text(&report::plan_text(plan, sources, style)) {
            Ok(()) => Exit::DONE,
            Err(_) => Exit::NOT_STARTED,
        }
    }

    fn start(
        &self,
        plan: &Plan,
        cgroups: &crate::model::CgroupFacts,
        caller: Option<BorrowedFd<'_>>,
        sources: &mut Sources,
    ) -> Result<Outcome, Refused> {
        // Opened before the program runs: it may be able to write the directory, and to lay a link there.
        let mut report = self.report.as_deref().map(create_report).transpose()?;
        refuse_directories()?;
        let filters = filter::compile_for(plan)?;
        let lock = match self.locked {
            true => Some(Place::filled(&self.profile)?),
            false => None,
        };
        let state = open_state()?;
        let mut claim = claim(&state, plan)?;
        let name = kept::of_run(plan)?;
        let store = tree::open_store()?;
        let wanted = Wanted {
            plan: &plan.settings.tree,
            profile: &self.profile,
            refresh: tree::refresh(self.refresh, self.verify),
        };
        let tree = tree::obtain(&store, &wanted)?;
        if let Some(place) = &lock {
            locked::verify(place, plan, &tree, Known::Tree, sources)?;
        }
        let places = match &name {
            Some(name) => prepare(name, plan, &tree.root)?,
            None => Vec::new(),
        };
        let note = name.as_ref().map(Name::note).transpose()?;
        let run = Run {
            plan,
            tree: &tree.root,
            kept: &places,
            note: note.as_ref().map(AsFd::as_fd),
            filters: filters.as_ref(),
            cgroups,
            caller,
            on_missing: warn_of_missing,
        };
        let outcome = supervise::run(&run, &mut claim);
        let released = claim.release();
        let outcome = outcome.map_err(|error| explain(plan, &tree.root, error))?;
        released
            .map_err(|error| problem("state.release", "give the sandbox's name back", &error))?;
        if let Some(note) = note {
            let noted = note.set_len(0);
            noted.map_err(|error| problem("kept.system", "note that the run is over", &error))?;
        }
        finish(&outcome, report.as_mut())?;
        tree::keep(&store, &tree);
        Ok(outcome)
    }
}

fn refuse(refused: Refused, sources: &Sources) -> Exit {
    output::problems(refused.problems, sources);
    refused.exit
}

fn problem(code: &'static str, what: &str, error: &io::Error) -> Problem {
    general(code, format!("cannot {what}: {error}"))
}

/// No link, and no pipe without a reader: an earlier run may have laid one there. Those of /dev are the
/// system's own (/dev/stdout).
fn create_report(path: &Path) -> Result<File, Problem> {
    let mut options = OpenOptions::new();
    if !path.starts_with("/dev") {
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o666)
        .open(path);
    let what = || format!("write the report `{}`", path.display());
    file.map_err(|error| problem("command-line.report", &what(), &error))
}

/// A directory among the standard streams is a way out: `..` of it is the host's (rule 15).
fn refuse_directories() -> Result<(), Problem> {
    let names = ["standard input", "standard output", "standard error"];
    for (stream, name) in STREAMS.into_iter().zip(names) {
        // One that is closed leads nowhere.
        let mode = file::status(stream).map_or(0, |status| status.st_mode);
        if mode & libc::S_IFMT == libc::S_IFDIR {
            let message =
                format!("{name} is a directory of the host, which would lead out of the sandbox");
            let problem = general("command-line.stream-directory", message);
            return Err(problem.help("give a file, a pipe or /dev/null in its place"));
        }
    }
    Ok(())
}

fn open_state() -> Result<StateDirectory, Problem> {
    let place = places::state().ok_or_else(tree::no_home)?;
    let what = format!("open the state directory `{}`", place.display());
    let state =
        StateDirectory::open(place).map_err(|error| problem("state.directory", &what, &error))?;
    state
        .sweep(crate::cgroup::sweep)
        .map_err(|error| problem("state.sweep", "clean up after killed runs", &error))?;
    Ok(state)
}

fn claim(state: &StateDirectory, plan: &Plan) -> Result<Claim, Problem> {
    let name = plan.settings.name.value.as_str();
    state
        .claim(name)
        .map_err(|error| problem("state.claim", "take the sandbox's name", &error))
}

fn explain(plan: &Plan, tree: &Path, error: RunError) -> Refused {
    let (problem, exit) = refusal::of_run(plan, tree, error);
    Refused {
        exit,
        ..Refused::from(problem)
    }
}

/// One line: it comes at every start on such a host.
fn warn_of_missing(missing: &[CgroupError]) {
    let keys: Vec<&str> = missing.iter().map(|missed| missed.key).collect();
    let mut reasons: Vec<String> = Vec::new();
    for missed in missing {
        let reason = missed.failure.cause.to_string();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let (keys, reasons) = (keys.join(", "), reasons.join("; "));
    output::error_text(&format!(
        "sandbox: warning: not enforced here: {keys} ({reasons})\n"
    ));
}

fn finish(outcome: &Outcome, report: Option<&mut File>) -> Result<(), Problem> {
    if let Some(line) = report::summary(outcome) {
        output::error_text(&format!("sandbox: {line}\n"));
    }
    if let Some(file) = report {
        let text = report::json(outcome);
        let written = file.write_all(text.as_bytes());
        written.map_err(|error| problem("command-line.report", "write the report", &error))?;
    }
    Ok(())
}
