//! The text of a lock: golden, strict, and always the way back.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use sandbox::diag::{FileId, Problems, Sources};
use sandbox::lock::{
    Entry, GivenBy, Installed, LiveKind, Lock, LockedTree, PackageName, parse, parse_tree,
};
use sandbox::packages::Manager;
use sandbox::plan::PrivateValues;
use sandbox::report::problems::{Style, render};

use crate::chance::Chance;

pub fn package(name: &str) -> PackageName {
    let (name, architecture) = name.split_once(':').unwrap();
    PackageName {
        name: name.to_owned(),
        architecture: architecture.to_owned(),
    }
}

pub fn installed(version: &str) -> Installed {
    Installed {
        version: version.to_owned(),
        manager: Manager::Dpkg,
    }
}

pub fn file(digest: u8, giver: GivenBy) -> Entry {
    Entry::File {
        mode: 0o755,
        size: 1000 + u64::from(digest),
        sha256: [digest; 32],
        build_id: None,
        giver,
    }
}

/// One entry of each kind.
pub fn sample() -> Lock {
    let of = |name| GivenBy::Package(package(name));
    let entries = [
        (
            "/bin",
            Entry::Symlink {
                target: "usr/bin".into(),
                giver: GivenBy::Host,
            },
        ),
        ("/etc", Entry::Directory { mode: 0o755 }),
        ("/etc/a b", file(1, GivenBy::Profile)),
        ("/etc/passwd", Entry::Generated { mode: 0o644 }),
        ("/usr", Entry::Directory { mode: 0o755 }),
        ("/usr/bin", Entry::Directory { mode: 0o1777 }),
        (
            "/usr/bin/bash",
            Entry::File {
                mode: 0o755,
                size: 1_298_416,
                sha256: [0xab; 32],
                build_id: Some(vec![0x01, 0x23]),
                giver: of("bash:amd64"),
            },
        ),
        ("/usr/bin/rbash", Entry::HardLink("/usr/bin/bash".into())),
        (
            "/usr/bin/sh",
            Entry::Symlink {
                target: "bash".into(),
                giver: of("dash:all"),
            },
        ),
        ("/usr/bin-2", Entry::Directory { mode: 0 }),
    ];
    Lock {
        profile: "dev".to_owned(),
        live: BTreeMap::from([("/home/user/project".into(), LiveKind::Bind)]),
        tree: LockedTree {
            packages: BTreeMap::from([
                (package("bash:amd64"), installed("5.2.37-2")),
                (package("dash:all"), installed("1:0.5~rc1")),
            ]),
            entries: entries
                .into_iter()
                .map(|(path, entry)| (path.into(), entry))
                .collect(),
        },
    }
}

const GOLDEN: &str = r"sandbox lock 1
# Written by `sandbox lock`; `sandbox up --locked` starts nothing else.
profile dev
not-locked bind /home/user/project
package bash:amd64 5.2.37-2 dpkg
package dash:all 1:0.5~rc1 dpkg
/bin link usr/bin host
/etc dir 0755
/etc/a\x20b file 0755 1001 sha256=0101010101010101010101010101010101010101010101010101010101010101 profile
/etc/passwd generated 0644
/usr dir 0755
/usr/bin dir 1777
/usr/bin/bash file 0755 1298416 sha256=abababababababababababababababababababababababababababababababab build-id=0123 package=bash:amd64
/usr/bin/rbash same /usr/bin/bash
/usr/bin/sh link bash package=dash:all
/usr/bin-2 dir 0000
";

/// The lock, or the report of what is wrong.
pub fn read(text: &str) -> Result<Lock, String> {
    let mut sources = Sources::default();
    let mut problems = Problems::new();
    let file = sources.add("dev.lock", text);
    assert_eq!(file, FileId::FIRST);
    let lock = parse(file, text, &mut problems);
    assert_eq!(lock.is_none(), problems.has_errors());
    lock.ok_or_else(|| render(&problems.sorted(), &sources, Style::PLAIN))
}

#[test]
fn a_lock_is_this_text() {
    assert_eq!(sample().to_string(), GOLDEN);
    assert_eq!(read(GOLDEN).unwrap(), sample());
    assert_eq!(parse_tree(&sample().tree.to_string()), Some(sample().tree));
}

#[test]
fn comments_and_empty_lines_say_nothing() {
    let text = GOLDEN.replace("/etc dir", "\n# by hand\n\n/etc dir");
    assert_eq!(read(&text).unwrap(), sample());
}

#[test]
fn private_values_are_stored_as_their_names() {
    let mut private = PrivateValues::default();
    private.insert("s3cret", "${env:TOKEN}");
    let mut lock = sample();
    let link = Entry::Symlink {
        target: "/x/s3cret".into(),
        giver: GivenBy::Profile,
    };
    lock.tree.entries.insert("/run/s3cret".into(), link);
    lock.live.insert("/s3cret/y".into(), LiveKind::Bind);
    let text = lock.without(&private).to_string();
    assert!(!text.contains("s3cret"));
    assert!(
        text.contains("\n/run/${env:TOKEN} link /x/${env:TOKEN} profile\n"),
        "{text}"
    );
    assert!(
        text.contains("\nnot-locked bind /${env:TOKEN}/y\n"),
        "{text}"
    );
    assert_eq!(read(&text).unwrap().to_string(), text);
}

/// One change of the golden text, and what is said about it.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "sandbox lock 1",
        "sandbox lock 2",
        "version `2` of the format is not known; 1 is",
    ),
    (
        "sandbox lock 1",
        "version = 1",
        "it is no lock: the first line is not `sandbox lock 1`",
    ),
    (
        GOLDEN,
        "",
        "it is empty; a lock begins with `sandbox lock 1`",
    ),
    (GOLDEN, "sandbox lock 1\n", "it has no line `profile NAME`"),
    (
        "profile dev\n",
        "",
        "a place that is not locked stands before the line `profile NAME`",
    ),
    (
        "profile dev",
        "profile dev\nprofile dev",
        "the profile's name stands twice",
    ),
    (
        "profile dev",
        "profile dev x",
        "the line is not of the form `profile NAME`",
    ),
    (
        "/etc dir 0755",
        "/etc dir 0755\nnot-locked bind /y",
        "a place that is not locked stands too late",
    ),
    (
        "/etc dir 0755",
        "/etc dir 0755\npackage a:b 1 dpkg",
        "a package stands too late",
    ),
    ("bind /home", "mount /home", "`mount` is no kind of mount"),
    ("/etc dir", "etc dir", "`etc` begins no line of a lock"),
    (
        "/etc dir",
        "/etc  dir",
        "words are separated by one space each",
    ),
    (
        "/etc dir 0755",
        "/etc dir 0755 ",
        "words are separated by one space each",
    ),
    (
        "/etc dir 0755",
        "/etc dir 755",
        "a mode has four octal digits",
    ),
    (
        "/etc dir 0755",
        "/etc dir 0785",
        "a mode has four octal digits",
    ),
    (
        "/etc dir 0755",
        "/etc dir",
        "the line is not of the form `PATH dir MODE`",
    ),
    (
        "/etc dir 0755",
        "/etc",
        "behind the path stands neither `dir`, `file`, `generated`, `link` nor `same`",
    ),
    (
        "/etc dir 0755",
        "/etc/ dir 0755",
        "it is no absolute path in its shortest form",
    ),
    (
        "/etc dir 0755",
        "/etc/../x dir 0755",
        "it is no absolute path in its shortest form",
    ),
    (
        "/etc dir 0755",
        "/e\\x41c dir 0755",
        "an escape here is not one that a lock has",
    ),
    (
        "/etc dir 0755",
        "/e\\x00c dir 0755",
        "an escape here is not one that a lock has",
    ),
    (
        "/etc dir 0755",
        "/etc dir 0755\n/etc dir 0755",
        "it stands twice",
    ),
    (
        "/etc dir 0755",
        "/x dir 0755\n/etc dir 0755",
        "it stands behind a line that comes after it",
    ),
    ("1298416", "01298416", "it is no number of bytes"),
    ("1298416", "-1", "it is no number of bytes"),
    (
        "sha256=ab",
        "sha256=AB",
        "it is not `sha256=` with hexadecimal digits",
    ),
    (
        "sha256=ab",
        "sha256=",
        "it is not `sha256=` with hexadecimal digits",
    ),
    (
        "build-id=0123",
        "build-id=",
        "it is not `build-id=` with hexadecimal digits",
    ),
    (
        "same /usr/bin/bash",
        "same /usr/bin/zsh",
        "there is no line of a file with this name",
    ),
    (
        "same /usr/bin/bash",
        "same /usr",
        "there is no line of a file with this name",
    ),
    (
        "package=bash:amd64",
        "package=zsh:amd64",
        "there is no line of package `zsh:amd64`",
    ),
    (
        "package=bash:amd64",
        "owner",
        "it is neither `package=NAME`, `host` nor `profile`",
    ),
    (
        "package bash:amd64",
        "package bash",
        "it is not of the form `NAME:ARCH`",
    ),
    (
        "5.2.37-2 dpkg",
        "5.2.37-2 brew",
        "`brew` is no package manager that is known",
    ),
    ("5.2.37-2 dpkg", "\\x1b dpkg", "it is no word of a package"),
    (
        "/usr/bin-2 dir 0000\n",
        "/usr/bin-2 dir 0000",
        "the last line is cut off",
    ),
    (
        "/etc dir 0755",
        "/etc dir 0755\r",
        "the line ends with a carriage return",
    ),
];

#[test]
fn every_mistake_is_named() {
    for (from, to, message) in MISTAKES {
        let text = GOLDEN.replacen(from, to, 1);
        let report = read(&text).unwrap_err();
        // A report breaks long lines.
        let words = report.split_whitespace().filter(|word| *word != "│");
        let flat = words.collect::<Vec<_>>().join(" ");
        assert!(
            flat.contains(message),
            "{from:?} to {to:?}: {message}\n{report}"
        );
    }
}

#[test]
fn what_a_merge_left_is_shown_under_its_lines() {
    let text = GOLDEN.replace(
        "package bash:amd64 5.2.37-2 dpkg\n",
        "<<<<<<< HEAD\npackage bash:amd64 5.2.37-2 dpkg\n=======\npackage bash:amd64 5.2.38-1 dpkg\n>>>>>>> upgrade\n",
    );
    let report = read(&text).unwrap_err();
    assert_eq!(
        report.matches("a merge left its conflict here").count(),
        3,
        "{report}"
    );
    let start = "lock.syntax\n\n  × a merge left its conflict here\n   ╭─[dev.lock:5:1]\n";
    assert!(report.starts_with(start), "{report}");
    assert!(report.contains(" 5 │ <<<<<<< HEAD\n"), "{report}");
}

/// A lock with names of all bytes.
fn any_lock(chance: &mut Chance) -> Lock {
    let mut lock = Lock {
        profile: "any".to_owned(),
        ..Lock::default()
    };
    for name in ["a:x", "b:x", "b:y"] {
        let version = format!("{}:1~{}", chance.below(9), chance.below(99));
        lock.tree
            .packages
            .insert(package(name), installed(&version));
    }
    for _ in 0..chance.below(40) {
        let path = any_path(chance);
        let names = ["a:x", "b:x", "b:y"].map(package);
        let giver = match chance.below(3) {
            0 => GivenBy::Host,
            1 => GivenBy::Profile,
            _ => GivenBy::Package(chance.one_of(&names)),
        };
        let files: Vec<PathBuf> = lock
            .tree
            .entries
            .iter()
            .filter(|(_, entry)| matches!(entry, Entry::File { .. }))
            .map(|(path, _)| path.clone())
            .collect();
        let entry = match chance.below(5) {
            0 => Entry::Directory {
                mode: chance.below(0o10000) as u32,
            },
            3 => Entry::Generated {
                mode: chance.below(0o10000) as u32,
            },
            1 => Entry::Symlink {
                target: any_path(chance).into(),
                giver,
            },
            2 if !files.is_empty() && !lock.tree.entries.contains_key(&path) => {
                Entry::HardLink(chance.one_of(&files))
            }
            _ => Entry::File {
                mode: chance.below(0o10000) as u32,
                size: chance.number(),
                sha256: [chance.byte(); 32],
                build_id: (chance.below(2) == 0).then(|| chance.bytes(32)),
                giver,
            },
        };
        lock.tree.entries.entry(path).or_insert(entry);
        if chance.below(9) == 0 {
            lock.live.insert(any_path(chance), LiveKind::Bind);
        }
    }
    lock
}

fn any_path(chance: &mut Chance) -> PathBuf {
    let mut path = PathBuf::from("/");
    for _ in 0..=chance.below(3) {
        let mut name = chance.bytes(6);
        name.retain(|byte| !matches!(byte, 0 | b'/'));
        // No `.`, no `..`.
        name.push(chance.one_of(b"ab \\-#\x7f\xc3"));
        path.push(OsString::from_vec(name));
    }
    path
}

#[test]
fn every_lock_comes_back_from_its_text() {
    let mut chance = Chance::new(2);
    for _ in 0..300 {
        let lock = any_lock(&mut chance);
        let text = lock.to_string();
        assert_eq!(read(&text).as_ref(), Ok(&lock), "{text}");
        assert!(
            text.lines()
                .all(|line| !line.contains(|c: char| c.is_control()))
        );
    }
}

#[test]
fn whatever_is_read_is_printed_as_it_was_read() {
    let mut chance = Chance::new(3);
    let mut sound = 0;
    for round in 0..3000 {
        let text = match round % 3 {
            0 => GOLDEN.to_owned(),
            _ => any_lock(&mut chance).to_string(),
        };
        let mut bytes = text.into_bytes();
        for _ in 0..=chance.below(3) {
            let at = chance.below(bytes.len());
            match chance.below(4) {
                0 => bytes[at] = chance.byte(),
                1 => bytes[at] = chance.one_of(b" \n/\\x0af:="),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at + 1),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(lock) = read(&text) {
            sound += 1;
            let printed = lock.to_string();
            let meant = |text: &str| {
                let lines = text
                    .lines()
                    .filter(|line| !line.is_empty() && !line.starts_with('#'));
                lines.map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(meant(&printed), meant(&text));
        }
    }
    // Otherwise nothing was shown.
    assert!(sound > 100, "{sound}");
}

#[test]
fn no_bytes_make_it_panic_or_hang() {
    let mut chance = Chance::new(4);
    let start = std::time::Instant::now();
    for _ in 0..2000 {
        let noise = String::from_utf8_lossy(&chance.bytes(300)).into_owned();
        for text in [noise.clone(), format!("sandbox lock 1\nprofile x\n{noise}")] {
            read(&text).unwrap_or_default();
            parse_tree(&text).unwrap_or_default();
        }
    }
    let long = format!("sandbox lock 1\nprofile x\n/{}", "\\x20 ".repeat(1 << 20));
    assert!(read(&long).is_err());
    let many = format!("sandbox lock 1\nprofile x\n{}", "x\n".repeat(1 << 20));
    assert!(read(&many).unwrap_err().len() < 20_000);
    assert!(start.elapsed().as_secs() < 30);
}
