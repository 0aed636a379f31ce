//! Printed plans, one for each feature, and the order of the steps.
//!
//! `BLESS=1 cargo test` writes the golden plans anew.

mod identity;
mod isolation;
mod order;
mod parts;
pub mod settings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sandbox::plan::Plan;
use sandbox::report::problems::{Colour, Style};
use sandbox::report::steps::plan_text;
use settings::{FEATURES, Feature, least, sources};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans")
}

/// The least plan with one feature.
pub fn plan(feature: &Feature) -> Plan {
    let mut settings = least();
    feature.1(&mut settings);
    Plan::new(settings)
}

/// The least plan with the feature of this name.
pub fn plan_with(name: &str) -> Plan {
    let feature = FEATURES.iter().find(|(found, _)| *found == name);
    plan(feature.unwrap())
}

/// Compares `found` with the file `golden`, which `BLESS=1` writes anew.
pub fn compare(golden: &Path, found: &str) -> Result<(), String> {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(golden, found).unwrap();
    }
    let expected = std::fs::read_to_string(golden).unwrap_or_default();
    if found == expected {
        return Ok(());
    }
    Err(format!(
        "--- {}\n{expected}\n+++ found\n{found}",
        golden.display()
    ))
}

#[test]
fn every_feature_has_its_printed_plan() {
    let found = FEATURES.iter().map(|feature| {
        let text = plan_text(&plan(feature), &sources(), Style::PLAIN);
        compare(&directory().join(format!("{}.txt", feature.0)), &text)
    });
    let wrong: Vec<String> = found.filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let files = std::fs::read_dir(directory()).unwrap();
    let goldens: BTreeSet<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".txt").map(str::to_owned))
        .collect();
    let features: BTreeSet<String> = FEATURES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(goldens, features, "a golden plan without a feature");
}

#[test]
fn every_step_is_printed_once_with_its_place() {
    for feature in FEATURES {
        let plan = plan(feature);
        let text = plan_text(&plan, &sources(), Style::PLAIN);
        let numbers = text.lines().filter_map(|line| {
            let number = line.get(..4)?.trim();
            number.parse::<usize>().ok()
        });
        let numbers: Vec<usize> = numbers.collect();
        let sorted: BTreeSet<usize> = numbers.iter().copied().collect();
        assert_eq!(numbers.len(), plan.steps.len(), "{}", feature.0);
        assert_eq!(sorted.len(), plan.steps.len(), "{}", feature.0);
    }
}

#[test]
fn a_plan_fits_the_page_where_its_words_do() {
    for feature in FEATURES {
        let text = plan_text(&plan(feature), &sources(), Style::PLAIN);
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{}: {line}", feature.0);
            assert_eq!(line, line.trim_end(), "{}", feature.0);
        }
    }
}

#[test]
fn nothing_private_is_printed() {
    let text = plan_text(&plan_with("environment"), &sources(), Style::PLAIN);
    assert!(
        !text.contains("hunter2") && !text.contains("secret-terminal"),
        "{text}"
    );
    assert!(text.contains("--token=${env:TOKEN}") && text.contains("TERM"));
}

#[test]
fn nothing_of_a_profile_acts_on_the_terminal() {
    let text = plan_text(&plan_with("hostile"), &sources(), Style::PLAIN);
    let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(acts), "{text}");
    let lines_of_escape = text.matches("\\u{1b}[2Jx\\u{202e}\\r\\n").count();
    assert!(lines_of_escape >= 8, "{lines_of_escape}");
}

#[test]
fn colours_change_nothing_but_colours() {
    for feature in FEATURES {
        let plan = plan(feature);
        let ansi = Style {
            colour: Colour::Ansi,
            ..Style::PLAIN
        };
        let coloured = plan_text(&plan, &sources(), ansi);
        assert!(coloured.contains("\u{1b}[1m"));
        let mut text = coloured;
        for code in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m"] {
            text = text.replace(code, "");
        }
        let lines = text.lines().map(|line| line.trim_end().to_owned() + "\n");
        let plain = plan_text(&plan, &sources(), Style::PLAIN);
        assert_eq!(lines.collect::<String>(), plain, "{}", feature.0);
    }
}

#[test]
fn every_width_shows_every_word() {
    let words = |text: &str| {
        let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        words.sort();
        words
    };
    for feature in FEATURES {
        let plan = plan(feature);
        let wide = plan_text(&plan, &sources(), Style::PLAIN);
        for width in [1, 40, 72, 120, 400] {
            let style = Style {
                width,
                ..Style::PLAIN
            };
            let text = plan_text(&plan, &sources(), style);
            assert_eq!(words(&text), words(&wide), "{} at {width}", feature.0);
        }
    }
}
