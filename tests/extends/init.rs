//! `sandbox init`: a profile to start from, for the files of a checkout.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{said, sandbox};

/// A checkout with these files in it.
fn checkout(files: &[&str]) -> TempDir {
    let place = TempDir::new().unwrap();
    let made = Command::new("git")
        .args(["init", "--quiet"])
        .arg(place.path())
        .status()
        .unwrap();
    assert!(made.success());
    for file in files {
        fs::write(place.path().join(file), "").unwrap();
    }
    place
}

fn init(place: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["init"];
    all.extend(arguments);
    let output = sandbox(place, &all);
    (output.status.code(), said(&output))
}

#[test]
fn what_it_is_built_with_is_told_by_its_files() {
    let marks = [
        ("Cargo.toml", "cargo test"),
        ("package.json", "npm test"),
        ("pyproject.toml", "python3"),
        ("go.mod", "go test"),
        ("Makefile", "-- make"),
        ("README", "-- ls"),
    ];
    for (mark, example) in marks {
        let place = checkout(&[mark]);
        let (code, text) = init(place.path(), &[]);
        assert_eq!(code, Some(0), "{text}");
        let written = fs::read_to_string(place.path().join(".sandbox/dev.toml")).unwrap();
        assert!(written.contains(example), "{mark}: {written}");
        let checked = sandbox(place.path(), &["check", "dev"]);
        assert_eq!(said(&checked), "dev: ok\n");
    }
}

#[test]
fn every_template_runs_and_keeps_its_promises() {
    for template in ["cargo", "npm", "python", "go", "make", "shell"] {
        let place = checkout(&[]);
        let (code, text) = init(place.path(), &["--template", template]);
        assert_eq!(code, Some(0), "{text}");
        let tested = sandbox(place.path(), &["test", "dev"]);
        assert_eq!(tested.status.code(), Some(0), "{}", said(&tested));
        let script = "touch here; touch .sandbox/x .git/hooks/x 2>/dev/null || echo kept";
        let ran = sandbox(place.path(), &["up", "dev", "--", "sh", "-c", script]);
        assert_eq!(ran.status.code(), Some(0), "{}", said(&ran));
        assert!(said(&ran).contains("kept"), "{}", said(&ran));
        assert!(place.path().join("here").exists());
        assert!(!place.path().join(".sandbox/x").exists());
        assert!(!place.path().join(".git/hooks/x").exists());
    }
}

/// It works outside of a checkout, and where another file is asked for.
#[test]
fn any_directory_has_a_profile() {
    let place = TempDir::new().unwrap();
    let (code, text) = init(place.path(), &["own.toml"]);
    assert_eq!(code, Some(0), "{text}");
    let written = fs::read_to_string(place.path().join("own.toml")).unwrap();
    assert!(written.contains("bind = \"${CWD}\""), "{written}");
    assert!(written.contains("\"?own.toml\""), "{written}");
    let checked = sandbox(place.path(), &["check", "--host", "own.toml"]);
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
}

/// A name that the project has twice finds neither profile: the second one is not made.
#[test]
fn no_name_gets_a_second_meaning() {
    let place = checkout(&["Makefile"]);
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at("profiles")).unwrap();
    fs::write(at("profiles/dev.toml"), "version = 1\n").unwrap();
    fs::create_dir(at("below")).unwrap();
    for directory in [place.path().to_owned(), at("below")] {
        let (code, text) = init(&directory, &[]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.starts_with("init.name-taken\n"), "{text}");
        assert!(text.contains("profiles/dev.toml`"), "{text}");
        assert!(!directory.join(".sandbox").exists());
    }
    let (code, text) = init(place.path(), &[".sandbox/own.toml"]);
    assert_eq!(code, Some(0), "{text}");
    for name in ["dev", "own"] {
        let checked = sandbox(place.path(), &["check", name]);
        assert_eq!(said(&checked), format!("{name}: ok\n"));
    }
    // A path is no name, and can be anything.
    fs::create_dir(at("other")).unwrap();
    assert_eq!(init(place.path(), &["other/dev.toml"]).0, Some(0));
}

#[test]
fn nothing_is_overwritten_and_no_link_followed() {
    let place = checkout(&[]);
    let at = |name: &str| place.path().join(name);
    fs::create_dir(at(".sandbox")).unwrap();
    fs::write(at(".sandbox/dev.toml"), "mine").unwrap();
    let (code, text) = init(place.path(), &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.starts_with("init.exists\n"), "{text}");
    assert_eq!(fs::read_to_string(at(".sandbox/dev.toml")).unwrap(), "mine");
    fs::remove_file(at(".sandbox/dev.toml")).unwrap();
    symlink(at("elsewhere"), at(".sandbox/dev.toml")).unwrap();
    assert_eq!(init(place.path(), &[]).0, Some(1));
    assert!(!at("elsewhere").exists());
    fs::remove_dir_all(at(".sandbox")).unwrap();
    fs::create_dir(at("outside")).unwrap();
    symlink("outside", at(".sandbox")).unwrap();
    let (code, text) = init(place.path(), &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(!at("outside/dev.toml").exists());
    assert_eq!(init(place.path(), &["a/b/c.toml"]).0, Some(1));
}
