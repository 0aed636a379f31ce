//! What stopped a start, as a problem under the line that asked for it, and the exit code.

use std::path::Path;

use crate::cgroup::CgroupError;
use crate::diag::{Origin, Problem};
use crate::host::{programs, refusal};
use crate::launch::LaunchError;
use crate::model::HostState;
use crate::model::SandboxName;
use crate::plan::Plan;
use crate::report::failure;
use crate::rootfs::BuildError;
use crate::supervise::{RunError, Unstarted};

use super::exit::Exit;
use super::profile::{failed, general};

/// A tree that could not be built.
pub fn of_tree(error: &BuildError) -> Problem {
    with_help(
        Problem::error(
            "tree.build",
            error.origin().unwrap_or(&Origin::Default),
            error.to_string(),
        ),
        error.help(),
    )
}

/// A run of the tree at `tree` that did not come to its program, or was lost.
///
/// The host is asked only now, and only where its answer tells causes apart.
pub fn of_run(plan: &Plan, tree: &Path, error: RunError) -> (Problem, Exit) {
    let problem = match error {
        RunError::Group(error) => of_group(&error),
        RunError::Launch(LaunchError::Nul { index }) => failure::explain_nul(plan, index),
        RunError::Launch(LaunchError::Setup { what, errno }) => {
            failure::explain_setup(what, errno as i32)
        }
        RunError::Launch(LaunchError::Step { index, errno }) => {
            failure::explain(plan, index, errno as i32, &probe(plan, tree))
        }
        RunError::Unstarted(Unstarted::Step { index, errno }) => {
            failure::explain(plan, index, errno, &probe(plan, tree))
        }
        RunError::Unstarted(Unstarted::NoInterpreter { index }) => {
            failure::explain_no_interpreter(plan, index)
        }
        RunError::Unstarted(Unstarted::Killed { status }) => {
            failure::explain_early_end(plan, status)
        }
        RunError::State(error) => failed(
            "state.note",
            "note the sandbox in the state directory",
            &error,
        ),
        RunError::Watch(error) => failed("supervise.watch", "watch the sandbox", &error),
        RunError::Enter(error) => failed(
            "cgroup.enter",
            "enter a control group of the sandbox",
            &error,
        ),
        RunError::Apart(reason) => apart(&plan.settings.name.value, &reason),
        RunError::Remove(error) => failed("cgroup.remove", "remove a control group", &error),
    };
    let exit = exit_code(problem.code);
    (problem, exit)
}

fn probe(plan: &Plan, tree: &Path) -> HostState {
    let command = &plan.settings.command;
    let program = command.args.first();
    HostState {
        program: program.and_then(|name| programs::outside(&name.value, &command.path)),
        ..refusal::probe(Some(tree))
    }
}

/// As a shell tells them apart: not there, there but not to be run, and everything before.
fn exit_code(code: &str) -> Exit {
    match code {
        "program.not-found" => Exit::NOT_FOUND,
        "program.not-executable"
        | "program.magic-link"
        | "program.no-interpreter"
        | "program.not-readable"
        | "program.wrong-format"
        | "host.store-noexec" => Exit::NOT_EXECUTABLE,
        _ => Exit::NOT_STARTED,
    }
}

fn apart(name: &SandboxName, reason: &str) -> Problem {
    let message = format!(
        "cannot enter the control groups of `{name}`: no group that is yours holds both them and this process, \
         and no service manager gives one: {reason}"
    );
    let problem = general("running.group-entry", message);
    problem.help("log in with a session of systemd's (`loginctl`), or run it as root")
}

fn of_group(error: &CgroupError) -> Problem {
    let problem = Problem::error("limits.not-enforced", &error.origin, error.to_string());
    with_help(problem, error.fix())
}

fn with_help(problem: Problem, help: Option<String>) -> Problem {
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}
