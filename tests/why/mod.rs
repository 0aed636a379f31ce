//! `tests/why/answers.txt`: questions about the profiles beside it, and the exact answers.
//! `BLESS=1 cargo test` writes them anew.

use std::path::Path;
use std::process::{Command, Output};

use sandbox::report::why::json_schema;
use serde_json::{Value, json};

use crate::plans::compare;

/// Each question and its exit code.
const QUESTIONS: &[(&str, i32)] = &[
    ("dev --path /src/a", 0),
    ("dev --path /src/a --write", 0),
    ("dev --path /src/.git/hooks/x", 0),
    ("dev --path /src/.git/hooks/x --write", 1),
    ("dev --path /src/.env", 1),
    ("dev --path /tmp/x --write", 0),
    ("dev --path /opt/data/x", 0),
    ("dev --path /opt/data/x --write", 1),
    ("dev --path /run/app.sock", 0),
    ("dev --path /run/app.sock/x", 1),
    ("dev --path /srv/app/x", 0),
    ("dev --path /srv/app/x --write", 1),
    ("dev --path /etc/motd", 0),
    ("dev --path /etc/shadow", 1),
    ("dev --path /data/a --write", 0),
    ("dev --path /run", 0),
    ("dev --path /proc/self/maps", 0),
    ("dev --path /proc/sys/kernel/x --write", 1),
    ("dev --path /sys/class", 1),
    ("dev --path /dev/null --write", 0),
    ("dev --path /dev/dri/card0", 0),
    ("dev --path /dev/kvm", 1),
    ("dev --connect example.org:443", 1),
    ("open --connect example.org:443", 0),
    ("dev --syscall read", 0),
    ("dev --syscall ptrace", 0),
    ("dev --syscall personality", 1),
    ("dev --syscall mount", 1),
    ("dev --syscall ioctl", 0),
    ("dev --env TERM", 0),
    ("dev --env LC_TIME", 0),
    ("dev --env LC_ALL", 0),
    ("dev --env HOME", 0),
    ("dev --env TOKEN", 1),
];

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
    for (question, _) in QUESTIONS {
        let document = ask(question, &["--format", "json"]).stdout;
        let mut document: Value = serde_json::from_slice(&document).unwrap();
        assert!(validator.is_valid(&document), "{question}");
        document["verdict"] = json!("perhaps");
        assert!(!validator.is_valid(&document));
    }
}

#[test]
fn a_wrong_question_is_wrong_usage() {
    for question in [
        "dev --path /a/../b",
        "dev --connect host",
        "dev --connect :1",
        "dev --connect host:0",
        "dev --syscall nonsense",
        "dev --env A=B",
        "dev --write",
        "dev --env A --syscall read",
    ] {
        assert_eq!(ask(question, &[]).status.code(), Some(2), "{question}");
    }
    assert_eq!(ask("none --env A", &[]).status.code(), Some(1));
}

/// What a shell makes of `${GIT_ROOT}`, or of a name in the current directory, means the mount there.
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
            "x",
            "write `${GIT_ROOT}/below/x`: allowed if the host lets it",
        ),
        (
            "./x",
            "write `${GIT_ROOT}/below/x`: allowed if the host lets it",
        ),
        (
            &absolute("work"),
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
