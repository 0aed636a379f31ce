//! `sandbox fmt`: golden files, every profile that there is, comments in odd places, and files on a disk.

mod files;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sandbox::diag::{Problems, Sources};
use sandbox::format::format;
use sandbox::plan::{Knowledge, Plan, resolve};
use sandbox::profile;
use sandbox::report::plan_text;
use sandbox::report::problems::Style;

use crate::errors::directory;
use crate::errors::resolved::nothing_given;
use crate::random::Random;

/// All TOML files of the project, but those of Cargo.
fn all_profiles() -> Vec<(PathBuf, String)> {
    fn below(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "toml") {
                let text = std::fs::read_to_string(&path);
                found.extend(text.ok().map(|text| (path, text)));
            }
        }
    }
    let mut found = Vec::new();
    below(&directory(""), &mut found);
    below(&directory("../profiles"), &mut found);
    found.sort();
    assert!(found.len() > 150, "{}", found.len());
    found
}

fn is_toml(text: &str) -> bool {
    toml::from_str::<serde_json::Value>(text).is_ok()
}

#[test]
fn golden_files_are_formatted_as_written() {
    let fmt = directory("fmt");
    let stems = crate::errors::stems(&fmt, "toml");
    assert!(stems.len() >= 2);
    for stem in stems {
        let text = std::fs::read_to_string(fmt.join(format!("{stem}.toml"))).unwrap();
        let golden = fmt.join(format!("{stem}.formatted"));
        let formatted = format(&text).unwrap();
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&golden, &formatted).unwrap();
        }
        assert_eq!(formatted, std::fs::read_to_string(golden).unwrap());
    }
}

#[test]
fn shipped_profiles_are_in_their_layout() {
    for (path, text) in all_profiles() {
        if path.starts_with(directory("../profiles")) {
            let differs = "run `sandbox fmt`";
            assert_eq!(
                format(&text).unwrap(),
                text,
                "{}: {differs}",
                path.display()
            );
        }
    }
}

/// The plan, with all that a text alone can say, without what tells where each value stood.
fn meaning(text: &str) -> String {
    let mut sources = Sources::default();
    let mut problems = Problems::new();
    let file = sources.add("p.toml", text);
    let raw = profile::parse(file, text, &mut problems);
    let settings =
        raw.and_then(|raw| resolve(&raw, &nothing_given(), Knowledge::Symbolic, &mut problems));
    let plan = settings.map(|settings| plan_text(&Plan::new(settings), &sources, Style::PLAIN));
    let words = plan.unwrap_or_default();
    let words = words.split_whitespace();
    let mut words: Vec<&str> = words.filter(|word| !word.starts_with("p.toml:")).collect();
    // Limits of a process are set in the order of the file.
    words.sort_unstable();
    let mut codes: Vec<&str> = problems
        .sorted()
        .iter()
        .map(|problem| problem.code)
        .collect();
    codes.sort_unstable();
    format!("{} {codes:?}", words.join(" "))
}

#[test]
fn every_profile_keeps_its_meaning_and_has_one_layout() {
    let mut seen = 0;
    for (path, text) in all_profiles() {
        if !is_toml(&text) {
            assert!(format(&text).is_err(), "{}", path.display());
            continue;
        }
        let formatted = format(&text).unwrap_or_else(|why| panic!("{}: {why:?}", path.display()));
        assert_eq!(
            format(&formatted).as_ref(),
            Ok(&formatted),
            "{}",
            path.display()
        );
        assert_eq!(meaning(&formatted), meaning(&text), "{}", path.display());
        seen += 1;
    }
    assert!(seen > 150, "{seen}");
}

/// A text with comments, breaks and lines where nobody expects them; often no TOML.
fn disturbed(text: &str, random: &mut Random) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for number in 0..1 + random.below(6) {
        lines.resize(lines.len().max(1), String::new());
        let at = random.below(lines.len());
        let line = lines[at].clone();
        let places: Vec<usize> = line
            .char_indices()
            .filter(|(_, sign)| ",[]{}=\"".contains(*sign))
            .map(|(at, _)| at)
            .collect();
        match random.below(7) {
            0 => lines.insert(at, format!("  # own {number}")),
            1 => lines[at].push_str(&format!(" #behind {number}")),
            2 => lines.insert(at, String::new()),
            3 if !places.is_empty() => {
                let place = places[random.below(places.len())] + 1;
                lines[at].insert_str(place, &format!(" # within {number}\n\t"));
            }
            4 if !places.is_empty() => {
                let place = places[random.below(places.len())];
                lines[at].insert_str(place, "\n\n  ");
            }
            5 => lines.swap(at, random.below(line.len().max(1)).min(at)),
            _ => {
                lines.remove(at);
                lines.push("# at the end".to_owned());
            }
        }
    }
    lines.join(if random.below(4) == 0 { "\r\n" } else { "\n" })
}

#[test]
fn comments_in_odd_places_stay_and_toml_1_0_reads_the_result() {
    let profiles: Vec<String> = all_profiles()
        .into_iter()
        .map(|(_, text)| text)
        .filter(|text| is_toml(text))
        .collect();
    let mut random = Random(0x5eed);
    let mut formatted_all = Vec::new();
    for _ in 0..6000 {
        let text = disturbed(&profiles[random.below(profiles.len())], &mut random);
        if !is_toml(&text) {
            continue;
        }
        // It compares values and comments itself, and refuses where it would change one.
        let formatted = format(&text).unwrap_or_else(|why| panic!("{why:?}:\n{text}"));
        let again = format(&formatted).unwrap();
        assert_eq!(again, formatted, "from:\n{text}");
        formatted_all.push(formatted);
    }
    assert!(formatted_all.len() > 2000, "{}", formatted_all.len());
    read_by_toml_1_0(&formatted_all);
}

/// Python's own reader knows 1.0 alone.
fn read_by_toml_1_0(texts: &[String]) {
    let script = "import json, sys, tomllib\nfor text in json.load(sys.stdin): tomllib.loads(text)";
    let mut python = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    let all = serde_json::to_vec(texts).unwrap();
    input.write_all(&all).unwrap();
    drop(input);
    assert!(python.wait().unwrap().success());
}
