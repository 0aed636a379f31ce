//! A profile with errors: what each command prints of it in each format, whatever its texts hold.

use std::path::Path;
use std::process::{Command, Output};

use sandbox::report::problems::json_schema;
use serde_json::Value;

use super::{root, sarif_schema};
use crate::errors::directory;
use crate::plans::compare;

const BROKEN: &str = "tests/errors/mount.target-relative.toml";

fn sandbox(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.args(arguments).current_dir(directory);
    command.output().unwrap()
}

fn printed(directory: &Path, arguments: &[&str]) -> String {
    let ended = sandbox(directory, arguments);
    assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
    assert!(
        !ended.stderr.is_empty(),
        "people are told too: {arguments:?}"
    );
    String::from_utf8(ended.stdout).unwrap()
}

fn document(directory: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(directory, arguments)).unwrap()
}

fn golden(name: &str, text: &str) {
    let compared = compare(&directory("audit").join("formats").join(name), text);
    assert!(compared.is_ok(), "{}", compared.unwrap_err());
}

#[test]
fn the_problems_are_those_of_their_schema() {
    let compared = compare(&root().join("schemas/problems.schema.json"), &json_schema());
    assert!(compared.is_ok(), "{}", compared.unwrap_err());
    let schema: Value = serde_json::from_str(&json_schema()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let gone = "tests/audit/gone.toml";
    for path in [BROKEN, gone] {
        for command in ["check", "audit", "test"] {
            let found = document(root(), &[command, "--format", "json", path]);
            assert!(validator.is_valid(&found), "{command} {path}: {found}");
            let profile = &found["profiles"][0];
            assert_eq!(profile["profile"], path, "{command}");
            assert!(profile["errors"].as_u64() > Some(0), "{command}");
            let mut wrong = found.clone();
            wrong["profiles"][0]["problems"][0]["severity"] = "fatal".into();
            assert!(!validator.is_valid(&wrong));
        }
    }
}

#[test]
fn every_format_has_its_exact_text() {
    let two = [
        "tests/errors/mount.target-relative.toml",
        "tests/audit/near.toml",
    ];
    for (format, name) in [
        ("json", "broken.json"),
        ("sarif", "broken.sarif"),
        ("github", "broken.github"),
    ] {
        golden(
            name,
            &printed(root(), &["check", "--format", format, two[0], two[1]]),
        );
    }
    let log = document(root(), &["audit", "--format", "sarif", BROKEN]);
    assert_eq!(
        log["runs"][0]["results"][0]["ruleId"],
        "mount.target-relative"
    );
}

#[test]
fn a_sound_profile_has_a_document_too() {
    let near = "tests/audit/near.toml";
    for (format, empty) in [("json", false), ("sarif", false), ("github", true)] {
        let ended = sandbox(root(), &["check", "--format", format, near]);
        assert_eq!(ended.status.code(), Some(0), "{format}");
        assert_eq!(ended.stdout.is_empty(), empty, "{format}");
    }
    let human = sandbox(root(), &["check", near]);
    assert_eq!(human.stdout, format!("{near}: ok\n").into_bytes());
    assert_eq!(
        sandbox(root(), &["check", "--format", "xml", near])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn a_second_place_and_a_help_come_along() {
    let scratch = tempfile::tempdir().unwrap();
    let text = "version = 1\ncommand.args = [\"bash\"]\n[[mount]]\nvolume = \"v\"\ntarget = \"/a\"\n[[mount]]\nvolume = \"v\"\ntarget = \"/b\"\n";
    std::fs::write(scratch.path().join("two.toml"), text).unwrap();
    let found = document(scratch.path(), &["check", "--format", "json", "two.toml"]);
    let problem = &found["profiles"][0]["problems"][0];
    assert_eq!(problem["place"]["line"], 7, "{found}");
    assert_eq!(problem["related"][0]["place"]["line"], 4, "{found}");
    assert!(problem["help"].is_string(), "{found}");
    let log = document(scratch.path(), &["check", "--format", "sarif", "two.toml"]);
    let result = &log["runs"][0]["results"][0];
    let region = |place: &Value| place["physicalLocation"]["region"]["startLine"].clone();
    assert_eq!(region(&result["locations"][0]), 7, "{log}");
    assert_eq!(region(&result["relatedLocations"][0]), 4, "{log}");
    assert!(
        jsonschema::validator_for(&sarif_schema())
            .unwrap()
            .is_valid(&log)
    );
}

/// A file name and a text that hold what ends a string, a line, a command and a property.
#[test]
fn no_name_breaks_a_format() {
    let scratch = tempfile::tempdir().unwrap();
    let name = "a\"b\\,c:d%0A\u{1b}[2J\n::error title=x::y\u{202e}.toml";
    let key = "q\\\"%0A::,\\n\\u001b[31m\\u202e";
    let text = format!("version = 1\nname = \"x\"\ncommand.args = [\"bash\"]\n\"{key}\" = 1\n");
    std::fs::write(scratch.path().join(name), text).unwrap();
    let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    for command in ["check", "audit", "test"] {
        let text = printed(scratch.path(), &[command, "--format", "json", name]);
        assert!(!text.contains(acts), "{text}");
        let found: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(found["profiles"][0]["profile"], name);
    }
    for command in ["check", "audit"] {
        let text = printed(scratch.path(), &[command, "--format", "sarif", name]);
        assert!(!text.contains(acts), "{text}");
        let log: Value = serde_json::from_str(&text).unwrap();
        let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.starts_with("a%22b%5C%2Cc%3Ad%250A%1B"), "{uri}");
        assert!(place["region"]["startLine"].is_u64(), "{log}");
    }
    let text = printed(scratch.path(), &["check", "--format", "github", name]);
    assert!(!text.contains(acts), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    // What the runner makes of it: properties up to the next `::`, each up to a comma.
    let (properties, message) = text
        .strip_prefix("::error ")
        .unwrap()
        .split_once("::")
        .unwrap();
    let keys: Vec<&str> = properties
        .split(',')
        .map(|property| property.split_once('=').unwrap().0)
        .collect();
    assert_eq!(
        keys,
        ["file", "line", "col", "endLine", "endColumn", "title"]
    );
    assert!(message.contains("%250A::,\\n"), "{message}");
}

#[test]
fn the_word_ok_is_printed_without_what_acts_on_a_terminal() {
    let scratch = tempfile::tempdir().unwrap();
    let name = "a\u{1b}[2J.toml";
    let text = "version = 1\nname = \"x\"\ncommand.args = [\"bash\"]\n";
    std::fs::write(scratch.path().join(name), text).unwrap();
    let ended = sandbox(scratch.path(), &["check", name]);
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(ended.stdout, b"a\\u{1b}[2J.toml: ok\n");
}
