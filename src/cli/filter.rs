//! The system-call filter of a plan.

use crate::diag::Problem;
use crate::launch::Filters;
use crate::plan::Plan;
use crate::seccomp::{Arch, Base, CompileError, Grants, Policy, compile};
use crate::sys::seccomp::Instruction;

/// The programs to load.
///
/// # Errors
/// When there is no filter for this architecture.
pub fn compile_for(plan: &Plan) -> Result<Option<Filters>, Problem> {
    let settings = &plan.settings;
    let refuse = |message: String| {
        settings
            .seccomp
            .error("security.seccomp-architecture", message)
    };
    let Some(arch) = Arch::native() else {
        let message = "there is no system-call filter for this architecture".to_owned();
        return match settings.with_policy(|_| ()) {
            Some(()) => Err(refuse(message)),
            None => Ok(None),
        };
    };
    let filters = settings.with_policy(|policy| filters(policy, arch));
    filters
        .transpose()
        .map_err(|error| refuse(error.to_string()))
}

/// The first process makes few calls, and keeps making them whatever the profile denies.
fn filters(policy: &Policy<'_>, arch: Arch) -> Result<Filters, CompileError> {
    let bare = match policy.base {
        Base::Default => Policy::DEFAULT,
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
        program: copy(&program.program),
    })
}

fn copy(program: &[crate::seccomp::Instruction]) -> Vec<Instruction> {
    program.iter().map(instruction).collect()
}

fn instruction(from: &crate::seccomp::Instruction) -> Instruction {
    let crate::seccomp::Instruction { code, jt, jf, k } = *from;
    Instruction { code, jt, jf, k }
}
