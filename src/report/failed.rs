//! A run of which there is no outcome, as the report tells it.

use schemars::JsonSchema;
use serde::Serialize;

use super::outcome::VERSION;
use super::printable::json_escaped;
use super::problems::{ProblemJson, problem_json};
use crate::diag::{Problem, Sources};

/// A run without an outcome, as `--report` writes it: no program was started, or, where a problem says so, what became
/// of it could not be seen.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Failed")]
pub(super) struct Failed<'a> {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    version: u8,
    /// What `sandbox up` exits with: 125, 126 or 127.
    #[schemars(range(min = 125, max = 127))]
    exit_code: u8,
    /// How it ended: by an error of ours.
    ending: FailedEnding,
    /// Why, and what else is to be said of the profile, in the order of its file.
    problems: Vec<ProblemJson<'a>>,
}

/// An ending as any other, told apart by `kind`.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum FailedEnding {
    /// `sandbox` failed; `problems` say at what.
    Failed,
}

/// The report of a run that failed, with a line break at its end.
pub fn failed(problems: &[Problem], sources: &Sources, exit_code: u8) -> String {
    let report = Failed {
        version: VERSION,
        exit_code,
        ending: FailedEnding::Failed,
        problems: problems
            .iter()
            .map(|problem| problem_json(problem, sources))
            .collect(),
    };
    // Texts and numbers: there is nothing in it that JSON cannot say.
    json_escaped(&serde_json::to_string_pretty(&report).unwrap_or_default()) + "\n"
}
