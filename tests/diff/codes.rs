//! `tests/diff/codes/CODE.profiles`: for each code a profile and, below a line, what becomes of it; beside it the exact
//! differences for people and as JSON. `BLESS=1 cargo test` writes them anew.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use sandbox::review::diff::topics;
use serde_json::Value;
use tempfile::TempDir;

use crate::plans::compare;

/// Between the two profiles of a file.
const BETWEEN: &str = "\n# --- after ---\n\n";

fn directory() -> PathBuf {
    super::root().join("tests/diff/codes")
}

/// Two profiles in a directory of their own.
struct Case(TempDir);

impl Case {
    fn of(code: &str) -> Case {
        let text = std::fs::read_to_string(directory().join(format!("{code}.profiles"))).unwrap();
        let (before, after) = text.split_once(BETWEEN).unwrap();
        let case = Case(tempfile::tempdir().unwrap());
        for (name, text) in [("before", before), ("after", after)] {
            std::fs::write(case.0.path().join(format!("{name}.toml")), text).unwrap();
        }
        case
    }

    /// What `diff` prints; it finds no mistake in either.
    fn diff(&self, words: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
        command.current_dir(self.0.path()).arg("diff").args(words);
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.contains("error"), "{told}");
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text)
    }

    fn changes(&self, old: &str, new: &str) -> Vec<Value> {
        let (_, text) = self.diff(&["--format", "json", old, new]);
        let document: Value = serde_json::from_str(&text).unwrap();
        document["profiles"][0]["changes"]
            .as_array()
            .unwrap()
            .clone()
    }
}

/// How many changes go each way.
fn counted(changes: &[Value], mark: &str) -> usize {
    let of_mark = changes.iter().filter(|change| change["mark"] == mark);
    of_mark.count()
}

#[test]
fn every_code_has_its_exact_differences() {
    let mut wrong = Vec::new();
    let mut expected = BTreeSet::new();
    for topic in topics() {
        let case = Case::of(topic.code);
        let words = ["before.toml", "after.toml"];
        let (exit, human) = case.diff(&words);
        let (_, json) = case.diff(&[&["--format", "json"][..], &words].concat());
        let there = case.changes("before.toml", "after.toml");
        let back = case.changes("after.toml", "before.toml");
        let mut codes = there.iter().map(|change| change["code"].as_str().unwrap());
        assert!(
            codes.any(|code| code == topic.code),
            "{}: {human}",
            topic.code
        );
        for (one, other) in [
            ("wider", "narrower"),
            ("narrower", "wider"),
            ("neutral", "neutral"),
        ] {
            assert_eq!(
                counted(&there, one),
                counted(&back, other),
                "{}",
                topic.code
            );
        }
        let code = if counted(&there, "wider") > 0 { 3 } else { 0 };
        assert_eq!(exit, Some(code), "{}", topic.code);
        assert!(
            human.lines().all(|line| line.chars().count() <= 80),
            "{human}"
        );
        for (ending, text) in [("txt", human), ("json", json)] {
            let golden = format!("{}.{ending}", topic.code);
            wrong.extend(compare(&directory().join(&golden), &text).err());
            expected.insert(golden);
        }
        expected.insert(format!("{}.profiles", topic.code));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let files = std::fs::read_dir(directory()).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(
        files.collect::<BTreeSet<String>>(),
        expected,
        "files without a code"
    );
}
