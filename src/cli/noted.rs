//! What a run notes for the other commands: its name, its plan, its end.

use std::io;

use crate::diag::{Problem, Sources};
use crate::host::places;
use crate::model::Outcome;
use crate::plan::Plan;
use crate::report;
use crate::supervise::{Claim, Concluded, Described, StateDirectory};

use super::profile::general;
use super::tree;

/// Takes the name of a run, which nobody else has then, after all that killed runs left is gone.
pub(super) fn claim(plan: &Plan) -> Result<Claim, Problem> {
    let place = places::state().ok_or_else(tree::no_home)?;
    let what = format!("open the state directory `{}`", place.display());
    let state =
        StateDirectory::open(place).map_err(|error| failed("state.directory", &what, &error))?;
    let taken = state
        .clean(&crate::cgroup::sweep)
        .map_err(|error| failed("state.sweep", "clean up after killed runs", &error))?;
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

fn failed(code: &'static str, what: &str, error: &io::Error) -> Problem {
    general(code, format!("cannot {what}: {error}"))
}
