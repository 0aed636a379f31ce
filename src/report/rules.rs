//! Every code that a message may have: what it is about, how it is mended, what breaks it and what does not.
//!
//! The texts lie beside this file, an entry after the other: `= CODE`, the reason, `>` before what to do, `$` before
//! a command that helps, and lines of two examples, `-` before the wrong one and `+` before the right one. An example
//! is a fragment of a profile. Where it has several files, a line `# NAME` begins each; where the command line
//! makes the difference, a line `$ COMMAND` shows it. Tests break and keep each rule by its examples, and look
//! through the source code for codes that are not told. What `audit`, `diff` and `why` say of their own codes
//! stands in their tables.

use std::borrow::Cow;

use crate::model::nearest;
use crate::review;

use super::steps::broken;

/// What the program says of a profile and of files, by itself.
const OF_THE_LANGUAGE: [&str; 4] = [
    include_str!("rules/command.txt"),
    include_str!("rules/mount.txt"),
    include_str!("rules/namespaces.txt"),
    include_str!("rules/rest.txt"),
];

/// What a host, a start or a command says.
const FURTHER: [&str; 3] = [
    include_str!("rules/host.txt"),
    include_str!("rules/program.txt"),
    include_str!("rules/commands.txt"),
];

const OF_AUDIT: &str = include_str!("rules/audit.txt");

/// What to do about a change that `diff` tells.
const MEND_A_CHANGE: &str = "Where the change is wanted, say so in its review: `diff` tells what it means, and forbids \
    nothing. Where it is not, take back the line that is named.";

/// What to do about a reason that `why` gives.
const MEND_AN_ANSWER: &str = "It is a reason and no mistake. Where another answer is wanted, change the line that is \
    named; where it says `default`, state the key.";

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its stable name, as messages show it.
    pub code: &'static str,
    /// What it means, and what it is good for.
    pub reason: Cow<'static, str>,
    /// What to do.
    pub mend: Option<&'static str>,
    /// Commands that show more of it or mend it.
    pub commands: Vec<&'static str>,
    /// Lines of a profile that breaks it; none where no text alone does.
    pub wrong: Vec<&'static str>,
    /// Lines of one that does not.
    pub right: Vec<&'static str>,
}

impl Rule {
    fn new(code: &'static str) -> Rule {
        Rule {
            code,
            reason: "".into(),
            mend: None,
            commands: Vec::new(),
            wrong: Vec::new(),
            right: Vec::new(),
        }
    }
}

/// The rules of the language, in its order.
pub fn of_the_language() -> Vec<Rule> {
    OF_THE_LANGUAGE.into_iter().flat_map(read).collect()
}

/// What is told of hosts, starts and commands.
pub fn further() -> Vec<Rule> {
    FURTHER.into_iter().flat_map(read).collect()
}

/// What `audit` finds.
pub fn of_audit() -> Vec<Rule> {
    let mut rules = read(OF_AUDIT);
    for found in review::audit::rules() {
        let told = rules.iter().position(|rule| rule.code == found.code);
        let at = told.unwrap_or_else(|| {
            rules.push(Rule::new(found.code));
            rules.len() - 1
        });
        rules[at].reason = sentence(found.title, found.why);
    }
    rules
}

/// What `diff` tells.
pub fn of_diff() -> Vec<Rule> {
    let told = review::diff::topics().map(|topic| Rule {
        reason: sentence(topic.title, topic.why),
        mend: Some(MEND_A_CHANGE),
        commands: vec!["sandbox diff OLD NEW"],
        ..Rule::new(topic.code)
    });
    told.collect()
}

/// What `why` answers by.
pub fn of_why() -> Vec<Rule> {
    let told = review::why::rules().map(|rule| Rule {
        reason: sentence(rule.title, rule.why),
        mend: Some(MEND_AN_ANSWER),
        commands: vec!["sandbox why PROFILE --path PATH"],
        ..Rule::new(rule.code)
    });
    told.collect()
}

/// All of them.
pub fn rules() -> Vec<Rule> {
    let all = [
        of_the_language(),
        further(),
        of_audit(),
        of_diff(),
        of_why(),
    ];
    all.into_iter().flatten().collect()
}

fn sentence(title: &str, why: &str) -> Cow<'static, str> {
    let mut chars = title.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    format!("{}{}: {why}.", first.unwrap_or_default(), chars.as_str()).into()
}

fn read(text: &'static str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for line in text.lines() {
        if let Some(code) = line.strip_prefix("= ") {
            rules.push(Rule::new(code));
            continue;
        }
        let Some(rule) = rules.last_mut() else {
            continue;
        };
        match line.split_once(' ') {
            Some(("-", wrong)) => rule.wrong.push(wrong),
            Some(("+", right)) => rule.right.push(right),
            Some((">", mend)) => rule.mend = Some(mend),
            Some(("$", command)) => rule.commands.push(command),
            _ => rule.reason = line.into(),
        }
    }
    rules
}

/// The rule `code`.
///
/// # Errors
/// With the nearest code that there is, if any is near.
pub fn find(code: &str) -> Result<Rule, Option<&'static str>> {
    let all = rules();
    let near = nearest(code, all.iter().map(|rule| rule.code));
    all.into_iter().find(|rule| rule.code == code).ok_or(near)
}

/// The rule for a person to read, in lines of `width`; what is to be copied stays whole.
pub fn text(rule: &Rule, width: usize) -> String {
    let Rule {
        code,
        reason,
        mend,
        commands,
        wrong,
        right,
    } = rule;
    let mut text = format!("{code}\n");
    let room = width.saturating_sub(2);
    for prose in std::iter::once(reason.as_ref()).chain(*mend) {
        text.push('\n');
        for line in broken(prose, room, room) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    let titles = ["see also", "breaks it", "does not"];
    for (title, lines) in titles.into_iter().zip([commands, wrong, right]) {
        if lines.is_empty() {
            continue;
        }
        text.push_str(&format!("\n  {title}:\n"));
        for line in lines {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}
