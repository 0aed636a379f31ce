//! Makes the groups of a run, noted before they are there.

use crate::cgroup::{CgroupError, Failure, Groups, scope};
use crate::model::CgroupFacts;

use super::{Claim, Run, RunError};

/// The groups, and where they lie: elsewhere than the caller's, where a scope had to be asked for.
pub(super) fn make(run: &Run<'_>, claim: &mut Claim) -> Result<(CgroupFacts, Groups), RunError> {
    let first = create(run, run.cgroups, claim)?;
    let missing = match &first {
        Ok(groups) => groups.missing().first(),
        Err(error) => Some(error),
    };
    if !missing.is_some_and(|error| scope::would_help(error, run.cgroups)) {
        return first
            .map(|groups| (run.cgroups.clone(), groups))
            .map_err(refused);
    }
    match (scope::enter(&claim.name), first) {
        (Ok(()), first) => {
            drop(first);
            let facts = (run.regroup)();
            let groups = create(run, &facts, claim)?.map_err(refused)?;
            Ok((facts, groups))
        }
        // What may be missing is missing.
        (Err(_), Ok(groups)) => Ok((run.cgroups.clone(), groups)),
        (Err(reason), Err(error)) => {
            let failure = Failure::no_scope(reason);
            Err(refused(CgroupError { failure, ..error }))
        }
    }
}

fn refused(error: CgroupError) -> RunError {
    RunError::Group(Box::new(error))
}

fn create(
    run: &Run<'_>,
    facts: &CgroupFacts,
    claim: &mut Claim,
) -> Result<Result<Groups, CgroupError>, RunError> {
    let limits = &run.plan.settings.group_limits;
    let places = Groups::places(limits, facts, &claim.name);
    if !places.is_empty() {
        claim.note_groups(&places).map_err(RunError::State)?;
    }
    let made = Groups::create(limits, facts, &claim.name);
    if let Ok(groups) = &made {
        let paths = groups.paths();
        if !paths.iter().all(|path| places.contains(path)) {
            claim.note_groups(&paths).map_err(RunError::State)?;
        }
    }
    Ok(made)
}
