//! `tests/diff/pulls/NN-name/{before,after}/dev.toml`: pull requests, and beside them the exact differences.
//! `BLESS=1 cargo test` writes them anew.

mod codes;
mod git;
mod hostile;
mod keys;
mod keys_table;
mod local;
mod terminal;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sandbox::report::diff::json_schema;
use serde_json::{Value, json};

use crate::plans::compare;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn diff(words: &[&str], old: &Path, new: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.current_dir(root()).arg("diff").args(words);
    command.arg(old).arg(new).output().unwrap()
}

fn changes(old: &Path, new: &Path) -> Value {
    let output = diff(&["--format", "json"], old, new);
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|why| {
        panic!(
            "{}: {why}: {}",
            old.display(),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

fn marks(document: &Value) -> Vec<&str> {
    let all = document["profiles"][0]["changes"].as_array().unwrap();
    all.iter()
        .map(|change| change["mark"].as_str().unwrap())
        .collect()
}

/// Each pull request: which marks it has. A widening is never told as none.
const PULLS: &[(&str, &[&str])] = &[
    ("01-writable-in-a-base", &["wider"]),
    ("02-variable-in-a-host-path", &["wider", "narrower"]),
    ("03-parameter-choice", &["wider"]),
    ("04-order-of-sources", &["wider", "narrower"]),
    ("05-limit-removed", &["wider"]),
    ("06-broader-host-source", &["wider"]),
    ("07-socket", &["wider", "neutral"]),
    ("08-removal-removed", &["wider"]),
    ("09-narrowing-that-looks-wider", &["narrower"]),
    ("10-layout-alone", &[]),
    ("11-order-of-mounts", &[]),
    ("12-base-moved", &["wider", "narrower"]),
    ("13-hidden-if-it-is-there", &["wider"]),
    ("14-loader-variable", &["wider", "neutral"]),
    ("15-link-in-a-checkout", &["wider", "narrower"]),
    ("16-another-variable", &["wider", "narrower"]),
];

fn pull(name: &str) -> (PathBuf, PathBuf) {
    let place = Path::new("tests/diff/pulls").join(name);
    (place.join("before/dev.toml"), place.join("after/dev.toml"))
}

#[test]
fn every_pull_request_has_its_verdict() {
    let mut wrong = Vec::new();
    for (name, expected) in PULLS {
        let (old, new) = pull(name);
        let document = changes(&old, &new);
        let found: BTreeSet<&str> = marks(&document).into_iter().collect();
        assert_eq!(
            found,
            expected.iter().copied().collect(),
            "{name}: {document:#}"
        );
        let output = diff(&[], &old, &new);
        let code = if expected.contains(&"wider") { 3 } else { 0 };
        assert_eq!(output.status.code(), Some(code), "{name}");
        let text = String::from_utf8(output.stdout).unwrap();
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
        wrong.extend(
            compare(
                &root().join("tests/diff/pulls").join(name).join("diff.txt"),
                &text,
            )
            .err(),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let folders = std::fs::read_dir(root().join("tests/diff/pulls")).unwrap();
    assert_eq!(folders.count(), PULLS.len());
}

/// Profiles that are well by their text alone.
fn profiles() -> Vec<PathBuf> {
    let mut all = vec![PathBuf::from("tests/profiles/full.toml")];
    for folder in ["profiles", "tests/audit"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                all.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    all.sort();
    all
}

#[test]
fn a_profile_does_not_differ_from_itself() {
    let mut compared = 0;
    for profile in profiles() {
        let output = diff(&["--format", "json"], &profile, &profile);
        if output.status.code() == Some(1) {
            continue;
        }
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            marks(&document),
            Vec::<&str>::new(),
            "{}",
            profile.display()
        );
        compared += 1;
    }
    assert!(compared > 60, "{compared}");
}

#[test]
fn wider_one_way_is_narrower_the_other() {
    let all: Vec<PathBuf> = profiles().into_iter().step_by(5).collect();
    let mut pairs: Vec<(PathBuf, PathBuf)> = all
        .iter()
        .cloned()
        .zip(all.iter().skip(1).cloned())
        .collect();
    pairs.extend(PULLS.iter().map(|(name, _)| pull(name)));
    let mut seen = 0;
    for (old, new) in pairs {
        if diff(&[], &old, &new).status.code() == Some(1) {
            continue;
        }
        let (there, back) = (changes(&old, &new), changes(&new, &old));
        let count = |document: &Value, mark| {
            marks(document)
                .iter()
                .filter(|found| **found == mark)
                .count()
        };
        for (one, other) in [
            ("wider", "narrower"),
            ("narrower", "wider"),
            ("neutral", "neutral"),
        ] {
            assert_eq!(
                count(&there, one),
                count(&back, other),
                "{} {}",
                old.display(),
                new.display()
            );
        }
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn the_json_is_that_of_its_schema() {
    let compared = compare(&root().join("schemas/diff.schema.json"), &json_schema());
    assert!(compared.is_ok(), "{}", compared.unwrap_err());
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, _) in PULLS {
        let (old, new) = pull(name);
        let document = changes(&old, &new);
        assert!(validator.is_valid(&document), "{name}");
        let mut wrong = document.clone();
        wrong["wider"] = json!("yes");
        assert!(!validator.is_valid(&wrong));
    }
}

#[test]
fn the_other_forms_tell_the_same() {
    let (old, new) = pull("07-socket");
    let markdown = String::from_utf8(diff(&["--format", "markdown"], &old, &new).stdout).unwrap();
    assert!(
        markdown.contains("**WIDER**") && markdown.contains("(`diff.socket`, `"),
        "{markdown}"
    );
    let sarif: Value =
        serde_json::from_slice(&diff(&["--format", "sarif"], &old, &new).stdout).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert!(
        results
            .iter()
            .any(|result| result["ruleId"] == "diff.socket")
    );
    assert_eq!(
        diff(&[], Path::new("none.toml"), &new).status.code(),
        Some(1)
    );
    assert_eq!(
        diff(&["--format", "xml"], &old, &new).status.code(),
        Some(2)
    );
}
