//! Wrong command lines: what was likely meant is said, and nothing else is changed.

use std::process::Command;

use super::said;

fn told(arguments: &[&str]) -> (Option<i32>, String) {
    let program = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(arguments)
        .output()
        .unwrap();
    (program.status.code(), said(&program))
}

#[test]
fn likely_mistakes_are_told_what_was_meant() {
    let cases: [(&[&str], i32, &str); 16] = [
        (&["up", "dev", "true"], 125, "`sandbox up dev -- true`"),
        (
            &["up", "dev", "sh", "-c", "cd /; ls"],
            125,
            "`sandbox up dev -- sh -c 'cd /; ls'`",
        ),
        (
            &["up", "--detach", "dev", "ls", "/"],
            125,
            "`sandbox up --detach dev -- ls /`",
        ),
        (&["exec", "dev", "id"], 125, "`sandbox exec dev -- id`"),
        (&["down"], 2, "or write `--all` for all of yours"),
        (&["run", "dev"], 2, "write `sandbox up PROFILE -- CMD`"),
        (&["start"], 2, "write `sandbox up PROFILE`"),
        (&["shell"], 2, "write `sandbox up PROFILE -- sh`"),
        (
            &["ls"],
            2,
            "write `sandbox ps`, or for profiles `sandbox list`",
        ),
        (&["stop", "dev"], 2, "write `sandbox down NAME`"),
        (&["attach", "dev"], 2, "write `sandbox exec NAME -- sh`"),
        (&["help"], 2, "write `sandbox --help`"),
        (&["dev.toml"], 2, "write `sandbox up dev.toml`"),
        (&["--profile", "x"], 2, "write `sandbox up x`"),
        (&["--profile=x", "ls"], 2, "write `sandbox up x`"),
        (&["--profile"], 2, "write `sandbox up PROFILE`"),
    ];
    for (arguments, code, tip) in cases {
        let (found, text) = told(arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {text}");
        let tips = text
            .lines()
            .filter(|line| line.trim_start().starts_with("tip: "));
        let tips: Vec<_> = tips.collect();
        assert_eq!(tips.len(), 1, "{arguments:?}: {text}");
        assert!(tips[0].contains(tip), "{arguments:?}: {text}");
    }
}

/// A tip that leads elsewhere is worse than none.
#[test]
fn other_mistakes_keep_their_message() {
    for arguments in [
        &["up", "dev", "--nosuch"][..],
        &["check"],
        &["frobnicate"],
        &["--nosuch"],
    ] {
        let (_, text) = told(arguments);
        assert!(!text.contains("`sandbox "), "{arguments:?}: {text}");
    }
    let (_, text) = told(&["chekc"]);
    assert!(
        text.contains("a similar subcommand exists: 'check'"),
        "{text}"
    );
}
