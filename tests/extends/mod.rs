//! `tests/extends/*/main.toml`: a profile of several files, and beside it the exact report of `check`
//! or, where nothing is wrong, what it comes to. `BLESS=1 cargo test` writes them anew.

mod given;
mod hostile;
mod init;
mod lookup;
mod merged;
mod usage;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::errors::directory;
use crate::plans::compare;

/// The program in the directory `place`, with no profiles of the user's own, nor of this checkout.
pub fn sandbox(place: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(arguments)
        .current_dir(place)
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("GIT_CEILING_DIRECTORIES", directory("extends"))
        .output()
        .unwrap()
}

/// Both of its outputs.
pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    text(&output.stdout) + &text(&output.stderr)
}

fn cases() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory("extends")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.join("main.toml").is_file());
    paths.sort();
    paths
}

#[test]
fn every_mistake_of_several_files_has_its_exact_report() {
    let mut wrong = Vec::new();
    for case in cases() {
        let name = case.file_name().unwrap().to_str().unwrap();
        let checked = sandbox(&case, &["check", "main.toml"]);
        if name.starts_with("merged-") {
            assert_eq!(checked.status.code(), Some(0), "{name}: {}", said(&checked));
            continue;
        }
        assert_eq!(checked.status.code(), Some(1), "{name}: {}", said(&checked));
        let report = said(&checked);
        let rule = name.split_once("--").map_or(name, |(rule, _)| rule);
        let lines: Vec<&str> = report.lines().collect();
        assert!(
            !rule.contains('.') || lines.contains(&rule),
            "{rule}: {report}"
        );
        wrong.extend(compare(&case.join("report.txt"), &report).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
