//! What is made of the program's own tables: `man/` holds it as it is made, and shells complete by it.

mod recipes;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use sandbox::language;
use tempfile::TempDir;

use crate::skip::{Lack, skip};

fn generated(what: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(["generate", what, "--dir"])
        .arg(directory.path())
        .status()
        .unwrap();
    assert!(status.success());
    directory
}

fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn the_manual_is_that_of_the_program() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let made = files(generated("man").path());
    if std::env::var_os("BLESS").is_some() {
        fs::remove_dir_all(&kept).ok();
        fs::create_dir(&kept).unwrap();
        for (name, page) in &made {
            fs::write(kept.join(name), page).unwrap();
        }
    }
    let kept = files(&kept);
    assert!(made.len() > 25);
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&made), names(&kept), "BLESS=1 cargo test");
    for (name, page) in made {
        assert_eq!(page, kept[&name], "{name}: BLESS=1 cargo test");
    }
}

#[test]
fn the_page_of_the_language_names_every_key_and_limit() {
    let pages = files(generated("man").path());
    let page = pages["sandbox-profile.5"].replace("\\-", "-");
    for path in language::paths() {
        let key = path.rsplit('.').next().unwrap();
        let bold = format!("\n\\fB{key}\\fR = ");
        let titled = [format!(".SH \"[{key}]\""), format!(".SH \"[[{key}]]\"")];
        let told = page.contains(&bold) || titled.iter().any(|title| page.contains(title));
        assert!(told, "{path}");
    }
    for row in &sandbox::cgroup::ROWS {
        for file in row.v2.files {
            assert!(page.contains(file), "{file}");
        }
    }
    for variable in sandbox::profile::VARIABLES {
        assert!(page.contains(&format!("${{{variable}}}")), "{variable}");
    }
}

#[test]
fn the_schema_is_the_shipped_one() {
    let made = files(generated("schema").path());
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/profile.schema.json");
    assert_eq!(
        made["profile.schema.json"],
        fs::read_to_string(schema).unwrap()
    );
}

/// A directory with the program as `sandbox`, and with profiles to find.
fn checkout() -> TempDir {
    let home = TempDir::new().unwrap();
    fs::create_dir_all(home.path().join("bin")).unwrap();
    let program = home.path().join("bin/sandbox");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sandbox"), program).unwrap();
    fs::create_dir(home.path().join("profiles")).unwrap();
    for name in ["alpha", "alpine", "beta"] {
        let file = home.path().join(format!("profiles/{name}.toml"));
        fs::write(file, "version = 1\n").unwrap();
    }
    home
}

/// What a shell prints in that directory.
fn told(shell: &str, script: &str, home: &TempDir) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(shell)
        .args(["-c", script])
        .current_dir(home.path())
        .env(
            "PATH",
            format!("{}:{path}", home.path().join("bin").display()),
        )
        .env("HOME", home.path())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What bash offers for the words of a command line, the last of which is begun.
fn bash(words: &[&str]) -> Vec<String> {
    let (home, made) = (checkout(), generated("completions"));
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source {}/sandbox.bash || exit 1\nCOMP_WORDS=({})\nCOMP_CWORD={}\n\
         _sandbox_names sandbox {} {}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
        made.path().display(),
        quoted.join(" "),
        words.len() - 1,
        quoted[words.len() - 1],
        quoted[words.len() - 2],
    );
    let printed = told("bash", &script, &home);
    let lines = printed.lines().filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_names_of_profiles() {
    assert_eq!(bash(&["sandbox", "che"]), ["check"]);
    assert_eq!(bash(&["sandbox", "fmt", "--ch"]), ["--check"]);
    assert_eq!(bash(&["sandbox", "up", "al"]), ["alpha", "alpine"]);
    assert_eq!(
        bash(&["sandbox", "check", "beta", "al"]),
        ["alpha", "alpine"]
    );
    // No placeholder, and no sandbox of this name runs.
    assert_eq!(bash(&["sandbox", "logs", "al"]), [""; 0]);
    assert!(
        bash(&["sandbox", "up", ""])
            .iter()
            .all(|word| !word.starts_with('<'))
    );
    assert!(bash(&["sandbox", "check", "--format", "sar"]).contains(&"sarif".to_owned()));
}

fn has(shell: &str, test: &str) -> bool {
    let there = Command::new(shell).arg("--version").output().is_ok();
    if !there {
        skip(test, &Lack::Tool(&format!("{shell} is not installed")));
    }
    there
}

#[test]
fn fish_completes_names_of_profiles() {
    if !has("fish", "fish_completes_names_of_profiles") {
        return;
    }
    let (home, made) = (checkout(), generated("completions"));
    let script = format!(
        "source {}/sandbox.fish; complete -C 'sandbox up al'",
        made.path().display()
    );
    let printed = told("fish", &script, &home);
    let words = printed.lines().map(|line| line.split('\t').next().unwrap());
    assert_eq!(words.collect::<Vec<_>>(), ["alpha", "alpine"], "{printed}");
}

#[test]
fn zsh_completes_names_of_profiles() {
    if !has("zsh", "zsh_completes_names_of_profiles") {
        return;
    }
    let (home, made) = (checkout(), generated("completions"));
    // Outside of its line editor, the function that takes what is offered is ours.
    let script = format!(
        "compdef() {{}}; _files() {{}}; compadd() {{ print -l $names }}\n\
         source {}/_sandbox && _sandbox_profiles && grep -c \"profile.*:_sandbox_profiles'\" {0}/_sandbox",
        made.path().display()
    );
    let printed = told("zsh", &script, &home);
    let lines: Vec<&str> = printed.lines().collect();
    let (count, names) = lines.split_last().unwrap();
    assert_eq!(names, ["alpha", "alpine", "beta"]);
    assert!(count.parse::<usize>().unwrap() >= 6, "{count}");
}
