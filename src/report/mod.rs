//! What is shown to people: problems under their lines, plans, failures, findings, results, the progress
//! of a build.

mod actions;
pub mod audit;
pub mod changes;
pub mod diff;
pub mod doctor;
mod ended;
pub mod expect;
mod failed;
pub mod failure;
mod footer;
pub mod outcome;
mod place;
mod printable;
pub mod problems;
pub mod profiles;
mod progress;
pub mod rules;
pub mod running;
mod sarif;
mod schema;
pub mod steps;
mod stores;
mod table;
pub mod values;
pub mod why;

pub use actions::quoted as shell_word;
pub use ended::ended;
pub use failed::failed;
pub use footer::footer;
pub use outcome::{json, summary};
pub use printable::printable;
pub use progress::Bar;
pub use steps::{plan_json, plan_text, steps_text};
pub use stores::{collected_text, listing, listing_json, listing_json_schema, tree_text};
