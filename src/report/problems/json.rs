//! Problems as JSON, one shape for every command, and its schema.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diag::{Label, Problem, Severity, Sources};
use crate::report::place::{OriginJson, PlaceJson, place};
use crate::report::printable::json_escaped;
use crate::report::schema::schema_of;

use super::Judged;

/// The version of the format; it changes as that of the audit does.
const VERSION: u8 = 1;

/// What is wrong with some profiles. `check` always prints it; `audit` and `test` in place of their own
/// document, which has no member `profiles`, where a profile cannot be judged or its sandbox not be started.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Problems")]
struct ProblemsJson<'a> {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    version: u8,
    /// Each profile, in the order in which they were named.
    profiles: Vec<ProfileJson<'a>>,
}

/// One profile.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Profile")]
struct ProfileJson<'a> {
    /// As it was named.
    profile: &'a str,
    /// How many problems are errors.
    errors: usize,
    /// How many are warnings.
    warnings: usize,
    /// What is wrong with it, in the order of the file.
    problems: Vec<ProblemJson<'a>>,
}

/// One mistake.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Problem")]
pub struct ProblemJson<'a> {
    /// The rule's stable name: `mount.target-relative`.
    code: &'static str,
    /// Whether nothing starts because of it.
    severity: SeverityJson,
    /// What is wrong.
    message: &'a str,
    /// What to say at its place; null where the message says all.
    label: Option<&'a str>,
    /// What to do; null where nothing can be said.
    help: Option<&'a str>,
    /// Who says so.
    origin: OriginJson,
    /// Where; null where no file says so.
    place: Option<PlaceJson<'a>>,
    /// Other places that belong to it.
    related: Vec<RelatedJson<'a>>,
}

/// How bad it is.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Severity", rename_all = "lowercase")]
enum SeverityJson {
    /// Nothing starts.
    Error,
    /// It starts, and the user should know.
    Warning,
}

/// Another place that belongs to a problem.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Related")]
struct RelatedJson<'a> {
    /// What is there.
    text: &'a str,
    /// Where; null where no file says so.
    place: Option<PlaceJson<'a>>,
}

/// What is wrong with each profile, with a line break at the end.
pub fn json(judged: &[Judged]) -> String {
    let document = ProblemsJson {
        version: VERSION,
        profiles: judged.iter().map(profile).collect(),
    };
    // Texts and numbers: there is nothing in it that JSON cannot say.
    json_escaped(&serde_json::to_string_pretty(&document).unwrap_or_default()) + "\n"
}

fn profile(judged: &Judged) -> ProfileJson<'_> {
    let Judged {
        profile,
        problems,
        sources,
    } = judged;
    let count = |severity| problems.iter().filter(|p| p.severity == severity).count();
    ProfileJson {
        profile,
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        problems: problems
            .iter()
            .map(|found| problem_json(found, sources))
            .collect(),
    }
}

/// One problem, for documents of other kinds too.
pub fn problem_json<'a>(found: &'a Problem, sources: &'a Sources) -> ProblemJson<'a> {
    let Problem {
        code,
        severity,
        message,
        label: Label { origin, text },
        related,
        help,
    } = found;
    ProblemJson {
        code,
        severity: match severity {
            Severity::Error => SeverityJson::Error,
            Severity::Warning => SeverityJson::Warning,
        },
        message,
        label: (!text.is_empty()).then_some(text),
        help: help.as_deref(),
        origin: origin.into(),
        place: place(origin, sources),
        related: related
            .iter()
            .map(|Label { origin, text }| RelatedJson {
                text,
                place: place(origin, sources),
            })
            .collect(),
    }
}

/// The JSON Schema of [`json`], made from the types themselves, with a line break at its end.
pub fn json_schema() -> String {
    schema_of::<ProblemsJson<'_>>()
}
