//! `sandbox doctor`: made-up facts, and the exact page for each finding; the schema of the JSON.
//!
//! `BLESS=1 cargo test` writes the pages anew.

mod cases;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sandbox::report::doctor::{State, findings, human, json, json_schema, works};
use sandbox::report::problems::Style;
use serde_json::Value;

use crate::errors::rule_of;
use crate::plans::compare;
use cases::{Case, cases};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn golden(name: &str) -> PathBuf {
    root().join("tests/doctor").join(format!("{name}.txt"))
}

/// A page of a terminal's width, without its colours.
const PAGE: Style = Style {
    width: 80,
    ..Style::PLAIN
};

#[test]
fn every_finding_has_its_exact_page() {
    let mut goldens = BTreeSet::new();
    let mut wrong = Vec::new();
    for case in cases() {
        assert!(goldens.insert(case.name.to_owned()), "{} twice", case.name);
        let found = case.shown(|examined| human(examined, PAGE));
        wrong.extend(compare(&golden(case.name), &found).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let files = std::fs::read_dir(root().join("tests/doctor")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let found: BTreeSet<String> = names
        .filter_map(|name| name.strip_suffix(".txt").map(str::to_owned))
        .collect();
    assert_eq!(found, goldens, "a page without a case");
}

/// A case is named after the cause that it shows, with `--` and a word where there are several.
#[test]
fn every_case_shows_its_cause_and_what_it_keeps_from_starting() {
    for case in cases() {
        let found = case.shown(findings);
        let code = rule_of(case.name);
        let causes = found.iter().filter_map(|finding| finding.told.as_ref());
        let mut codes = causes.map(|told| told.code);
        match code {
            "all-well" => assert_eq!(codes.next(), None, "{}", case.name),
            code => assert!(codes.any(|found| found == code), "{}", case.name),
        }
        let starts = !found
            .iter()
            .any(|finding| matches!(finding.state, State::Missing | State::NotTried));
        assert_eq!(works(&found), starts, "{}", case.name);
        assert_eq!(works(&found), case.works, "{}", case.name);
    }
}

#[test]
fn the_worst_comes_first_and_every_fix_is_an_imperative() {
    for case in cases() {
        let found = case.shown(findings);
        let states: Vec<State> = found.iter().map(|finding| finding.state).collect();
        assert!(states.is_sorted(), "{}: {states:?}", case.name);
        for told in found.iter().filter_map(|finding| finding.told.as_ref()) {
            let help = told.help.as_deref().unwrap_or("known");
            for text in [told.reason.as_str(), help] {
                assert!(!text.ends_with('.') && !text.contains("  "), "{text}");
                assert_eq!(text.matches('`').count() % 2, 0, "{text}");
            }
            assert!(help.starts_with(char::is_lowercase), "{help}");
        }
    }
}

/// What is to be copied stays whole, and may be wider than the page.
#[test]
fn lines_fit_the_page() {
    for case in cases() {
        for line in case.shown(|examined| human(examined, PAGE)).lines() {
            let copied = line.contains('`');
            assert!(
                copied || line.chars().count() <= 80,
                "{}: {line}",
                case.name
            );
            assert_eq!(line, line.trim_end(), "{}", case.name);
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    for case in cases() {
        let style = Style {
            width: 80,
            ..Style::terminal(80)
        };
        let mut coloured = case.shown(|examined| human(examined, style));
        for code in ["0", "1", "2", "31", "32", "33"] {
            coloured = coloured.replace(&format!("\u{1b}[{code}m"), "");
        }
        let plain = case.shown(|examined| human(examined, PAGE));
        assert_eq!(coloured, plain, "{}", case.name);
    }
}

#[test]
fn nothing_of_a_host_acts_upon_a_terminal() {
    let mut case: Case = cases().remove(0);
    case.surroundings.kernel = "6.1\u{1b}[2J".to_owned();
    case.surroundings.places[0].path = "/home/\n\u{9b}31m".into();
    let page = case.shown(|examined| human(examined, PAGE));
    let acts = |c: char| c.is_control() && c != '\n';
    assert!(!page.contains(acts) && !page.contains("/home/\n"), "{page}");
    assert!(!case.shown(json).contains(acts));
}

#[test]
fn the_json_is_that_of_its_schema() {
    let file = root().join("schemas/doctor.schema.json");
    let compared = compare(&file, &json_schema());
    assert!(compared.is_ok(), "{}", compared.unwrap_err());
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    for case in cases() {
        let document: Value = serde_json::from_str(&case.shown(json)).unwrap();
        assert!(validator.is_valid(&document), "{}", case.name);
        assert_eq!(document["works"], case.works, "{}", case.name);
        let mut wrong = document.clone();
        wrong["findings"][0]["state"] = "broken".into();
        assert!(!validator.is_valid(&wrong));
    }
}

/// No file, no profile: a place is shown only where somebody wrote a line.
#[test]
fn places_are_those_of_the_profile() {
    for case in cases() {
        let document: Value = serde_json::from_str(&case.shown(json)).unwrap();
        let findings = document["findings"].as_array().unwrap();
        let placed = findings.iter().any(|finding| !finding["place"].is_null());
        assert!(!placed || case.profile.is_some(), "{}", case.name);
    }
}
