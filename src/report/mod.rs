//! What is shown to people: problems under their lines, plans, failures, findings, results, the progress
//! of a build.

mod actions;
pub mod audit;
pub mod changes;
pub mod expect;
pub mod failure;
pub mod outcome;
mod printable;
pub mod problems;
pub mod profiles;
mod progress;
pub mod rules;
pub mod steps;
mod stores;
pub mod values;

pub use outcome::{json, summary};
pub use printable::printable;
pub use progress::Bar;
pub use steps::plan_text;
pub use stores::{collected_text, listing, listing_json, tree_text};
