//! `sandbox exec`: a further program in a sandbox that runs.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use clap::Args;

use crate::diag::{Problem, Problems, Sources};
use crate::host;
use crate::model::{InsidePath, RunState};
use crate::plan::{Further, Plan, Terminal};
use crate::report;
use crate::supervise::{self, Entry, Inside, NotEntered, Stays};
use crate::sys;

use super::super::exit::Exit;
use super::super::filter::Watched;
use super::super::profile::{failed, general};
use super::super::up::{refuse_directories, seal};
use super::super::{filter, guards, output, refusal};
use super::{Running, ask, state};

/// Run a further program in a sandbox that runs
///
/// In the same namespaces, control groups and limits, with the same user, groups, capabilities, filters,
/// environment and umask as the first. Where the profile sets no limit of `[limits.process]` it is the one that the
/// first inherited, or less where this caller may have only less. Its output does not count for `limits.output`. It
/// ends with the sandbox, and with the caller. Exits as `up` does.
#[derive(Debug, Args)]
pub struct Exec {
    /// Print every step that would be taken, and take none
    #[arg(long)]
    dry_run: bool,
    /// Start there, in place of where the first program did
    #[arg(long, short, value_name = "PATH", value_parser = inside_path)]
    workdir: Option<InsidePath>,
    /// The sandbox's name, as `sandbox ps` shows it
    #[arg(value_name = "NAME")]
    name: String,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<String>,
}

fn inside_path(text: &str) -> Result<InsidePath, String> {
    text.parse()
        .map_err(|invalid: crate::model::Invalid| format!("it {invalid}"))
}

/// Why nothing ran, and the exit code that says so.
type Refused = (Problem, Exit);

impl Exec {
    /// Runs the command.
    pub fn run(self) -> Exit {
        match self.start() {
            Ok(exit) => exit,
            Err((problem, exit)) => {
                let mut problems = Problems::new();
                problems.push(problem);
                output::problems(problems, &Sources::default());
                exit
            }
        }
    }

    fn start(&self) -> Result<Exit, Refused> {
        let early = |problem| (problem, Exit::NOT_STARTED);
        let caller = supervise::caller()
            .map_err(|error| failed("supervise.caller", "watch who started it", &error));
        let caller = caller.map_err(early)?;
        refuse_directories().map_err(early)?;
        let running = Running::find().map_err(early)?;
        let entry = running.alive(&self.name).map_err(early)?;
        let (plan, inside) = self.plan(entry).map_err(early)?;
        if self.dry_run {
            let style = output::style(&io::stdout());
            let text = report::steps_text(&plan, style);
            return Ok(match output::text(&text) {
                Ok(()) => Exit::DONE,
                Err(_) => Exit::NOT_STARTED,
            });
        }
        // Programs of the sandbox run already, and can change what is at a path between the look at it and the
        // execution: the file of this process has to be one that nobody can write (CVE-2019-5736).
        seal(&plan.settings).map_err(early)?;
        let filters = filter::compile_for(&plan, Watched::UntilItEnds).map_err(early)?;
        let code = supervise::exec(&plan, &filters, entry, &inside, caller);
        // The sandbox's tree cannot be asked for from here.
        code.map(Exit)
            .map_err(|error| refusal::of_run(&plan, Path::new("/"), error))
    }

    fn plan(&self, entry: &Entry) -> Result<(Plan, Inside), Problem> {
        if state(entry) == RunState::Paused {
            let message = format!(
                "the sandbox `{}` is frozen, and nothing runs in it",
                entry.name
            );
            let problem = general("running.paused", message);
            return Err(problem.help(format!("run `sandbox resume {}` before", entry.name)));
        }
        let seat = ask(entry)?.seat;
        let stays = match seat.may_leave_namespaces() {
            true => Stays::Perhaps,
            false => Stays::Yes,
        };
        let inside = Inside::of(entry, stays).map_err(|error| not_entered(entry, &error))?;
        let further = Further {
            args: self.command.clone(),
            workdir: self.workdir.clone(),
            terminal: match sys::terminal::is_terminal(io::stdin().as_fd()) {
                true => Terminal::Own,
                false => Terminal::Inherited,
            },
            namespaces: inside.namespaces.clone(),
            limits: host::own_limits(),
        };
        let plan = seat.plan(&further).map_err(|invalid| {
            let message = format!("what the supervisor of `{}` tells {invalid}", entry.name);
            let problem = general("running.version", message);
            problem.help("use the `sandbox` that started it")
        })?;
        Ok((guards::without(plan), inside))
    }
}

fn not_entered(entry: &Entry, error: &NotEntered) -> Problem {
    let name = &entry.name;
    match error {
        NotEntered::Ended => general("running.ended", format!("the sandbox `{name}` has ended")),
        NotEntered::NotTold => {
            let message = format!(
                "cannot enter `{name}`: its program may have left the sandbox's namespaces, and only root \
                 tells them apart"
            );
            let problem = general("running.namespaces", message);
            problem.help("run it as root, or start the sandbox without `security.nested_userns` and CAP_SYS_ADMIN")
        }
        NotEntered::Refused(error) => failed(
            "running.namespaces",
            &format!("see the namespaces of `{name}`"),
            error,
        ),
    }
}
