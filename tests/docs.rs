//! The README is true: its profile is sound, its tour answers as it prints, its commands exist.

use std::path::PathBuf;
use std::process::Command;

use sandbox::diag::{Problems, Sources};
use sandbox::plan::{Knowledge, Plan, Purpose, resolve};
use sandbox::profile;
use sandbox::report::plan_text;
use sandbox::report::problems::Style;

use tempfile::TempDir;

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
fn the_profile_comes_to_about_sixty_steps() {
    let profiles = blocks(&readme(), "toml");
    assert_eq!(profiles.len(), 1);
    let plan = plan_of(&profiles[0]);
    let numbers = plan
        .lines()
        .filter_map(|line| line.get(..4)?.trim().parse::<u32>().ok());
    let steps = numbers.max().unwrap() + 1;
    assert!((55..70).contains(&steps), "{plan}");
}

/// A checkout with the shipped profiles, and `sandbox` in PATH.
fn tour() -> TempDir {
    let place = TempDir::new().unwrap();
    let at = |name: &str| place.path().join(name);
    let made = Command::new("git")
        .args(["init", "--quiet"])
        .arg(place.path())
        .status();
    assert!(made.unwrap().success());
    std::fs::create_dir_all(at("profiles/base")).unwrap();
    std::fs::create_dir(at("bin")).unwrap();
    for folder in ["profiles", "profiles/base"] {
        let from = readme_path().with_file_name(folder);
        for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            if entry.path().is_file() {
                std::fs::copy(entry.path(), at(folder).join(entry.file_name())).unwrap();
            }
        }
    }
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sandbox"), at("bin/sandbox")).unwrap();
    place
}

/// What a person sees who types the line.
fn answer(line: &str, place: &TempDir) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {line}")])
        .current_dir(place.path())
        .env("PATH", format!("{}/bin:{path}", place.path().display()))
        .env("LC_ALL", "C.UTF-8")
        .env_remove("TERM")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // What this host cannot enforce is not of the tour.
    let lines = text
        .lines()
        .filter(|line| !line.contains("warning: not enforced"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_tour_answers_as_printed() {
    let text = readme();
    let place = tour();
    let (mut printed, mut comes) = (String::new(), String::new());
    let mark = "<!-- tour -->\n```console\n";
    let mut anew = String::new();
    for (number, part) in text.split(mark).enumerate() {
        if number == 0 {
            anew.push_str(part);
            continue;
        }
        let (block, after) = part.split_once("```").unwrap();
        let lines = block.lines().filter_map(|line| line.strip_prefix("$ "));
        let block_anew: String = lines
            .map(|line| format!("$ {line}\n{}", answer(line, &place)))
            .collect();
        printed.push_str(block);
        comes.push_str(&block_anew);
        anew.push_str(&format!("{mark}{block_anew}```{after}"));
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(readme_path(), anew).unwrap();
        return;
    }
    assert_eq!(printed, comes, "rewrite it: BLESS=1 cargo test");
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
        let title = target.strip_prefix('#');
        let titled =
            title.is_some_and(|title| text.to_lowercase().contains(&format!("\n## {title}\n")));
        assert!(target.starts_with("http") || there || titled, "{target}");
    }
}
