//! What a profile's expectations came to: for people, as TAP, as JSON.

mod found;
mod json;
mod tap;

use crate::diag::Sources;
use crate::model::{Expectation, Outcome, Verdict};
use crate::plan::Plan;

use super::printable::whole;

pub use json::{json, json_schema};
pub use tap::{bail_out, tap};

/// One expectation and what it came to; nothing private and nothing that a terminal acts upon is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The key in the profile.
    pub key: &'static str,
    /// The value, as the profile writes it: quoted where it is a text.
    pub value: String,
    /// Whether it holds.
    pub verdict: Verdict,
    /// What happened.
    pub found: String,
    /// `FILE:LINE`.
    pub place: String,
    /// What it is good for, in the profile's words.
    pub why: Option<String>,
}

impl Answer {
    /// As it stands in the profile.
    fn words(&self) -> String {
        format!("{} = {}", self.key, self.value)
    }
}

/// All answers, in the order of the profile.
pub fn answers(plan: &Plan, outcome: &Outcome, sources: &Sources) -> Vec<Answer> {
    let settings = &plan.settings;
    let plain = |text: &str| whole(&settings.private.hide(text));
    let pairs = settings.expect.iter().zip(&outcome.found);
    let answers = pairs.map(|(expect, found)| {
        let what = &expect.value.what;
        Answer {
            key: what.key(),
            value: value(what, &plain(&what.to_string())),
            verdict: what.judge(*found, settings.network.value),
            found: plain(&found::text(what, *found, settings)),
            place: whole(&sources.locate(&expect.origin)),
            why: expect.value.why.as_deref().map(plain),
        }
    });
    answers.collect()
}

/// As TOML writes it.
fn value(what: &Expectation, text: &str) -> String {
    match what {
        Expectation::MaxPids(_) | Expectation::MaxOpenFiles(_) => text.to_owned(),
        _ => format!("\"{text}\""),
    }
}

fn failed(answers: &[Answer]) -> usize {
    let failed = answers
        .iter()
        .filter(|answer| answer.verdict == Verdict::Fails);
    failed.count()
}

/// A line for each, those that fail with what happened and why it matters, and a count.
pub fn human(answers: &[Answer]) -> String {
    let lines = answers.iter().map(|answer| {
        let (words, found, place) = (answer.words(), &answer.found, &answer.place);
        match answer.verdict {
            Verdict::Holds => format!("holds  {words}: {found}\n"),
            Verdict::Fails => {
                let why = answer.why.as_deref();
                let why = why.map_or_else(String::new, |why| format!("       why: {why}\n"));
                format!("FAILS  {words}: {found}\n       at {place}\n{why}")
            }
        }
    });
    let lines: String = lines.collect();
    format!("{lines}{}\n", count(answers))
}

fn count(answers: &[Answer]) -> String {
    let things = match answers.len() {
        1 => "1 expectation".to_owned(),
        all => format!("{all} expectations"),
    };
    match (answers.len(), failed(answers)) {
        (1, 0) => format!("{things}: it holds"),
        (_, 0) => format!("{things}: all hold"),
        (1, _) => format!("{things}: it fails"),
        (all, failed) if all == failed => format!("{things}: all fail"),
        (_, failed) => format!("{things}: {failed} of them failed"),
    }
}

/// Whether all of them hold.
pub fn all_hold(answers: &[Answer]) -> Verdict {
    match failed(answers) {
        0 => Verdict::Holds,
        _ => Verdict::Fails,
    }
}
