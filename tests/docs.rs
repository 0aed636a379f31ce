//! The README is true: its profile is sound and comes to the plan that it prints, its commands exist.

use std::path::PathBuf;
use std::process::Command;

use sandbox::diag::{Problems, Sources};
use sandbox::plan::{Knowledge, Plan, Purpose, resolve};
use sandbox::profile;
use sandbox::report::plan_text;
use sandbox::report::problems::Style;

use crate::errors::resolved::{hand_written, nothing_given};

fn readme_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

fn readme() -> String {
    std::fs::read_to_string(readme_path()).unwrap()
}

/// The fenced blocks of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("\n```{language}\n");
    let parts = text.split(&fence).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap().to_owned())
        .collect()
}

/// The plan of the README's profile on a hand-written host.
fn plan_of(text: &str) -> String {
    let mut sources = Sources::default();
    let mut problems = Problems::new();
    let file = sources.add("demo.toml", text);
    let mut given = nothing_given();
    given.purpose = Purpose::Start;
    let raw = profile::parse(file, text, &mut problems);
    let settings = raw.and_then(|raw| {
        let mut facts = hand_written(&raw, &given);
        facts.landlock = sandbox::model::LandlockAbi::KNOWN;
        resolve(&raw, &given, Knowledge::Host(&facts), &mut problems)
    });
    let settings = settings.unwrap_or_else(|| panic!("{:#?}", problems.sorted()));
    plan_text(&Plan::new(settings), &sources, Style::PLAIN)
}

#[test]
fn the_profile_comes_to_the_plan_that_is_printed() {
    let text = readme();
    let profiles = blocks(&text, "toml");
    assert_eq!(profiles.len(), 1);
    let plan = plan_of(&profiles[0]);
    let mark = "<!-- plan -->\n```text\n";
    let (before, rest) = text.split_once(mark).unwrap();
    let (printed, after) = rest.split_once("```").unwrap();
    if std::env::var_os("BLESS").is_some() {
        let anew = format!("{before}{mark}{plan}```{after}");
        std::fs::write(readme_path(), anew).unwrap();
        return;
    }
    assert_eq!(printed, plan, "rewrite it: BLESS=1 cargo test");
}

#[test]
fn every_option_of_every_command_exists() {
    let text = readme();
    let blocks = blocks(&text, "sh");
    let lines = blocks.iter().flat_map(|block| block.lines());
    let commands: Vec<Vec<&str>> = lines
        .filter(|line| line.starts_with("sandbox "))
        .map(|line| {
            line.split_whitespace()
                .take_while(|word| *word != "#")
                .collect()
        })
        .collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for words in commands {
        let help = Command::new(env!("CARGO_BIN_EXE_sandbox"))
            .args([words[1], "--help"])
            .output()
            .unwrap();
        assert!(help.status.success(), "{words:?}");
        let help = String::from_utf8(help.stdout).unwrap();
        let ours = words.iter().take_while(|word| **word != "--");
        for option in ours.filter(|word| word.starts_with("--")) {
            assert!(help.contains(option), "{option} of {words:?}");
        }
    }
}

#[test]
fn the_test_command_stands_behind_its_mark() {
    let text = readme();
    let (_, rest) = text.split_once("<!-- test -->\n").unwrap();
    assert!(rest.starts_with("```sh\ncargo test"));
}

#[test]
fn every_file_that_is_linked_is_there() {
    let text = readme();
    for part in text.split("](").skip(1) {
        let target = part.split(')').next().unwrap();
        let there = readme_path().with_file_name(target).exists();
        assert!(target.starts_with("http") || there, "{target}");
    }
}
