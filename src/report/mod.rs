//! What is shown to people: problems under their lines, the progress of a build.

pub mod problems;
mod progress;

pub use progress::Bar;

use crate::diag::Sources;
use crate::model::Outcome;
use crate::plan::Plan;

/// Temporary.
pub fn plan_text(plan: &Plan, _: &Sources, _: problems::Style) -> String {
    plan.steps
        .iter()
        .map(|step| format!("{step:?}\n"))
        .collect()
}
/// Temporary.
pub fn json(outcome: &Outcome) -> String {
    serde_json::to_string_pretty(outcome).unwrap_or_default()
}
/// Temporary.
pub fn summary(_: &Outcome) -> Option<String> {
    None
}
