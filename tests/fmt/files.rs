//! The command: files, directories, standard input, exit codes.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const UNTIDY: &str = "version=1\nname='x'\n";
const TIDY: &str = "version = 1\nname = 'x'\n";

fn fmt(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .arg("fmt")
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_file_is_replaced_with_its_mode_through_its_link() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("real.toml");
    fs::write(&file, UNTIDY).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&file, Some(1234), Some(1235)).unwrap();
    }
    let before = fs::metadata(&file).unwrap();
    symlink("real.toml", home.path().join("link.toml")).unwrap();
    let ended = fmt(home.path(), &["link.toml"], "");
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    let link = fs::symlink_metadata(home.path().join("link.toml")).unwrap();
    assert!(link.is_symlink());
    let after = fs::metadata(&file).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), TIDY);
    let owned = |file: &fs::Metadata| (file.mode(), file.uid(), file.gid());
    assert_eq!(owned(&after), owned(&before));
    assert_ne!(after.ino(), before.ino(), "written in place");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
    // In its layout already, it is not touched.
    assert!(fmt(home.path(), &["real.toml"], "").status.success());
    assert_eq!(fs::metadata(&file).unwrap().ino(), after.ino());
}

#[test]
fn check_prints_what_would_change_and_writes_nothing() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("x.toml");
    fs::write(&file, UNTIDY).unwrap();
    let ended = fmt(home.path(), &["--check", "x.toml"], "");
    assert_eq!(ended.status.code(), Some(1));
    let expected = "--- x.toml\n+++ x.toml (formatted)\n@@ -1,2 +1,2 @@\n-version=1\n-name='x'\n+version = 1\n+name = 'x'\n";
    assert_eq!(text(&ended.stdout), expected);
    assert_eq!(fs::read_to_string(&file).unwrap(), UNTIDY);
    fs::write(&file, TIDY).unwrap();
    let ended = fmt(home.path(), &["--check", "x.toml"], "");
    assert_eq!((ended.status.code(), text(&ended.stdout)), (Some(0), ""));
}

#[test]
fn standard_input_goes_to_standard_output() {
    let home = TempDir::new().unwrap();
    let ended = fmt(home.path(), &["-"], UNTIDY);
    assert_eq!((ended.status.code(), text(&ended.stdout)), (Some(0), TIDY));
}

#[test]
fn broken_toml_is_told_as_check_tells_it_and_left_alone() {
    let home = TempDir::new().unwrap();
    let broken = "version = 1\nname = x\nname = \"y\"\n";
    fs::write(home.path().join("x.toml"), broken).unwrap();
    let ended = fmt(home.path(), &["x.toml"], "");
    assert_eq!(ended.status.code(), Some(1));
    let check = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(["check", "x.toml"])
        .current_dir(home.path())
        .output()
        .unwrap();
    assert_eq!(text(&ended.stderr), text(&check.stderr));
    assert!(text(&ended.stderr).contains("profile.syntax"));
    let left = fs::read_to_string(home.path().join("x.toml")).unwrap();
    assert_eq!(left, broken);
}

#[test]
fn a_directory_stands_for_the_profiles_below_it() {
    let home = TempDir::new().unwrap();
    let path = |name: &str| home.path().join(name);
    fs::create_dir_all(path("profiles/base")).unwrap();
    for name in ["profiles/a.toml", "profiles/base/b.toml", "c.toml"] {
        fs::write(path(name), UNTIDY).unwrap();
    }
    // Somebody else's.
    fs::write(path("profiles/Cargo.toml"), "[package]\nname='x'\n").unwrap();
    let ended = fmt(home.path(), &[], "");
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    let read = |name: &str| fs::read_to_string(path(name)).unwrap();
    assert_eq!(read("profiles/a.toml"), TIDY);
    assert_eq!(read("profiles/base/b.toml"), TIDY);
    assert_eq!(read("profiles/Cargo.toml"), "[package]\nname='x'\n");
    assert_eq!(read("c.toml"), UNTIDY);
    let nothing = TempDir::new().unwrap();
    let ended = fmt(nothing.path(), &[], "");
    assert_eq!(ended.status.code(), Some(1));
    assert!(text(&ended.stderr).contains("no profile is in ./profiles"));
    assert_eq!(fmt(home.path(), &["gone.toml"], "").status.code(), Some(1));
    assert_eq!(fmt(home.path(), &["--gone"], "").status.code(), Some(2));
}

/// `fmt` and `diff --git` go by one rule for what is a profile.
#[test]
fn what_is_a_profile_is_told_by_its_version() {
    let home = TempDir::new().unwrap();
    let files = [
        // Other TOML, and what will be no profile when it is repaired.
        ("text.toml", "version='1'\n"),
        ("broken.toml", "x=\n"),
        // Profiles, however the key is spelt.
        ("escaped.toml", "\"\\u0076ersion\"=1\n"),
        ("unfinished.toml", "version=1\nname=\n"),
    ];
    for (name, text) in files {
        fs::write(home.path().join(name), text).unwrap();
    }
    fs::write(home.path().join("latin.toml"), b"# \xe9\n").unwrap();
    let ended = fmt(home.path(), &["--check", "."], "");
    assert_eq!(ended.status.code(), Some(1));
    let told = format!("{}{}", text(&ended.stdout), text(&ended.stderr));
    for name in ["escaped.toml", "unfinished.toml", "latin.toml"] {
        assert!(told.contains(name), "{name}: {told}");
    }
    for name in ["text.toml", "broken.toml"] {
        assert!(!told.contains(name), "{name}: {told}");
    }
}
