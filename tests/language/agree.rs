//! The schema and the decoder on every profile of the tests and every shipped one: what the schema refuses the decoder
//! refuses, and what the decoder refuses by its shape the schema refuses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sandbox::diag::{Problems, Severity, Sources};
use sandbox::profile;

use super::broken::BEYOND;
use super::{document, validator};
use crate::errors::resolved::{By, settle};
use crate::errors::{directory, rule_of};

/// Rules of the decoder that no shape tells, beside those of the broken profiles that each stand for one rule.
const FURTHER: &[&str] = &[
    // How many entries a list has; the schema has one form for all lists.
    "params.choices-empty",
    "params.default-choice",
    "params.undeclared",
    // What `[remove]` mirrors are the keys and the entries of the bases.
    "remove.unknown-key",
];

/// Relations between values, words of the kernel, texts with a grammar of their own.
fn semantic() -> BTreeSet<&'static str> {
    let of_profiles = BEYOND.iter().map(|stem| rule_of(stem));
    of_profiles.chain(FURTHER.iter().copied()).collect()
}

fn profiles(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "corpus" {
            profiles(&path, found);
        } else if name.ends_with(".toml") {
            found.push(path);
        }
    }
}

/// The rules that a text breaks by itself.
fn broken(text: &str) -> BTreeSet<&'static str> {
    let mut sources = Sources::default();
    let mut problems = Problems::new();
    let file = sources.add("test.toml", text);
    // Nothing is given back where something is wrong, and that has been told.
    let _raw = profile::parse(file, text, &mut problems);
    let problems = problems.sorted().into_iter();
    let errors = problems.filter(|problem| problem.severity == Severity::Error);
    errors.map(|problem| problem.code).collect()
}

/// Whether what follows the decoder refuses it: names of system calls stand in tables of the kernel.
fn refused_later(text: &str) -> bool {
    let problems = settle("test.toml", text, By::Text).1;
    problems
        .iter()
        .any(|problem| problem.severity == Severity::Error)
}

#[test]
fn the_schema_and_the_decoder_agree_on_every_profile() {
    let mut paths = Vec::new();
    profiles(&directory(""), &mut paths);
    profiles(&directory("../profiles"), &mut paths);
    let (validator, semantic) = (validator(), semantic());
    let (mut judged, mut wrong) = (0, Vec::new());
    let mut passed: BTreeMap<&str, PathBuf> = BTreeMap::new();
    for path in paths {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        // Not TOML, which the schema never sees.
        let Some(document) = document(&text) else {
            continue;
        };
        judged += 1;
        let codes = broken(&text);
        let shape = codes.iter().find(|code| !semantic.contains(*code));
        match validator.is_valid(&document) {
            false if codes.is_empty() && !refused_later(&text) => {
                let errors: Vec<_> = validator
                    .iter_errors(&document)
                    .map(|e| e.to_string())
                    .collect();
                wrong.push(format!(
                    "{}: the schema alone refuses it: {errors:?}",
                    path.display()
                ));
            }
            true if shape.is_some() => {
                wrong.push(format!(
                    "{}: the schema takes it: {codes:?}",
                    path.display()
                ));
            }
            true => passed.extend(codes.into_iter().map(|code| (code, path.clone()))),
            false => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged > 300, "{judged}");
    let seen: BTreeSet<&str> = passed.into_keys().collect();
    let unseen: Vec<_> = semantic.difference(&seen).collect();
    assert!(
        unseen.is_empty(),
        "no profile shows that a schema cannot tell {unseen:?}"
    );
}
