//! Differences in words, golden.

use std::path::PathBuf;

use sandbox::lock::{Detail, Entry, GivenBy, LiveKind, Lock, compare, render};
use sandbox::packages::Manager;

use crate::texts::{file, installed, package, sample};

fn of(name: &str) -> GivenBy {
    GivenBy::Package(package(name))
}

/// Openssl, coreutils, a tool of the host, a text of the profile.
fn before() -> Lock {
    let mut lock = sample();
    for (name, version) in [
        ("libssl3:amd64", "3.0.15"),
        ("coreutils:amd64", "9.1-1"),
        ("less:amd64", "590"),
        ("libc6:amd64", "2.36"),
        ("libc6:i386", "2.36"),
        ("tzdata:all", "2024a"),
    ] {
        lock.tree.packages.insert(package(name), installed(version));
    }
    for (path, entry) in [
        ("/opt", Entry::Directory { mode: 0o755 }),
        ("/opt/tool", file(1, GivenBy::Host)),
        ("/usr/bin/less", file(9, of("less:amd64"))),
        ("/usr/bin/ls", file(2, of("coreutils:amd64"))),
        ("/usr/lib", Entry::Directory { mode: 0o755 }),
        ("/usr/lib/libc.so.6", file(5, of("libc6:amd64"))),
        ("/usr/lib/libcrypto.so.3", file(3, of("libssl3:amd64"))),
        ("/usr/lib/libssl.so.3", file(4, of("libssl3:amd64"))),
        ("/usr/lib32", Entry::Directory { mode: 0o755 }),
        ("/usr/lib32/libc.so.6", file(6, of("libc6:i386"))),
        ("/usr/share/zoneinfo/UTC", file(7, of("tzdata:all"))),
    ] {
        put(&mut lock, path, entry);
    }
    lock
}

fn put(lock: &mut Lock, path: &str, entry: Entry) {
    lock.tree.entries.insert(path.into(), entry);
}

fn upgrade(lock: &mut Lock, name: &str, version: &str) {
    lock.tree.packages.insert(package(name), installed(version));
}

#[track_caller]
fn told(change: impl FnOnce(&mut Lock), expected: &str) {
    let mut now = before();
    change(&mut now);
    assert_eq!(render(&compare(&before(), &now), Detail::Whole), expected);
}

#[test]
fn equal_locks_have_no_difference() {
    told(|_| {}, "");
}

#[test]
fn an_upgrade_explains_all_its_files() {
    told(
        |lock| {
            upgrade(lock, "libssl3:amd64", "3.0.17");
            put(
                lock,
                "/usr/lib/libcrypto.so.3",
                file(30, of("libssl3:amd64")),
            );
            put(lock, "/usr/lib/libssl.so.3", file(40, of("libssl3:amd64")));
            put(lock, "/usr/lib/engines-3", Entry::Directory { mode: 0o755 });
            put(
                lock,
                "/usr/lib/engines-3/afalg.so",
                file(41, of("libssl3:amd64")),
            );
        },
        "libssl3 3.0.15 to 3.0.17 (3 files)\n\
         \x20 `/usr/lib/engines-3/afalg.so` is new\n\
         \x20 `/usr/lib/libcrypto.so.3` changed (1003 to 1030 bytes)\n\
         \x20 `/usr/lib/libssl.so.3` changed (1004 to 1040 bytes)\n",
    );
}

#[test]
fn an_upgrade_may_leave_all_files_as_they_were() {
    told(
        |lock| upgrade(lock, "tzdata:all", "2024b"),
        "tzdata 2024a to 2024b (no file changed)\n",
    );
}

#[test]
fn the_architecture_is_told_where_there_are_several() {
    told(
        |lock| {
            upgrade(lock, "libc6:i386", "2.37");
            put(lock, "/usr/lib32/libc.so.6", file(60, of("libc6:i386")));
        },
        "libc6:i386 2.36 to 2.37 (1 file)\n  `/usr/lib32/libc.so.6` changed (1006 to 1060 bytes)\n",
    );
}

#[test]
fn packages_come_and_go() {
    told(
        |lock| {
            lock.tree.packages.remove(&package("less:amd64"));
            lock.tree.entries.remove(&PathBuf::from("/usr/bin/less"));
            upgrade(lock, "curl:amd64", "8.5");
            put(lock, "/usr/bin/curl", file(8, of("curl:amd64")));
        },
        "curl 8.5 is new (1 file)\n  `/usr/bin/curl` is new\n\
         less 590 is gone (1 file)\n  `/usr/bin/less` is gone\n",
    );
}

#[test]
fn a_file_that_changed_in_the_same_version_is_suspicious() {
    told(
        |lock| {
            put(lock, "/usr/bin/ls", file(20, of("coreutils:amd64")));
            put(lock, "/usr/bin/cat", file(21, of("coreutils:amd64")));
        },
        "`/usr/bin/cat` is new, of coreutils 9.1-1\n\
         `/usr/bin/ls` changed (1002 to 1020 bytes), same version of coreutils 9.1-1\n",
    );
}

#[test]
fn a_file_that_goes_to_another_package_is_its_change() {
    told(
        |lock| {
            lock.tree.packages.remove(&package("libssl3:amd64"));
            upgrade(lock, "libssl3t64:amd64", "3.4.1");
            for path in ["/usr/lib/libcrypto.so.3", "/usr/lib/libssl.so.3"] {
                put(lock, path, file(50, of("libssl3t64:amd64")));
            }
        },
        "libssl3 3.0.15 is gone\n\
         libssl3t64 3.4.1 is new (2 files)\n\
         \x20 `/usr/lib/libcrypto.so.3` changed (1003 to 1050 bytes), is of package libssl3t64, was of package libssl3\n\
         \x20 `/usr/lib/libssl.so.3` changed (1004 to 1050 bytes), is of package libssl3t64, was of package libssl3\n",
    );
}

#[test]
fn a_file_may_be_the_same_and_somebody_elses() {
    told(
        |lock| {
            put(lock, "/opt/tool", file(1, of("coreutils:amd64")));
            put(lock, "/usr/bin/less", file(9, GivenBy::Host));
        },
        "`/opt/tool` is of package coreutils, was the host's\n\
         `/usr/bin/less` is the host's, was of package less\n",
    );
}

#[test]
fn each_kind_of_change_has_its_words() {
    let changed = |size, digest, mode| Entry::File {
        mode,
        size,
        sha256: [digest; 32],
        build_id: None,
        giver: GivenBy::Host,
    };
    told(
        |lock| {
            let link = |target: &str, giver| Entry::Symlink {
                target: target.into(),
                giver,
            };
            put(lock, "/bin", link("/usr/bin", GivenBy::Host));
            put(lock, "/etc/a b", file(11, GivenBy::Profile));
            put(lock, "/etc/passwd", file(11, GivenBy::Profile));
            put(lock, "/opt", Entry::Directory { mode: 0o700 });
            put(lock, "/opt/tool", changed(1001, 2, 0o4711));
            put(lock, "/srv", Entry::Directory { mode: 0o755 });
            put(lock, "/usr/bin/rbash", Entry::HardLink("/opt/tool".into()));
            put(lock, "/usr/bin/sh", file(3, of("dash:all")));
            put(lock, "/usr/bin/\u{202e}x", link("y", GivenBy::Profile));
        },
        "`/bin` leads to `/usr/bin`, led to `usr/bin`\n\
         `/etc/a\\x20b`, which the profile gives, changed (1001 to 1011 bytes)\n\
         `/etc/passwd`, which the profile gives, is a file, was a generated file\n\
         `/opt` has mode 0700, had 0755\n\
         `/opt/tool` changed, has mode 4711, had 0755\n\
         `/srv` is a new directory\n\
         `/usr/bin/rbash` is the same file as `/opt/tool`, was `/usr/bin/bash`\n\
         `/usr/bin/sh` is a file, was a link, same version of dash 1:0.5~rc1\n\
         `/usr/bin/\\xe2\\x80\\xaex`, which the profile gives, is a new link\n",
    );
}

#[test]
fn a_directory_that_went_is_told_by_what_was_in_it() {
    told(
        |lock| {
            lock.tree
                .entries
                .retain(|path, _| !path.starts_with("/opt"))
        },
        "`/opt/tool` is gone\n",
    );
}

#[test]
fn names_and_live_places_are_part_of_a_lock() {
    told(
        |lock| {
            lock.profile = "ci".to_owned();
            lock.live.clear();
            lock.live.insert("/srv".into(), LiveKind::Bind);
            let other = sandbox::lock::Installed {
                version: "590".to_owned(),
                manager: Manager::Apk,
            };
            lock.tree.packages.insert(package("less:amd64"), other);
        },
        "the sandbox is named `ci`, was named `dev`\n\
         less 590 of dpkg to 590 of apk (no file changed)\n\
         `/home/user/project` is no bind any more\n\
         `/srv` is a bind now, which is not locked\n",
    );
}

#[test]
fn a_live_place_of_another_kind_is_told() {
    told(
        |lock| {
            let place = "/home/user/project".into();
            lock.live.insert(place, LiveKind::Volume);
        },
        "`/home/user/project` is a volume now, which is not locked\n",
    );
}

#[test]
fn givers_are_told_apart() {
    told(
        |lock| put(lock, "/usr/lib/libc.so.6", file(5, of("libc6:i386"))),
        "`/usr/lib/libc.so.6` is of package libc6:i386, was of package libc6:amd64\n",
    );
}

#[test]
fn a_long_list_is_cut_and_counted() {
    let mut now = before();
    upgrade(&mut now, "libssl3:amd64", "3.0.17");
    put(
        &mut now,
        "/usr/lib/libssl.so.3",
        file(40, of("libssl3:amd64")),
    );
    for number in 0..30 {
        put(
            &mut now,
            &format!("/opt/{number:02}"),
            file(1, GivenBy::Host),
        );
    }
    let differences = compare(&before(), &now);
    assert_eq!(
        render(&differences, Detail::Lines(3)),
        "libssl3 3.0.15 to 3.0.17 (1 file)\n`/opt/00` is new\n`/opt/01` is new\nand 28 more\n"
    );
    // One line is not worth a line that stands for it.
    assert_eq!(render(&differences, Detail::Lines(30)).lines().count(), 31);
    assert_eq!(render(&differences, Detail::Whole).lines().count(), 32);
}

/// No two locks with other texts are called equal.
#[test]
fn whatever_changes_the_text_is_a_difference() {
    let mut chance = crate::chance::Chance::new(5);
    let text = before().to_string();
    let mut sound = 0;
    for _ in 0..4000 {
        let mut bytes = text.clone().into_bytes();
        let at = chance.below(bytes.len());
        bytes[at] = chance.one_of(b"0123456789abcdef-x");
        let changed = String::from_utf8(bytes).unwrap();
        let Ok(lock) = crate::texts::read(&changed) else {
            continue;
        };
        sound += 1;
        let differences = compare(&before(), &lock);
        assert_eq!(differences.is_empty(), lock == before(), "{changed}");
        assert_eq!(compare(&lock, &before()).is_empty(), lock == before());
    }
    assert!(sound > 400, "{sound}");
}
