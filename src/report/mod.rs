//! What is shown to people: problems under their lines, plans, failures, results, the progress of a
//! build.

mod actions;
mod printable;
pub mod problems;
mod progress;
pub mod steps;

pub use progress::Bar;
pub use steps::plan_text;

use crate::model::Outcome;
/// Temporary.
pub fn json(outcome: &Outcome) -> String {
    serde_json::to_string_pretty(outcome).unwrap_or_default()
}
/// Temporary.
pub fn summary(_: &Outcome) -> Option<String> {
    None
}
