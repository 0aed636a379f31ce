//! `tests/errors/*.toml`: one profile for each rule, and beside it the exact report.
//!
//! `BLESS=1 cargo test` writes the reports anew.

mod commands;
mod explained;
mod full;
mod hostile;
mod keys;
mod listed;
mod related;
pub mod resolved;
mod rules;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sandbox::diag::{Problem, Problems, Sources};
use sandbox::profile::{self, RawProfile};
use sandbox::report::problems::{Style, render};

/// A directory of the tests.
pub fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// The stems of all files of `directory` that end with `.extension`.
pub fn stems(directory: &Path, extension: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(directory).unwrap();
    files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// The rule after which a file is named: several of one rule have more behind `--`.
pub fn rule_of(stem: &str) -> &str {
    stem.split_once("--").map_or(stem, |(rule, _)| rule)
}

/// What a text is as a profile, with everything that is wrong with it.
fn check(name: &str, text: &str) -> (Option<RawProfile>, Vec<Problem>, Sources) {
    let mut sources = Sources::default();
    let mut problems = Problems::new();
    let file = sources.add(name, text);
    let profile = profile::parse(file, text, &mut problems);
    (profile, problems.sorted(), sources)
}

fn report(name: &str, text: &str) -> String {
    let (_, problems, sources) = check(name, text);
    render(&problems, &sources, Style::PLAIN)
}

#[test]
fn every_mistake_has_its_exact_report() {
    let errors = directory("errors");
    let mut wrong = Vec::new();
    for stem in stems(&errors, "toml") {
        let text = std::fs::read_to_string(errors.join(format!("{stem}.toml"))).unwrap();
        let found = report(&format!("tests/errors/{stem}.toml"), &text);
        let golden = errors.join(format!("{stem}.txt"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&golden, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("--- {stem}.txt\n{expected}\n+++ found\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(stems(&errors, "toml"), stems(&errors, "txt"));
}

#[test]
fn every_golden_profile_breaks_the_rule_that_names_it() {
    let errors = directory("errors");
    for stem in stems(&errors, "toml") {
        let text = std::fs::read_to_string(errors.join(format!("{stem}.toml"))).unwrap();
        let (_, problems, _) = check(&stem, &text);
        let rule = rule_of(&stem);
        let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
        assert!(codes.contains(&rule), "{stem}: {codes:?}");
    }
}
