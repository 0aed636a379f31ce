//! `read_only` and `hide`: parts of a bind that the program may write, tried from inside by every way to
//! change a file or to put another in its place. The host's tree is compared before and after.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::seen::everything_in;
use super::support::{Caller, Ended, Lab, attack, root_only};

/// The same but for the times, which the attacks of a program that may write change.
fn state_of(top: &Path) -> Vec<(PathBuf, u64, u64, u64, Vec<u8>)> {
    let seen = everything_in(top).into_iter();
    seen.map(|(path, [mode, uid, _, links, _], _, text)| (path, mode, links, uid, text))
        .collect()
}

/// A checkout with things that matter on the host.
pub fn checkout(caller: Caller) -> Lab {
    let lab = Lab::new(caller);
    for directory in [
        "work/.git/hooks",
        "work/secrets/deep",
        "work/other",
        "work/a/b/c",
    ] {
        lab.directory(directory);
    }
    for (file, text) in [
        ("work/.git/hooks/pre", "hook"),
        ("work/.git/config", "config"),
        ("work/.env", "s3cret"),
        ("work/secrets/deep/key", "s3cret"),
        ("work/other/file", "mine"),
        ("work/a/b/c/file", "deep"),
    ] {
        lab.file(file, text);
    }
    lab
}

pub const PARTS: &str =
    "read_only = [\".git/hooks\", \".git/config\", \"a/b/c\"]\nhide = [\"?.env\", \"secrets\"]\n";

pub fn profile(lab: &Lab, access: &str, rest: &str) -> String {
    let work = lab.text("work");
    let bind = format!("[[mount]]\nbind = \"{work}\"\ntarget = \"/w\"\naccess = \"{access}\"\n");
    lab.profile(&format!("{bind}{rest}"))
}

/// What each attack says, in one sandbox.
#[track_caller]
fn attacks(lab: &Lab, profile: &str, attacks: &[&str]) -> Vec<String> {
    let lines = attacks
        .iter()
        .map(|line| format!("{} {line} || :\n", attack()));
    let out = lab.script(profile, &lines.collect::<String>());
    out.lines().map(str::to_owned).collect()
}

/// Each attack fails so with the parts protected, and works where they are not.
#[track_caller]
fn guarded(caller: Caller, cases: &[(&str, &str)]) {
    let lab = checkout(caller);
    let list: Vec<&str> = cases.iter().map(|(attack, _)| *attack).collect();
    let before = state_of(&lab.path("work"));
    let found = attacks(&lab, &profile(&lab, "rw", PARTS), &list);
    let expected: Vec<&str> = cases.iter().map(|(_, errno)| *errno).collect();
    let pairs = list.iter().zip(found.iter().zip(&expected));
    let wrong: Vec<_> = pairs
        .filter(|(_, (found, expected))| found != expected)
        .collect();
    assert!(wrong.is_empty(), "{caller:?}: {wrong:?}");
    assert_eq!(before, state_of(&lab.path("work")), "{caller:?}");
    for attack in list {
        let open = checkout(caller);
        let said = attacks(&open, &profile(&open, "rw", ""), &[attack]);
        assert_eq!(said, ["worked"], "{caller:?}: {attack} proves nothing");
    }
}

#[test]
fn no_directory_on_the_way_to_a_part_is_moved_or_replaced() {
    for caller in Caller::all() {
        guarded(
            caller,
            &[
                ("rename /w/.git /w/x", "EBUSY"),
                ("exchange /w/.git /w/other", "EBUSY"),
                ("exchange /w/other /w/.git", "EBUSY"),
                ("rename /w/a /w/x", "EBUSY"),
                ("rename /w/a/b /w/a/x", "EBUSY"),
                ("rename /w/a/b /w/x", "EXDEV"),
                ("rename /w/a/b/c /w/a/b/x", "EBUSY"),
                ("rename /w/.git/hooks /w/.git/x", "EBUSY"),
                ("rename /w/.git/config /w/.git/x", "EBUSY"),
                ("rename /w/.git/../.git/hooks /w/.git/x", "EBUSY"),
                ("exchange /w/.git/hooks /w/.git/config", "EBUSY"),
                ("rename /w/secrets /w/x", "EBUSY"),
                ("rename /w/.env /w/x", "EBUSY"),
                ("rename /w/other/file /w/.env", "EBUSY"),
                ("exchange /w/other/file /w/.env", "EBUSY"),
            ],
        );
    }
}

#[test]
fn what_is_read_only_is_written_by_no_other_way() {
    for caller in Caller::all() {
        guarded(
            caller,
            &[
                ("open-write /w/.git/config", "EROFS"),
                ("open-write /w/.git/hooks/../config", "EROFS"),
                ("open-write /w/a/b/c/file", "EROFS"),
                ("truncate /w/.git/config", "EROFS"),
                ("chmod /w/.git/config 777", "EROFS"),
                ("chmod /w/.git/hooks 777", "EROFS"),
                ("chmod /w/a/b/c/file 777", "EROFS"),
                ("create /w/.git/hooks/post", "EROFS"),
                ("unlink /w/.git/hooks/pre", "EROFS"),
                ("unlink /w/.git/config", "EBUSY"),
                ("rename /w/.git/hooks/pre /w/.git/hooks/x", "EROFS"),
                ("rename /w/.git/hooks/pre /w/x", "EXDEV"),
                ("rename /w/other/file /w/.git/hooks/pre", "EXDEV"),
                ("link /w/.git/config /w/.git/x", "EXDEV"),
                ("link /w/.git/hooks/pre /w/x", "EXDEV"),
                ("link /w/other/file /w/.git/hooks/x", "EROFS"),
                ("link-unnamed /w/.git/hooks /w/.git/hooks/x", "EROFS"),
                ("link-unnamed /w /w/.git/hooks/x", "EROFS"),
            ],
        );
    }
}

#[test]
fn what_is_hidden_shows_nothing_and_stays() {
    for caller in Caller::all() {
        guarded(
            caller,
            &[
                ("open-read /w/.env", "EACCES"),
                ("open-write /w/.env", "EACCES"),
                ("chmod /w/.env 777", "EROFS"),
                ("truncate /w/.env", "EACCES"),
                ("unlink /w/.env", "EBUSY"),
                ("link /w/.env /w/x", "EXDEV"),
                ("open-read /w/secrets/deep/key", "ENOENT"),
                ("create /w/secrets/x", "EROFS"),
                ("chmod /w/secrets 777", "EROFS"),
                ("link /w/secrets/deep/key /w/x", "ENOENT"),
                ("rename /w/secrets/deep /w/x", "EXDEV"),
            ],
        );
        let lab = checkout(caller);
        let script =
            "ls -A /w/secrets; stat -c %s /w/.env; ls -AR /w; cat /w/.[a-z]* /w/*/* /w/*/*/*";
        let ended = lab.run(&profile(&lab, "rw", PARTS), &["sh", "-c", script]);
        assert!(ended.out.starts_with("0\n"), "{ended:?}");
        assert!(
            !ended.out.contains("s3cret") && !ended.out.contains("key"),
            "{ended:?}"
        );
    }
}

/// Neither is undone by a mount of the program's own, whatever the filter lets through.
#[test]
fn no_part_is_uncovered() {
    for caller in Caller::all() {
        let lab = checkout(caller);
        let rest = format!("{PARTS}[security]\nseccomp = \"none\"");
        let list = [
            "umount /w/.env",
            "umount /w/secrets",
            "remount-rw /w/.git/hooks",
            "umount /w/.git",
        ];
        let found = attacks(&lab, &profile(&lab, "rw", &rest), &list);
        assert_eq!(found, ["EPERM"; 4], "{caller:?}");
    }
}

#[test]
fn what_lies_beside_the_parts_is_written_as_before() {
    for caller in Caller::all() {
        let lab = checkout(caller);
        let script = format!(
            "cd /w; echo x > .git/HEAD; mkdir .git/refs; {} rename .git/HEAD .git/refs/x; \
            echo y > a/b/new; rm other/file; cat .git/hooks/pre .git/config",
            attack()
        );
        let out = lab.script(&profile(&lab, "rw", PARTS), &script);
        assert_eq!(out, "worked\nhookconfig", "{caller:?}");
        assert_eq!(fs::read(lab.path("work/.git/refs/x")).unwrap(), b"x\n");
        assert_eq!(fs::read(lab.path("work/a/b/new")).unwrap(), b"y\n");
        assert!(!lab.path("work/other/file").exists());
        let owner = fs::metadata(lab.path("work/.git/refs/x")).unwrap().uid();
        assert_eq!(
            owner,
            caller.uid(),
            "a pinned directory keeps the map of owners"
        );
    }
}

/// The directory's owner is neither root nor the sandbox's user.
#[test]
fn parts_of_a_bind_show_the_owners_that_the_bind_shows() {
    if !root_only("parts_of_a_bind_show_the_owners_that_the_bind_shows") {
        return;
    }
    let lab = checkout(Caller::Root);
    for (path, ..) in state_of(&lab.path("work")) {
        std::os::unix::fs::chown(path, Some(12_345), Some(12_345)).unwrap();
    }
    let script = "id -u; stat -c %u /w /w/.git /w/.git/hooks /w/.git/config; echo x > /w/.git/new";
    let out = lab.script(&profile(&lab, "rw", PARTS), script);
    let mut ids = out.lines();
    let own = ids.next().unwrap();
    assert!(ids.clone().count() == 4 && ids.all(|id| id == own), "{out}");
    assert_eq!(
        fs::metadata(lab.path("work/.git/new")).unwrap().uid(),
        12_345
    );
}

#[test]
fn parts_lie_over_an_overlay_and_in_a_read_only_bind_too() {
    for caller in Caller::all() {
        for access in ["overlay", "ro"] {
            let lab = checkout(caller);
            let parts = match access {
                "ro" => "hide = [\".env\", \"secrets\"]\n",
                _ => PARTS,
            };
            let before = state_of(&lab.path("work"));
            let list = [
                "open-read /w/.env",
                "open-read /w/secrets/deep/key",
                "open-write /w/.git/config",
                "create /w/.git/hooks/x",
            ];
            let found = attacks(&lab, &profile(&lab, access, parts), &list);
            assert_eq!(
                found,
                ["EACCES", "ENOENT", "EROFS", "EROFS"],
                "{caller:?} {access}"
            );
            let list = [
                "rename /w/secrets /w/x",
                "rename /w/.git /w/x",
                "unlink /w/.env",
            ];
            let found = attacks(&lab, &profile(&lab, access, parts), &list);
            let expected = match access {
                // A read-only mount is asked first.
                "ro" => ["EROFS"; 3],
                _ => ["EBUSY"; 3],
            };
            assert_eq!(found, expected, "{caller:?} {access}");
            assert_eq!(before, state_of(&lab.path("work")), "{caller:?} {access}");
        }
    }
}

#[test]
fn hiding_needs_no_proc_and_parts_hold_mounts_of_the_profile() {
    for caller in Caller::all() {
        for proc in ["none", "pids", "private"] {
            let lab = checkout(caller);
            lab.directory("work/.git/hooks/cache");
            let rest = format!(
                "{PARTS}[[mount]]\ntmpfs = \"/w/.git/hooks/cache\"\n[system]\nproc = \"{proc}\""
            );
            let list = [
                "open-read /w/.env",
                "create /w/.git/hooks/x",
                "create /w/.git/hooks/cache/x",
            ];
            let found = attacks(&lab, &profile(&lab, "rw", &rest), &list);
            assert_eq!(found, ["EACCES", "EROFS", "worked"], "{caller:?} {proc}");
            assert!(!lab.path("work/.git/hooks/cache/x").exists());
        }
    }
}

/// A second bind, of the directory above, shows the same files by another path.
#[test]
fn a_second_way_is_refused_or_guarded_too() {
    for caller in Caller::all() {
        let lab = checkout(caller);
        let above = lab.text("");
        let above = above.trim_end_matches('/');
        let second = format!("[[mount]]\nbind = \"{above}\"\ntarget = \"/p\"\naccess = \"rw\"\n");
        let ended = lab.run(&profile(&lab, "rw", &format!("{PARTS}{second}")), &["true"]);
        assert_eq!(ended.code(), 125, "{ended:?}");
        for code in [
            "mount.read-only-open-elsewhere",
            "mount.hide-open-elsewhere",
        ] {
            assert!(ended.err.contains(code), "{ended:?}");
        }
        let there = PARTS
            .replace("[\"", "[\"work/")
            .replace(", \"", ", \"work/");
        let there = there.replace("work/?", "?work/");
        let before = state_of(&lab.path("work"));
        let list = [
            "rename /p/work /p/x",
            "rename /p/work/a /p/work/x",
            "open-write /p/work/.git/config",
            "open-read /p/work/.env",
            "open-write /w/.git/config",
            "rename /w/.git /w/x",
        ];
        let found = attacks(
            &lab,
            &profile(&lab, "rw", &format!("{PARTS}{second}{there}")),
            &list,
        );
        let expected = ["EBUSY", "EBUSY", "EROFS", "EACCES", "EROFS", "EBUSY"];
        assert_eq!(found, expected, "{caller:?}");
        assert_eq!(before, state_of(&lab.path("work")), "{caller:?}");
    }
}

#[track_caller]
fn refused(lab: &Lab, parts: &str, code: &str) -> Ended {
    let ended = lab.run(&profile(lab, "rw", parts), &["true"]);
    assert_eq!(ended.code(), 125, "{ended:?}");
    assert!(ended.err.contains(code), "{code}: {ended:?}");
    ended
}

/// An earlier run may have laid links where the profile names parts.
#[test]
fn links_of_an_earlier_run_lead_nowhere() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.directory("victim/hooks");
        lab.file("victim/file", "as it was");
        lab.link("work/.git", lab.path("victim"));
        lab.link("work/.env", lab.path("victim/file"));
        lab.link("work/dangling", "/not/there");
        let before = state_of(&lab.path("victim"));
        refused(
            &lab,
            "read_only = [\".git/hooks\"]\n",
            "mount.read-only-link",
        );
        refused(&lab, "hide = [\"?.env\"]\n", "mount.hide-link");
        refused(&lab, "hide = [\"?dangling\"]\n", "mount.hide-link");
        assert_eq!(before, state_of(&lab.path("victim")), "{caller:?}");
    }
}

#[test]
fn what_is_missing_is_an_error_or_in_the_report() {
    for caller in Caller::all() {
        let lab = checkout(caller);
        refused(&lab, "hide = [\"gone\"]\n", "mount.hide-missing");
        refused(&lab, "read_only = [\"gone\"]\n", "mount.read-only-missing");
        let parts = "read_only = [\"a/b\"]\nhide = [\"?gone\", \"?a/lost\"]\n";
        lab.script(&profile(&lab, "rw", parts), "echo x > /w/gone; cat /w/gone");
        let report = lab.report();
        let open = report["unprotected"].as_array().unwrap();
        let paths: Vec<_> = open
            .iter()
            .map(|part| part["path"].as_str().unwrap())
            .collect();
        assert_eq!(paths, ["/w/a/lost", "/w/gone"]);
        assert!(
            open.iter().all(|part| part["protection"] == "hide"),
            "{report}"
        );
        assert!(
            open[0]["reason"].as_str().unwrap().contains("missing"),
            "{report}"
        );
    }
}

#[test]
fn hundreds_of_parts_are_protected() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let mut names = Vec::new();
        for number in 0..250 {
            let directory = format!("d{}", number % 50);
            lab.directory(&format!("work/{directory}"));
            for part in [
                format!("{directory}/f{number}"),
                format!("{directory}/g{number}"),
            ] {
                lab.file(&format!("work/{part}"), "s3cret");
                names.push(format!("\"{part}\""));
            }
        }
        let (hidden, fixed) = names.split_at(250);
        let parts = format!(
            "hide = [{}]\nread_only = [{}]\n",
            hidden.join(", "),
            fixed.join(", ")
        );
        let script = "cd /w; n=0; for f in */*; do echo x > $f && exit 1; [ -s $f ] && n=$((n + 1)); done; echo $n";
        let ended = lab.run(&profile(&lab, "rw", &parts), &["sh", "-c", script]);
        assert_eq!(ended.out, "250\n", "{:?}", ended.status);
    }
}
