//! Every rule of the source code has a profile that breaks it.

use std::collections::BTreeSet;
use std::path::Path;

use super::{directory, rule_of, stems};

/// The first parts of the names of rules.
const SECTIONS: &[&str] = &[
    "command",
    "env",
    "expect",
    "extends",
    "limits",
    "mount",
    "namespaces",
    "params",
    "path",
    "profile",
    "remove",
    "rootfs",
    "security",
    "supervise",
    "system",
    "value",
    "variable",
];

/// Literals of the code that look like rules and are keys of the language.
const KEYS: &[&str] = &[
    "env.set",
    "limits.cpuset",
    "limits.io",
    "limits.hugetlb",
    "limits.memory",
    "limits.output",
    "limits.pids",
    "limits.swap",
    "rootfs.source",
    "system.dev",
    "system.shm",
];

/// Rules whose profiles are made by a test: those of tests/extends.
const MADE: &[&str] = &[
    "extends.files",
    "params.choice",
    "params.unknown",
    "params.unused",
    "profile.ambiguous",
    "profile.hides-another",
    "remove.too-many",
];

/// Whether a string literal names a rule: `section.some-words`.
fn is_rule(literal: &str) -> bool {
    let word = |text: &str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !text.is_empty() && text.chars().all(fits)
    };
    literal
        .split_once('.')
        .is_some_and(|(section, rule)| SECTIONS.contains(&section) && word(rule))
        && !KEYS.contains(&literal)
}

/// The rules of the files of a folder, but for those about files themselves.
pub fn collect(folder: &Path, rules: &mut BTreeSet<String>) {
    collect_from(folder, rules, &["read.rs", "trust.rs"]);
}

fn collect_from(folder: &Path, rules: &mut BTreeSet<String>, but: &[&str]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Reading has rules about files; its own tests show them, and those of tests/extends.
        if path.is_dir() {
            collect_from(&path, rules, but);
        } else if !but.iter().any(|name| path.ends_with(name)) {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let literals = text.split('"').filter(|literal| is_rule(literal));
            rules.extend(literals.map(str::to_owned));
        }
    }
}

#[test]
fn every_rule_of_the_language_has_a_golden_report() {
    let mut rules = BTreeSet::new();
    collect(&directory("../src/profile"), &mut rules);
    assert!(rules.len() > 40, "{rules:?}");
    let stems = stems(&directory("errors"), "toml");
    let shown: BTreeSet<String> = stems
        .into_iter()
        .chain(folders(&directory("extends")))
        .map(|stem| rule_of(&stem).to_owned())
        .chain(MADE.iter().map(|rule| (*rule).to_owned()))
        .collect();
    let missing: Vec<_> = rules.difference(&shown).collect();
    assert!(missing.is_empty(), "no profile breaks {missing:?}");
}

/// The names of the directories in a directory.
fn folders(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let folders = paths.filter(|path| path.is_dir());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    folders.map(|path| name(&path)).collect()
}
