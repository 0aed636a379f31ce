//! `tests/errors/commands/CODE.sh`: a command line that is refused, run in an empty directory with a profile
//! `dev.toml`, and beside it what it prints to standard error. `BLESS=1 cargo test` writes the reports anew.

use std::process::{Command, Stdio};

use tempfile::Builder;

use crate::errors::{directory, rule_of, stems};
use crate::plans::compare;

/// What a script prints to standard error, and how it ends.
fn printed(script: &str) -> (String, Option<i32>) {
    let place = Builder::new().tempdir_in("/tmp").unwrap();
    let profile = "version = 1\ncommand.args = [\"sh\"]\n";
    std::fs::write(place.path().join("dev.toml"), profile).unwrap();
    let program = env!("CARGO_BIN_EXE_sandbox");
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("sandbox() {{ \"$SANDBOX\" \"$@\"; }}\n{script}"),
        ])
        .current_dir(place.path())
        .stdin(Stdio::null())
        .env("SANDBOX", program)
        .env("HOME", place.path())
        .env("XDG_CACHE_HOME", place.path().join(".cache"))
        .env("XDG_DATA_HOME", place.path().join(".data"))
        .env("XDG_STATE_HOME", place.path().join(".state"))
        .env("XDG_RUNTIME_DIR", place.path().join(".run"))
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = text.replace(program, "SANDBOX");
    // Its name is as long wherever temporary files lie, so that lines break at the same words.
    (
        text.replace(place.path().to_str().unwrap(), "PLACE"),
        output.status.code(),
    )
}

#[test]
fn every_refused_command_line_is_told_like_this() {
    let folder = directory("errors/commands");
    let mut wrong = Vec::new();
    for stem in stems(&folder, "sh") {
        let script = std::fs::read_to_string(folder.join(format!("{stem}.sh"))).unwrap();
        let (text, code) = printed(&script);
        let rule = rule_of(&stem);
        if !text.lines().any(|line| line == rule) {
            wrong.push(format!("{stem} does not break its rule: {text}"));
            continue;
        }
        assert!(!text.contains('\u{1b}'), "{stem}: {text}");
        assert!(
            matches!(code, Some(1 | 2 | 125 | 126 | 127)),
            "{stem}: {code:?}"
        );
        let told = format!("{text}\nexit code {}\n", code.unwrap());
        wrong.extend(compare(&folder.join(format!("{stem}.txt")), &told).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A profile that grants little and one that grants much differ in nearly every topic of `diff`.
#[test]
fn the_topics_of_diff_are_told_like_this() {
    let folder = directory("errors/topics");
    for (old, new, golden) in [
        ("least", "wide", "wider.txt"),
        ("wide", "least", "narrower.txt"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_sandbox"))
            .args(["diff", &format!("{old}.toml"), &format!("{new}.toml")])
            .current_dir(&folder)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        compare(&folder.join(golden), &text).unwrap();
    }
}
