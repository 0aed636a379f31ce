//! The findings as JSON, and its schema.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::printable::json_escaped;
use crate::report::schema::schema_of;

use super::{Examined, Finding, Need, State, findings, place, works};

/// The version of the format. A member that is added does not change it, so readers pass over those that
/// they do not know; one that is renamed, removed or gets another meaning does.
const VERSION: u8 = 1;

/// What `sandbox doctor` found on a host.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Doctor")]
struct DoctorJson<'a> {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    version: u8,
    /// The profile that was asked about, as it was named; null where none was.
    profile: Option<&'a str>,
    /// Whether all that is needed works: by the profile, or by every sandbox.
    works: bool,
    /// The worst first.
    findings: Vec<FindingJson>,
}

/// One ability of the host.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Finding")]
struct FindingJson {
    /// What it is called: `user namespace`, `limits.memory`.
    name: String,
    /// How it stands with it.
    state: StateJson,
    /// Whether the profile, or every sandbox, starts only with it.
    needed: bool,
    /// Which profiles start only with it; null where all do, or none.
    wanted_by: Option<&'static str>,
    /// What is there, where there is more to say than that it works; for a limit that does not hold, the
    /// group in which it was tried.
    found: Option<String>,
    /// The stable name of the cause; null where it works, or was not tried.
    code: Option<&'static str>,
    /// The cause, as it was found on this host.
    cause: Option<String>,
    /// What to do; null where only the kernel's answer is known.
    fix: Option<String>,
    /// The line of the profile that needs it: `profiles/dev.toml:3:7`.
    place: Option<String>,
}

/// How it stands with an ability.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "State", rename_all = "kebab-case")]
enum StateJson {
    /// Without it nothing starts.
    Missing,
    /// What it rests on is missing.
    NotTried,
    /// Sandboxes start, with less or without those profiles that want it.
    Degraded,
    /// It works.
    Ok,
}

/// The findings with their keys always in the same order, and a line break at the end.
pub fn json(examined: Examined<'_>) -> String {
    let findings = findings(examined);
    let document = DoctorJson {
        version: VERSION,
        profile: examined.profile,
        works: works(&findings),
        findings: findings
            .into_iter()
            .map(|found| finding(found, examined))
            .collect(),
    };
    // Texts and numbers: there is nothing in it that JSON cannot say.
    json_escaped(&serde_json::to_string_pretty(&document).unwrap_or_default()) + "\n"
}

fn finding(found: Finding, examined: Examined<'_>) -> FindingJson {
    let place = place(&found, examined);
    let Finding {
        group: _,
        name,
        state,
        need,
        found,
        told,
        origin: _,
    } = found;
    let (code, cause, fix) = match told {
        Some(told) => (Some(told.code), Some(told.reason), told.help),
        None => (None, None, None),
    };
    FindingJson {
        name,
        state: match state {
            State::Missing => StateJson::Missing,
            State::NotTried => StateJson::NotTried,
            State::Degraded => StateJson::Degraded,
            State::Ok => StateJson::Ok,
        },
        needed: need == Need::Needed,
        wanted_by: match need {
            Need::Needed | Need::Nobody => None,
            Need::Wanted(by) => Some(by),
        },
        found,
        code,
        cause,
        fix,
        place,
    }
}

/// The JSON Schema of [`json`], made from the types themselves, with a line break at its end.
pub fn json_schema() -> String {
    schema_of::<DoctorJson<'_>>()
}
