//! From a tree to its lock.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use sandbox::lock::{Collected, Entry, Unreadable, collect};
use sandbox::rootfs::{self, EntryKind, Manifest};

use crate::chance::Chance;
use crate::made_up::Host;

/// What a directory holds, as a tree that was copied from `/host` of the made-up host.
fn manifest(root: &Path) -> Manifest {
    let mut entries = Vec::new();
    walk(root, Path::new("/"), &mut entries);
    entries.sort_by(|a: &rootfs::Entry, b| a.path.cmp(&b.path));
    Manifest { entries }
}

fn walk(root: &Path, dir: &Path, entries: &mut Vec<rootfs::Entry>) {
    let below = |path: &Path| root.join(path.strip_prefix("/").unwrap());
    for entry in fs::read_dir(below(dir)).unwrap() {
        let path = dir.join(entry.unwrap().file_name());
        let found = fs::symlink_metadata(below(&path)).unwrap();
        let kind = match found.file_type() {
            kind if kind.is_dir() => EntryKind::Directory,
            kind if kind.is_symlink() => {
                EntryKind::Symlink(fs::read_link(below(&path)).unwrap().into())
            }
            _ => EntryKind::File {
                size: found.len(),
                content: [0; 32],
            },
        };
        if kind == EntryKind::Directory {
            walk(root, &path, entries);
        }
        let from = (!path.starts_with("/etc")).then(|| path.clone());
        let mode = found.mode() & 0o7777;
        entries.push(rootfs::Entry {
            path,
            mode,
            kind,
            from,
        });
    }
}

/// A tree with a program that has a build-id.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["etc", "usr/bin", "usr/share/empty", "opt"] {
        fs::create_dir_all(dir.path().join(name)).unwrap();
    }
    let file = |name: &str, content: &[u8], mode| {
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    file("etc/motd", b"hello\n", 0o644);
    file("opt/tool", b"", 0o700);
    file("usr/bin/script", b"#!/bin/sh\n", 0o755);
    compile(&dir.path().join("usr/bin/program"));
    symlink("script", dir.path().join("usr/bin/alias")).unwrap();
    symlink("usr/bin", dir.path().join("bin")).unwrap();
    dir
}

fn compile(to: &Path) {
    let source = to.with_extension("c");
    fs::write(&source, "int main(void) { return 0; }").unwrap();
    let id = "-Wl,--build-id=0x00112233445566778899aabbccddeeff";
    let mut cc = Command::new("cc");
    let status = cc.args([id, "-o"]).arg(to).arg(&source).status();
    assert!(status.unwrap().success());
    fs::remove_file(source).unwrap();
    fs::set_permissions(to, Permissions::from_mode(0o755)).unwrap();
}

fn host() -> Host {
    let host = Host::new();
    fs::create_dir_all(host.path("usr/bin")).unwrap();
    host.link("bin", "usr/bin");
    host.file(
        "lib/apk/db/installed",
        "P:tools\nV:1.0-r1\nA:noarch\nF:bin\nR:script\nR:alias\nF:\nR:bin\n\n",
    );
    host
}

fn locked(root: &Path) -> Collected {
    collect(&manifest(root), root, host().root(), &BTreeMap::new()).unwrap()
}

#[test]
fn a_small_tree_has_this_lock() {
    let tree = tree();
    let Collected { tree: lock, notes } = locked(tree.path());
    assert_eq!(notes, []);
    let text = lock.to_string();
    // A compiler's program differs from host to host, but for its id.
    let program = text
        .lines()
        .find(|line| line.starts_with("/usr/bin/program "));
    let words: Vec<&str> = program.unwrap().split(' ').collect();
    assert_eq!(words[5], "build-id=00112233445566778899aabbccddeeff");
    let sum = Command::new("sha256sum")
        .arg(tree.path().join("usr/bin/program"))
        .output();
    let sum = String::from_utf8(sum.unwrap().stdout).unwrap();
    assert_eq!(words[4].strip_prefix("sha256="), sum.split(' ').next());
    let mode = fs::metadata(tree.path().join("usr")).unwrap().mode() & 0o7777;
    let others: Vec<&str> = text.lines().filter(|line| Some(*line) != program).collect();
    let expected = format!(
        "package tools:noarch 1.0-r1 apk
/bin link usr/bin host
/etc dir {mode:04o}
/etc/motd file 0644 6 sha256=5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03 profile
/opt dir {mode:04o}
/opt/tool file 0700 0 sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 host
/usr dir {mode:04o}
/usr/bin dir {mode:04o}
/usr/bin/alias link script package=tools:noarch
/usr/bin/script file 0755 10 sha256=a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf package=tools:noarch
/usr/share dir {mode:04o}
/usr/share/empty dir {mode:04o}"
    );
    assert_eq!(others.join("\n"), expected);
}

#[test]
fn what_is_made_for_the_caller_is_not_locked_where_it_is_that() {
    let tree = tree();
    let manifest = manifest(tree.path());
    let motd = Path::new("/etc/motd");
    let entry = |text: &str| {
        let generated = BTreeMap::from([(motd, text)]);
        let collected = collect(&manifest, tree.path(), host().root(), &generated).unwrap();
        collected.tree.entries[motd].clone()
    };
    assert_eq!(entry("hello\n"), Entry::Generated { mode: 0o644 });
    assert!(matches!(entry("hello"), Entry::File { size: 6, .. }));
}

#[test]
fn a_second_name_is_told_and_not_read() {
    let tree = tree();
    let mut manifest = manifest(tree.path());
    for entry in &mut manifest.entries {
        if entry.path == Path::new("/usr/bin/script") {
            entry.kind = EntryKind::HardLink("/etc/motd".into());
        }
    }
    let lock = collect(&manifest, tree.path(), host().root(), &BTreeMap::new())
        .unwrap()
        .tree;
    let script = &lock.entries[Path::new("/usr/bin/script")];
    assert_eq!(*script, Entry::HardLink("/etc/motd".into()));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let tree = tree();
    let manifest = manifest(tree.path());
    fs::remove_file(tree.path().join("opt/tool")).unwrap();
    let refused = |reason: &str| Unreadable {
        path: "/opt/tool".into(),
        reason: reason.to_owned(),
    };
    let collected =
        || collect(&manifest, tree.path(), host().root(), &BTreeMap::new()).unwrap_err();
    assert_eq!(
        collected(),
        refused("no such file or directory (os error 2)")
    );
    // Nothing is read through a link, and nothing waits at a pipe.
    symlink("/etc/passwd", tree.path().join("opt/tool")).unwrap();
    assert_eq!(
        collected(),
        refused("too many levels of symbolic links (os error 40)")
    );
    fs::remove_file(tree.path().join("opt/tool")).unwrap();
    let all = nix::sys::stat::Mode::S_IRWXU;
    nix::unistd::mkfifo(&tree.path().join("opt/tool"), all).unwrap();
    assert_eq!(collected(), refused("it is not a regular file"));
}

#[test]
fn the_answer_does_not_depend_on_the_order_of_threads() {
    let tree = tempfile::tempdir().unwrap();
    let mut chance = Chance::new(6);
    for number in 0..400 {
        let content = vec![chance.byte(); chance.below(4000)];
        fs::write(tree.path().join(format!("{number}")), content).unwrap();
    }
    let first = locked(tree.path());
    for _ in 0..5 {
        assert_eq!(locked(tree.path()), first);
    }
}

#[test]
fn a_hostile_program_has_an_id_or_none() {
    let tree = tree();
    let path: PathBuf = tree.path().join("usr/bin/program");
    let sound = fs::read(&path).unwrap();
    let mut chance = Chance::new(7);
    for round in 0..1000 {
        let mut bytes = sound[..sound.len().min(4096)].to_vec();
        for _ in 0..=chance.below(5) {
            // Half of them in the headers.
            let at = chance.below(if round % 2 == 0 { 1100 } else { bytes.len() });
            bytes[at] = chance.one_of(&[0, 1, 4, 0x7f, 0x80, 0xff]);
        }
        fs::write(&path, &bytes).unwrap();
        let file = fs::File::open(&path).unwrap();
        let id = sandbox::elf::build_id(&file);
        assert!(id.is_none_or(|id| (1..=64).contains(&id.len())));
    }
}
