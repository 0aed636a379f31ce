//! `tests/why/answers.txt`: questions about the profiles beside it, and the exact answers.
//! `BLESS=1 cargo test` writes them anew.

mod questions;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use sandbox::report::why::json_schema;
use sandbox::review::why::rules;
use serde_json::{Value, json};

use crate::plans::compare;
use questions::QUESTIONS;

fn ask(question: &str, words: &[&str]) -> Output {
    let (profile, rest) = question.split_once(' ').unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("why");
    command.arg(format!("tests/why/{profile}.toml"));
    command.args(rest.split(' ')).args(words).output().unwrap()
}

#[test]
fn every_question_has_its_exact_answer() {
    let mut text = String::new();
    for (question, code) in QUESTIONS {
        let output = ask(question, &[]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(*code), "{question}: {told}");
        let answer = String::from_utf8_lossy(&output.stdout);
        for line in answer.lines() {
            assert!(line.chars().count() <= 80, "{question}: {line}");
        }
        text += &format!(
            "$ sandbox why {question}\n{}\n",
            String::from_utf8(output.stdout).unwrap()
        );
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/why/answers.txt");
    let compared = compare(&golden, &text);
    assert!(compared.is_ok(), "{}", compared.unwrap_err());
}

#[test]
fn the_json_is_that_of_its_schema() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/why.schema.json");
    let compared = compare(&file, &json_schema());
    assert!(compared.is_ok(), "{}", compared.unwrap_err());
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut codes: BTreeSet<String> = BTreeSet::new();
    let mut verdicts = BTreeSet::new();
    for (question, code) in QUESTIONS {
        let document = ask(question, &["--format", "json"]).stdout;
        let mut document: Value = serde_json::from_slice(&document).unwrap();
        assert!(validator.is_valid(&document), "{question}");
        let verdict = document["verdict"].as_str().unwrap().to_owned();
        assert_eq!(*code == 1, verdict == "denied", "{question}");
        verdicts.insert(verdict);
        let reasons = document["reasons"].as_array().unwrap();
        assert!(!reasons.is_empty(), "{question}");
        codes.extend(
            reasons
                .iter()
                .map(|reason| reason["code"].as_str().unwrap().to_owned()),
        );
        document["verdict"] = json!("perhaps");
        assert!(!validator.is_valid(&document));
    }
    assert_eq!(verdicts.len(), 3);
    // Every rule is the reason of an answer, so that each has its golden text.
    let known: BTreeSet<String> = rules().map(|rule| rule.code.to_owned()).collect();
    assert_eq!(known.len(), rules().count(), "two rules of one code");
    assert_eq!(codes, known);
}

#[test]
fn the_json_of_an_answer_is_exact() {
    let mut text = String::new();
    for question in [
        "dev --path /data/.git/hooks/x --write",
        "strict --connect @bus",
    ] {
        text += &String::from_utf8(ask(question, &["--format", "json"]).stdout).unwrap();
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/why/answers.json");
    assert_eq!(compare(&golden, &text), Ok(()));
}

#[test]
fn a_wrong_question_is_wrong_usage() {
    let mut text = String::new();
    for question in [
        "dev --path /a/../b",
        "dev --path ../b",
        "dev --connect host",
        "dev --connect :1",
        "dev --connect host:0",
        "dev --connect host:x",
        "dev --connect 2001:db8::1:443",
        "dev --connect [2001:db8::1]:0",
        "dev --connect 1.2.3:4",
        "dev --connect @",
        "dev --syscall nonsense",
        "dev --env A=B",
    ] {
        let output = ask(question, &[]);
        assert_eq!(output.status.code(), Some(2), "{question}");
        assert!(output.stdout.is_empty());
        let told = String::from_utf8(output.stderr).unwrap();
        text += &format!("$ sandbox why {question}\n{told}\n");
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/why/wrong.txt");
    assert_eq!(compare(&golden, &text), Ok(()));
    for question in [
        "dev --path",
        "dev --write",
        "dev --path /a --write --exec",
        "dev --env A --syscall read",
    ] {
        assert_eq!(ask(question, &[]).status.code(), Some(2), "{question}");
    }
    assert_eq!(ask("none --env A", &[]).status.code(), Some(1));
}

/// What a shell makes of `${GIT_ROOT}` means the mount there.
#[test]
fn a_path_of_the_shell_is_taken_as_the_profile_writes_it() {
    let place = tempfile::TempDir::new().unwrap();
    let home = place.path().canonicalize().unwrap();
    let top = home.join("work");
    let made = Command::new("git").arg("init").arg("-q").arg(&top).status();
    assert!(made.unwrap().success());
    std::fs::create_dir(top.join("below")).unwrap();
    let profile = "version = 1\nrootfs.source = [{ host = \"/usr\" }]\n\
        [[mount]]\nbind = \"${GIT_ROOT}\"\naccess = \"rw\"\nread_only = [\".git\"]\n\
        [[mount]]\nbind = \"${HOME}/.config\"\n";
    std::fs::write(home.join("own.toml"), profile).unwrap();
    let ask = |path: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_sandbox"))
            .args(["why", "../../own.toml", "--write", "--path", path])
            .current_dir(top.join("below"))
            .env("HOME", &home)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().next().unwrap_or_default().to_owned()
    };
    let absolute = |rest: &str| home.join(rest).to_str().unwrap().to_owned();
    for (path, answer) in [
        (
            absolute("work").as_str(),
            "write `${GIT_ROOT}`: allowed if the host lets it",
        ),
        (
            &absolute("work/.git/config"),
            "write `${GIT_ROOT}/.git/config`: denied",
        ),
        (&absolute(".config/x"), "write `${HOME}/.config/x`: denied"),
        ("/usr/bin/x", "write `/usr/bin/x`: denied"),
        (
            "${GIT_ROOT}/a",
            "write `${GIT_ROOT}/a`: allowed if the host lets it",
        ),
    ] {
        assert_eq!(ask(path), answer);
    }
    assert_eq!(ask("../x"), "", "a path that climbs is refused");
}
