//! `sandbox explain PROFILE seccomp`: a golden text and JSON for each profile of this folder.
//! `BLESS=1 cargo test` writes them anew.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use sandbox::seccomp::groups;
use serde_json::Value;

use crate::errors::{directory, stems};
use crate::plans::compare;

fn explain(profile: &str, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .arg("explain")
        .args(options)
        .args([profile, "seccomp"])
        .current_dir(directory("explain"))
        .output()
        .unwrap()
}

fn text(profile: &str, options: &[&str]) -> String {
    let told = explain(profile, options);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    String::from_utf8(told.stdout).unwrap()
}

#[test]
fn every_list_is_told_like_this() {
    let folder = directory("explain");
    let mut wrong = Vec::new();
    for stem in stems(&folder, "toml") {
        let profile = format!("{stem}.toml");
        for (options, ending) in [(&[][..], "txt"), (&["--json"][..], "json")] {
            let golden = folder.join(format!("{stem}.{ending}"));
            wrong.extend(compare(&golden, &text(&profile, options)).err());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `sandbox explain` prints with these words, in this folder.
fn told(words: &[&str]) -> String {
    let told = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .arg("explain")
        .args(words)
        .current_dir(directory("explain"))
        .output()
        .unwrap();
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    String::from_utf8(told.stdout).unwrap()
}

#[test]
fn every_value_is_told_like_this() {
    let folder = directory("explain/values");
    for (profile, stem) in [("default.toml", "least"), ("../profiles/full.toml", "full")] {
        compare(&folder.join(format!("{stem}.txt")), &told(&[profile])).unwrap();
        let json = told(&[profile, "--json"]);
        compare(&folder.join(format!("{stem}.json")), &json).unwrap();
    }
}

/// Lines of prose end at a page's width where the output is no terminal, and nothing colours them.
#[test]
fn no_line_is_longer_than_a_page() {
    let text = told(&["../profiles/full.toml"]);
    let long = |line: &&str| line.chars().count() > 80 && line.trim().contains(' ');
    let lines: Vec<_> = text.lines().filter(long).collect();
    assert!(
        lines
            .iter()
            .all(|line| !line.trim_start().trim_start_matches("-> ").contains(' ')),
        "{lines:#?}"
    );
    assert!(!text.contains('\u{1b}'));
}

/// A key that nothing sets is told with what holds then, and with what it would become.
#[test]
fn a_key_that_is_not_set_is_told_with_its_default() {
    let mut all = String::new();
    for path in sandbox::language::paths() {
        let text = told(&["default.toml", &path]);
        if text.contains(": not set") || text.contains(": told by") {
            all.push_str(&text);
        }
    }
    compare(&directory("explain/values").join("not-set.txt"), &all).unwrap();
    let json: Value =
        serde_json::from_str(&told(&["default.toml", "limits.pids", "--json"])).unwrap();
    assert_eq!(json[0]["value"], Value::Null);
    assert_eq!(json[0]["key"], "limits.pids");
}

/// No call is passed over, and none is told twice.
#[test]
fn every_call_is_told_once() {
    for profile in ["default.toml", "strict.toml"] {
        let told: Value = serde_json::from_str(&text(profile, &["--json"])).unwrap();
        let parts = told["groups"].as_array().unwrap().iter();
        let parts = parts.flat_map(|group| group["parts"].as_array().unwrap());
        let calls = parts.flat_map(|part| part["calls"].as_array().unwrap());
        let calls: Vec<&str> = calls.map(|call| call.as_str().unwrap()).collect();
        let known: BTreeSet<&str> = groups().iter().flat_map(|group| group.calls()).collect();
        assert_eq!(calls.len(), known.len());
        assert_eq!(calls.into_iter().collect::<BTreeSet<_>>(), known);
    }
}

#[test]
fn a_wrong_profile_is_not_explained() {
    let told = explain("../errors/plan/security.seccomp-unknown.toml", &[]);
    assert_eq!(told.status.code(), Some(1));
    assert!(
        told.stdout.is_empty() && !told.stderr.is_empty(),
        "{told:?}"
    );
}

/// What is not known yet is told as it was written: the number that stands for it meanwhile is nobody's.
#[test]
fn numbers_without_a_value_are_told_as_they_were_written() {
    let place = tempfile::TempDir::new().unwrap();
    let profile = place.path().join("p.toml");
    let text = "version = 1\ncommand.args = [\"sh\"]\nparams.n = {}\n[limits]\npids = \"${param:n}\"\n\
        memory = \"${env:MEMORY}\"\nwall_time = \"${param:n}\"\n";
    std::fs::write(&profile, text).unwrap();
    let explain = |options: &[&str]| {
        let told = Command::new(env!("CARGO_BIN_EXE_sandbox"))
            .args(["explain", profile.to_str().unwrap()])
            .args(options)
            .output()
            .unwrap();
        assert_eq!(told.status.code(), Some(0), "{told:?}");
        String::from_utf8(told.stdout).unwrap()
    };
    let all = explain(&[]);
    for line in [
        "limits.pids = ${param:n}\n",
        "limits.memory = ${env:MEMORY}\n",
        "limits.wall_time = ${param:n}\n",
    ] {
        assert!(all.contains(line), "{line}: {all}");
    }
    assert!(!all.contains(&u64::MAX.to_string()), "{all}");
    std::fs::write(&profile, text.replace("wall_time = \"${param:n}\"\n", "")).unwrap();
    let given = explain(&["limits.pids", "--param", "n=5"]);
    assert!(given.starts_with("limits.pids = 5\n"), "{given}");
}
