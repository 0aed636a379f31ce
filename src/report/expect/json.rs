//! The answers as JSON, and its schema.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::Verdict;
use crate::report::printable::json_escaped;
use crate::report::schema::schema_of;

use super::{Answer, failed};

/// The version of what is written; it changes as that of the report does.
const VERSION: u8 = 1;

/// What `sandbox test --format json` writes.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "TestReport")]
struct TestReport<'a> {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    version: u8,
    /// The sandbox's name.
    name: &'a str,
    /// How many expectations there are.
    total: usize,
    /// How many of them do not hold.
    failed: usize,
    /// Each of them, in the order of the profile.
    results: Vec<Result<'a>>,
}

/// One expectation.
#[derive(Serialize, JsonSchema)]
struct Result<'a> {
    /// The key in the profile: `deny_read`.
    expect: &'a str,
    /// The value in the profile, in TOML.
    value: &'a str,
    /// Whether it holds.
    holds: bool,
    /// What happened, for people.
    found: &'a str,
    /// Where it stands: `FILE:LINE`.
    at: &'a str,
    /// What it is good for; null where the profile does not say.
    why: Option<&'a str>,
}

/// The answers in the sandbox `name`, with a line break at the end.
pub fn json(name: &str, answers: &[Answer]) -> String {
    let results = answers.iter().map(|answer| Result {
        expect: answer.key,
        value: &answer.value,
        holds: answer.verdict == Verdict::Holds,
        found: &answer.found,
        at: &answer.place,
        why: answer.why.as_deref(),
    });
    let report = TestReport {
        version: VERSION,
        name,
        total: answers.len(),
        failed: failed(answers),
        results: results.collect(),
    };
    // Plain data with texts as keys: there is nothing in it that JSON cannot say.
    json_escaped(&serde_json::to_string_pretty(&report).unwrap_or_default()) + "\n"
}

/// The JSON Schema of [`json`], made from the types themselves, with a line break at its end.
pub fn json_schema() -> String {
    schema_of::<TestReport<'_>>()
}
