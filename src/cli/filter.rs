//! The system-call filter of a plan.

use crate::diag::Problem;
use crate::launch::{Filters, Listened};
use crate::model::OnDeny;
use crate::plan::{Action, Plan, ProgramAction, Step};
use crate::seccomp::{
    Arch, Base, CompileError, Filter, Grants, NestedUserNamespaces, Policy, compile, syscall_name,
};
use crate::sys::seccomp::Instruction;

/// The call by which the program gives its listener away, under the filter that it has just loaded.
const HANDS_OVER: &str = "sendmsg";

/// The programs to load.
///
/// # Errors
/// When there is no filter for this architecture.
pub fn compile_for(plan: &Plan) -> Result<Filters, Problem> {
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
    let filters = settings.with_policy(|policy| filters(policy, arch));
    let mut filters = filters.map_err(|error| refuse(error.to_string()))?;
    let is_test = |step: &Step| step.action == Action::Program(ProgramAction::Answer);
    if plan.steps.iter().any(is_test) {
        // The mark of a test comes before a listener, and behind an error.
        filters.listened = None;
    }
    Ok(filters)
}

/// The first process makes few calls, and keeps making them whatever the profile denies.
fn filters(policy: &Policy<'_>, arch: Arch) -> Result<Filters, CompileError> {
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
        listened: listened(policy, &program),
        program: copy(&program.program),
    })
}

/// A listener for what is refused. None with namespaces of the program's own, and none without a list: what it
/// runs there may want one for itself, and a process has one alone. None where the program may not hand it over.
fn listened(policy: &Policy<'_>, filter: &Filter) -> Option<Listened> {
    let (Some(program), OnDeny::Errno(errno)) = (&filter.listened, policy.on_deny) else {
        return None;
    };
    // Every base lets it run, so that only the profile can close it.
    let mut denied = policy.deny.iter();
    let hands_over = !denied.any(|entry| entry.calls().contains(&HANDS_OVER));
    let nested = policy.grants.nested_user_namespaces == NestedUserNamespaces::Allowed;
    let listless = matches!(policy.base, Base::None(_));
    (hands_over && !nested && !listless).then(|| Listened {
        program: copy(program),
        errno: errno.number().into(),
        name: call_name,
    })
}

fn call_name(architecture: u32, number: i32) -> Option<&'static str> {
    let all = [Arch::X86_64, Arch::Aarch64, Arch::X86];
    let arch = all
        .into_iter()
        .find(|arch| arch.audit_number() == architecture)?;
    syscall_name(arch, u32::try_from(number).ok()?)
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
