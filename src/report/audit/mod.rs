//! Findings of `sandbox audit`: for people, as JSON, and as SARIF for those who collect findings.

mod human;
mod json;
mod sarif;

pub use human::human;
pub(super) use human::{TIE, tied};
pub use json::{json, json_schema};
pub use sarif::sarif;

use crate::diag::Sources;
use crate::review::audit::Audit;

/// The findings of one profile, and where its lines are.
#[derive(Debug, Clone, Copy)]
pub struct Audited<'a> {
    /// The profile, as it was named.
    pub profile: &'a str,
    /// What was found.
    pub audit: &'a Audit,
    /// The files of the profile.
    pub sources: &'a Sources,
}
