//! Revisions of real repositories.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const BASE: &str = "version = 1\n[limits]\nmemory = \"256M\"\n";
const DEV: &str = "version = 1\nextends = [\"base.toml\"]\n[command]\nargs = [\"/bin/true\"]\n";

pub struct Repository(TempDir);

impl Repository {
    /// With one commit, tagged `old`.
    pub fn new() -> Repository {
        let repository = Repository(tempfile::tempdir().unwrap());
        repository.git(&["init", "-q", "-b", "main"]);
        repository.write("profiles/base.toml", BASE);
        repository.write("profiles/dev.toml", DEV);
        repository.write("Cargo.toml", "[package]\nversion = \"1\"\n");
        repository.commit("old");
        repository
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn git(&self, words: &[&str]) {
        let mut command = Command::new("git");
        command
            .current_dir(self.path())
            .args(["-c", "user.name=x", "-c", "user.email=x@x"]);
        let output = command.args(words).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// What git prints, without the end of the line.
    pub fn line(&self, words: &[&str]) -> String {
        self.feed(words, "")
    }

    /// The same, with something to read.
    pub fn feed(&self, words: &[&str], input: &str) -> String {
        let mut command = Command::new("git");
        command
            .current_dir(self.path())
            .args(["-c", "user.name=x", "-c", "user.email=x@x"]);
        command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{words:?}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// The name of a blob with this text.
    pub fn hash(&self, text: &str) -> String {
        self.feed(&["hash-object", "-w", "--stdin"], text)
    }

    /// The name of a tree with these entries.
    pub fn tree(&self, entries: &str) -> String {
        self.feed(&["mktree"], entries)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn commit(&self, tag: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", tag]);
        self.git(&["tag", tag]);
    }

    pub fn diff(&self, words: &[&str]) -> Output {
        self.diff_in(self.path(), words)
    }

    pub fn diff_in(&self, place: &Path, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
        command.current_dir(place).arg("diff").args(words);
        command.output().unwrap()
    }

    pub fn text(&self, words: &[&str], code: i32) -> String {
        let output = self.diff(words);
        let told = String::from_utf8(output.stderr).unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}{told}");
        text + &told
    }
}

#[test]
fn a_change_in_a_base_shows_in_what_extends_it() {
    let repository = Repository::new();
    repository.write("profiles/base.toml", "version = 1\n");
    repository.commit("new");
    let text = repository.text(&["--git", "old...new"], 3);
    assert!(
        text.contains("profiles/dev.toml") && text.contains("profiles/base.toml"),
        "{text}"
    );
    assert_eq!(
        text.matches("`limits.memory` has no limit").count(),
        2,
        "{text}"
    );
    assert!(
        !text.contains("Cargo.toml") && !text.contains("sandbox-revision"),
        "{text}"
    );
    repository.text(&["--git", "new..old"], 0);
    repository.text(&["--git", "new..new"], 0);
    // One file of a revision against that of the checkout, with the base of each.
    let text = repository.text(&["old:profiles/dev.toml", "profiles/dev.toml"], 3);
    assert!(text.contains("old:profiles/base.toml:3"), "{text}");
    repository.text(&["old:./profiles/dev.toml", "old:profiles/dev.toml"], 0);
}

#[test]
fn profiles_come_and_go() {
    let repository = Repository::new();
    repository.write(
        "profiles/open.toml",
        "version = 1\n[command]\nargs = [\"x\"]\n[network]\nmode = \"host\"\n",
    );
    repository.commit("new");
    let text = repository.text(&["--git", "old...new"], 3);
    assert!(
        text.contains("diff.network") && text.contains("(none)"),
        "{text}"
    );
    let text = repository.text(&["--git", "new..old"], 0);
    assert!(text.contains("NARROWER"), "{text}");
}

#[test]
fn a_profile_cannot_hide_from_the_comparison() {
    let repository = Repository::new();
    // A key in quotes is the same key, and a link is what it leads to.
    let open =
        "\"version\" = 1\nname = \"odd\"\n[command]\nargs = [\"x\"]\n[network]\nmode = \"host\"\n";
    repository.write("a \u{1b}[31m\"b\".toml", open);
    repository.commit("quoted");
    let text = repository.text(&["--git", "old...quoted"], 3);
    assert!(
        text.contains("diff.network") && !text.contains('\u{1b}'),
        "{text}"
    );
    let link = repository.path().join("profiles/run.toml");
    std::os::unix::fs::symlink("dev.toml", &link).unwrap();
    repository.commit("linked");
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("../a \u{1b}[31m\"b\".toml", &link).unwrap();
    repository.commit("turned");
    let text = repository.text(&["--git", "linked...turned"], 3);
    assert!(
        text.contains("run.toml") && text.contains("diff.network"),
        "{text}"
    );
    // One that leads out of the revision, and a base that lies beyond it, are errors.
    std::os::unix::fs::symlink("/etc/x.toml", repository.path().join("out.toml")).unwrap();
    repository.commit("out");
    repository.text(&["--git", "turned...out"], 1);
    repository.text(&["out:out.toml", "out:profiles/dev.toml"], 1);
}

#[test]
fn a_base_beyond_the_revision_is_refused() {
    let repository = Repository::new();
    let outside = tempfile::Builder::new()
        .suffix(".toml")
        .tempfile_in("/tmp")
        .unwrap();
    std::fs::write(outside.path(), "version = 1\n").unwrap();
    let name = outside.path().file_name().unwrap().to_str().unwrap();
    let text = format!("version = 1\nextends = [\"../{name}\"]\n[command]\nargs = [\"x\"]\n");
    repository.write("up.toml", &text);
    repository.commit("up");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.current_dir(repository.path()).env("TMPDIR", "/tmp");
    let output = command
        .args(["diff", "up:up.toml", "up:up.toml"])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("diff.base-outside"), "{told}");
}

#[test]
fn what_is_no_revision_is_an_error() {
    let repository = Repository::new();
    for words in [
        &["--git", "old...none"][..],
        &["--git", "old"],
        &["none:x.toml", "old:x.toml"],
    ] {
        let text = repository.text(words, 1);
        assert!(
            text.contains("diff.revision") || text.contains("profile.not-found"),
            "{text}"
        );
    }
    repository.text(&["--git=--all...old"], 1);
    repository.text(&["old:profiles/none.toml", "profiles/dev.toml"], 1);
    assert_eq!(
        repository.diff(&["profiles/dev.toml"]).status.code(),
        Some(2)
    );
    assert_eq!(
        repository
            .diff(&["--git", "old...old", "x", "y"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn bases_are_found_by_name_from_every_directory() {
    let repository = Repository::new();
    repository.write(
        "profiles/named.toml",
        "version = 1\nextends = [\"base\"]\ncommand.args = [\"x\"]\n",
    );
    repository.write("src/deep/code.rs", "");
    repository.commit("named");
    repository.write("profiles/base.toml", "version = 1\n");
    repository.commit("new");
    // The revisions have no TOML file below this one, and `old` has not even the directory.
    let below = repository.path().join("src/deep");
    std::fs::create_dir_all(repository.path().join("empty/there")).unwrap();
    for place in [&below, &repository.path().join("empty/there")] {
        let output = repository.diff_in(place, &["--git", "named...new"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{text}{told}");
        assert!(text.contains("profiles/named.toml"), "{text}");
        assert_eq!(
            text.matches("`limits.memory` has no limit").count(),
            3,
            "{text}"
        );
        let words = ["named:profiles/named.toml", "new:profiles/named.toml"];
        assert_eq!(repository.diff_in(place, &words).status.code(), Some(3));
    }
    let words = ["named:./named.toml", "new:./named.toml"];
    let output = repository.diff_in(&repository.path().join("profiles"), &words);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let words = [
        "named:./../../profiles/named.toml",
        "new:./../../profiles/named.toml",
    ];
    assert_eq!(repository.diff_in(&below, &words).status.code(), Some(3));
}

/// What is compared with, and where it stands in `refused.txt`.
const REFUSED: &[&[&str]] = &[
    &["--git", "old...none"],
    &["--git", "old"],
    &["--git", "old...other"],
    &["--git=--all...old"],
    &["none:x.toml", "old:x.toml"],
    &["old:profiles/none.toml", "profiles/dev.toml"],
    &["old:../dev.toml", "profiles/dev.toml"],
    &["old:/etc/x.toml", "profiles/dev.toml"],
    &["--git", "old...out"],
    &["--git", "old...up"],
    &["up:up.toml", "up:up.toml"],
];

#[test]
fn what_is_refused_is_told_exactly() {
    let repository = Repository::new();
    let head = repository.line(&["rev-parse", "HEAD"]);
    let empty = repository.tree("");
    let other = repository.line(&["commit-tree", &empty, "-m", "other"]);
    repository.git(&["tag", "other", &other]);
    repository.write(
        "up.toml",
        "version = 1\nextends = [\"../../etc/base.toml\"]\ncommand.args = [\"x\"]\n",
    );
    repository.commit("up");
    repository.git(&["reset", "-q", "--hard", &head]);
    std::os::unix::fs::symlink("/etc/x.toml", repository.path().join("out.toml")).unwrap();
    repository.commit("out");
    let commits = [("old", "OLD"), ("up", "UP"), ("out", "OUT")];
    let commits = commits.map(|(tag, name)| (repository.line(&["rev-parse", tag]), name));
    let mut told = String::new();
    for words in REFUSED {
        let mut text = repository.text(words, 1);
        for (commit, name) in &commits {
            text = text.replace(&commit[..12], name);
        }
        told += &format!("$ sandbox diff {}\n{text}\n", words.join(" "));
    }
    // No git, and no repository.
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.current_dir(repository.path()).env("PATH", "/none");
    let output = command.args(["diff", "--git", "a...b"]).output().unwrap();
    told += &String::from_utf8(output.stderr).unwrap();
    let place = tempfile::tempdir().unwrap();
    let output = repository.diff_in(place.path(), &["--git", "a...b"]);
    told += &String::from_utf8(output.stderr).unwrap();
    let golden = super::root().join("tests/diff/refused.txt");
    assert_eq!(crate::plans::compare(&golden, &told), Ok(()));
}
