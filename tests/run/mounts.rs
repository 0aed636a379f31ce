//! Rules 7, 9 and 10: what is mounted, and that nothing else of the host is reached.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::support::{Caller, Ended, Lab, attack, finish, root_only, sandbox};

const NO_FILTER: &str = "[security]\nseccomp = \"none\"";

fn bind(lab: &Lab, access: &str) -> String {
    let work = lab.text("work");
    format!("[[mount]]\nbind = \"{work}\"\ntarget = \"/w\"\naccess = \"{access}\"\n")
}

/// Runs `before` in a mount namespace of its own, then the sandbox in it: a caller's own mounts.
fn under_own_mounts(lab: &Lab, before: &str, profile: &str, command: &[&str]) -> Ended {
    finish(&mut own_mounts(
        lab,
        before,
        &up_line(lab, profile, command),
    ))
}

fn up_line(lab: &Lab, profile: &str, command: &[&str]) -> Vec<String> {
    let mut line = vec![sandbox().to_str().unwrap().to_owned()];
    line.extend(lab.up_arguments(profile, command));
    line
}

/// What starts a command in a mount namespace of the caller's own, from which no mount travels.
pub fn own_namespace(caller: Caller) -> Vec<&'static str> {
    let user: &[&str] = match caller {
        Caller::Root => &[],
        Caller::Unprivileged => &["--user", "--map-current-user", "--keep-caps"],
    };
    [&["unshare"], user, &["--mount", "--propagation", "private"]].concat()
}

/// The same as a command that wants the rest of its arguments.
pub fn in_own_namespace(lab: &Lab) -> std::process::Command {
    let words = own_namespace(lab.caller);
    let mut unshare = lab.host(words[0]);
    unshare.args(&words[1..]);
    unshare
}

fn own_mounts(lab: &Lab, before: &str, command: &[String]) -> std::process::Command {
    let script = format!("set -e; cd {}; {before}; exec \"$@\"", lab.text("work"));
    let mut shell = in_own_namespace(lab);
    shell.args(["sh", "-c", &script, "sh"]).args(command);
    shell
}

#[test]
fn read_only_reaches_every_mount_below_a_bind() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.directory("work/sub/below");
        let mounts = "mount -t tmpfs none sub; mkdir sub/below; mount -t tmpfs none sub/below; : > sub/below/file";
        let write = |path: &str| {
            vec![
                attack().to_owned(),
                "open-write".to_owned(),
                path.to_owned(),
            ]
        };
        let outside = lab.text("work/sub/below/file");
        let unguarded = finish(&mut own_mounts(&lab, mounts, &write(&outside)));
        assert_eq!(unguarded.out, "worked\n", "{unguarded:?}");

        for (access, expected) in [("ro", "EROFS\n"), ("rw", "worked\n")] {
            let profile = lab.profile(&bind(&lab, access));
            let command = [attack(), "open-write", "/w/sub/below/file"];
            let inside = under_own_mounts(&lab, mounts, &profile, &command);
            assert_eq!(inside.out, expected, "{caller:?} {access}: {inside:?}");
        }
        let profile = lab.profile(&bind(&lab, "rw"));
        let inside = under_own_mounts(&lab, mounts, &profile, &["cat", "/proc/self/mountinfo"]);
        for mount in mounts_inside(&inside.out) {
            assert!(mount.options.contains("nosuid"), "{caller:?}: {mount:?}");
            let is_device = mount.target.starts_with("/dev");
            assert!(
                is_device || mount.options.contains("nodev"),
                "{caller:?}: {mount:?}"
            );
        }
        assert!(
            inside.out.contains(" /w/sub/below "),
            "the mounts below came too: {inside:?}"
        );
    }
}

#[test]
fn device_nodes_below_a_bind_are_dead() {
    if !root_only("device_nodes_below_a_bind_are_dead") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    lab.directory("work/sub");
    let mounts = "mount -t tmpfs none sub; mknod -m 666 sub/null c 1 3";
    let open = |path: &str| vec![attack().to_owned(), "open-read".to_owned(), path.to_owned()];
    let unguarded = finish(&mut own_mounts(&lab, mounts, &open("sub/null")));
    assert_eq!(unguarded.out, "worked\n", "{unguarded:?}");
    let profile = lab.profile(&bind(&lab, "rw"));
    let inside = under_own_mounts(
        &lab,
        mounts,
        &profile,
        &[attack(), "open-read", "/w/sub/null"],
    );
    assert_eq!(inside.out, "EACCES\n", "{inside:?}");
    let granted = lab.profile(&format!(
        "[security]\nseccomp = \"none\"\nlandlock = false\ncapabilities = [\"CAP_MKNOD\"]\n{}",
        bind(&lab, "rw")
    ));
    assert_eq!(lab.attack(&granted, &["mknod-null", "/w/null"]), "EPERM");
}

#[derive(Debug)]
struct Mounted<'a> {
    target: &'a str,
    options: &'a str,
}

fn mounts_inside(mountinfo: &str) -> Vec<Mounted<'_>> {
    let lines = mountinfo.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        Mounted {
            target: words[4],
            options: words[5],
        }
    });
    lines.collect()
}

#[test]
fn nothing_is_mounted_but_what_the_profile_says() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for writes in ["deny", "discard"] {
            let rest = format!("rootfs.writes = \"{writes}\"\n{}", bind(&lab, "ro"));
            let mountinfo = lab.script(&lab.profile(&rest), "cat /proc/self/mountinfo");
            let kernel = |target: &str| ["/proc", "/dev"].iter().any(|top| target.starts_with(top));
            let others: BTreeSet<&str> = mounts_inside(&mountinfo)
                .into_iter()
                .map(|mount| mount.target)
                .filter(|target| !kernel(target))
                .collect();
            assert_eq!(others, BTreeSet::from(["/", "/w"]), "{mountinfo}");
        }
    }
}

#[test]
fn a_read_only_mount_stays_read_only() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.file("work/file", "as it was");
        let rest =
            |security: &str| format!("rootfs.writes = \"deny\"\n{security}\n{}", bind(&lab, "ro"));
        let profile = lab.profile(&rest(NO_FILTER));
        for target in ["/", "/w", "/proc/sys", "/dev"] {
            assert_eq!(
                lab.attack(&profile, &["remount-rw", target]),
                "EPERM",
                "{target}"
            );
        }
        for file in ["/w/new", "/new", "/etc/new", "/usr/bin/new", "/dev/new"] {
            assert_eq!(lab.attack(&profile, &["create", file]), "EROFS", "{file}");
        }
        assert_eq!(lab.attack(&profile, &["open-write", "/w/file"]), "EROFS");
        assert_eq!(
            lab.unguarded(&["open-write", &lab.text("work/file")]),
            "worked\n"
        );
        // The guard off: the same bind, writable.
        let writable = lab.profile(&bind(&lab, "rw"));
        assert_eq!(lab.attack(&writable, &["create", "/w/new"]), "worked");
        assert_eq!(
            fs::metadata(lab.path("work/new")).unwrap().uid(),
            caller.uid(),
            "a file of the caller's"
        );
    }
}

#[test]
fn discarded_writes_never_reach_the_store() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("rootfs.writes = \"discard\"");
        let change =
            "echo changed > /etc/passwd; rm /usr/bin/cat; mkdir /new; : > /new/file; ls /new";
        assert_eq!(lab.script(&profile, change), "file\n");
        let again = lab.script(&profile, "cat /etc/passwd; ls -d /new 2>&1 || true");
        assert!(
            !again.contains("changed") && again.contains("No such file"),
            "{again}"
        );
    }
}

#[test]
fn mount_points_are_never_made_in_the_users_tree() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let nested = format!("{}[[mount]]\ntmpfs = \"/w/cache\"\n", bind(&lab, "rw"));
        let refused = lab.run(&lab.profile(&nested), &["true"]);
        assert_eq!(refused.code(), 125, "{refused:?}");
        assert_eq!(fs::read_dir(lab.path("work")).unwrap().count(), 0);
        // The guard off: the user made the directory.
        lab.directory("work/cache");
        assert_eq!(
            lab.attack(&lab.profile(&nested), &["create", "/w/cache/file"]),
            "worked"
        );
        assert_eq!(fs::read_dir(lab.path("work/cache")).unwrap().count(), 0);
    }
}

#[test]
fn a_mount_made_inside_does_not_travel_out() {
    if !root_only("a_mount_made_inside_does_not_travel_out") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    lab.directory("work/shared");
    // Who may mount gets no files of root's to write (rule 11).
    std::os::unix::fs::chown(lab.path("work"), Some(12_345), Some(12_345)).unwrap();
    // Everything here is in a namespace of its own; the one mount that is shared was made there too.
    let shared = "mount -t tmpfs none shared; mount --make-shared shared; mkdir shared/in";
    let look = "\"$@\" >&2; cat /proc/self/mountinfo";
    let inner = |command: Vec<String>| {
        let mut line: Vec<String> = ["sh", "-c", look, "sh"].map(str::to_owned).to_vec();
        line.extend(command);
        finish(&mut own_mounts(&lab, shared, &line))
    };
    let point = " /shared/in ";
    let travelled = |seen: &Ended| {
        seen.out
            .contains(&format!("{}{} ", lab.text("work"), point.trim()))
    };
    let unshare = format!(
        "unshare --mount --propagation unchanged mount -t tmpfs none {}",
        lab.text("work/shared/in")
    );
    let unguarded = inner(unshare.split(' ').map(str::to_owned).collect());
    assert!(
        travelled(&unguarded),
        "the attack works outside: {unguarded:?}"
    );

    let rest = format!(
        "[security]\nseccomp = \"none\"\nlandlock = false\ncapabilities = [\"CAP_SYS_ADMIN\"]\n{}",
        bind(&lab, "rw")
    );
    let inside = inner(up_line(
        &lab,
        &lab.profile(&rest),
        &[attack(), "mount-tmpfs", "/w/shared/in"],
    ));
    assert!(inside.err.contains("worked"), "{inside:?}");
    assert!(!travelled(&inside), "{inside:?}");

    // Nor one that the profile asks for.
    let asked = format!("{}[[mount]]\ntmpfs = \"/w/shared/in\"\n", bind(&lab, "rw"));
    let inside = inner(up_line(
        &lab,
        &lab.profile(&asked),
        &[attack(), "create", "/w/shared/in/file"],
    ));
    assert!(inside.err.contains("worked"), "{inside:?}");
    assert!(!travelled(&inside), "{inside:?}");
}

#[test]
fn no_way_leads_to_the_old_root() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let host = fs::metadata("/").unwrap();
        let host_root = format!("{}:{}", host.dev(), host.ino());
        // The guard off: a root directory without a namespace is left as every book says.
        let jail = lab.directory("work/jail");
        fs::copy(attack(), jail.join("attack")).unwrap();
        let libraries = lab.host("sh").arg("-c").arg(format!(
            "ldd {} | grep -o '/[^ ]*' | while read -r f; do mkdir -p {jail}$(dirname $f); cp $f {jail}$f; done",
            attack(), jail = jail.display()
        )).output().unwrap();
        assert!(libraries.status.success(), "{libraries:?}");
        let mut chroot = lab.host("unshare");
        if caller == Caller::Unprivileged {
            chroot.args(["--user", "--map-root-user"]);
        }
        let unguarded = finish(chroot.args([
            "chroot",
            jail.to_str().unwrap(),
            "/attack",
            "chroot-escape",
            "/x",
        ]));
        assert_eq!(unguarded.out.trim_end(), host_root, "{unguarded:?}");

        let rest = "[security]\nseccomp = \"none\"\nlandlock = false\ncapabilities = [\"CAP_SYS_CHROOT\", \"CAP_SYS_ADMIN\", \"CAP_SYS_PTRACE\", \"CAP_DAC_OVERRIDE\"]";
        let profile = lab.profile(rest);
        let own = lab.script(
            &profile,
            "ls -a /.. /../../..; cat /../../../../etc/hostname",
        );
        assert!(!own.contains("boot") && own.ends_with("lab\n"), "{own}");
        let escaped = lab.attack(&profile, &["chroot-escape", "/x"]);
        assert_ne!(escaped, host_root);
        assert!(escaped.contains(':'), "{escaped}: it ran");
        let through_init = lab.script(&profile, "ls /proc/1/root/ /proc/1/cwd/ 2>&1 || true");
        assert!(
            !through_init.contains("home") && !through_init.contains("boot"),
            "{through_init}"
        );
    }
}

#[test]
fn the_store_and_the_state_are_not_shown() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("");
        let places = format!(
            "ls -d {} {} /run/sandbox 2>/dev/null || true",
            lab.text("runtime"),
            Path::new(sandbox())
                .parent()
                .unwrap()
                .join(format!("cache-{}", caller.uid()))
                .display()
        );
        assert_eq!(lab.script(&profile, &places), "");
        assert_ne!(
            finish(lab.host("sh").args(["-c", &places])).out,
            "",
            "outside they are there"
        );
    }
}

#[test]
fn a_bind_that_holds_the_store_shows_nothing_of_it() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let cache = sandbox()
            .parent()
            .unwrap()
            .join(format!("cache-{}", caller.uid()));
        lab.script(&lab.profile(""), "true");
        assert_ne!(
            lab.host("ls")
                .arg(cache.join("sandbox"))
                .output()
                .unwrap()
                .stdout,
            b""
        );
        for access in ["ro", "rw"] {
            let rest = |bind: &Path| {
                let bind = bind.display();
                format!(
                    "[[mount]]\nbind = \"{bind}\"\ntarget = \"/w\"\naccess = \"{access}\"\n{NO_FILTER}"
                )
            };
            let above = lab.profile(&rest(&cache));
            assert_eq!(
                lab.script(&above, "ls -A /w/sandbox"),
                "",
                "{caller:?} {access}"
            );
            assert_ne!(lab.attack(&above, &["create", "/w/sandbox/new"]), "worked");
            for bind in [cache.join("sandbox"), cache.join("sandbox/trees")] {
                let ended = lab.run(&lab.profile(&rest(&bind)), &["ls", "-A", "/w"]);
                assert!(
                    ended.code() == 125 || ended.out.is_empty(),
                    "{bind:?} {access}: {ended:?}"
                );
            }
        }
        let runtime = format!(
            "[[mount]]\nbind = \"{}\"\ntarget = \"/w\"\naccess = \"rw\"",
            lab.text("runtime")
        );
        if caller == Caller::Unprivileged {
            assert_eq!(lab.script(&lab.profile(&runtime), "ls -A /w/sandbox"), "");
        }
    }
}

#[test]
fn what_holds_the_store_cannot_be_moved_away() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.keep_apart();
        lab.directory("cache/deep");
        let bind = lab.text("");
        let profile = lab.profile(&format!(
            "[[mount]]\nbind = \"{bind}\"\ntarget = \"/w\"\naccess = \"rw\"\n\
             [[mount]]\ntmpfs = \"/w/cache/deep\""
        ));
        let script = "cd /w; echo x > cache/new; touch cache/deep/y; \
                      for name in cache cache/sandbox; do mv $name moved 2>/dev/null && echo $name; done; \
                      mkdir home2; mv home2 home3; ls -A cache/sandbox";
        let profile = profile.replace("\"mkdir\", ", "\"mkdir\", \"mv\", \"touch\", ");
        assert_eq!(lab.script(&profile, script), "", "{caller:?}");
        assert!(lab.path("cache/sandbox/trees").is_dir());
        assert!(lab.path("cache/new").exists() && lab.path("home3").is_dir());
        assert!(
            !lab.path("cache/deep/y").exists(),
            "a mount of the profile is covered"
        );
    }
}
