//! Every rule of `check`: what it is good for, a profile that breaks it and one that does not.
//!
//! The texts lie beside this file, an entry after the other: `= CODE`, the reason, and lines of two
//! fragments of a profile, `-` before the wrong one and `+` before the right one. A test breaks and
//! keeps each rule by them, and compares their codes with those of the source code.

use crate::model::nearest;

const TEXTS: [&str; 4] = [
    include_str!("rules/command.txt"),
    include_str!("rules/mount.txt"),
    include_str!("rules/namespaces.txt"),
    include_str!("rules/rest.txt"),
];

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its stable name, as messages show it.
    pub code: &'static str,
    /// What it is good for.
    pub reason: &'static str,
    /// Lines of a profile that breaks it; none where no text alone does.
    pub wrong: Vec<&'static str>,
    /// Lines of one that does not.
    pub right: Vec<&'static str>,
}

/// All rules, in the order of the language.
pub fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for line in TEXTS.iter().flat_map(|text| text.lines()) {
        if let Some(code) = line.strip_prefix("= ") {
            rules.push(Rule {
                code,
                reason: "",
                wrong: Vec::new(),
                right: Vec::new(),
            });
            continue;
        }
        let Some(rule) = rules.last_mut() else {
            continue;
        };
        if let Some(wrong) = line.strip_prefix("- ") {
            rule.wrong.push(wrong);
        } else if let Some(right) = line.strip_prefix("+ ") {
            rule.right.push(right);
        } else {
            rule.reason = line;
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

/// The rule for a person to read.
pub fn text(rule: &Rule) -> String {
    let Rule {
        code,
        reason,
        wrong,
        right,
    } = rule;
    let mut text = format!("{code}\n\n  {reason}\n");
    for (title, lines) in [("breaks it", wrong), ("does not", right)] {
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
