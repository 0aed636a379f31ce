//! `sandbox explain --rule CODE`: every rule is told, and its examples are what they say.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use sandbox::report::rules::{Rule, rules};

use super::resolved::{By, settle};
use super::{directory, rules as source};

/// Rules that no text breaks by itself: they need other files, a command line, another host, another
/// machine, or their example would not be a fragment.
const WITHOUT_EXAMPLE: &[&str] = &[
    "command.extra-refused",
    "command.group-powerful",
    "command.group-root",
    "command.no-directory",
    "command.user-no-id",
    "env.set-duplicate",
    "extends.depth",
    "extends.files",
    "extends.loop",
    "extends.name",
    "limits.above-host",
    "limits.hugetlb-unknown-page",
    "limits.io-hidden",
    "limits.io-missing",
    "limits.io-no-disk",
    "limits.io-same-disk",
    "limits.number-not-there",
    "namespaces.map-account",
    "namespaces.map-kept",
    "namespaces.map-length",
    "namespaces.map-no-block",
    "namespaces.map-no-range",
    "namespaces.map-one-group",
    "params.choice",
    "params.unknown",
    "params.unused",
    "path.invalid",
    "path.relative",
    "profile.ambiguous",
    "profile.file-name",
    "profile.foreign-owner",
    "profile.hides-another",
    "profile.not-a-file",
    "profile.not-found",
    "profile.not-utf8",
    "profile.others-write",
    "profile.too-large",
    "profile.unknown-name",
    "profile.unreadable",
    "profile.version-missing",
    "profile.version-unknown",
    "remove.absent",
    "remove.too-many",
    "security.architecture-missing",
    "security.capability-files",
    "security.nested-root",
    "security.nested-set-id",
    "security.seccomp-past-root",
];

#[test]
fn every_rule_is_told_once() {
    let told: Vec<&str> = rules().iter().map(|rule| rule.code).collect();
    let once: BTreeSet<&str> = told.iter().copied().collect();
    assert_eq!(told.len(), once.len(), "a rule is told twice");
    let mut written = BTreeSet::new();
    source::collect_all(&directory("../src/profile"), &mut written);
    source::collect_all(&directory("../src/plan/resolve"), &mut written);
    let once: BTreeSet<String> = once.into_iter().map(str::to_owned).collect();
    let untold: Vec<_> = written.difference(&once).collect();
    assert!(untold.is_empty(), "not told: {untold:?}");
    let unknown: Vec<_> = once.difference(&written).collect();
    assert!(unknown.is_empty(), "no rules: {unknown:?}");
}

/// A whole profile of a fragment.
fn profile(lines: &[&str]) -> String {
    let fragment = lines.join("\n");
    let states_one = fragment.contains("command.args") || fragment.contains("command.extra");
    let command = match states_one {
        true => "",
        false => "command.args = [\"bash\"]\n",
    };
    format!("version = 1\n{command}{fragment}\n")
}

/// The rules that a fragment breaks, by its text and on the hand-written host.
fn broken(lines: &[&str]) -> BTreeSet<&'static str> {
    let text = profile(lines);
    let judged = [By::Text, By::Host].map(|by| settle("test.toml", &text, by).1);
    judged
        .into_iter()
        .flatten()
        .map(|problem| problem.code)
        .collect()
}

#[test]
fn every_example_is_what_it_says() {
    let mut wrong = Vec::new();
    for rule in rules() {
        let Rule {
            code,
            reason,
            wrong: breaks,
            right: keeps,
        } = rule;
        assert!(
            reason.ends_with(['.', ')']) && reason.len() > 15,
            "{code}: {reason}"
        );
        if WITHOUT_EXAMPLE.contains(&code) {
            assert!(
                breaks.is_empty() && keeps.is_empty(),
                "{code} has an example"
            );
            continue;
        }
        if !broken(&breaks).contains(code) {
            wrong.push(format!("{code} is not broken: {:?}", broken(&breaks)));
        }
        let (settings, problems, _) = settle("test.toml", &profile(&keeps), By::Text);
        if settings.is_none() {
            wrong.push(format!("the right {code} is wrong: {problems:?}"));
        }
        if keeps.is_empty() || broken(&keeps).contains(code) {
            wrong.push(format!("{code} is not kept: {:?}", broken(&keeps)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn explain(code: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(["explain", "--rule", code])
        .output()
        .unwrap()
}

#[test]
fn a_rule_is_told_with_both_examples() {
    let told = explain("mount.target-relative");
    assert_eq!(told.status.code(), Some(0));
    let expected = "\
mount.target-relative

  A target is an absolute path inside.

  breaks it:
    mount = [{ bind = \"/srv\", target = \"usr\" }]

  does not:
    mount = [{ bind = \"/srv\", target = \"/usr\" }]
";
    assert_eq!(String::from_utf8(told.stdout).unwrap(), expected);
}

#[test]
fn an_unknown_rule_names_a_near_one() {
    let told = explain("mount.target-realtive");
    assert_eq!(told.status.code(), Some(1));
    let text = String::from_utf8(told.stderr).unwrap();
    assert!(text.contains("write `mount.target-relative`"), "{text}");
}

#[test]
fn what_audit_finds_is_explained_too() {
    for rule in sandbox::review::audit::rules() {
        let told = explain(rule.code);
        assert_eq!(told.status.code(), Some(0), "{}", rule.code);
        let text = String::from_utf8(told.stdout).unwrap();
        assert!(
            text.starts_with(rule.code) && text.contains(rule.why),
            "{text}"
        );
    }
}
