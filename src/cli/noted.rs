//! What a run notes for the other commands: its name, its plan, its end.

use crate::diag::{Problem, Sources};
use crate::model::Outcome;
use crate::plan::Plan;
use crate::report;
use crate::supervise::{Claim, Concluded, Described};

use super::profile::failed;
use super::running;

/// Takes the name of a run, which nobody else has then, after all that killed runs left is gone.
pub(super) fn claim(plan: &Plan) -> Result<Claim, Problem> {
    let state = running::directory()?;
    let taken = state.clean(&crate::cgroup::sweep).map_err(running::swept)?;
    state
        .claim(plan.settings.name.value.as_str(), &taken)
        .map_err(|error| failed("state.claim", "take the sandbox's name", &error))
}

/// Gives a name back; what is kept of a run without a caller stays with it.
pub(super) fn give_back(claim: Claim) -> Result<(), Problem> {
    let released = claim.release();
    released.map_err(|error| failed("state.release", "give the sandbox's name back", &error))
}

/// The end of a run, for who asks later.
pub(super) fn concluded(outcome: &Outcome) -> Concluded {
    Concluded {
        report: report::json(outcome),
        text: report::ended(outcome),
    }
}

/// The plan, as other commands show it.
pub(super) fn described(plan: &Plan, sources: &Sources) -> Described {
    Described {
        text: report::plan_text(plan, sources, report::problems::Style::PLAIN),
        json: report::plan_json(plan, sources),
    }
}
