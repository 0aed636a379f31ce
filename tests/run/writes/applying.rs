//! `apply` and `discard`: what reaches the host, what does not, and when nothing does.

use std::ffi::CStr;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use sandbox::sys::copy::{attribute, set_attribute};

use super::super::support::{Caller, Lab, Lack, finish, skip};
use super::picture;

/// Longer than a tick of the clock that files get their times from.
fn later() {
    thread::sleep(Duration::from_millis(20));
}

#[test]
fn everything_that_was_written_reaches_the_host_and_leaves_the_overlay() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.project();
        lab.link("project/link", "README");
        let script = "cd /desk; echo two >> README; chmod 755 README; rm -r old; mkdir old; \
                      echo new > old/new; mv src/main src/moved; mkdir -p a/b; echo c > a/b/c; \
                      chmod 500 a/b a; ln -sfn src link; rm -r /desk/src/../none; \
                      truncate -s 1T sparse";
        lab.script(&profile, script);
        let inside = lab.script(
            &profile,
            "cd /desk; cat README old/new src/moved a/b/c; ls -R . | head -40",
        );
        let done = lab.kept_says(&["apply"]);
        assert!(
            done.contains(&format!("changed  {}", lab.text("project/README"))),
            "{done}"
        );
        let host = picture_of(
            &lab,
            "cd \"$1\"; cat README old/new src/moved a/b/c; ls -R . | head -40",
        );
        assert_eq!(host, inside, "{caller:?}");
        let mode = |name: &str| {
            fs::symlink_metadata(lab.path(name))
                .unwrap()
                .permissions()
                .mode()
        };
        assert_eq!(mode("project/README") & 0o7777, 0o755);
        assert_eq!(mode("project/a/b") & 0o7777, 0o500);
        let sparse = fs::metadata(lab.path("project/sparse")).unwrap();
        assert_eq!(sparse.len(), 1 << 40);
        assert_eq!(std::os::unix::fs::MetadataExt::blocks(&sparse), 0);
        let left = lab.kept_says(&["changes"]);
        assert!(left.ends_with("of the host: no changes\n"), "{left}");
        let again = lab.script(&profile, "cd /desk; cat README; ls old");
        assert_eq!(again, "one\ntwo\nnew\n");
        for name in ["project/a", "project/a/b"] {
            fs::set_permissions(lab.path(name), fs::Permissions::from_mode(0o700)).unwrap();
        }
    }
}

/// What a script says about the project on the host.
fn picture_of(lab: &Lab, script: &str) -> String {
    let mut command = lab.host("sh");
    let ended = finish(command.args(["-c", script, "sh", &lab.text("project")]));
    assert_eq!(ended.code(), 0, "{ended:?}");
    ended.out
}

#[test]
fn paths_choose_what_is_applied_and_the_rest_stays() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.project();
        let script = "cd /desk; echo two >> README; echo x >> src/main; mkdir -p n/m; echo f > n/m/f; \
                      echo g > n/g; rm old/a; mv src/main src/other";
        lab.script(&profile, script);
        lab.kept_says(&["apply", "/desk/n/m/f", "/desk/old"]);
        assert_eq!(
            fs::read_to_string(lab.path("project/n/m/f")).unwrap(),
            "f\n"
        );
        assert!(!lab.path("project/n/g").exists() && !lab.path("project/old/a").exists());
        assert_eq!(
            fs::read_to_string(lab.path("project/README")).unwrap(),
            "one\n"
        );
        let changes = lab.kept_says(&["changes"]);
        assert!(
            !changes.contains("n/m") && changes.contains("added    /desk/n/g"),
            "{changes}"
        );
        // By its path on the host; what an earlier apply did to directories is no conflict.
        lab.kept_says(&["apply", &lab.text("project/src")]);
        assert!(!lab.path("project/src/main").exists());
        assert_eq!(
            fs::read_to_string(lab.path("project/src/other")).unwrap(),
            "fn\nx\n"
        );
        lab.kept_refuses(&["apply", "/desk/nothing"], "kept.no-change");
        lab.kept_refuses(&["apply", "/elsewhere"], "kept.no-overlay");
        lab.kept_says(&["apply"]);
        assert_eq!(
            fs::read_to_string(lab.path("project/README")).unwrap(),
            "one\ntwo\n"
        );
        assert!(lab.kept_says(&["changes"]).contains("no changes"));
    }
}

/// What is in the way, and what somebody on the host did to it.
type Meanwhile = (&'static str, fn(&Lab));

#[test]
fn nothing_is_applied_when_one_file_of_the_host_changed_meanwhile() {
    let changes: [Meanwhile; 7] = [
        ("README", |lab| drop(lab.file("project/README", "mine\n"))),
        ("README", |lab| {
            let mode = fs::Permissions::from_mode(0o600);
            fs::set_permissions(lab.path("project/README"), mode).unwrap();
        }),
        ("README", |lab| {
            fs::remove_file(lab.path("project/README")).unwrap();
            lab.directory("project/README");
        }),
        ("gone", |lab| drop(lab.file("project/gone", "mine\n"))),
        ("old", |lab| {
            drop(lab.file("project/old/deep/new", "mine\n"))
        }),
        ("old", |lab| {
            fs::create_dir(lab.path("project/old/deep/newer")).unwrap();
        }),
        ("added", |lab| drop(lab.file("project/added", "mine\n"))),
    ];
    for caller in Caller::all() {
        for (path, change) in changes {
            let lab = Lab::new(caller);
            let profile = lab.project();
            lab.file("project/gone", "x\n");
            lab.file("project/fine", "x\n");
            later();
            lab.script(
                &profile,
                "cd /desk; echo two >> README; echo y >> fine; rm -r old gone; echo z > added",
            );
            later();
            change(&lab);
            let before = picture(&lab.path("project"));
            let refused = lab.kept_refuses(&["apply"], "kept.conflict");
            assert!(
                refused.err.contains(&format!("`/desk/{path}`")),
                "{refused:?}"
            );
            assert!(refused.err.ends_with("1 error\n"), "{refused:?}");
            assert_eq!(picture(&lab.path("project")), before, "{path}");
            // What is not in the way can still be had.
            lab.kept_says(&["apply", "/desk/fine"]);
            assert_eq!(
                fs::read_to_string(lab.path("project/fine")).unwrap(),
                "x\ny\n"
            );
            lab.kept_says(&["discard", &format!("/desk/{path}")]);
            lab.kept_says(&["apply"]);
        }
    }
}

/// What lies in a directory that is moved keeps its own times.
#[test]
fn what_was_moved_on_the_host_meanwhile_is_not_what_the_program_saw() {
    let moves: [Meanwhile; 4] = [
        ("old", |lab| {
            fs::rename(lab.path("mine"), lab.path("project/old/mine")).unwrap();
        }),
        ("old", |lab| {
            fs::rename(lab.path("project/old"), lab.path("aside")).unwrap();
            fs::rename(lab.path("mine"), lab.path("project/old")).unwrap();
        }),
        ("src/main", |lab| {
            fs::rename(lab.path("project/src"), lab.path("aside")).unwrap();
            fs::rename(lab.path("mine"), lab.path("project/src")).unwrap();
        }),
        ("src/gone", |lab| {
            fs::rename(lab.path("project/src"), lab.path("aside")).unwrap();
            fs::rename(lab.path("mine"), lab.path("project/src")).unwrap();
        }),
    ];
    for caller in Caller::all() {
        for (path, change) in moves {
            let lab = Lab::new(caller);
            let profile = lab.project();
            lab.file("project/src/gone", "x\n");
            lab.directory("mine");
            lab.file("mine/main", "mine\n");
            lab.file("mine/gone", "mine\n");
            later();
            lab.script(
                &profile,
                "cd /desk; rm -r old; rm src/gone; echo x >> src/main",
            );
            later();
            change(&lab);
            let before = picture(&lab.path("project"));
            let refused = lab.kept_refuses(&["apply"], "kept.conflict");
            assert!(
                refused.err.contains(&format!("`/desk/{path}`")),
                "{refused:?}"
            );
            assert_eq!(picture(&lab.path("project")), before, "{path}");
        }
    }
}

/// Its mode inside is what it was: the program opened and closed it.
#[test]
fn a_directory_that_is_closed_on_the_host_is_opened_for_the_moment() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.project();
        let modes = |mode| {
            for name in ["project/old/deep", "project/old", "project/src"] {
                let mode = fs::Permissions::from_mode(mode);
                fs::set_permissions(lab.path(name), mode).unwrap();
            }
        };
        modes(0o555);
        let script = "cd /desk; chmod 755 src old old/deep; echo x > src/new; mkdir src/d; echo y > src/d/e; \
                      ln -s main src/link; mv src/main src/moved; rm old/deep/b; chmod 555 src old old/deep";
        lab.script(&profile, script);
        lab.kept_says(&["apply"]);
        let text = |name: &str| fs::read_to_string(lab.path(name)).unwrap();
        assert_eq!(text("project/src/new") + &text("project/src/d/e"), "x\ny\n");
        assert!(!lab.path("project/old/deep/b").exists());
        assert!(!lab.path("project/src/main").exists());
        for name in ["project/src", "project/old/deep"] {
            let mode = fs::metadata(lab.path(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o555, "{name}");
        }
        assert!(lab.kept_says(&["changes"]).contains("no changes"));
        lab.script(&profile, "cd /desk; chmod -R u+w old; rm -r old");
        lab.kept_says(&["apply"]);
        assert!(!lab.path("project/old").exists());
        fs::set_permissions(lab.path("project/src"), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Without its list, the rights of those that it names would be the whole group's.
#[test]
fn the_hosts_access_list_stays() {
    const LIST: &CStr = c"system.posix_acl_access";
    let entry = |tag: u16, rights: u16, id: u32| {
        [
            &tag.to_le_bytes()[..],
            &rights.to_le_bytes(),
            &id.to_le_bytes(),
        ]
        .concat()
    };
    // Its owner, one user, its group, the most that the two may, all others (acl(5)).
    let entries = [
        entry(1, 6, u32::MAX),
        entry(2, 6, 1),
        entry(4, 0, u32::MAX),
        entry(16, 6, u32::MAX),
        entry(32, 0, u32::MAX),
    ];
    let list = [&2_u32.to_le_bytes()[..], &entries.concat()].concat();
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.project();
        let readme = lab.path("project/README");
        match set_attribute(fs::File::open(&readme).unwrap().as_fd(), LIST, &list) {
            Err(Errno::ENOTSUP) => {
                return skip(
                    "the_hosts_access_list_stays",
                    &Lack::Layout("the file system has no access lists"),
                );
            }
            set => set.unwrap(),
        }
        later();
        // Root's overlays show files through a map without that user, and the kernel copies no such list up.
        let script = "cd /desk; echo x > new; (echo two >> README) 2>/dev/null; \
                      case $(cat README) in one) rm README; echo one > README; echo two >> README; chmod 660 README;; esac";
        lab.script(&profile, script);
        lab.kept_says(&["apply"]);
        assert_eq!(fs::read_to_string(&readme).unwrap(), "one\ntwo\n");
        let found = |name| attribute(fs::File::open(lab.path(name)).unwrap().as_fd(), LIST);
        assert_eq!(found("project/README"), Ok(list.clone()), "{caller:?}");
        assert_eq!(found("project/new"), Err(Errno::ENODATA));
        assert!(lab.kept_says(&["changes"]).contains("no changes"));
    }
}

#[test]
fn what_the_host_removed_meanwhile_does_not_come_back() {
    for caller in Caller::all() {
        for path in ["README", "src"] {
            let lab = Lab::new(caller);
            let profile = lab.project();
            later();
            lab.script(&profile, "cd /desk; echo two >> README; echo y >> src/main");
            later();
            let there = lab.path("project").join(path);
            match path {
                "src" => fs::remove_dir_all(there).unwrap(),
                _ => fs::remove_file(there).unwrap(),
            }
            let refused = lab.kept_refuses(&["apply"], "kept.conflict");
            assert!(refused.err.contains("removed meanwhile"), "{refused:?}");
        }
    }
}

/// The same change on both sides is none: so an apply that was killed in the middle is finished.
#[test]
fn what_the_host_has_already_is_no_conflict() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.project();
        lab.script(
            &profile,
            "cd /desk; echo two >> README; rm old/a; echo x > new; echo y > more",
        );
        later();
        lab.file("project/README", "one\ntwo\n");
        lab.file("project/new", "x\n");
        fs::remove_file(lab.path("project/old/a")).unwrap();
        let changes = lab.kept_says(&["changes"]);
        assert!(changes.ends_with("  added    /desk/more\n"), "{changes}");
        lab.kept_says(&["apply"]);
        assert!(lab.kept_says(&["changes"]).contains("no changes"));
        assert_eq!(lab.script(&profile, "cat /desk/more /desk/new"), "y\nx\n");
    }
}

#[test]
fn discarded_writes_are_gone_and_the_hosts_files_show_again() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.project();
        lab.script(
            &profile,
            "cd /desk; echo two >> README; rm src/main; rm -r old; mkdir old; echo n > old/n; echo x > new",
        );
        lab.kept_says(&["discard", "/desk/README", &lab.text("project/src")]);
        let seen = lab.script(&profile, "cd /desk; cat README src/main new old/n");
        assert_eq!(seen, "one\nfn\nx\nn\n");
        // A part of a directory that was replaced as a whole has nothing of the host's to show.
        lab.kept_refuses(&["discard", "/desk/old/n"], "kept.replaced");
        lab.kept_says(&["discard", "/desk/old"]);
        assert_eq!(lab.script(&profile, "cat /desk/old/deep/b"), "b\n");
        lab.kept_says(&["discard", "/desk"]);
        assert_eq!(
            lab.script(&profile, "ls /desk/new 2>/dev/null || echo gone"),
            "gone\n"
        );
        lab.script(&profile, "echo x > /desk/new");
        lab.kept_says(&["discard"]);
        assert_eq!(lab.kept_says(&["changes"]), "no changes\n");
        assert_eq!(picture(&lab.path("project")).len(), 8);
    }
}

#[test]
fn what_the_root_keeps_has_nowhere_to_go() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("rootfs.writes = \"keep\"\n");
        lab.script(&profile, "echo x > /file");
        lab.kept_refuses(&["apply"], "kept.no-overlay");
        lab.kept_refuses(&["apply", "/file"], "kept.no-overlay");
        lab.kept_refuses(&["discard", "/file"], "kept.no-overlay");
        lab.kept_says(&["discard"]);
        assert_eq!(lab.script(&profile, "cat /file"), "x\n");
    }
}

/// The way to each file is found anew, from the directory that was written over.
#[test]
fn a_link_that_the_host_got_meanwhile_leads_nowhere() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.project();
        lab.directory("victim");
        lab.file("victim/main", "mine\n");
        lab.script(&profile, "cd /desk; echo x >> src/main; echo n > src/new");
        fs::rename(lab.path("project/src"), lab.path("project/aside")).unwrap();
        symlink("../victim", lab.path("project/src")).unwrap();
        let refused = lab.about_kept(&["apply"]);
        assert_eq!(refused.code(), 1, "{refused:?}");
        assert_eq!(picture(&lab.path("victim")).len(), 2);
        assert_eq!(
            fs::read_to_string(lab.path("victim/main")).unwrap(),
            "mine\n"
        );
    }
}
