//! The system-call filter of a plan.

use crate::diag::Problem;
use crate::model::{SeccompPolicy, Switch};
use crate::plan::Plan;
use crate::seccomp::{Arch, Grants, NestedUserNamespaces, Policy, compile};
use crate::sys::seccomp::Instruction;

/// The programs to load, in order.
///
/// # Errors
/// When there is no filter for this architecture.
pub fn compile_for(plan: &Plan) -> Result<Vec<Vec<Instruction>>, Problem> {
    let settings = &plan.settings;
    let policy = match settings.seccomp.value {
        SeccompPolicy::Default => Policy::Default,
        SeccompPolicy::None => return Ok(Vec::new()),
    };
    let refuse = |message: String| {
        settings
            .seccomp
            .error("security.seccomp-architecture", message)
    };
    let arch = Arch::native()
        .ok_or_else(|| refuse("there is no system-call filter for this architecture".to_owned()))?;
    let names: Vec<String> = settings
        .capabilities
        .iter()
        .map(|capability| capability.value.to_string())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let grants = Grants {
        capabilities: &names,
        nested_user_namespaces: match settings.nested_userns.value {
            Switch::On => NestedUserNamespaces::Allowed,
            Switch::Off => NestedUserNamespaces::Forbidden,
        },
    };
    let filter = compile(&policy, arch, &grants).map_err(|error| refuse(error.to_string()))?;
    let programs = filter.programs.iter();
    Ok(programs
        .map(|program| program.iter().map(instruction).collect())
        .collect())
}

fn instruction(from: &crate::seccomp::Instruction) -> Instruction {
    let crate::seccomp::Instruction { code, jt, jf, k } = *from;
    Instruction { code, jt, jf, k }
}
