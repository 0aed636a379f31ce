//! What stopped a start, as a problem under the line that asked for it, and the exit code.

use nix::errno::Errno;

use crate::cgroup::CgroupError;
use crate::diag::{Origin, Problem};
use crate::launch::LaunchError;
use crate::plan::Plan;
use crate::rootfs::BuildError;
use crate::supervise::{RunError, Unstarted};

use super::exit::Exit;
use super::profile::general;

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

/// A run that did not come to its program, or was lost.
pub fn of_run(plan: &Plan, error: RunError) -> (Problem, Exit) {
    match error {
        RunError::Group(error) => (of_group(&error), Exit::NOT_STARTED),
        RunError::Launch(error) => (of_launch(plan, &error), Exit::NOT_STARTED),
        RunError::Unstarted(Unstarted::Step { index, errno }) => of_step(plan, index, errno),
        RunError::Unstarted(Unstarted::NoInterpreter { index }) => (
            step_problem(plan, index, "program.no-interpreter", "no interpreter"),
            Exit::NOT_FOUND,
        ),
        RunError::Unstarted(Unstarted::Killed { status }) => {
            let message =
                format!("the sandbox was killed before its program started (status {status})");
            (general("launch.killed", message), Exit::NOT_STARTED)
        }
        RunError::State(error) => lost("state.note", "note the control groups", &error),
        RunError::Watch(error) => lost("supervise.watch", "watch the sandbox", &error),
        RunError::Remove(error) => lost("cgroup.remove", "remove a control group", &error),
    }
}

fn lost(code: &'static str, what: &str, error: &std::io::Error) -> (Problem, Exit) {
    (
        general(code, format!("cannot {what}: {error}")),
        Exit::NOT_STARTED,
    )
}

fn of_group(error: &CgroupError) -> Problem {
    let problem = Problem::error("limits.not-enforced", &error.origin, error.to_string());
    with_help(problem, error.fix())
}

fn of_launch(plan: &Plan, error: &LaunchError) -> Problem {
    match error {
        LaunchError::Step { index, errno } => of_step(plan, *index, *errno as i32).0,
        LaunchError::Nul { index } => step_problem(plan, *index, "value.nul", "holds a NUL byte"),
        LaunchError::Setup { what, errno } => {
            general("launch.setup", format!("cannot {what}: {}", errno.desc()))
        }
    }
}

fn of_step(plan: &Plan, index: usize, errno: i32) -> (Problem, Exit) {
    let errno = Errno::from_raw(errno);
    let message = errno.desc();
    (
        step_problem(plan, index, "launch.step", message),
        Exit::NOT_STARTED,
    )
}

fn step_problem(plan: &Plan, index: usize, code: &'static str, what: &str) -> Problem {
    let step = plan.steps.get(index);
    let origin = step.map_or(Origin::Default, |step| step.origin.clone());
    let action = step
        .map(|step| format!("{:?}", step.action))
        .unwrap_or_default();
    Problem::error(code, &origin, format!("{action}: {what}"))
}

fn with_help(problem: Problem, help: Option<String>) -> Problem {
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}
