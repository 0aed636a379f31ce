//! Profiles by name: which one wins, what is added to it, and what is said of it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use nix::unistd::geteuid;
use serde_json::Value;
use tempfile::TempDir;

use super::said;
use crate::skip::{Lack, skip};

fn profile(path: &Path, description: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = format!(
        "version = 1\ndescription = \"{description}\"\ncommand.args = [\"/bin/sh\"]\nenv.inherit = [\"LANG\"]\n"
    );
    fs::write(path, text).unwrap();
}

fn sandbox(place: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(arguments)
        .current_dir(place)
        .env("XDG_CONFIG_HOME", place.join("config"))
        .output()
        .unwrap()
}

fn list(place: &Path) -> Value {
    let listed = sandbox(place, &["list", "--json"]);
    assert_eq!(listed.status.code(), Some(0), "{}", said(&listed));
    serde_json::from_slice(&listed.stdout).unwrap()
}

#[test]
fn the_first_directory_wins() {
    let place = TempDir::new().unwrap();
    let at = |path: &str| place.path().join(path);
    profile(&at("config/sandbox/profiles/dev.toml"), "the user's");
    profile(&at("config/sandbox/profiles/own.toml"), "only the user's");
    profile(&at(".sandbox/dev.toml"), "hidden");
    let described = |index: usize| list(place.path())[index]["description"].clone();
    assert_eq!(described(0), "hidden");
    fs::remove_file(at(".sandbox/dev.toml")).unwrap();
    profile(&at("profiles/dev.toml"), "this one");
    assert_eq!(described(0), "this one");
    let listed = list(place.path());
    let ranks: Vec<_> = listed.as_array().unwrap().iter().collect();
    let ranks: Vec<_> = ranks
        .iter()
        .map(|row| (row["from"].as_str().unwrap(), row["rank"].as_str().unwrap()))
        .collect();
    let expected = [("project", "wins"), ("user", "hidden"), ("user", "wins")];
    assert_eq!(ranks, expected);
}

/// Whoever wrote a checkout can give a name another meaning there: that is said.
#[test]
fn a_checkout_that_hides_a_profile_is_named() {
    let place = TempDir::new().unwrap();
    profile(&place.path().join("config/sandbox/profiles/dev.toml"), "");
    profile(&place.path().join("profiles/dev.toml"), "");
    let checked = sandbox(place.path(), &["check", "dev"]);
    let text = said(&checked);
    assert_eq!(checked.status.code(), Some(0), "{text}");
    assert!(text.contains("profile.hides-another"), "{text}");
    assert!(
        text.contains("`./profiles/dev.toml` of this project"),
        "{text}"
    );
    fs::remove_file(place.path().join("profiles/dev.toml")).unwrap();
    let text = said(&sandbox(place.path(), &["check", "dev"]));
    assert_eq!(text, "dev: ok\n");
}

/// A program that may write the checkout could add the second one, whichever it is.
#[test]
fn a_checkout_that_has_a_name_twice_is_not_guessed_at() {
    let place = TempDir::new().unwrap();
    profile(&place.path().join(".sandbox/dev.toml"), "");
    profile(&place.path().join("profiles/dev.toml"), "");
    for command in [["check", "dev"], ["up", "dev"]] {
        let checked = sandbox(place.path(), &command);
        let text = said(&checked);
        assert_ne!(checked.status.code(), Some(0), "{text}");
        assert!(text.starts_with("profile.ambiguous\n"), "{text}");
    }
    let by_path = sandbox(place.path(), &["check", ".sandbox/dev.toml"]);
    assert_eq!(by_path.status.code(), Some(0), "{}", said(&by_path));
}

#[test]
fn an_unknown_name_names_near_ones_and_the_places() {
    let place = TempDir::new().unwrap();
    profile(&place.path().join(".sandbox/build.toml"), "");
    fs::write(place.path().join("plain"), "").unwrap();
    let text = said(&sandbox(place.path(), &["check", "biuld"]));
    assert!(text.starts_with("profile.unknown-name\n"), "{text}");
    assert!(text.contains("write `build`"), "{text}");
    let bare = text.replace(['\n', ' ', '│'], "");
    for directory in ["./profiles", "./.sandbox", "/etc/sandbox/profiles"] {
        assert!(bare.contains(directory), "{directory}: {text}");
    }
    let text = said(&sandbox(place.path(), &["check", "plain"]));
    assert!(text.contains("write `./plain`"), "{text}");
    let text = said(&sandbox(place.path(), &["up", "No Name"]));
    assert!(text.starts_with("profile.unknown-name\n"), "{text}");
}

/// A link that leads nowhere does not make the name mean another profile.
#[test]
fn a_broken_profile_is_not_passed_over() {
    let place = TempDir::new().unwrap();
    profile(&place.path().join("config/sandbox/profiles/dev.toml"), "");
    fs::create_dir(place.path().join("profiles")).unwrap();
    std::os::unix::fs::symlink("gone", place.path().join("profiles/dev.toml")).unwrap();
    let checked = sandbox(place.path(), &["check", "dev"]);
    assert_eq!(checked.status.code(), Some(1), "{}", said(&checked));
}

/// The host's additions come on top of a packaged profile, and the user's on top of those.
#[test]
fn additions_come_on_top_of_a_packaged_profile() {
    let name = "additions_come_on_top_of_a_packaged_profile";
    if !geteuid().is_root() {
        return skip(
            name,
            &Lack::Rights("only root can lay a directory over /usr/share"),
        );
    }
    let place = TempDir::new().unwrap();
    let user = place.path().join("config/sandbox/profiles");
    fs::create_dir_all(&user).unwrap();
    let addition = "version = 1\nremove.env.inherit = [\"LANG\"]\nenv.inherit = [\"TERM\"]\n";
    fs::write(user.join("dev.local.toml"), addition).unwrap();
    let share = place.path().join("share");
    profile(&share.join("sandbox/profiles/dev.toml"), "packaged");
    let script = format!(
        "mount --bind {} /usr/share && exec {} \"$@\"",
        share.display(),
        env!("CARGO_BIN_EXE_sandbox")
    );
    let run = |arguments: &[&str]| {
        let ran = Command::new("unshare")
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                &script,
                "sh",
            ])
            .args(arguments)
            .current_dir(place.path())
            .env("XDG_CONFIG_HOME", place.path().join("config"))
            .env("TERM", "vt100")
            .env("LANG", "C")
            .output()
            .unwrap();
        said(&ran)
    };
    let planned = run(&["up", "--dry-run", "dev"]);
    assert!(planned.contains("dev  packaged"), "{planned}");
    assert!(
        planned.contains("TERM") && !planned.contains("LANG"),
        "{planned}"
    );
    let listed = run(&["list"]);
    assert!(listed.contains("dev.local.toml"), "{listed}");
    // It is no profile by itself.
    assert!(run(&["check", "dev.local"]).contains("profile.unknown-name"));
    // What stands in the checkout is edited there.
    profile(&place.path().join("profiles/dev.toml"), "own");
    assert!(run(&["up", "--dry-run", "dev"]).contains("LANG"));
}

/// Bundles are found by name, and a checkout does not change what a user's own profiles extend.
#[test]
fn a_bundle_of_the_checkout_comes_last() {
    let place = TempDir::new().unwrap();
    let at = |path: &str| place.path().join(path);
    let inherited = || said(&sandbox(place.path(), &["explain", "x", "env.inherit"]));
    let write = |path: &str, text: &str| {
        fs::create_dir_all(at(path).parent().unwrap()).unwrap();
        fs::write(at(path), format!("version = 1\n{text}\n")).unwrap();
    };
    let shelf = "config/sandbox/profiles";
    write(
        &format!("{shelf}/x.toml"),
        "extends = [\"base/thing\"]\ncommand.args = [\"/bin/sh\"]",
    );
    let missing = inherited();
    assert!(
        missing.contains("there is no bundle `base/thing`"),
        "{missing}"
    );
    write(
        "profiles/base/thing.toml",
        "env.inherit = [\"OF_CHECKOUT\"]",
    );
    assert!(inherited().contains("OF_CHECKOUT"), "{}", inherited());
    write(
        &format!("{shelf}/base/thing.toml"),
        "env.inherit = [\"OF_USER\"]",
    );
    let found = inherited();
    assert!(
        found.contains("OF_USER") && !found.contains("OF_CHECKOUT"),
        "{found}"
    );
}

/// Below the top of a checkout its profiles are found as at the top, unless the repository is somebody else's.
#[test]
fn the_top_of_the_checkout_is_looked_at_too() {
    let place = TempDir::new().unwrap();
    let at = |path: &str| place.path().join(path);
    for directory in [".git/objects", ".git/refs", "src/deep"] {
        fs::create_dir_all(at(directory)).unwrap();
    }
    fs::write(at(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    profile(&at("profiles/dev.toml"), "at the top");
    profile(&at(".sandbox/other.toml"), "beside it");
    let deep = at("src/deep");
    let listed = list(&deep);
    assert_eq!(listed[0]["from"], "project");
    assert_eq!(listed[0]["description"], "at the top");
    assert_eq!(listed[0]["path"], "../../profiles/dev.toml");
    assert_eq!(listed[1]["name"], "other");
    let checked = sandbox(&deep, &["check", "dev"]);
    assert_eq!(said(&checked), "dev: ok\n");
    // As git has it, nothing is looked for at a ceiling.
    let below = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(["check", "dev"])
        .current_dir(&deep)
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env(
            "GIT_CEILING_DIRECTORIES",
            fs::canonicalize(place.path()).unwrap(),
        )
        .output()
        .unwrap();
    let text = said(&below);
    assert!(text.starts_with("profile.unknown-name\n"), "{text}");
    // Whichever of two a program that writes the checkout has added, none is guessed at.
    profile(&deep.join("profiles/dev.toml"), "");
    let text = said(&sandbox(&deep, &["check", "dev"]));
    assert!(text.starts_with("profile.ambiguous\n"), "{text}");
    fs::remove_dir_all(deep.join("profiles")).unwrap();
    // An empty `.git` is no repository.
    fs::remove_file(at(".git/HEAD")).unwrap();
    let text = said(&sandbox(&deep, &["check", "dev"]));
    assert!(text.starts_with("profile.unknown-name\n"), "{text}");
}

#[test]
fn a_checkout_of_somebody_else_gives_no_profiles() {
    let name = "a_checkout_of_somebody_else_gives_no_profiles";
    if !geteuid().is_root() {
        return skip(name, &Lack::Rights("only root can give files away"));
    }
    let place = TempDir::new().unwrap();
    let git = place.path().join(".git");
    for directory in [".git/objects", ".git/refs", "src"] {
        fs::create_dir_all(place.path().join(directory)).unwrap();
    }
    fs::write(git.join("HEAD"), "").unwrap();
    profile(&place.path().join("profiles/dev.toml"), "");
    let src = place.path().join("src");
    assert_eq!(said(&sandbox(&src, &["check", "dev"])), "dev: ok\n");
    std::os::unix::fs::chown(&git, Some(12345), Some(12345)).unwrap();
    let text = said(&sandbox(&src, &["check", "dev"]));
    assert!(text.starts_with("profile.unknown-name\n"), "{text}");
}

#[test]
fn a_name_with_its_ending_is_told_of_the_profile() {
    let place = TempDir::new().unwrap();
    profile(&place.path().join("profiles/dev.toml"), "");
    let text = said(&sandbox(place.path(), &["up", "dev.toml"]));
    assert!(text.starts_with("profile.not-found\n"), "{text}");
    assert!(
        text.contains("write `dev` for `./profiles/dev.toml`"),
        "{text}"
    );
    let text = said(&sandbox(place.path(), &["up", "other.toml"]));
    assert!(!text.contains("write `other`"), "{text}");
}
