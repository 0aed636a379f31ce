//! Every recipe of the manual is in its layout, passes `check`, and runs as it is printed.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use sandbox::format::format;
use sandbox::manual::{RECIPES, Recipe};
use tempfile::TempDir;

use crate::display::{self, Display};
use crate::skip::{Lack, skip};

fn recipe(file: &str) -> &'static Recipe {
    RECIPES.iter().find(|recipe| recipe.file == file).unwrap()
}

/// A checkout with all that the recipes speak of; on a disk, since no overlay lies on every file system.
fn checkout(recipe: &Recipe) -> TempDir {
    let home = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let write = |name: &str, text: &str| fs::write(home.path().join(name), text).unwrap();
    write(recipe.file, recipe.profile);
    write("build.sh", "echo built >artefact\n");
    write("test.sh", "test ! -w . && echo tested\n");
    write("input", "b\na\n");
    fs::create_dir(home.path().join("tree")).unwrap();
    write("tree/greeting", "hello\n");
    // Bundles are found as a project's own.
    fs::create_dir_all(home.path().join("profiles/base")).unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/base");
    for entry in fs::read_dir(shipped).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        fs::copy(entry.path(), home.path().join("profiles/base").join(name)).unwrap();
    }
    fs::create_dir(home.path().join("bin")).unwrap();
    let program = home.path().join("bin/sandbox");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sandbox"), program).unwrap();
    home
}

fn run(recipe: &Recipe, home: &Path) -> Output {
    let mut shell = Command::new("sh");
    typed(&mut shell, recipe, home).output().unwrap()
}

/// A shell, or what starts one, with what stands below the recipe.
fn typed<'a>(shell: &'a mut Command, recipe: &Recipe, home: &Path) -> &'a mut Command {
    let path = std::env::var("PATH").unwrap_or_default();
    shell
        .args(["-e", "-c", recipe.commands])
        .current_dir(home)
        .env("PATH", format!("{}:{path}", home.join("bin").display()))
        // State, data and cache of its own: nothing meets another sandbox of these names.
        .env("XDG_RUNTIME_DIR", home)
        .env("XDG_STATE_HOME", home.join(".state"))
        .env("XDG_DATA_HOME", home.join(".data"))
}

/// What it prints, when it runs well.
fn printed(file: &str, home: &TempDir) -> String {
    well(file, run(recipe(file), home.path()))
}

fn well(file: &str, ended: Output) -> String {
    let error = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{file}: {error}");
    String::from_utf8(ended.stdout).unwrap()
}

#[test]
fn recipes_are_in_their_layout_and_sound() {
    for recipe in RECIPES {
        assert_eq!(format(recipe.profile).as_deref(), Ok(recipe.profile));
        let home = checkout(recipe);
        let check = Command::new(env!("CARGO_BIN_EXE_sandbox"))
            .args(["check", recipe.file])
            .current_dir(home.path())
            .output()
            .unwrap();
        assert!(
            check.status.success() && check.stderr.is_empty(),
            "{check:?}"
        );
    }
}

#[test]
fn a_build_is_kept_apart() {
    let home = checkout(recipe("build.toml"));
    let changes = printed("build.toml", &home);
    assert!(changes.contains("artefact"), "{changes}");
    assert!(!home.path().join("artefact").exists());
    let mut discard = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    discard
        .args(["reset", "build"])
        .env("XDG_DATA_HOME", home.path().join(".data"));
    discard.env("XDG_STATE_HOME", home.path().join(".state"));
    discard.env("XDG_RUNTIME_DIR", home.path());
    assert!(discard.output().unwrap().status.success());
}

#[test]
fn calls_of_an_agent_meet_in_one_sandbox() {
    let home = checkout(recipe("agent.toml"));
    let told = printed("agent.toml", &home);
    assert!(told.contains("called"), "{told}");
    let note = fs::read_to_string(home.path().join("note")).unwrap();
    assert_eq!(note, "called\n");
}

#[test]
fn a_judge_tells_how_it_ended() {
    if !nix::unistd::geteuid().is_root() {
        let lack = "limits that may not degrade want delegated control groups";
        return skip("a_judge_tells_how_it_ended", &Lack::Rights(lack));
    }
    let home = checkout(recipe("judge.toml"));
    printed("judge.toml", &home);
    let read = |name: &str| fs::read_to_string(home.path().join(name)).unwrap();
    assert_eq!(read("output"), "a\nb\n");
    let report: serde_json::Value = serde_json::from_str(&read("result.json")).unwrap();
    assert_eq!(report["exit_code"], 0);
}

#[test]
fn a_job_tries_its_promises_before_its_tests() {
    let home = checkout(recipe("ci.toml"));
    let told = printed("ci.toml", &home);
    assert!(told.ends_with("tested\n"), "{told}");
}

#[test]
fn an_old_chroot_runs_from_its_copy() {
    let home = checkout(recipe("legacy.toml"));
    assert_eq!(printed("legacy.toml", &home), "hello\n");
}

/// Whether the host has these programs; else the test is skipped.
fn has(test: &str, programs: &[&str]) -> bool {
    let there = |program: &&&str| Path::new("/usr/bin").join(program).exists();
    let missing = programs.iter().find(|program| !there(program));
    if let Some(program) = missing {
        skip(test, &Lack::Tool(&format!("`{program}` is not installed")));
    }
    missing.is_none()
}

#[test]
fn a_desktop_program_draws_on_the_display() {
    let name = "a_desktop_program_draws_on_the_display";
    if !has(name, &["Xvfb", "xmessage"]) {
        return;
    }
    let home = checkout(recipe("desktop.toml"));
    let key = home.path().join("key");
    fs::write(&key, display::key()).unwrap();
    let display = Display::start(Some(&key));
    let mut shell = Command::new("sh");
    let shell = typed(&mut shell, recipe("desktop.toml"), home.path());
    let shell = shell.env("DISPLAY", display.name());
    let without_key = shell.env("XAUTHORITY", "/nowhere").output().unwrap();
    assert_eq!(without_key.status.code(), Some(1), "{without_key:?}");
    well(
        "desktop.toml",
        shell.env("XAUTHORITY", &key).output().unwrap(),
    );
}

#[test]
fn a_program_on_the_bus_sees_what_the_filter_passes() {
    let name = "a_program_on_the_bus_sees_what_the_filter_passes";
    if !has(name, &["dbus-run-session", "dbus-send", "xdg-dbus-proxy"]) {
        return;
    }
    let home = checkout(recipe("bus.toml"));
    let mut session = Command::new("dbus-run-session");
    session.args(["--", "sh"]);
    let session = typed(&mut session, recipe("bus.toml"), home.path());
    let told = well("bus.toml", session.output().unwrap());
    let names: Vec<&str> = told.lines().filter(|line| line.contains('"')).collect();
    assert_eq!(names.len(), 2, "the bus, and the program itself: {told}");
}
