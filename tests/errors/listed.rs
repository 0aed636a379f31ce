//! `listed.txt`: every code with what shows it, a golden report or else a test that asks for it.
//! `BLESS=1 cargo test` writes the list anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sandbox::report::rules::rules;

use super::directory;
use crate::plans::compare;

/// Codes that nothing names, and why: most of what breaks them cannot be made by a test.
const SHOWN_BY_NOTHING: &[(&str, &str)] = &[
    (
        "host.killed",
        "a process of the sandbox has to be killed between two steps",
    ),
    ("host.no-home", "an account without a home directory"),
    ("host.setup", "the host has run out of something"),
    ("supervise.detach", "the host has run out of something"),
    ("supervise.watch", "the host has run out of something"),
    ("supervise.caller", "the host has run out of something"),
    ("running.end", "the host has run out of something"),
    ("running.freezer", "the host has run out of something"),
    ("running.signal", "the host has run out of something"),
    ("running.log", "the host has run out of something"),
    ("running.report", "the host has run out of something"),
    ("kept.system", "the host has run out of something"),
    ("state.note", "the host has run out of something"),
    ("state.release", "the host has run out of something"),
    ("state.sweep", "the host has run out of something"),
    ("state.claim", "the host has run out of something"),
    ("state.directory", "the host has run out of something"),
    ("store.failed", "the host has run out of something"),
    ("store.manifest", "the host has run out of something"),
    ("wrap.own", "the host has run out of something"),
    (
        "program.magic-link",
        "a host with other rights on programs; tests/run shows the error",
    ),
    (
        "program.not-readable",
        "a host with other rights on programs; tests/run shows the error",
    ),
    ("security.seccomp-architecture", "another processor"),
    ("security.seccomp-policy", "another processor"),
    (
        "cgroup.enter",
        "somebody moves processes between control groups",
    ),
    (
        "cgroup.remove",
        "somebody moves processes between control groups",
    ),
    ("value.nul", "texts with it are refused before"),
    ("fmt.no-layout", "a mistake of ours"),
    ("fmt.directory", "root may write and read everything"),
    ("fmt.write", "root may write and read everything"),
    (
        "kept.file-system",
        "a file system without extended attributes",
    ),
    ("running.ended", "tests/run/lifecycle asks for its words"),
    ("running.left", "tests/run/lifecycle asks for its words"),
    ("running.lost", "tests/run/lifecycle asks for its words"),
    (
        "running.namespaces",
        "tests/run/lifecycle asks for its words",
    ),
    (
        "running.no-freezer",
        "tests/run/lifecycle asks for its words",
    ),
    ("running.no-log", "tests/run/lifecycle asks for its words"),
    (
        "running.no-program",
        "tests/run/lifecycle asks for its words",
    ),
    ("running.starting", "tests/run/lifecycle asks for its words"),
    (
        "running.supervisor",
        "tests/run/lifecycle asks for its words",
    ),
    ("running.version", "tests/run/lifecycle asks for its words"),
    ("command-line.path", "an overlay that a run has kept"),
    (
        "wrap.text",
        "a name that is no text is refused as a name first",
    ),
];

/// Lists of all codes show none.
const LISTS: &[&str] = &[
    "explained.txt",
    "explained.rs",
    "listed.txt",
    "listed.rs",
    "rules.rs",
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, found);
        } else if !LISTS.iter().any(|list| path.ends_with(list)) {
            found.push(path);
        }
    }
}

/// The words of a text that may be codes.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    text.split(move |c| !part(c))
}

/// The first file that names each code.
fn named_in<'a>(codes: &[&'a str], paths: &[&PathBuf], tests: &Path) -> BTreeMap<&'a str, String> {
    let mut named = BTreeMap::new();
    for path in paths {
        let Ok(text) = std::fs::read_to_string(path) else {
            continue;
        };
        let shown = path.strip_prefix(tests).unwrap().display().to_string();
        for word in words(&text) {
            let Some(code) = codes.iter().find(|code| **code == word) else {
                continue;
            };
            let before: &mut String = named.entry(*code).or_insert_with(|| shown.clone());
            // What has the code's own name was made for it; a key of a profile may be called the same.
            if shown.contains(code) && !before.contains(code) {
                before.clone_from(&shown);
            }
        }
    }
    named
}

#[test]
fn every_code_has_what_shows_it() {
    let root = directory("..");
    let (mut paths, mut sources) = (Vec::new(), Vec::new());
    files(&root.join("tests"), &mut paths);
    files(&root.join("src"), &mut sources);
    let all = rules();
    let codes: Vec<&str> = all.iter().map(|rule| rule.code).collect();
    let ending = |path: &&PathBuf, endings: &[&str]| {
        path.extension()
            .and_then(|e| e.to_str())
            .is_some_and(|e| endings.contains(&e))
    };
    let goldens: Vec<&PathBuf> = paths
        .iter()
        .filter(|path| ending(path, &["txt", "json", "sarif", "md"]))
        .collect();
    // A profile that is named by its rule shows it, whatever its own report says.
    let tests: Vec<&PathBuf> = paths
        .iter()
        .filter(|path| ending(path, &["rs", "sh"]))
        .collect();
    let by_golden = named_in(&codes, &goldens, &root);
    let by_test = named_in(&codes, &tests, &root);
    let (mut list, mut missing) = (String::new(), Vec::new());
    let excused = |code: &str| SHOWN_BY_NOTHING.iter().find(|(rule, _)| *rule == code);
    for code in codes {
        let shown = by_golden.get(code).or(by_test.get(code)).cloned();
        let shown = shown.or_else(|| unit_test(code, &sources, &root));
        match (shown, excused(code)) {
            (Some(_), Some(_)) => missing.push("shown, and excused"),
            (Some(shown), None) => list.push_str(&format!("{code:36} {shown}\n")),
            (None, Some((_, why))) => list.push_str(&format!("{code:36} none: {why}\n")),
            (None, None) => missing.push(code),
        }
    }
    assert!(missing.is_empty(), "nothing shows {missing:#?}");
    compare(&directory("errors/told").join("listed.txt"), &list).unwrap();
}

/// A test that stands beside the code.
fn unit_test(code: &str, sources: &[PathBuf], root: &Path) -> Option<String> {
    let quoted = format!("\"{code}\"");
    let names = |path: &&PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let (_, tests) = text.split_once("#[cfg(test)]").unwrap_or_default();
        tests.contains(&quoted)
    };
    let found = sources.iter().find(names)?;
    Some(found.strip_prefix(root).ok()?.display().to_string())
}
