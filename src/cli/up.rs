//! `sandbox up`: build the tree, start the program in it, see it to its end.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cgroup::CgroupError;
use crate::diag::{At, Origin, Problem, Problems, Sources};
use crate::kept::{Name, prepare};
use crate::launch;
use crate::model::guard::{self, Guard};
use crate::model::{Facts, Outcome, SandboxName, Switch};
use crate::plan::{Given, Landlock, Plan, Purpose, Settings, Terminal};
use crate::profile::shelves::Shelves;
use crate::report;
use crate::supervise::{self, Detach, Detached, Run, RunError, Start};

use crate::sys::file::{self, STREAMS};

use super::exit::Exit;
use super::filter::Watched;
use super::locked::{self, Known, Place};
use super::noted::{claim, concluded, described, give_back};
use super::profile::{Loaded, Params, failed, general, own_shelves, shelves};
use super::report_file::{self, ReportFile};
use super::tree::{self, Wanted};
use super::{filter, guards, kept, output, refusal};

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
    /// Write what happened to FILE, as JSON, also when nothing was started
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Show what it used when it has ended: time, memory, processes, block devices
    ///
    /// Of its control groups, or of the processes that were waited for; `-` is what this host does not count.
    #[arg(long, conflicts_with_all = ["detach", "dry_run"])]
    stats: bool,
    /// Look again at every file that the root tree was made of
    #[arg(long, conflicts_with = "verify")]
    refresh: bool,
    /// Read the root tree again, and all that it was made of; what was altered is named and built again
    #[arg(long)]
    verify: bool,
    /// Return as soon as the program runs, and print the sandbox's name; what it writes goes to `sandbox logs`
    ///
    /// It ends by itself or by `sandbox down`. It has no terminal and nothing to read.
    #[arg(long)]
    detach: bool,
    /// Start only in the very tree that the profile's lock describes (`sandbox lock`)
    #[arg(long, conflicts_with = "dry_run")]
    locked: bool,
    #[command(flatten)]
    params: Params,
    /// The profile
    #[arg(value_name = "PROFILE")]
    profile: PathBuf,
    /// A command in place of the profile's (or behind it, where `command.extra` says so)
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
    /// What for.
    #[arg(skip = Purpose::Start)]
    purpose: Purpose,
    /// The program that a wrapper stands for.
    #[arg(skip)]
    program: Option<String>,
}

/// Why nothing ran: what is wrong, and the exit code that says so.
pub(super) struct Refused {
    pub(super) problems: Problems,
    exit: Exit,
}

/// A profile that was judged for this host.
pub(super) struct Judged {
    pub(super) settings: Settings,
    pub(super) sources: Sources,
    /// The profile's file.
    path: PathBuf,
    facts: Facts,
    caller: Option<OwnedFd>,
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
    /// What builds the sandbox of a profile without a program to run in it.
    pub(super) fn for_test(
        profile: PathBuf,
        params: Params,
        name: Option<String>,
        command: Vec<String>,
    ) -> Up {
        Up {
            dry_run: false,
            name,
            report: None,
            stats: false,
            refresh: false,
            verify: false,
            detach: false,
            locked: false,
            params,
            profile,
            command,
            purpose: Purpose::Judge,
            program: None,
        }
    }

    /// What a wrapper does: the profile of its name, and the program that it stands for with its arguments.
    pub(super) fn for_wrapper(name: &str, program: String, arguments: Vec<String>) -> Up {
        let up = Up::for_test(PathBuf::from(name), Params::default(), None, arguments);
        Up {
            purpose: Purpose::Start,
            program: Some(program),
            ..up
        }
    }

    /// Runs the command.
    pub fn run(self) -> Exit {
        let mut report = ReportFile::default();
        let (mut refused, sources) = match self.attempt(&mut report) {
            Ok(exit) => return exit,
            Err(refused) => refused,
        };
        let told = self.report_refusal(report, &refused, &sources);
        refused.problems.take(told);
        refuse(refused, &sources)
    }

    /// Opens the report as soon as it is clear that this process stays.
    fn attempt(&self, report: &mut ReportFile) -> Result<Exit, (Refused, Sources)> {
        let mut judged = self.judge()?;
        if self.detach {
            be_alone(&mut judged.settings);
        }
        let plan = guards::without(Plan::new(judged.settings.clone()));
        if self.dry_run {
            return Ok(self.print(&plan, &judged.sources));
        }
        let detached = match self.detach.then(detach).transpose() {
            Ok(None) => None,
            Ok(Some(Side::Supervisor(detached))) => Some(detached),
            Ok(Some(Side::Caller(exit))) => return Ok(exit),
            Err(problem) => return Err((problem.into(), judged.sources)),
        };
        match self.start(&plan, &mut judged, detached, report) {
            Ok(outcome) => Ok(Exit(outcome.exit_code)),
            Err(refused) => Err((refused, judged.sources)),
        }
    }

    /// Whoever waits for a report finds in it why there was no run.
    fn report_refusal(
        &self,
        mut report: ReportFile,
        refused: &Refused,
        sources: &Sources,
    ) -> Result<(), Problem> {
        let Some(path) = self.report.as_deref().filter(|_| !self.dry_run) else {
            return Ok(());
        };
        let problems = refused.problems.clone().sorted();
        // One that could not be opened is among the problems already.
        if problems
            .iter()
            .any(|problem| problem.code == report_file::RULE)
        {
            return Ok(());
        }
        if matches!(report, ReportFile::Closed) {
            report.open(path)?;
        }
        // Where the run has ended, its own is written already.
        report.write(&report::failed(&problems, sources, refused.exit.0))
    }

    /// Reads the profile and judges it for this host; warnings are printed.
    pub(super) fn judge(&self) -> Result<Judged, (Refused, Sources)> {
        let early = |problem: Problem| (problem.into(), Sources::default());
        let caller = supervise::caller()
            .map_err(|error| failed("supervise.caller", "watch who started it", &error));
        let caller = caller.map_err(early)?;
        let given = self.given().map_err(early)?;
        let shelves: fn() -> Shelves = match self.program {
            Some(_) => own_shelves,
            None => shelves,
        };
        let mut loaded = Loaded::read_from(shelves, &self.profile, given);
        let judged = loaded.judge_for_host();
        let Loaded {
            sources,
            problems,
            path,
            ..
        } = loaded;
        let Some((settings, facts)) = judged else {
            let exit = Exit::NOT_STARTED;
            return Err((Refused { problems, exit }, sources));
        };
        if !self.dry_run
            && let Err(problem) = seal(&settings)
        {
            return Err((problem.into(), sources));
        }
        output::problems(problems, &sources);
        output::missing_parts(&settings);
        Ok(Judged {
            settings,
            sources,
            path,
            facts,
            caller,
        })
    }

    pub(super) fn given(&self) -> Result<Given, Problem> {
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
            purpose: self.purpose,
            arguments: self.command.clone(),
            program: self.program.clone(),
            params: self.params.given()?,
            name,
            ..Given::default()
        })
    }

    pub(super) fn print(&self, plan: &Plan, sources: &Sources) -> Exit {
        let style = output::style(&io::stdout());
        match output::told(&report::plan_text(plan, sources, style)) {
            Ok(()) => Exit::DONE,
            Err(_) => Exit::NOT_STARTED,
        }
    }

    pub(super) fn start(
        &self,
        plan: &Plan,
        judged: &mut Judged,
        detached: Option<Detached>,
        report: &mut ReportFile,
    ) -> Result<Outcome, Refused> {
        let profile = judged.path.clone();
        // Opened before the program runs: it may be able to write the directory, and to lay a link there.
        if let Some(path) = &self.report {
            report.open(path)?;
        }
        refuse_directories()?;
        let filters = filter::compile_for(plan, Watched::ToItsEnd)?;
        let lock = match self.locked {
            true => Some(Place::filled(&profile)?),
            false => None,
        };
        let mut claim = claim(plan)?;
        let name = kept::of_run(plan)?;
        let store = tree::open_store()?;
        let wanted = Wanted {
            plan: &plan.settings.tree,
            profile: &profile,
            refresh: tree::refresh(self.refresh, self.verify),
        };
        let tree = tree::obtain(&store, &wanted)?;
        if let Some(place) = &lock {
            locked::verify(place, plan, &tree, Known::Tree, &mut judged.sources)?;
        }
        let places = match &name {
            Some(name) => prepare(name, plan, &tree.root)?,
            None => Vec::new(),
        };
        let note = name.as_ref().map(Name::note).transpose()?;
        let sources = &judged.sources;
        let describe = || described(plan, sources);
        let reported = RefCell::new(Ok(()));
        let report = RefCell::new(report);
        let write_report = |outcome: &Outcome| {
            let written = report.borrow_mut().write(&report::json(outcome));
            *reported.borrow_mut() = written;
        };
        let run = Run {
            plan,
            tree: &tree.root,
            kept: &places,
            note: note.as_ref().map(AsFd::as_fd),
            filters: &filters,
            cgroups: &judged.facts.cgroups,
            regroup: crate::host::cgroups::probe,
            limits: crate::host::own_limits,
            caller: judged.caller.as_ref().map(AsFd::as_fd),
            profile: &self.profile.to_string_lossy(),
            describe: &describe,
            report: &write_report,
            conclude: &concluded,
            on_missing: warn_of_missing,
        };
        let outcome = supervise::run(&run, &mut claim, detached);
        let released = give_back(claim);
        let outcome = outcome.map_err(|error| explain(plan, &tree.root, error))?;
        released?;
        if let Some(note) = note {
            let noted = note.set_len(0);
            noted.map_err(|error| failed("kept.system", "note that the run is over", &error))?;
        }
        if let Some(line) = report::summary(&outcome) {
            output::error_text(&format!("sandbox: {line}\n"));
        }
        reported.into_inner()?;
        if self.stats {
            output::error_text(&report::footer(&outcome));
        }
        tree::keep(&store, &tree);
        Ok(outcome)
    }
}

/// Which process this is after a fork.
enum Side {
    Caller(Exit),
    Supervisor(Detached),
}

/// Leaves the start to a process of its own. In the caller's, it waits for the program to run.
fn detach() -> Result<Side, Problem> {
    let failed =
        |error: io::Error| failed("supervise.detach", "start it in the background", &error);
    let waiting = match supervise::detach().map_err(failed)? {
        Detach::Supervisor(detached) => return Ok(Side::Supervisor(detached)),
        Detach::Caller(waiting) => waiting,
    };
    Ok(Side::Caller(match waiting.wait().map_err(failed)? {
        Start::Started(name) => match output::text(&format!("{name}\n")) {
            Ok(()) => Exit::DONE,
            Err(_) => Exit::NOT_STARTED,
        },
        Start::Failed(code) => code.map_or(Exit::NOT_STARTED, Exit),
    }))
}

/// What `--detach` changes: the caller's end is not the program's, and no terminal is there.
fn be_alone(settings: &mut Settings) {
    let alone = Origin::CommandLine;
    settings.supervise.kill_on_parent_exit = At::new(Switch::Off, alone.clone());
    settings.command.terminal = At::new(Terminal::Inherited, alone);
}

/// Where Landlock does not keep the launcher's file out of reach, it runs from a copy that nobody can
/// write, from here on anew (rule 16).
pub(super) fn seal(settings: &Settings) -> Result<(), Problem> {
    match settings.landlock.value.enforced() {
        Some(_) => Ok(()),
        None => launch::run_sealed().map_err(|error| {
            let what = "run from a sealed copy of itself, as it does without Landlock";
            failed("launch.sealed", what, &error)
                .help("keep Landlock on, or set `vm.memfd_noexec` to 0 or 1")
        }),
    }
}

fn refuse(refused: Refused, sources: &Sources) -> Exit {
    output::problems(refused.problems, sources);
    refused.exit
}

/// A directory among the standard streams is a way out: `..` of it is the host's (rule 15).
pub(super) fn refuse_directories() -> Result<(), Problem> {
    let names = ["standard input", "standard output", "standard error"];
    for (stream, name) in STREAMS.into_iter().zip(names) {
        // One that is closed leads nowhere.
        let mode = file::status(stream).map_or(0, |status| status.st_mode);
        let is_directory = mode & libc::S_IFMT == libc::S_IFDIR;
        if is_directory && guard::holds(Guard::StreamDirectories) {
            let message =
                format!("{name} is a directory of the host, which would lead out of the sandbox");
            let problem = general("command-line.stream-directory", message);
            return Err(problem.help("give a file, a pipe or /dev/null in its place"));
        }
    }
    Ok(())
}

fn explain(plan: &Plan, tree: &Path, error: RunError) -> Refused {
    let (problem, exit) = refusal::of_run(plan, tree, error);
    Refused {
        exit,
        ..Refused::from(problem)
    }
}

/// One line: it comes at every start on such a host.
fn warn_of_missing(plan: &Plan, missing: &[CgroupError]) {
    let mut keys: Vec<&str> = missing.iter().map(|missed| missed.key).collect();
    let mut reasons: Vec<String> = Vec::new();
    for missed in missing {
        let reason = missed.failure.cause.to_string();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let landlock = &plan.settings.landlock;
    if matches!(landlock.value, Landlock::Lacking(_)) && landlock.origin != Origin::Default {
        keys.push("landlock");
        reasons.push("this kernel lacks it".to_owned());
    }
    if keys.is_empty() {
        return;
    }
    let (keys, reasons) = (keys.join(", "), reasons.join("; "));
    output::error_text(&format!(
        "sandbox: warning: not enforced here: {keys} ({reasons})\n"
    ));
}
