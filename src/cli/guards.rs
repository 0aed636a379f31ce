//! The guards that a test takes out of a debug build: read first of all, and gone from the plan.

#[cfg(debug_assertions)]
pub use switched::{read, without};
#[cfg(not(debug_assertions))]
pub use whole::{read, without};

/// All of them stand.
#[cfg(not(debug_assertions))]
mod whole {
    use crate::cli::exit::Exit;
    use crate::plan::Plan;

    /// There is nothing to read.
    pub fn read() -> Option<Exit> {
        None
    }

    /// The plan as it is.
    pub fn without(plan: Plan) -> Plan {
        plan
    }
}

#[cfg(debug_assertions)]
mod switched {
    use crate::cli::exit::Exit;
    use crate::cli::output::error_text;
    use crate::model::SeccompPolicy;
    use crate::model::guard::{Guard, VARIABLE, holds, switch_off};
    use crate::plan::{Action, Lane, MountAction, Namespace, PartGuard, Plan, ProgramAction, Step};

    /// Switches off what the caller's environment names; an exit code where that is no guard.
    pub fn read() -> Option<Exit> {
        let list = std::env::var_os(VARIABLE)?;
        let list = list.to_string_lossy();
        match switch_off(&list) {
            Ok(()) => {
                error_text(&format!("guards off, for a test alone: {list}\n"));
                None
            }
            Err(name) => {
                error_text(&format!("{VARIABLE}: there is no guard `{name}`\n"));
                Some(Exit::NOT_STARTED)
            }
        }
    }

    /// The plan without the steps whose guard is off.
    pub fn without(mut plan: Plan) -> Plan {
        let mut deaths = 0;
        plan.steps.retain(|step| {
            let again = matches!(step.action, Action::DieWithParent) && {
                deaths += 1;
                deaths > 1
            };
            guard(step).is_none_or(holds) && (holds(Guard::DieWithParentAgain) || !again)
        });
        plan.steps.iter_mut().for_each(weaken);
        plan
    }

    /// The guard that a step is.
    fn guard(step: &Step) -> Option<Guard> {
        Some(match &step.action {
            Action::NoNewPrivileges => Guard::NoNewPrivileges,
            Action::LeaveGroups { .. } => Guard::LeaveGroups,
            Action::DropBoundingSet(_) => Guard::BoundingSet,
            Action::SetCapabilities(_) => Guard::Capabilities,
            Action::ForbidUserNamespaces if !holds(Guard::UserNamespace) => Guard::UserNamespace,
            Action::ForbidUserNamespaces => Guard::ForbidUserNamespaces,
            Action::WriteIdMaps(_) => Guard::UserNamespace,
            Action::NewSession => Guard::NewSession,
            Action::PivotRoot => Guard::PivotRoot,
            Action::SetHostName(_) => Guard::UtsNamespace,
            Action::LoopbackUp => Guard::NetworkNamespace,
            Action::EnterGroups => Guard::EnterGroups,
            Action::NewCgroupNamespace => Guard::CgroupNamespace,
            Action::DieWithParent => Guard::DieWithParent,
            Action::Filter(_) if step.lane == Lane::Init && !holds(Guard::FilterOfInit) => {
                Guard::FilterOfInit
            }
            Action::Filter(SeccompPolicy::None) if !holds(Guard::SetIdWithoutList) => {
                Guard::SetIdWithoutList
            }
            Action::Filter(_) => Guard::Filter,
            Action::Mount(MountAction::GuardPart(part)) => match part.guard {
                PartGuard::Pinned => Guard::PinParts,
                PartGuard::ReadOnly => Guard::ReadOnlyParts,
                PartGuard::Hidden => Guard::HideParts,
            },
            Action::Mount(MountAction::MaskProc(_)) => Guard::MaskProc,
            Action::Mount(MountAction::SealProc(_)) => Guard::SealProc,
            Action::Mount(MountAction::MaskSys(_)) => Guard::MaskSys,
            Action::Mount(MountAction::SealDev) => Guard::SealDev,
            Action::Program(ProgramAction::SetUmask(_)) => Guard::Umask,
            Action::Program(ProgramAction::Landlock(_)) => Guard::Landlock,
            Action::Program(ProgramAction::ResetSignals) => Guard::ResetSignals,
            Action::Program(ProgramAction::LimitProcess(_)) => Guard::ProcessLimits,
            Action::Program(ProgramAction::RefuseMagicLinks { .. }) => Guard::RefuseMagicLinks,
            Action::Program(ProgramAction::CloseDescriptors { .. }) => Guard::CloseDescriptors,
            _ => return None,
        })
    }

    /// Takes out of a step what is a guard of its own.
    fn weaken(step: &mut Step) {
        match &mut step.action {
            // Never the mount namespace: what is mounted would be mounted on the host.
            Action::Clone { namespaces } => namespaces.retain(|namespace| match namespace {
                Namespace::Mount => true,
                Namespace::User => holds(Guard::UserNamespace),
                Namespace::Pid => holds(Guard::PidNamespace),
                Namespace::Ipc => holds(Guard::IpcNamespace),
                Namespace::Uts => holds(Guard::UtsNamespace),
                Namespace::Network => holds(Guard::NetworkNamespace),
                Namespace::Cgroup | Namespace::Time => true,
            }),
            Action::WriteIdMaps(maps)
                if step.lane == Lane::Parent && !holds(Guard::UnprivilegedId) =>
            {
                let extents = maps.users.iter_mut().chain(&mut maps.groups);
                extents.for_each(|extent| extent.outside = 0);
            }
            _ => {}
        }
    }
}
