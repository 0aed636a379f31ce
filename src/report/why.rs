//! Answers of `sandbox why`: for people, and as JSON.

use schemars::JsonSchema;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::schema::schema_of;
use crate::diag::Sources;
use crate::review::why::{Answer, Reason, Verdict};

use super::audit::{TIE, tied};
use super::place::{OriginJson, PlaceJson, place};
use super::printable::{json_escaped, printable};
use super::problems::Style;
use super::steps::broken;

/// The version of the format. A member that is added does not change it, so readers pass over those that
/// they do not know; one that is renamed, removed or gets another meaning does.
const VERSION: u8 = 2;

/// The most columns of a line, however wide the terminal is: mails and reviews show no more.
const WIDEST: usize = 80;

/// Where the texts of a reason start.
const INDENT: usize = 2;

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
pub fn human(asked: &Asked<'_>, style: Style) -> String {
    let width = style.width.min(WIDEST);
    let verdict = asked.answer.verdict;
    let phrase = style.paint(colour(verdict), verdict.phrase());
    let question = printable(asked.question);
    let between = match question.width() + 2 + verdict.phrase().len() <= width {
        true => " ".to_owned(),
        false => format!("\n{}", " ".repeat(INDENT)),
    };
    let mut text = format!("{question}:{between}{phrase}\n");
    for reason in &asked.answer.reasons {
        text += "\n";
        text += &entry(asked, reason, width, style);
    }
    text
}

fn entry(asked: &Asked<'_>, reason: &Reason, width: usize, style: Style) -> String {
    let pad = " ".repeat(INDENT);
    let code = reason.rule.code;
    let place = printable(&asked.sources.locate_exactly(&reason.origin));
    let fits = INDENT + code.len() + 2 + place.width() <= width;
    let mut text = match fits {
        true => format!("{pad}{}\n", style.paint("1", &format!("{code}  {place}"))),
        // A path is not broken: it is there to be copied.
        false => format!(
            "{pad}{}\n{pad}{}\n",
            style.paint("1", code),
            style.paint("1", &place)
        ),
    };
    let room = width.saturating_sub(INDENT).max(20);
    for line in broken(&tied(&printable(&reason.message)), room, room) {
        text += &format!("{pad}{}\n", line.replace(TIE, " "));
    }
    text
}

fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed => "32",
        Verdict::Denied => "31",
        Verdict::Depends => "33",
    }
}

/// What `sandbox why` answers.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Why")]
struct WhyJson<'a> {
    /// The version of this format.
    #[schemars(range(min = 2, max = 2))]
    version: u8,
    /// The profile, as it was named.
    profile: &'a str,
    /// What was asked, in words.
    question: &'a str,
    /// The answer. What depends is for the host to say: the profile lets it.
    #[schemars(extend("enum" = Verdict::ALL.map(Verdict::word)))]
    verdict: &'static str,
    /// Question and answer as a sentence for people.
    sentence: String,
    /// What decides first.
    reasons: Vec<ReasonJson<'a>>,
}

/// Why it is so.
#[derive(Serialize, JsonSchema)]
#[serde(rename = "Reason")]
struct ReasonJson<'a> {
    /// What kind of reason it is, by its stable name: `why.read-only`.
    code: &'static str,
    /// In words.
    message: &'a str,
    /// What follows from it.
    why: &'static str,
    /// Who says so.
    origin: OriginJson,
    /// Where; null where no file says so.
    place: Option<PlaceJson<'a>>,
}

/// The same with its keys always in the same order, and a line break at the end.
pub fn json(asked: &Asked<'_>) -> String {
    let reasons = asked.answer.reasons.iter();
    let verdict = asked.answer.verdict;
    let document = WhyJson {
        version: VERSION,
        profile: asked.profile,
        question: asked.question,
        verdict: verdict.word(),
        sentence: format!("{}: {}", asked.question, verdict.phrase()),
        reasons: reasons
            .map(|reason| ReasonJson {
                code: reason.rule.code,
                message: &reason.message,
                why: reason.rule.why,
                origin: (&reason.origin).into(),
                place: place(&reason.origin, asked.sources),
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
