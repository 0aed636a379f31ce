//! Repositories that attack whoever compares their profiles.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use super::git::Repository;
use crate::plans::compare;
use crate::skip::{Lack, skip};

const OPEN: &str = "version = 1\nname = \"odd\"\ncommand.args = [\"x\"]\nnetwork.mode = \"host\"\n";

/// A program beside the repository that leaves a mark when it is run.
struct Trap {
    script: PathBuf,
    mark: PathBuf,
}

impl Trap {
    fn new(repository: &Repository) -> Trap {
        let git = repository.path().join(".git");
        let (script, mark) = (git.join("evil"), git.join("ran"));
        let text = format!("#!/bin/sh\ntouch '{}'\nexit 1\n", mark.display());
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        Trap { script, mark }
    }

    /// Whether it was run since it was asked last.
    fn sprung(&self) -> bool {
        std::fs::remove_file(&self.mark).is_ok()
    }
}

/// git as anybody would call it, who does not know the repository.
fn plain_git(repository: &Repository, words: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(repository.path()).args(words);
    let output = command.stdin(Stdio::null()).output().unwrap();
    drop(output);
}

/// Keys of the repository's own settings by which git runs a program, and words with which it does.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("core.fsmonitor", &["status"]),
    ("core.pager", &["-p", "log"]),
    ("pager.ls-tree", &["-p", "ls-tree", "HEAD"]),
    ("pager.cat-file", &["-p", "cat-file", "-p", "HEAD"]),
    ("pager.rev-parse", &["-p", "rev-parse", "HEAD"]),
    ("diff.external", &["diff", "old", "new"]),
    (
        "diff.evil.textconv",
        &["cat-file", "--textconv", "HEAD:profiles/dev.toml"],
    ),
    ("diff.evil.command", &["diff", "old", "new"]),
    (
        "filter.evil.smudge",
        &["cat-file", "--filters", "HEAD:profiles/dev.toml"],
    ),
    ("filter.evil.clean", &["hash-object", "profiles/dev.toml"]),
    (
        "filter.evil.process",
        &["cat-file", "--filters", "HEAD:profiles/dev.toml"],
    ),
    ("core.sshCommand", &["ls-remote", "ssh://x.invalid/x"]),
    ("core.editor", &["commit", "--allow-empty"]),
    ("sequence.editor", &[]),
    ("core.askPass", &[]),
    ("core.gitProxy", &[]),
    ("core.alternateRefsCommand", &[]),
    ("credential.helper", &[]),
    ("gpg.program", &[]),
    ("uploadpack.packObjectsHook", &[]),
];

/// Commands of git that an alias of the repository would stand for.
const ALIASES: [&str; 4] = ["rev-parse", "ls-tree", "cat-file", "merge-base"];

#[test]
fn a_repository_runs_nothing_of_its_own() {
    let repository = Repository::new();
    repository.write(".gitattributes", "*.toml filter=evil diff=evil\n");
    repository.write("profiles/base.toml", "version = 1\n");
    repository.commit("new");
    let trap = Trap::new(&repository);
    let evil = trap.script.to_str().unwrap();
    let mut proven = 0;
    for (key, words) in PROGRAMS {
        repository.git(&["config", key, evil]);
        if !words.is_empty() {
            plain_git(&repository, words);
            proven += usize::from(trap.sprung());
        }
        repository.text(&["--git", "old...new"], 3);
        assert!(!trap.sprung(), "{key}");
        repository.git(&["config", "--unset", key]);
        trap.sprung();
    }
    // Without a terminal no pager is started, nor an editor.
    assert!(proven >= 7, "of the attacks, {proven} work");
    // All at once, with hooks of every name.
    let hooks = repository.path().join(".git/evil-hooks");
    std::fs::create_dir(&hooks).unwrap();
    for hook in [
        "reference-transaction",
        "post-index-change",
        "fsmonitor-watchman",
        "post-checkout",
    ] {
        symlink(evil, hooks.join(hook)).unwrap();
    }
    repository.git(&["config", "core.hooksPath", hooks.to_str().unwrap()]);
    plain_git(&repository, &["update-ref", "refs/heads/x", "HEAD"]);
    assert!(trap.sprung(), "a hook runs");
    for name in ALIASES {
        let alias = format!("alias.{name}");
        repository.git(&["config", &alias, &format!("!{evil}")]);
    }
    for (key, _) in PROGRAMS {
        repository.git(&["config", key, evil]);
    }
    trap.sprung();
    for words in [
        &["--git", "old...new"][..],
        &["old:profiles/dev.toml", "new:profiles/dev.toml"],
        &["old:profiles/dev.toml", "profiles/dev.toml"],
    ] {
        repository.text(words, 3);
        assert!(!trap.sprung(), "{words:?}");
    }
}

/// A partial clone fetches what it lacks, by a program of the repository's choice.
#[test]
fn a_lacking_object_is_not_fetched() {
    let repository = Repository::new();
    repository.write("profiles/base.toml", "version = 1\n");
    repository.commit("new");
    let trap = Trap::new(&repository);
    for (key, value) in [
        ("extensions.partialClone", "evil".to_owned()),
        ("remote.evil.promisor", "true".to_owned()),
        ("remote.evil.url", format!("ext::{}", trap.script.display())),
        ("protocol.ext.allow", "always".to_owned()),
        ("protocol.allow", "always".to_owned()),
    ] {
        repository.git(&["config", key, &value]);
    }
    let mut command = Command::new("git");
    command.current_dir(repository.path());
    let words = ["rev-parse", "new:profiles/base.toml"];
    let object = command.args(words).output().unwrap().stdout;
    let object = String::from_utf8(object).unwrap();
    let (first, rest) = object.trim().split_at(2);
    std::fs::remove_file(
        repository
            .path()
            .join(".git/objects")
            .join(first)
            .join(rest),
    )
    .unwrap();
    plain_git(&repository, &["cat-file", "-p", object.trim()]);
    assert!(trap.sprung(), "git fetches it");
    let text = repository.text(&["--git", "old...new"], 1);
    assert!(text.contains("diff.revision") && !trap.sprung(), "{text}");
}

/// git refuses a checkout of another user, and no setting of the checkout's own says otherwise.
#[test]
fn a_checkout_of_another_user_is_refused() {
    let name = "a_checkout_of_another_user_is_refused";
    if !geteuid().is_root() {
        return skip(name, &Lack::Rights("only root can give a file away"));
    }
    let repository = Repository::new();
    repository.git(&["config", "safe.directory", "*"]);
    let stranger = Command::new("chown")
        .args(["-R", "12345:12345"])
        .arg(repository.path())
        .status();
    assert!(stranger.unwrap().success());
    for words in [
        &["--git", "old...old"][..],
        &["old:profiles/dev.toml", "old:profiles/dev.toml"],
    ] {
        let text = repository.text(words, 1);
        assert!(
            text.contains("diff.revision")
                && text.contains("dubious ownership")
                && text.contains("help: if its owner"),
            "{text}"
        );
    }
}

#[test]
fn names_are_only_names() {
    let repository = Repository::new();
    let odd: [&[u8]; 6] = [
        b"a\nb.toml",
        b"a \"quoted\" 'name'.toml",
        b"-c.toml",
        b"x\xffy.toml",
        b"tab\there\x1b[31m.toml",
        b"$(touch ran) `touch ran`;.toml",
    ];
    for name in odd {
        let path = repository.path().join(OsStr::from_bytes(name));
        std::fs::write(path, OPEN).unwrap();
    }
    repository.commit("odd");
    let text = repository.text(&["--git", "old...odd"], 3);
    assert_eq!(text.matches("diff.network").count(), odd.len(), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\t'), "{text}");
    assert!(!repository.path().join("ran").exists());
    let golden = super::root().join("tests/diff/names.txt");
    let commit = repository.line(&["rev-parse", "odd"]);
    let shown = text.replace(&commit[..12], "COMMIT");
    let old = repository.line(&["rev-parse", "old"]);
    assert_eq!(
        compare(&golden, &shown.replace(&old[..12], "BEFORE")),
        Ok(())
    );
}

/// What is no file, what is too large for one, and a tree that git itself would not make.
#[test]
fn only_small_files_are_laid_out() {
    let repository = Repository::new();
    let (huge, object) = ("x = 1\n".repeat(200_000), "huge");
    repository.write(&format!("{object}.toml"), &huge);
    // A link whose text is longer than any path.
    let link = repository.hash(&"a/".repeat(5000));
    repository.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("120000,{link},long.toml"),
    ]);
    // A submodule by the name of a profile.
    let commit = repository.line(&["rev-parse", "old"]);
    repository.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{commit},sub.toml"),
    ]);
    repository.git(&["add", "huge.toml"]);
    repository.git(&["commit", "-qm", "odd"]);
    repository.git(&["tag", "odd"]);
    // The link leads nowhere, which is told: it is no profile that could be compared.
    let text = repository.text(&["--git", "old...odd"], 1);
    assert!(
        text.contains("long.toml") && !text.contains("sub.toml"),
        "{text}"
    );
    repository.text(&["old:profiles/dev.toml", "odd:profiles/dev.toml"], 0);
    let text = repository.text(&["old:profiles/dev.toml", "odd:huge.toml"], 1);
    assert!(text.contains("profile.not-found"), "{text}");
}

#[test]
fn a_base_in_a_submodule_is_not_there() {
    let repository = Repository::new();
    let commit = repository.line(&["rev-parse", "old"]);
    repository.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{commit},shared"),
    ]);
    repository.write(
        "profiles/dev.toml",
        "version = 1\nextends = [\"../shared/base.toml\"]\ncommand.args = [\"x\"]\n",
    );
    repository.git(&["add", "profiles/dev.toml"]);
    repository.git(&["commit", "-qm", "sub"]);
    repository.git(&["tag", "sub"]);
    let text = repository.text(&["--git", "old...sub"], 1);
    assert!(text.contains("profile.not-found"), "{text}");
}

#[test]
fn too_many_bytes_are_refused() {
    let repository = Repository::new();
    let object = repository.hash(&format!("# {}\n", "x".repeat(1_000_000)));
    let mut lines = String::new();
    for number in 0..70 {
        lines += &format!("100644 {object}\tbig/{number}.toml\n");
    }
    repository.feed(&["update-index", "--add", "--index-info"], &lines);
    repository.git(&["commit", "-qm", "big"]);
    repository.git(&["tag", "big"]);
    let text = repository.text(&["--git", "old...big"], 1);
    assert!(text.contains("hold more than 64 MiB"), "{text}");
}

/// A tree that no git makes: a link, and a file below it.
#[test]
fn nothing_is_written_through_a_link() {
    let repository = Repository::new();
    let outside = tempfile::tempdir().unwrap();
    let away = repository.hash(outside.path().to_str().unwrap());
    let link = repository.hash("profiles");
    let file = repository.hash(OPEN);
    let below = repository.tree(&format!("100644 blob {file}\tx.toml\n"));
    let git = repository.tree(&format!("100644 blob {file}\tconfig.toml\n"));
    let commit = |link: &str| {
        let top = repository.tree(&format!(
            "120000 blob {link}\tdir\n040000 tree {below}\tdir\n040000 tree {git}\t.git\n"
        ));
        repository.line(&["commit-tree", &top, "-p", "old", "-m", "odd"])
    };
    let text = repository.text(&["--git", &format!("old...{}", commit(&link))], 1);
    assert!(text.contains("cannot be laid out"), "{text}");
    let text = repository.text(&["--git", &format!("old...{}", commit(&away))], 3);
    assert!(
        text.contains("dir/x.toml") && !text.contains("config.toml"),
        "{text}"
    );
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(left(&repository), 0);
}

/// What a comparison left in its directory for temporary files.
fn left(repository: &Repository) -> usize {
    let place = repository.path().join(".git/tmp");
    std::fs::create_dir_all(&place).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.current_dir(repository.path()).env("TMPDIR", &place);
    let output = command.args(["diff", "--git", "old...old"]).output();
    assert_eq!(output.unwrap().status.code(), Some(0));
    let files = |place: &Path| std::fs::read_dir(place).unwrap().count();
    files(&place)
}
