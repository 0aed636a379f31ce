//! `sandbox explain --rule CODE`: every code that the program prints is told, and its examples are what they say.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use sandbox::diag::Severity;
use sandbox::language;
use sandbox::report::rules::{Rule, further, of_audit, of_diff, of_the_language, rules, text};
use sandbox::review::audit::{Subject, audit};
use tempfile::TempDir;

use super::directory;
use super::resolved::{By, settle, settle_to_judge};
use crate::plans::compare;

/// Rules of which no example can be tried here, and why. Those that a profile breaks on some host have one all the same.
const UNTRIED: &[(&str, &str)] = &[
    ("command.group-root", "the caller is root"),
    ("command.no-directory", "the working directory was removed"),
    ("command.user-no-id", "a container that maps few ids"),
    ("extends.depth", "17 files"),
    ("extends.files", "257 files"),
    (
        "namespaces.map-account",
        "the caller is root, and the host has the account",
    ),
    ("namespaces.map-kept", "the host's newuidmap"),
    ("namespaces.map-length", "341 extents"),
    ("namespaces.map-no-block", "a container that maps few ids"),
    ("namespaces.map-no-range", "/etc/subuid of the host"),
    ("namespaces.map-one-group", "the host's newuidmap"),
    ("path.invalid", "a variable of the caller's environment"),
    ("path.relative", "a profile that comes of no file"),
    ("profile.foreign-owner", "a file of another user"),
    ("profile.unreadable", "root reads every file"),
    ("remove.too-many", "1025 names"),
    ("security.architecture-missing", "another machine"),
    ("security.capability-files", "the caller is root"),
    ("security.nested-root", "the caller is root"),
    ("security.seccomp-past-root", "the caller is root"),
    // Of `audit`.
    ("audit.open-part", "a mount of the host"),
    ("audit.set-id-file", "a file of the host"),
    ("audit.writable-submodule", "a checkout of the host"),
];

fn untried(code: &str) -> bool {
    UNTRIED.iter().any(|(rule, _)| *rule == code)
}

/// Literals of the code that look like codes and are none: keys of tables, files of the kernel, media types.
const NO_CODES: &[&str] = &[
    "cgroup.controllers",
    "cgroup.events",
    "cgroup.freeze",
    "cgroup.kill",
    "cgroup.procs",
    "cgroup.type",
    "diff.tar",
    // Of `check --host`, whose rules all begin so.
    "namespaces.map-",
];

/// Whether a literal is a code: `section.some-words`, where some rule has this section, and no key.
fn is_code(literal: &str, sections: &BTreeSet<&str>) -> bool {
    let small = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    literal.split_once('.').is_some_and(|(section, rest)| {
        sections.contains(section) && !rest.is_empty() && rest.chars().all(small)
    })
}

fn literals(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            literals(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            found.extend(text.split('"').map(str::to_owned));
        }
    }
}

#[test]
fn every_code_is_told_once() {
    let told = rules();
    let codes: Vec<&str> = told.iter().map(|rule| rule.code).collect();
    let once: BTreeSet<&str> = codes.iter().copied().collect();
    assert_eq!(codes.len(), once.len(), "a rule is told twice");
    let sections: BTreeSet<&str> = once
        .iter()
        .filter_map(|code| code.split_once('.'))
        .map(|(section, _)| section)
        .collect();
    let mut written = BTreeSet::new();
    literals(&directory("../src"), &mut written);
    let keys: BTreeSet<String> = language::paths().into_iter().collect();
    let code = |literal: &String| {
        is_code(literal, &sections)
            && !NO_CODES.contains(&literal.as_str())
            // What is a key and also a code is looked up below.
            && (!keys.contains(literal) || once.contains(literal.as_str()))
    };
    let written: BTreeSet<String> = written.into_iter().filter(code).collect();
    let told: BTreeSet<String> = once.into_iter().map(str::to_owned).collect();
    let untold: Vec<_> = written.difference(&told).collect();
    assert!(untold.is_empty(), "not told: {untold:?}");
    let unknown: Vec<_> = told.difference(&written).collect();
    assert!(unknown.is_empty(), "no rules: {unknown:?}");
}

/// The codes of reports that stand in golden files: the first line, or the word before a place.
fn golden_codes(folder: &Path, sections: &BTreeSet<&str>, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            golden_codes(&path, sections, found);
        } else if path.extension().is_some_and(|ending| ending == "txt") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let lines = text.lines().map(str::trim);
            let codes = lines.filter(|line| is_code(line, sections));
            found.extend(codes.map(str::to_owned));
        }
    }
}

#[test]
fn every_code_of_a_golden_report_is_told() {
    let told = rules();
    let sections: BTreeSet<&str> = told
        .iter()
        .filter_map(|rule| rule.code.split_once('.'))
        .map(|(section, _)| section)
        .collect();
    let mut shown = BTreeSet::new();
    golden_codes(&directory(""), &sections, &mut shown);
    assert!(shown.len() > 200, "{}", shown.len());
    let told: BTreeSet<String> = told.iter().map(|rule| rule.code.to_owned()).collect();
    let untold: Vec<_> = shown.difference(&told).collect();
    assert!(untold.is_empty(), "not told: {untold:?}");
}

/// The text of each code, at the width of a page.
#[test]
fn every_text_is_the_golden_one() {
    let mut all = String::new();
    for rule in rules() {
        all.push_str(&text(&rule, 80));
        all.push('\n');
    }
    assert!(
        all.lines()
            .all(|line| line.starts_with("    ") || line.chars().count() <= 80)
    );
    compare(&directory("errors/told").join("explained.txt"), &all).unwrap();
}

#[test]
fn every_code_says_what_to_do() {
    let mut wrong = Vec::new();
    for rule in rules() {
        let Rule { code, reason, .. } = &rule;
        if !reason.ends_with(['.', ')']) || reason.len() < 16 {
            wrong.push(format!("{code}: {reason:?}"));
        }
        if rule.mend.is_none() && rule.right.is_empty() && rule.commands.is_empty() {
            wrong.push(format!("{code} does not say what to do"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
fn broken(lines: &[&str]) -> BTreeSet<String> {
    let text = profile(lines);
    let mut problems = Vec::new();
    problems.extend(settle("test.toml", &text, By::Text).1);
    problems.extend(settle("test.toml", &text, By::Host).1);
    problems.extend(settle_to_judge("test.toml", &text).1);
    problems
        .into_iter()
        .map(|problem| problem.code.to_owned())
        .collect()
}

/// Whether an example is made of files, or of a command.
fn is_tried_by_the_program(lines: &[&str]) -> bool {
    let marked = |line: &&str| line.starts_with("# ") || line.starts_with("$ ");
    lines.iter().any(marked)
}

/// What the program says of an example: its files, and the command, which is `check` of the last one.
fn said(lines: &[&str]) -> (bool, String) {
    let place = TempDir::new().unwrap();
    let mut name = "dev.toml".to_owned();
    let mut text = "command.args = [\"sh\"]\n".to_owned();
    let mut command = None;
    let write = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let version = match text.contains("version =") {
            true => "",
            false => "version = 1\n",
        };
        std::fs::write(path, format!("{version}{text}")).unwrap();
    };
    for line in lines {
        if let Some(file) = line.strip_prefix("# ") {
            write(&name, &text);
            (name, text) = (file.to_owned(), String::new());
        } else if let Some(asked) = line.strip_prefix("$ ") {
            command = Some((*asked).to_owned());
        } else {
            text.push_str(&format!("{line}\n"));
        }
    }
    write(&name, &text);
    let command = command.unwrap_or_else(|| format!("sandbox check '{name}'"));
    let program = env!("CARGO_BIN_EXE_sandbox");
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("sandbox() {{ {program} \"$@\"; }}; {command}"),
        ])
        .current_dir(place.path())
        .env("HOME", place.path())
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}

fn says(lines: &[&str], code: &str) -> bool {
    said(lines).1.lines().any(|line| line.trim() == code)
}

/// What is wrong with the examples of a rule that the text or the hand-written host breaks.
fn of_text(rule: &Rule) -> Option<String> {
    let Rule {
        code, wrong, right, ..
    } = rule;
    if !broken(wrong).contains(*code) {
        return Some(format!("{code} is not broken: {:?}", broken(wrong)));
    }
    let (settings, problems, _) = settle("test.toml", &profile(right), By::Text);
    if settings.is_none() {
        return Some(format!("the right {code} is wrong: {problems:?}"));
    }
    let kept = !right.is_empty() && !broken(right).contains(*code);
    (!kept).then(|| format!("{code} is not kept: {:?}", broken(right)))
}

fn of_files(rule: &Rule) -> Option<String> {
    let Rule {
        code, wrong, right, ..
    } = rule;
    if !says(wrong, code) {
        return Some(format!("{code} is not broken: {}", said(wrong).1));
    }
    let (well, text) = said(right);
    let kept = right.is_empty() || (well && !says(right, code));
    (!kept).then(|| format!("{code} is not kept: {text}"))
}

#[test]
fn every_example_is_what_it_says() {
    let mut wrong = Vec::new();
    for rule in of_the_language() {
        if untried(rule.code) {
            wrong.extend(right_is_wrong(&rule));
        } else if is_tried_by_the_program(&rule.wrong) {
            wrong.extend(of_files(&rule));
        } else {
            wrong.extend(of_text(&rule));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A profile that some host refuses is well all the same.
fn right_is_wrong(rule: &Rule) -> Option<String> {
    let (settings, problems, _) = settle("test.toml", &profile(&rule.right), By::Text);
    let bad = problems
        .iter()
        .any(|problem| problem.severity == Severity::Error);
    (settings.is_none() || bad).then(|| format!("the right {} is wrong: {problems:?}", rule.code))
}

#[test]
fn every_example_of_a_start_or_a_command_is_what_it_says() {
    let mut wrong = Vec::new();
    for rule in further() {
        let of_command = is_tried_by_the_program(&rule.wrong);
        match (of_command, broken_by_text(&rule)) {
            (true, _) => wrong.extend(of_files(&rule)),
            // Not a start alone breaks it.
            (false, true) => wrong.extend(of_text(&rule)),
            (false, false) => wrong.extend(right_is_wrong(&rule)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn broken_by_text(rule: &Rule) -> bool {
    !rule.wrong.is_empty() && broken(&rule.wrong).contains(rule.code)
}

#[test]
fn every_example_of_audit_is_found_and_its_mended_one_is_not() {
    let found = |lines: &[&str]| -> BTreeSet<&'static str> {
        let (settings, problems, _) = settle("test.toml", &profile(lines), By::Text);
        let Some(settings) = settings else {
            return problems.iter().map(|problem| problem.code).collect();
        };
        let audit = audit(&Subject {
            settings: &settings,
            variables: &[],
            profile_dirs: &["/work/profiles".to_owned()],
            set_id_files: &[],
            real_paths: &Default::default(),
            checkouts: &[],
        });
        audit.findings.iter().map(|found| found.rule.code).collect()
    };
    let mut wrong = Vec::new();
    for rule in of_audit().into_iter().filter(|rule| !untried(rule.code)) {
        let (breaks, keeps) = (found(&rule.wrong), found(&rule.right));
        if !breaks.contains(rule.code) {
            wrong.push(format!("{} is not found: {breaks:?}", rule.code));
        }
        if rule.right.is_empty() || keeps.contains(rule.code) {
            wrong.push(format!("{} is found again: {keeps:?}", rule.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_cannot_be_tried_is_a_rule() {
    let known: BTreeSet<&str> = rules().iter().map(|rule| rule.code).collect();
    for (code, why) in UNTRIED {
        assert!(known.contains(code) && !why.is_empty(), "{code}");
    }
    assert!(of_diff().len() > 20);
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
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            text.starts_with(rule.code) && words(&text).contains(&words(rule.why)),
            "{text}"
        );
    }
}
