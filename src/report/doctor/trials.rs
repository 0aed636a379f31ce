//! What was tried: abilities of the kernel, limits, and what a profile names.

use crate::diag::{Problem, Severity};
use crate::model::HostState;
use crate::plan::{Action, Lacking, Plan, Trial, Tried};
use crate::report::failure::{self, Told};

use super::{Attempted, Examined, Finding, Group, LimitTried, Need, Rehearsal, State};

/// One finding a trial, each once; limits and problems behind them.
pub(super) fn findings(examined: Examined<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for rehearsal in examined.rehearsals {
        for finding in of(rehearsal, examined) {
            let known = |earlier: &Finding| earlier.name == finding.name;
            if finding.group == Group::Profile || !findings.iter().any(known) {
                findings.push(finding);
            }
        }
    }
    findings
}

fn of(rehearsal: &Rehearsal, examined: Examined<'_>) -> Vec<Finding> {
    let Rehearsal {
        need,
        plan,
        problems,
        trials,
        limits,
    } = rehearsal;
    let problems = problems.iter().map(|problem| told_by(problem, *need));
    let limits = limits.iter().map(|limit| of_limit(limit, *need));
    let tried = plan.iter().flat_map(|plan| {
        let seen = trials.iter().filter(|(trial, attempted)| {
            // Its version says more.
            trial.what != Tried::Landlock || *attempted != Attempted::Done
        });
        seen.map(|(trial, attempted)| of_trial(plan, trial, *attempted, examined.host))
            .map(|finding| wanted(finding, *need))
    });
    problems.chain(tried).chain(limits).collect()
}

/// What only some profiles have keeps none of the others from starting.
fn wanted(finding: Finding, need: Need) -> Finding {
    let state = match (finding.state, need) {
        (State::Missing, Need::Wanted(_)) => State::Degraded,
        (state, _) => state,
    };
    let need = match finding.need {
        Need::Nobody => Need::Nobody,
        _ => need,
    };
    Finding {
        state,
        need,
        ..finding
    }
}

fn of_trial(plan: &Plan, trial: &Trial, attempted: Attempted, host: &HostState) -> Finding {
    let name = trial.what.name();
    let group = group(&trial.what);
    let origin = plan.steps.get(trial.step).map(|step| step.origin.clone());
    let finding = match attempted {
        Attempted::Done => Finding::ok(group, &name, None),
        Attempted::NotReached => Finding {
            state: State::NotTried,
            ..Finding::ok(group, &name, None)
        },
        Attempted::Refused(errno) => {
            let told = refused(plan, trial, errno, host);
            let state = match trial.what {
                Tried::Listener => State::Degraded,
                _ => State::Missing,
            };
            Finding::bad(group, &name, state, told)
        }
    };
    match trial.what {
        // Refused calls fail all the same, only nobody counts them.
        Tried::Listener => Finding { origin, ..finding }.of_nobody(),
        _ => Finding { origin, ..finding },
    }
}

/// By the table of failed steps.
fn refused(plan: &Plan, trial: &Trial, errno: i32, host: &HostState) -> Told {
    let Some(step) = plan.steps.get(trial.step) else {
        return super::told("host.refused", "the kernel refuses it", "look at `dmesg`");
    };
    if trial.what == Tried::Listener {
        return listener(failure::cause(plan, step, errno, host));
    }
    let mut step = step.clone();
    // Each kind was tried by itself.
    if let (Action::Clone { namespaces }, Tried::Namespace(kind)) = (&mut step.action, &trial.what)
    {
        namespaces.retain(|namespace| namespace == kind);
    }
    failure::cause(plan, &step, errno, host)
}

fn listener(cause: Told) -> Told {
    let Told {
        code: _,
        reason,
        help: _,
    } = cause;
    super::told(
        "host.no-listener",
        format!(
            "a filter around this process has a supervisor already, or the kernel has none: {reason}; \
             calls are refused as ever, but the report cannot name them"
        ),
        "start it outside of the sandbox or container that this runs in",
    )
}

fn group(what: &Tried) -> Group {
    match what {
        Tried::Namespace(_)
        | Tried::IdMaps
        | Tried::IdMapHelpers
        | Tried::CgroupNamespace
        | Tried::TimeNamespace
        | Tried::Loopback
        | Tried::Keyring => Group::Isolation,
        Tried::PrivateMounts
        | Tried::Tmpfs
        | Tried::Overlay
        | Tried::Proc
        | Tried::Sysfs
        | Tried::Devpts
        | Tried::Mqueue
        | Tried::Device(_)
        | Tried::IdMappedStore
        | Tried::PivotRoot => Group::Mounts,
        Tried::Landlock | Tried::Filter | Tried::Listener | Tried::Execute => Group::Program,
    }
}

fn of_limit(limit: &LimitTried, need: Need) -> Finding {
    let LimitTried {
        key,
        origin,
        lacking,
        refused,
        group,
    } = limit;
    let finding = match (refused, lacking) {
        (None, _) => Finding::ok(Group::Limits, key, None),
        (Some(told), Lacking::Refused) => {
            Finding::bad(Group::Limits, key, State::Missing, told.clone())
        }
        (Some(told), Lacking::Reported) => {
            Finding::bad(Group::Limits, key, State::Degraded, told.clone())
        }
    };
    let finding = Finding {
        origin: Some(origin.clone()),
        found: group.clone(),
        ..finding
    };
    wanted(finding, need)
}

/// What judging the profile for this host found.
fn told_by(problem: &Problem, need: Need) -> Finding {
    let state = match problem.severity {
        Severity::Error => State::Missing,
        Severity::Warning => State::Degraded,
    };
    let told = Told {
        code: problem.code,
        reason: problem.message.clone(),
        help: problem.help.clone(),
    };
    let origin = Some(problem.label.origin.clone());
    let name = match problem.code.starts_with("namespaces.map-") {
        true => &Tried::IdMapHelpers.name(),
        false => problem.code,
    };
    let finding = Finding::bad(Group::Profile, name, state, told);
    wanted(Finding { origin, ..finding }, need)
}
