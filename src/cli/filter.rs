//! The system-call filter of a plan.

use crate::diag::Problem;
use crate::launch::{Filters, Listened, Refused};
use crate::model::{Deadly, OnDeny};
use crate::plan::{Action, Plan, ProgramAction, Step};
use crate::seccomp::{
    Arch, Base, CompileError, Ends, Filter, Grants, NestedUserNamespaces, Policy, X86, call,
    compile,
};
use crate::sys::seccomp::{Instruction, waits_killable};

/// The call by which the program gives its listener away, under the filter that it has just loaded.
const HANDS_OVER: &str = "sendmsg";

/// Whether everything of a program ends with whoever watches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// It does: the first program of a sandbox.
    ToItsEnd,
    /// What a further program leaves behind runs on.
    UntilItEnds,
}

/// The programs to load.
///
/// # Errors
/// When there is no filter for this architecture.
pub fn compile_for(plan: &Plan, watched: Watched) -> Result<Filters, Problem> {
    let settings = &plan.settings;
    let refuse = |message: String| {
        settings
            .seccomp
            .error("security.seccomp-architecture", message)
    };
    let Some(arch) = Arch::native() else {
        let message = "there is no system-call filter for this architecture".to_owned();
        return Err(refuse(message));
    };
    let filters = settings.with_policy(|policy| filters(policy, arch, watched));
    let mut filters = filters.map_err(|error| refuse(error.to_string()))?;
    let is_test = |step: &Step| step.action == Action::Program(ProgramAction::Answer);
    if plan.steps.iter().any(is_test) {
        // The mark of a test comes before a listener, and behind an error.
        filters.listened = None;
    }
    Ok(filters)
}

/// Who listens can name the call for which a process ends, and the kernel cannot. It is left to the kernel where
/// processes outlive the listener, and would get an error in place of their end, and before Linux 5.19, where a
/// signal takes a process out of the wait for its end.
fn ends(watched: Watched) -> Ends {
    match watched == Watched::ToItsEnd && waits_killable() {
        true => Ends::ByListener,
        false => Ends::ByKernel,
    }
}

/// The first process makes few calls, and keeps making them whatever the profile denies.
fn filters(policy: &Policy<'_>, arch: Arch, watched: Watched) -> Result<Filters, CompileError> {
    let bare = match policy.base {
        Base::Default | Base::None(_) => Policy::DEFAULT,
        // It puts its own capabilities down when the program has been forked.
        Base::Strict => Policy {
            grants: Grants {
                capabilities: &["CAP_SETPCAP"],
                ..Grants::NONE
            },
            ..Policy::STRICT
        },
    };
    let program = compile(policy, arch)?;
    Ok(Filters {
        first_process: copy(&compile(&bare, arch)?.program),
        listened: listened(policy, arch, &program, watched),
        program: copy(&program.program),
    })
}

/// A listener for what is refused. None with namespaces of the program's own, and none without a list: what it
/// runs there may want one for itself, and a process has one alone. None where the program may not hand it over.
fn listened(
    policy: &Policy<'_>,
    arch: Arch,
    filter: &Filter,
    watched: Watched,
) -> Option<Listened> {
    // Every base lets it run, so that only the profile can close it.
    let mut denied = policy.deny.iter();
    let hands_over = !denied.any(|entry| entry.calls().contains(&HANDS_OVER));
    let nested = policy.grants.nested_user_namespaces == NestedUserNamespaces::Allowed;
    let listless = matches!(policy.base, Base::None(_));
    if !hands_over || nested || listless {
        return None;
    }
    let x86 = policy.x86 == X86::Filtered && arch == Arch::X86_64;
    let judged = [arch].into_iter().chain(x86.then_some(Arch::X86));
    Some(Listened {
        program: copy(&filter.listened(ends(watched))?),
        refused: match policy.on_deny {
            OnDeny::Errno(errno) => Refused::Fails(errno.number().into()),
            OnDeny::Kill | OnDeny::Log => Refused::Ends(Deadly::Refused),
        },
        judged: judged.map(Arch::name).collect(),
        call,
    })
}

fn copy(program: &[crate::seccomp::Instruction]) -> Vec<Instruction> {
    program.iter().map(instruction).collect()
}

fn instruction(from: &crate::seccomp::Instruction) -> Instruction {
    let crate::seccomp::Instruction { code, jt, jf, k } = *from;
    Instruction { code, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seccomp::{Standing, Verdicts};

    #[test]
    fn every_base_lets_a_listener_be_handed_over() {
        for policy in [Policy::DEFAULT, Policy::STRICT] {
            let verdicts = Verdicts::of(&policy).unwrap();
            let standing = verdicts.get(HANDS_OVER).unwrap().standing;
            assert_eq!(standing, Standing::Allowed, "{:?}", policy.base);
        }
    }
}
