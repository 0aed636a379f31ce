//! What was seen, as an outcome.

use crate::cgroup::Groups;
use crate::launch::Record;
use crate::model::{
    Ending, Expectation, Finding, Kept, KeptKind, LimitKind, Outcome, Unprotected, Usage,
};
use crate::plan::{Amount, KeptPart, Plan, Settings, Shortfalls, isolation};

use super::asked;
use super::rusage;
use super::seen::{Killed, Seen};

/// Why the program did not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unstarted {
    /// A step failed inside.
    Step {
        /// Its place in the plan's list.
        index: usize,
        /// The kernel's answer.
        errno: i32,
    },
    /// The program's file is there, but not its interpreter or loader.
    NoInterpreter {
        /// The step's place in the plan's list.
        index: usize,
    },
    /// The first process was killed before the program started; this is its wait status.
    Killed {
        /// As wait(2) gives it.
        status: i32,
    },
}

/// What happened, or why nothing did.
pub(super) fn outcome(
    plan: &Plan,
    name: &str,
    seen: &Seen,
    used: Usage,
    groups: &Groups,
) -> Result<Outcome, Unstarted> {
    if let Some(unstarted) = unstarted(seen) {
        return Err(unstarted);
    }
    let usage = rusage::complete(used, &seen.usage);
    let ending = ending(plan, seen, &usage);
    Ok(Outcome {
        name: name.to_owned(),
        exit_code: exit_code(ending),
        ending,
        stopped_by: asked::stop(seen),
        limits_hit: limits_hit(plan, seen, &usage),
        refused_calls: seen.refused_calls.clone(),
        started_unix: seen.started_unix,
        wall: seen.wall,
        log_lost_bytes: seen.log_lost,
        usage,
        isolation: isolation(plan, &shortfalls(groups)),
        kept: kept(plan),
        left_out: left_out(plan),
        unprotected: unprotected(plan),
        found: found(plan, seen, ending),
    })
}

pub(super) fn unstarted(seen: &Seen) -> Option<Unstarted> {
    let place = |step: u32| usize::try_from(step).unwrap_or(usize::MAX);
    match seen.failure {
        Some(Record::Failed { step, errno }) => Some(Unstarted::Step {
            index: place(step),
            errno,
        }),
        Some(Record::NoInterpreter { step }) => {
            Some(Unstarted::NoInterpreter { index: place(step) })
        }
        _ if !seen.executing && seen.killed.is_none() => {
            Some(Unstarted::Killed { status: seen.init })
        }
        _ => None,
    }
}

fn ending(plan: &Plan, seen: &Seen, usage: &Usage) -> Ending {
    // A first process that could not say how the program ended was itself killed.
    let status = seen.program.unwrap_or(seen.init);
    if let Some(limit) = limit_of(seen) {
        let signal = libc::SIGKILL;
        return Ending::Limit { limit, signal };
    }
    let by_call = seen.killed_for.filter(|_| seen.killed.is_none());
    match (ended_with(status), by_call) {
        (Ending::Signalled { signal }, Some((call, reason)))
            if [libc::SIGSYS, libc::SIGKILL].contains(&signal) =>
        {
            Ending::Seccomp {
                call,
                reason,
                signal,
            }
        }
        (ending, _) => met_by_memory(plan, ending, usage),
    }
}

fn met_by_memory(plan: &Plan, ending: Ending, usage: &Usage) -> Ending {
    match ending {
        Ending::Signalled { signal } if signal == libc::SIGKILL && met_memory(plan, usage) => {
            Ending::Limit {
                limit: LimitKind::Memory,
                signal,
            }
        }
        ending => ending,
    }
}

/// How a program ended of whose limits nothing is known.
pub(super) fn ended(seen: &Seen) -> Ending {
    ended_with(seen.program.unwrap_or(seen.init))
}

fn ended_with(status: i32) -> Ending {
    match libc::WIFEXITED(status) {
        // Eight bits by definition of the wait status.
        true => Ending::Exited {
            code: libc::WEXITSTATUS(status) as u8,
        },
        false => Ending::Signalled {
            signal: libc::WTERMSIG(status),
        },
    }
}

/// The limit for which this process killed the run.
fn limit_of(seen: &Seen) -> Option<LimitKind> {
    match seen.killed? {
        Killed::WallTime => Some(LimitKind::WallTime),
        Killed::CpuTime => Some(LimitKind::CpuTime),
        Killed::Memory => Some(LimitKind::Memory),
        Killed::Output => Some(LimitKind::Output),
        Killed::StopTimeout => None,
    }
}

/// Whether the kernel's killer acted for the limit; it also acts when the whole host is out of memory.
fn met_memory(plan: &Plan, usage: &Usage) -> bool {
    let limited = asks_for(plan, |amount| matches!(amount, Amount::Memory(_)));
    limited && usage.oom_kills.is_some_and(|kills| kills > 0)
}

fn asks_for(plan: &Plan, is: impl Fn(&Amount) -> bool) -> bool {
    let limits = plan.settings.group_limits.list.iter();
    limits.map(|limit| &limit.amount).any(is)
}

/// Every limit that was met, whether or not it ended the run.
fn limits_hit(plan: &Plan, seen: &Seen, usage: &Usage) -> Vec<LimitKind> {
    let refused = usage.pids_refused.is_some_and(|refused| refused > 0);
    let pids = refused && asks_for(plan, |amount| matches!(amount, Amount::Pids(_)));
    let all = [
        (LimitKind::Memory, met_memory(plan, usage)),
        (LimitKind::Pids, pids),
    ];
    let met = all.into_iter().filter(|(_, met)| *met);
    let met = met.map(|(limit, _)| limit);
    // Memory is in the list already.
    let carried_out = limit_of(seen).filter(|limit| *limit != LimitKind::Memory);
    met.chain(carried_out).collect()
}

/// Optional parts that the host does not have, without what is private in their texts.
fn left_out(plan: &Plan) -> Vec<String> {
    let settings = &plan.settings;
    let texts = settings.left_out.iter();
    texts
        .map(|text| settings.private.hide(&text.value))
        .collect()
}

/// Parts of binds that nothing protects, or not against the host.
fn unprotected(plan: &Plan) -> Vec<Unprotected> {
    let Settings {
        unprotected,
        private,
        ..
    } = &plan.settings;
    let parts = unprotected.iter().map(|part| Unprotected {
        path: private.hide(part.value.path.as_str()),
        protection: part.value.protection,
        reason: part.value.to_string(),
    });
    parts.collect()
}

/// What was found for each expectation of a plan for tests. Who meets the memory's limit takes the whole
/// sandbox along: it comes last, and all that ask for as much or more are answered by it.
fn found(plan: &Plan, seen: &Seen, ending: Ending) -> Vec<Finding> {
    let is_out_of_memory = matches!(
        ending,
        Ending::Limit {
            limit: LimitKind::Memory,
            ..
        }
    );
    let unanswered = |what: &Expectation| match what {
        Expectation::MaxMemory(_) if is_out_of_memory => Finding::Killed {
            signal: libc::SIGKILL,
        },
        _ => Finding::Silent,
    };
    let expected = plan.settings.expect.iter().zip(0..);
    let found = expected.map(|(expect, place)| {
        let mut answers = seen.found.iter();
        let answer = answers.find(|(answered, _)| *answered == place);
        answer.map_or_else(|| unanswered(&expect.value.what), |(_, found)| *found)
    });
    found.collect()
}

fn kept(plan: &Plan) -> Vec<Kept> {
    let hide = |path: &str| plan.settings.private.hide(path);
    let parts = plan.kept().map(|(kept, _)| match &kept.part {
        KeptPart::Tree => (KeptKind::Tree, "/".to_owned()),
        KeptPart::Overlay { target, .. } => (KeptKind::Overlay, hide(target.as_str())),
        KeptPart::Volume { target, .. } => (KeptKind::Volume, hide(target.as_str())),
    });
    parts.map(|(kind, target)| Kept { kind, target }).collect()
}

/// 124 for the wall time, 128+N for signal N, else the program's own. Who is killed for a call has the code that the
/// kernel's own kill leads to, also where SIGSYS did not end it.
pub(super) fn exit_code(ending: Ending) -> u8 {
    match ending {
        Ending::Exited { code } => code,
        Ending::Limit {
            limit: LimitKind::WallTime,
            ..
        } => 124,
        Ending::Limit { signal, .. } | Ending::Signalled { signal } => by_signal(signal),
        Ending::Seccomp { .. } => by_signal(libc::SIGSYS),
    }
}

fn by_signal(signal: i32) -> u8 {
    128u8.saturating_add(u8::try_from(signal).unwrap_or(127))
}

fn shortfalls(groups: &Groups) -> Shortfalls {
    let missing = groups.missing().iter();
    Shortfalls {
        limits: missing
            .map(|missed| (missed.key, missed.failure.to_string()))
            .collect(),
        devices: match groups.paths().is_empty() {
            true => Some("no control group could be made here".to_owned()),
            false => groups.devices_unguarded().map(ToString::to_string),
        },
    }
}
