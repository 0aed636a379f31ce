//! The Test Anything Protocol, version 13, which every reader knows: prove(1) takes no later one.

use std::fmt::Write as _;

use crate::model::Verdict;

use super::Answer;

/// A test point for each; what fails is told in its YAML block.
pub fn tap(answers: &[Answer]) -> String {
    let mut text = format!("TAP version 13\n1..{}\n", answers.len());
    for (answer, number) in answers.iter().zip(1..) {
        let words = escaped(&answer.words());
        let not = match answer.verdict {
            Verdict::Holds => "",
            Verdict::Fails => "not ",
        };
        // Writing to a String cannot fail.
        writeln!(text, "{not}ok {number} - {words}").ok();
        if answer.verdict == Verdict::Fails {
            block(answer, &mut text);
        }
    }
    text
}

fn block(answer: &Answer, text: &mut String) {
    let mut lines = vec![("message", &answer.found), ("at", &answer.place)];
    lines.extend(answer.why.as_ref().map(|why| ("why", why)));
    text.push_str("  ---\n");
    for (key, value) in lines {
        // Every JSON text is one of YAML.
        let value = serde_json::Value::from(value.as_str());
        writeln!(text, "  {key}: {value}").ok();
    }
    text.push_str("  ...\n");
}

/// The sandbox did not come so far.
pub fn bail_out(reason: &str) -> String {
    format!("TAP version 13\nBail out! {}\n", reason.replace('\n', " "))
}

/// A `#` would start a directive such as TODO.
fn escaped(words: &str) -> String {
    words.replace('\\', "\\\\").replace('#', "\\#")
}
