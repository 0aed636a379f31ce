//! What the plan found below a bind, or as a socket, is another thing when the sandbox starts: a program
//! of an earlier run may still be writing there. The start looks again, and nothing runs.

use std::fs::{self, File};
use std::process::Stdio;
use std::time::Duration;

use super::support::{Caller, Ended, Lab, finish_started, start, within};

/// A start that waits behind the plan, for the turn to build the tree, while `change` is made.
fn with_change(lab: &Lab, profile: &str, change: impl Fn(&Lab)) -> Ended {
    lab.keep_apart();
    lab.script(profile, "true");
    let locks: Vec<File> = fs::read_dir(lab.path("cache/sandbox/locks"))
        .unwrap()
        .map(|entry| File::open(entry.unwrap().path()).unwrap())
        .collect();
    assert!(!locks.is_empty());
    locks.iter().for_each(|lock| lock.lock().unwrap());
    let file = lab.file("profile.toml", profile);
    let mut up = lab.host(super::support::sandbox());
    up.args(["up", "--verify", "--name", &lab.name]).arg(file);
    let up = start(up.args(["--", "cat", "/w/.env"]).stdin(Stdio::null()));
    let waits = || {
        let locks = fs::read_to_string("/proc/locks").unwrap();
        let pid = up.id().to_string();
        let mut waiting = locks.lines().filter(|line| line.contains("->"));
        waiting.any(|line| line.split_whitespace().any(|word| word == pid))
    };
    assert!(within(Duration::from_secs(20), waits), "it never waits");
    change(lab);
    drop(locks);
    finish_started(up)
}

fn profile(lab: &Lab, rest: &str) -> String {
    let work = lab.text("work");
    let bind = format!("[[mount]]\nbind = \"{work}\"\ntarget = \"/w\"\naccess = \"rw\"\n");
    lab.profile(&format!("{bind}{rest}"))
}

#[track_caller]
fn refused(caller: Caller, parts: &str, code: &str, change: fn(&Lab)) {
    let lab = Lab::new(caller);
    lab.file("work/.env", "mine");
    lab.directory("work/.git/hooks");
    lab.directory("victim/hooks");
    let unchanged = with_change(&lab, &profile(&lab, parts), |_| {});
    assert!(!unchanged.err.contains("mount."), "{unchanged:?}");
    let ended = with_change(&lab, &profile(&lab, parts), change);
    assert_eq!((ended.code(), ended.out.as_str()), (125, ""), "{ended:?}");
    assert!(ended.err.contains(code), "{caller:?}: {ended:?}");
}

#[test]
fn what_was_missing_is_there() {
    for caller in Caller::all() {
        refused(
            caller,
            "hide = [\"?new\"]\n",
            "mount.part-appeared",
            |lab| {
                lab.file("work/new", "s3cret");
            },
        );
        refused(
            caller,
            "hide = [\"?new\"]\n",
            "mount.part-appeared",
            |lab| {
                lab.link("work/new", "/etc/passwd");
            },
        );
    }
}

#[test]
fn a_part_is_gone_or_another_kind_of_file() {
    for caller in Caller::all() {
        refused(caller, "hide = [\".env\"]\n", "mount.part-gone", |lab| {
            fs::remove_file(lab.path("work/.env")).unwrap();
        });
        refused(caller, "hide = [\".env\"]\n", "mount.part-gone", |lab| {
            fs::remove_file(lab.path("work/.env")).unwrap();
            lab.directory("work/.env");
        });
        refused(
            caller,
            "read_only = [\".git/hooks\"]\n",
            "mount.part-gone",
            |lab| {
                fs::remove_dir(lab.path("work/.git/hooks")).unwrap();
                lab.file("work/.git/hooks", "");
            },
        );
    }
}

#[test]
fn a_link_has_come_on_the_way_to_a_part() {
    for caller in Caller::all() {
        refused(
            caller,
            "read_only = [\".git/hooks\"]\n",
            "mount.part-link",
            |lab| {
                fs::rename(lab.path("work/.git"), lab.path("work/x")).unwrap();
                lab.link("work/.git", "x");
            },
        );
        refused(caller, "hide = [\".env\"]\n", "mount.part-link", |lab| {
            fs::remove_file(lab.path("work/.env")).unwrap();
            lab.link("work/.env", lab.path("victim"));
        });
    }
}

#[test]
fn a_socket_is_no_socket_any_more() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let path = lab.path("work/s");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let owner = Some(caller.uid());
        std::os::unix::fs::chown(&path, owner, owner).unwrap();
        let rest = format!(
            "[[mount]]\nsocket = \"{}\"\ntarget = \"/run/s\"\n",
            path.display()
        );
        let ended = with_change(&lab, &lab.profile(&rest), |lab| {
            fs::remove_file(lab.path("work/s")).unwrap();
            lab.file("work/s", "s3cret");
        });
        drop(listener);
        assert_eq!(ended.code(), 125, "{ended:?}");
        assert!(ended.err.contains("mount.source-kind"), "{ended:?}");
    }
}
