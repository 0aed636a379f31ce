//! Differences as JSON, and its schema.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::place::{OriginJson, PlaceJson, place};
use crate::report::printable::json_escaped;
use crate::report::schema::schema_of;
use crate::review::diff::{Change, Mark, Where};

use super::Compared;

/// The version of the format. A member that is added does not change it, so readers pass over those that
/// they do not know; one that is renamed, removed or gets another meaning does.
const VERSION: u8 = 1;

/// What `sandbox diff` found between profiles.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Diff")]
struct DiffJson<'a> {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    version: u8,
    /// Whether something is possible that was not.
    wider: bool,
    /// Each pair of profiles.
    profiles: Vec<ProfileJson<'a>>,
}

/// Two profiles.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Profile")]
struct ProfileJson<'a> {
    /// The old one, as it was named.
    old: &'a str,
    /// The new one.
    new: &'a str,
    /// What is wider first.
    changes: Vec<ChangeJson<'a>>,
}

/// One difference in meaning.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Change")]
struct ChangeJson<'a> {
    /// What it is about, by its stable name: `diff.file-write`.
    code: &'static str,
    /// Which way it goes.
    #[schemars(extend("enum" = ["wider", "narrower", "neutral"]))]
    mark: &'static str,
    /// What is possible now, or no longer.
    message: &'a str,
    /// Why it counts.
    why: &'static str,
    /// In which of the two profiles the line stands.
    #[schemars(extend("enum" = ["old", "new"]))]
    side: &'static str,
    /// Who says so.
    origin: OriginJson,
    /// Where; null where no file says so.
    place: Option<PlaceJson<'a>>,
}

/// The differences with their keys always in the same order, and a line break at the end.
pub fn json(all: &[Compared]) -> String {
    let profiles = all.iter().map(|compared| ProfileJson {
        old: &compared.old,
        new: &compared.new,
        changes: compared
            .changes
            .iter()
            .map(|found| change(compared, found))
            .collect(),
    });
    let document = DiffJson {
        version: VERSION,
        wider: all.iter().any(|compared| compared.count(Mark::Wider) > 0),
        profiles: profiles.collect(),
    };
    // Texts and numbers: there is nothing in it that JSON cannot say.
    json_escaped(&serde_json::to_string_pretty(&document).unwrap_or_default()) + "\n"
}

fn change<'a>(compared: &'a Compared, change: &'a Change) -> ChangeJson<'a> {
    let Change {
        topic,
        mark,
        message,
        side,
        origin,
    } = change;
    ChangeJson {
        code: topic.code,
        mark: mark.word(),
        message,
        why: topic.why,
        side: match side {
            Where::Old => "old",
            Where::New => "new",
        },
        origin: origin.into(),
        place: place(origin, compared.sources(change)),
    }
}

/// The JSON Schema of [`json`], made from the types themselves, with a line break at its end.
pub fn json_schema() -> String {
    schema_of::<DiffJson<'_>>()
}
