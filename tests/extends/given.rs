//! `--param NAME=VALUE`: what the command line may set, and nothing else.

use std::path::Path;

use tempfile::TempDir;

use super::{said, sandbox};

const PROFILE: &str = r#"version = 1
[params]
memory = { default = "512M", choices = ["256M", "512M"] }
name = {}
[command]
args = ["/bin/echo", "${param:name}"]
[limits]
memory = "${param:memory}"
"#;

fn place(profile: &str) -> TempDir {
    let place = TempDir::new().unwrap();
    std::fs::write(place.path().join("p.toml"), profile).unwrap();
    place
}

fn check(place: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["check", "p.toml"];
    all.extend(arguments);
    let output = sandbox(place, &all);
    (output.status.code(), said(&output))
}

#[test]
fn a_value_is_one_of_the_choices() {
    let place = place(PROFILE);
    let (code, text) = check(place.path(), &["--param", "memory=256M"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = check(place.path(), &["--param", "memory=1G"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.starts_with("params.choice\n"), "{text}");
    assert!(text.contains("[p.toml:3:"), "the choices are shown: {text}");
}

#[test]
fn nothing_but_parameters_can_be_set() {
    let place = place(PROFILE);
    let (code, text) = check(place.path(), &["--param", "limits.memory=1G"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("command-line.param"), "{text}");
    let (code, text) = check(place.path(), &["--param", "memroy=256M"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("write `--param memory=…`"), "{text}");
    for wrong in ["memory", "=1", "memory=a\nb"] {
        let (code, text) = check(place.path(), &["--param", wrong]);
        assert_eq!(code, Some(2), "{wrong}: {text}");
    }
    let twice = ["--param", "memory=256M", "--param", "memory=512M"];
    assert_eq!(check(place.path(), &twice).0, Some(2));
}

/// A text is judged without the value; a start needs it.
#[test]
fn a_parameter_without_a_value_stops_a_start() {
    let place = place(PROFILE);
    assert_eq!(check(place.path(), &[]).0, Some(0));
    let started = sandbox(place.path(), &["up", "p.toml"]);
    assert_eq!(started.status.code(), Some(125));
    let text = said(&started);
    assert!(text.contains("variable.not-set"), "{text}");
    assert!(text.contains("give `--param name=…`"), "{text}");
}

#[test]
fn a_value_that_changes_nothing_is_an_error() {
    let text = "version = 1\nparams.a = { default = \"1\" }\ncommand.args = [\"/bin/sh\"]\n";
    let place = place(text);
    let (code, text) = check(place.path(), &["--param", "a=2"]);
    assert_eq!(code, Some(1));
    assert!(text.starts_with("params.unused\n"), "{text}");
}

/// What is given is text, whatever it looks like: no variable, no TOML.
#[test]
fn a_value_is_never_read_again() {
    let place = place(PROFILE);
    let value = "name=${HOME}\"] # ";
    let planned = sandbox(
        place.path(),
        &["up", "--dry-run", "p.toml", "--param", value],
    );
    let text = said(&planned);
    assert!(text.contains("'${HOME}\"] # '"), "{text}");
}

/// A base that may not be read can declare what is given: nothing is said about that.
#[test]
fn parameters_of_a_file_that_is_refused_are_not_called_unknown() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::TempDir::new().unwrap();
    let profiles = place.path().join("profiles");
    std::fs::create_dir(&profiles).unwrap();
    let file = profiles.join("dev.toml");
    let text = "version = 1\ncommand.args = [\"${param:p}\"]\nparams.p = {}\n";
    std::fs::write(&file, text).unwrap();
    let check = || {
        super::said(&super::sandbox(
            place.path(),
            &["check", "dev", "--param", "p=sh"],
        ))
    };
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    assert_eq!(check(), "dev: ok\n");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
    let text = check();
    assert!(text.starts_with("profile.others-write\n"), "{text}");
    assert!(!text.contains("params."), "{text}");
}

#[test]
fn doctor_takes_parameters_of_its_profile_only() {
    let place = tempfile::TempDir::new().unwrap();
    let told = super::sandbox(place.path(), &["doctor", "--param", "p=sh"]);
    assert_eq!(told.status.code(), Some(2), "{}", super::said(&told));
    let text =
        "version = 1\ncommand.args = [\"sh\"]\nparams.p = {}\nlimits.pids = \"${param:p}\"\n";
    std::fs::write(place.path().join("p.toml"), text).unwrap();
    let told = |param: &str| {
        super::said(&super::sandbox(
            place.path(),
            &["doctor", "--param", param, "./p.toml"],
        ))
    };
    assert!(
        told("p=none").contains("value.invalid"),
        "{}",
        told("p=none")
    );
    let text = told("p=50");
    assert!(
        !text.contains("value.invalid") && !text.contains("variable.not-set"),
        "{text}"
    );
}
