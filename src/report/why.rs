//! Answers of `sandbox why`: for people, and as JSON.

use schemars::JsonSchema;
use serde::Serialize;

use super::schema::schema_of;
use crate::diag::Sources;
use crate::review::why::Answer;

use super::place::{OriginJson, PlaceJson, place};
use super::printable::{json_escaped, printable};

/// The version of the format.
const VERSION: u8 = 1;

/// A question and its answer.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The profile, as it was named.
    pub profile: &'a str,
    /// What was asked, in words.
    pub question: &'a str,
    /// What came of it.
    pub answer: &'a Answer,
    /// The files of the profile.
    pub sources: &'a Sources,
}

/// The answer, and below it each reason with its line.
pub fn human(asked: &Asked<'_>) -> String {
    let mut text = format!(
        "{}: {}\n",
        printable(asked.question),
        asked.answer.verdict.word()
    );
    for (reason, origin) in &asked.answer.reasons {
        let place = asked.sources.locate_exactly(origin);
        text += &format!("  {}\n      {}\n", printable(&place), printable(reason));
    }
    text
}

/// What `sandbox why` answers.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Why")]
struct WhyJson<'a> {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    version: u8,
    /// The profile, as it was named.
    profile: &'a str,
    /// What was asked, in words.
    question: &'a str,
    /// The answer.
    #[schemars(extend("enum" = ["allowed", "denied", "allowed if the host lets it"]))]
    verdict: &'static str,
    /// What decides first.
    reasons: Vec<ReasonJson<'a>>,
}

/// Why it is so.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Reason")]
struct ReasonJson<'a> {
    /// In words.
    message: &'a str,
    /// Who says so.
    origin: OriginJson,
    /// Where; null where no file says so.
    place: Option<PlaceJson<'a>>,
}

/// The same with its keys always in the same order, and a line break at the end.
pub fn json(asked: &Asked<'_>) -> String {
    let reasons = asked.answer.reasons.iter();
    let document = WhyJson {
        version: VERSION,
        profile: asked.profile,
        question: asked.question,
        verdict: asked.answer.verdict.word(),
        reasons: reasons
            .map(|(message, origin)| ReasonJson {
                message,
                origin: origin.into(),
                place: place(origin, asked.sources),
            })
            .collect(),
    };
    // Texts and numbers: there is nothing in it that JSON cannot say.
    json_escaped(&serde_json::to_string_pretty(&document).unwrap_or_default()) + "\n"
}

/// The JSON Schema of [`json`], made from the types themselves, with a line break at its end.
pub fn json_schema() -> String {
    schema_of::<WhyJson<'_>>()
}
