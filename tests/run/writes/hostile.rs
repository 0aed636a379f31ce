//! Programs that fill an overlay with what might hurt those who look at it, carry it or remove it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::super::support::{Caller, Lab, finish_started, start};
use super::picture;

/// The lab with a victim beside the project that nothing may touch.
fn lab(caller: Caller) -> (Lab, String) {
    let lab = Lab::new(caller);
    let profile = lab.project();
    lab.directory("victim/deep");
    lab.file("victim/file", "mine\n");
    (lab, profile)
}

#[test]
fn links_out_are_carried_as_links_and_never_followed() {
    for caller in Caller::all() {
        let (lab, profile) = lab(caller);
        let victim = lab.text("victim");
        let script = format!(
            "cd /desk; rm -r src old; ln -s {victim} src; ln -s ../victim old; \
             ln -s {victim}/file README2; rm README; ln -s {victim}/file README; \
             ln -s loop loop; ln -s / root"
        );
        lab.script(&profile, &script);
        let before = picture(&lab.path("victim"));
        lab.kept_says(&["changes"]);
        lab.kept_says(&["changes", "--diff"]);
        lab.kept_says(&["apply"]);
        assert_eq!(picture(&lab.path("victim")), before);
        for name in ["src", "old", "README", "README2", "loop", "root"] {
            let status = fs::symlink_metadata(lab.path("project").join(name)).unwrap();
            assert!(status.is_symlink(), "{name}");
        }
        // Files are written where links stand now, and the links are replaced.
        lab.script(
            &profile,
            "cd /desk; rm src; mkdir src; echo x > src/file; rm README; echo y > README",
        );
        lab.kept_says(&["apply"]);
        assert_eq!(picture(&lab.path("victim")), before);
        assert_eq!(
            fs::read_to_string(lab.path("project/README")).unwrap(),
            "y\n"
        );
        assert_eq!(
            fs::read_to_string(lab.path("project/src/file")).unwrap(),
            "x\n"
        );
        let more = format!("cd /desk; ln -s {victim} a; mkdir d; ln -s {victim} d/a");
        lab.script(&profile, &more);
        lab.kept_says(&["discard", "/desk/a"]);
        lab.kept_says(&["reset"]);
        assert_eq!(picture(&lab.path("victim")), before);
    }
}

#[test]
fn pipes_and_the_like_block_nobody_and_stay_behind() {
    for caller in Caller::all() {
        let (lab, profile) = lab(caller);
        lab.script(
            &profile,
            "cd /desk; mkfifo pipe; rm README; mkfifo README; mkdir d; mkfifo d/p; echo x > d/x",
        );
        let begun = Instant::now();
        lab.kept_says(&["changes", "--diff"]);
        let applied = lab.about_kept(&["apply"]);
        assert_eq!(applied.code(), 0, "{applied:?}");
        assert!(begun.elapsed() < Duration::from_secs(20));
        for name in ["pipe", "README", "d/p"] {
            let line = format!("left out: `{}`, a named pipe", lab.text("project/") + name);
            assert!(applied.err.contains(&line), "{name}: {applied:?}");
        }
        assert_eq!(
            fs::read_to_string(lab.path("project/README")).unwrap(),
            "one\n"
        );
        assert_eq!(fs::read_dir(lab.path("project/d")).unwrap().count(), 1);
        assert!(lab.kept_says(&["changes"]).contains("/desk/pipe"));
        lab.kept_says(&["reset"]);
    }
}

#[test]
fn set_id_bits_and_devices_cannot_be_carried() {
    for caller in Caller::all() {
        let (lab, profile) = lab(caller);
        for mode in ["4755", "2755", "6777"] {
            let answer = lab.attack(&profile, &["chmod", "/desk/README", mode]);
            assert_eq!(answer, "EPERM", "{mode}");
        }
        assert_ne!(
            lab.attack(&profile, &["mknod-null", "/desk/null"]),
            "worked"
        );
        lab.script(&profile, "cd /desk; chmod 1777 src; chmod 777 README");
        // Even where somebody else set them.
        let upper = fs::read_dir(lab.kept().join("overlays")).unwrap().next();
        let upper = upper.unwrap().unwrap().path().join("layers/upper");
        fs::set_permissions(upper.join("README"), fs::Permissions::from_mode(0o6777)).unwrap();
        lab.kept_says(&["apply"]);
        let mode = |name: &str| fs::metadata(lab.path(name)).unwrap().mode() & 0o7777;
        assert_eq!(
            (mode("project/README"), mode("project/src")),
            (0o777, 0o1777)
        );
    }
}

#[test]
fn any_depth_and_any_mode_is_looked_at_and_removed() {
    for caller in Caller::all() {
        let (lab, profile) = lab(caller);
        let script = "cd /desk; mkdir deep; cd deep; i=0; while [ $i -lt 1500 ]; do mkdir d; cd -P d 2>/dev/null || cd d; \
                      i=$((i+1)); done; echo x > f; cd /desk; mkdir closed; echo x > closed/f; chmod 0 closed/f closed";
        lab.script(&profile, script);
        let changes = lab.kept_says(&["changes"]);
        assert!(changes.contains("(it lies too deep)"), "{changes}");
        let before = picture(&lab.path("project"));
        let refused = lab.kept_refuses(&["apply"], "kept.conflict");
        assert!(refused.err.contains("it lies too deep"), "{refused:?}");
        assert_eq!(picture(&lab.path("project")), before);
        lab.kept_says(&["discard", "/desk/deep", "/desk/closed"]);
        lab.kept_says(&["changes"]);
        lab.script(&profile, script);
        lab.kept_says(&["reset"]);
        assert!(!lab.kept().exists());
    }
}

/// Such a directory can be read, and nothing in it looked at.
#[test]
fn a_directory_without_the_right_to_search_it_spoils_nothing_else() {
    for caller in Caller::all() {
        let (lab, profile) = lab(caller);
        lab.script(
            &profile,
            "cd /desk; mkdir shut; echo x > shut/f; chmod 444 shut; echo x >> src/main; chmod 644 old; echo x > new",
        );
        let changes = lab.kept_says(&["changes"]);
        assert!(changes.contains("added    /desk/new\n"), "{changes}");
        lab.kept_says(&["changes", "--diff"]);
        if caller == Caller::Unprivileged {
            assert!(
                changes.contains("unseen   /desk/shut/  (it cannot be read)"),
                "{changes}"
            );
            lab.kept_refuses(&["apply"], "kept.conflict");
        }
        lab.kept_says(&["apply", "/desk/new"]);
        lab.kept_says(&["discard", "/desk/shut", "/desk/old"]);
        lab.kept_says(&["apply"]);
        assert!(lab.kept_says(&["changes"]).contains("no changes"));
    }
}

/// The caller owns the closed top, but only root may look in all the same.
#[test]
fn a_closed_top_is_told_and_dropped() {
    let (lab, profile) = lab(Caller::Unprivileged);
    lab.script(&profile, "echo x > /desk/new; chmod 0 /desk");
    let refused = lab.kept_refuses(&["changes"], "kept.closed");
    assert!(refused.err.contains("sandbox discard"), "{refused:?}");
    lab.kept_refuses(&["apply"], "kept.closed");
    lab.kept_says(&["discard"]);
    assert_eq!(lab.script(&profile, "cat /desk/README"), "one\n");
}

#[test]
fn names_of_any_bytes_are_carried_and_shown_safely() {
    for caller in Caller::all() {
        let (lab, profile) = lab(caller);
        let script = r#"cd /desk; for name in "$(printf 'a\nb')" "$(printf '\033[2J')" "$(printf '\377\376')" -rf '$(id)' ' ' .sandbox-1-0; do
            echo x > "./$name"; done"#;
        lab.script(&profile, script);
        let changes = lab.kept_says(&["changes"]);
        assert!(
            !changes.contains('\u{1b}') && changes.lines().count() == 8,
            "{changes}"
        );
        lab.kept_says(&["changes", "--json"]);
        let done = lab.kept_says(&["apply"]);
        assert!(!done.contains('\u{1b}'), "{done:?}");
        let count = fs::read_dir(lab.path("project")).unwrap().count();
        assert_eq!(count, 3 + 7);
        assert!(lab.kept_says(&["changes"]).contains("no changes"));
    }
}

#[test]
fn hard_links_become_files_of_their_own() {
    for caller in Caller::all() {
        let (lab, profile) = lab(caller);
        lab.script(
            &profile,
            "cd /desk; ln README one; ln README two; echo x >> one",
        );
        lab.kept_says(&["apply"]);
        for name in ["one", "two", "README"] {
            let path = lab.path("project").join(name);
            let status = fs::metadata(&path).unwrap();
            assert_eq!((status.nlink(), status.len()), (1, 6), "{name}");
        }
    }
}

/// Overlayfs's own marks: the program sets them in vain.
#[test]
fn marks_of_the_overlay_are_not_the_programs_to_make() {
    for caller in Caller::all() {
        let (lab, profile) = lab(caller);
        let marks = |name: &str, value: &str| {
            lab.attack(&profile, &["set-attribute", "/desk/old", name, value])
        };
        marks("user.overlay.opaque", "y");
        marks("user.overlay.redirect", "/src");
        assert_eq!(marks("user.mine", "x"), "worked");
        let seen = lab.script(&profile, "cat /desk/old/a");
        assert_eq!(seen, "a\n");
        let changes = lab.kept_says(&["changes"]);
        assert!(changes.contains("changed  /desk/old/\n"), "{changes}");
        assert!(!changes.contains("deleted"), "{changes}");
        lab.kept_says(&["apply"]);
        assert_eq!(
            lab.unguarded(&["list-attributes", &lab.text("project/old")]),
            "user.mine\n"
        );
    }
}

/// Each file is the old or the new one at any moment, and the next apply finishes.
#[test]
fn an_apply_that_is_killed_is_finished_by_the_next() {
    for caller in Caller::all() {
        let (lab, profile) = lab(caller);
        let script = "cd /desk; i=0; while [ $i -lt 400 ]; do echo new$i > f$i; i=$((i+1)); done; \
                      echo two >> README; mv src/main src/moved; rm -r old";
        lab.script(&profile, script);
        for milliseconds in [0, 2, 5, 10, 20, 40] {
            let mut command = lab.host(super::sandbox());
            let child = start(command.args(["apply", &lab.name]));
            std::thread::sleep(Duration::from_millis(milliseconds));
            kill(
                Pid::from_raw(child.id().try_into().unwrap()),
                Signal::SIGKILL,
            )
            .ok();
            finish_started(child);
            for number in 0..400 {
                let text = fs::read_to_string(lab.path(&format!("project/f{number}")));
                let whole = text.is_ok_and(|text| text != format!("new{number}\n"));
                assert!(!whole, "f{number}");
            }
        }
        lab.kept_says(&["apply"]);
        assert!(lab.kept_says(&["changes"]).contains("no changes"));
        let names = fs::read_dir(lab.path("project")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let drafts: Vec<String> = names.filter(|name| name.starts_with(".sandbox-")).collect();
        assert!(drafts.is_empty(), "{drafts:?}");
        assert_eq!(
            fs::read_to_string(lab.path("project/src/moved")).unwrap(),
            "fn\n"
        );
        assert!(!lab.path("project/old").exists());
    }
}
