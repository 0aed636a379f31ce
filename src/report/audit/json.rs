//! Findings as JSON, and its schema.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::place::{OriginJson, PlaceJson, place};
use crate::report::printable::json_escaped;
use crate::report::schema::schema_of;
use crate::review::audit::{Finding, Level};

use super::Audited;

/// The version of the format. A member that is added does not change it, so readers pass over those that
/// they do not know; one that is renamed, removed or gets another meaning does.
const VERSION: u8 = 1;

/// What `sandbox audit` found in one profile.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Audit")]
struct AuditJson<'a> {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    version: u8,
    /// The profile, as it was named.
    profile: &'a str,
    /// From 0.0, sealed, to 10.0, as the host; with one decimal.
    #[schemars(range(min = 0.0, max = 10.0))]
    score: f64,
    /// The score in a word.
    #[schemars(extend("enum" = ["sealed", "tight", "fair", "loose", "open", "as the host"]))]
    word: &'a str,
    /// How far each part of the sandbox is open, as if it were the only one; those that are sealed are
    /// left out.
    exposures: Vec<ExposureJson>,
    /// The heaviest first.
    findings: Vec<FindingJson<'a>>,
}

/// How far one part of the sandbox is open.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Exposure")]
struct ExposureJson {
    /// The part.
    dimension: &'static str,
    /// From 0.0 to 10.0.
    #[schemars(range(min = 0.0, max = 10.0))]
    score: f64,
}

/// One place where the profile opens its sandbox.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Finding")]
struct FindingJson<'a> {
    /// The rule's stable name: `audit.network-host`.
    code: &'static str,
    /// How bad it is; the weight decides it.
    #[schemars(extend("enum" = ["note", "low", "medium", "high", "critical"]))]
    level: &'static str,
    /// How much of the way to the host it opens. Of several findings of one rule the heaviest counts.
    #[schemars(range(min = 0.0, max = 10.0))]
    weight: f64,
    /// The part of the sandbox that it opens.
    dimension: &'static str,
    /// What is open.
    message: &'a str,
    /// What the program can do then.
    why: &'static str,
    /// What to do.
    fix: &'a str,
    /// Who says so.
    origin: OriginJson,
    /// Where; null where no file says so.
    place: Option<PlaceJson<'a>>,
}

/// The findings with their keys always in the same order, and a line break at the end.
pub fn json(audited: Audited<'_>) -> String {
    let Audited {
        profile,
        audit,
        sources: _,
    } = audited;
    let score = audit.score();
    let exposures = audit.exposures().into_iter();
    let document = AuditJson {
        version: VERSION,
        profile,
        score: score.value(),
        word: score.word(),
        exposures: exposures
            .map(|(dimension, score)| ExposureJson {
                dimension: dimension.word(),
                score: score.value(),
            })
            .collect(),
        findings: audit
            .findings
            .iter()
            .map(|found| finding(found, audited))
            .collect(),
    };
    // Texts and numbers: there is nothing in it that JSON cannot say.
    json_escaped(&serde_json::to_string_pretty(&document).unwrap_or_default()) + "\n"
}

fn finding<'a>(found: &'a Finding, audited: Audited<'a>) -> FindingJson<'a> {
    let Finding {
        rule,
        weight,
        origin,
        message,
        fix,
    } = found;
    let level: Level = found.level();
    FindingJson {
        code: rule.code,
        level: level.word(),
        weight: weight.value(),
        dimension: rule.dimension.word(),
        message,
        why: rule.why,
        fix,
        origin: origin.into(),
        place: place(origin, audited.sources),
    }
}

/// The JSON Schema of [`json`], made from the types themselves, with a line break at its end.
pub fn json_schema() -> String {
    schema_of::<AuditJson<'_>>()
}
