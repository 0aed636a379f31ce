//! Rule 8: a tree whose links lead outside makes, changes and mounts nothing there.

use std::fs;

use super::seen::everything_in;
use super::support::{Caller, Ended, Lab, finish};

/// A directory outside that the caller may change, and a tree with links into it.
fn hostile(caller: Caller) -> Lab {
    let lab = Lab::new(caller);
    lab.directory("victim/inner");
    lab.file("victim/file", "as it was");
    lab.directory("hostile");
    lab
}

/// Runs `true` in the tree that holds `hostile`; whatever comes of it, the victim stays as it was.
#[track_caller]
fn harmless(lab: &Lab, sources: &str, rest: &str) -> Ended {
    let before = everything_in(&lab.path("victim"));
    let copy = format!(
        ", {{ copy = \"{}\", to = \"/\" }}{sources}",
        lab.text("hostile")
    );
    let ended = lab.run(&lab.profile_with(&copy, rest), &["true"]);
    assert_eq!(everything_in(&lab.path("victim")), before, "{ended:?}");
    assert!([0, 125].contains(&ended.code()), "{ended:?}");
    assert!(!ended.err.contains("panicked"), "{ended:?}");
    ended
}

#[test]
fn copying_without_care_would_reach_the_victim() {
    for caller in Caller::all() {
        let lab = hostile(caller);
        lab.link("hostile/out", lab.path("victim"));
        let before = everything_in(&lab.path("victim"));
        let careless = "cp -a hostile tree && mkdir -p tree/out/new && : > tree/out/made";
        let mut shell = lab.host("sh");
        let ended = finish(shell.args(["-c", careless]).current_dir(lab.path("")));
        assert_eq!(ended.code(), 0, "{ended:?}");
        assert_ne!(everything_in(&lab.path("victim")), before);
    }
}

#[test]
fn a_mount_target_below_a_link_is_not_made_outside() {
    for caller in Caller::all() {
        let lab = hostile(caller);
        lab.link("hostile/out", lab.path("victim"));
        lab.link("hostile/up", "../../../../../..");
        lab.link("hostile/dangling", lab.path("victim/not/there"));
        lab.directory("work/bound");
        let bound = lab.text("work/bound");
        let victim = lab.text("victim");
        for target in [
            "/out",
            "/out/new",
            "/out/inner",
            "/out/new/deep",
            "/dangling",
            "/dangling/new",
            &format!("/up{victim}/new"),
            &format!("/up{victim}/inner"),
        ] {
            harmless(&lab, "", &format!("[[mount]]\ntmpfs = \"{target}\""));
            harmless(
                &lab,
                "",
                &format!("[[mount]]\nbind = \"{bound}\"\ntarget = \"{target}\""),
            );
        }
    }
}

#[test]
fn sources_over_a_link_are_not_made_outside() {
    for caller in Caller::all() {
        let lab = hostile(caller);
        lab.link("hostile/out", lab.path("victim"));
        lab.link("hostile/leaf", lab.path("victim/file"));
        for source in [
            "{ file = \"/out/new\", text = \"x\" }",
            "{ file = \"/out/file\", text = \"changed\" }",
            "{ file = \"/leaf\", text = \"changed\", mode = \"0777\" }",
            "{ dir = \"/out/inner\", mode = \"0777\" }",
            "{ dir = \"/out/a/b\", mode = \"0777\" }",
            "{ dir = \"/out\", mode = \"0777\" }",
            "{ symlink = \"/out/link\", target = \"/\" }",
            "{ symlink = \"/leaf\", target = \"/\" }",
        ] {
            harmless(&lab, &format!(", {source}"), "");
        }
        let copied = format!(
            ", {{ copy = \"{}\", to = \"/out/copied\" }}",
            lab.text("work")
        );
        harmless(&lab, &copied, "");
    }
}

#[test]
fn the_directories_of_the_kernel_may_not_be_links() {
    for caller in Caller::all() {
        for name in [
            "proc",
            "sys",
            "dev",
            "dev/shm",
            "dev/pts",
            "dev/console",
            "proc/self",
        ] {
            let lab = hostile(caller);
            if let Some((above, _)) = name.split_once('/') {
                lab.directory(&format!("hostile/{above}"));
            }
            lab.link(&format!("hostile/{name}"), lab.path("victim"));
            let rest = "[system]\nproc = \"private\"\nsys = \"read-only\"\nmqueue = true";
            let ended = harmless(&lab, "", rest);
            if !name.contains('/') && ended.code() == 0 {
                // Where it starts all the same, the link is not there any more.
                let copy = format!(", {{ copy = \"{}\", to = \"/\" }}", lab.text("hostile"));
                let kind = lab.script(
                    &lab.profile_with(&copy, rest),
                    &format!("stat -c %F /{name}"),
                );
                assert_eq!(kind, "directory\n", "{name}");
            }
        }
    }
}

#[test]
fn files_of_etc_are_not_written_through_links() {
    for caller in Caller::all() {
        for name in [
            "etc",
            "etc/passwd",
            "etc/hosts",
            "etc/resolv.conf",
            "etc/mtab",
            "etc/hostname",
            "etc/group",
            "etc/localtime",
        ] {
            for how in ["generate", "replace"] {
                let lab = hostile(caller);
                lab.directory("hostile");
                if name.contains('/') {
                    lab.directory("hostile/etc");
                }
                let target = if name == "etc" {
                    "victim"
                } else {
                    "victim/file"
                };
                lab.link(&format!("hostile/{name}"), lab.path(target));
                let etc = format!(
                    "rootfs.etc = {{ hosts = \"{how}\", passwd = \"{how}\", resolv_conf = \"{how}\" }}"
                );
                harmless(&lab, "", &etc);
            }
        }
    }
}

#[test]
fn the_working_directory_is_inside() {
    for caller in Caller::all() {
        let lab = hostile(caller);
        lab.link("hostile/out", lab.path("victim"));
        lab.directory("hostile/mine");
        for workdir in [
            "/out",
            "/out/new",
            "/proc/self/fd/9",
            "/proc/self/cwd/../..",
            "/proc/1/cwd",
        ] {
            let copy = format!(", {{ copy = \"{}\", to = \"/\" }}", lab.text("hostile"));
            let profile = lab.profile_with(&copy, &format!("command.workdir = \"{workdir}\""));
            let before = everything_in(&lab.path("victim"));
            let mut shell = lab.host("sh");
            shell.args(["-c", "exec 9</; exec \"$@\"", "sh"]);
            shell
                .arg(super::support::sandbox())
                .args(lab.up_arguments(&profile, &["ls"]));
            let ended = finish(&mut shell);
            assert_eq!(ended.code(), 125, "{workdir}: {ended:?}");
            assert_eq!(everything_in(&lab.path("victim")), before);
        }
        // A link that stays inside is followed.
        lab.link("hostile/in", "/mine");
        let copy = format!(", {{ copy = \"{}\", to = \"/\" }}", lab.text("hostile"));
        let inside = lab.profile_with(&copy, "command.workdir = \"/in\"");
        assert_eq!(lab.script(&inside, "pwd -P"), "/mine\n");
    }
}

#[test]
fn no_link_leads_a_mount_to_the_kernels_directories() {
    for caller in Caller::all() {
        let lab = hostile(caller);
        lab.directory("work/inner");
        for target in ["/proc/sys", "/proc/self", "/dev/shm", "/dev", "/proc"] {
            fs::remove_file(lab.path("work/link")).unwrap_or_default();
            lab.link("work/link", target);
            let rest = format!(
                "[[mount]]\nbind = \"{}\"\ntarget = \"/w\"\n[[mount]]\nbind = \"{}\"\ntarget = \"/w/link\"\naccess = \"rw\"",
                lab.text("work"),
                lab.text("victim")
            );
            let inside = lab.run(&lab.profile(&rest), &["ls", target]);
            assert_eq!(inside.code(), 125, "{target}: {inside:?}");
        }
        // The guard off: a link to anywhere else.
        lab.directory("work/real");
        fs::remove_file(lab.path("work/link")).unwrap();
        lab.link("work/link", "real");
        let rest = format!(
            "[[mount]]\nbind = \"{}\"\ntarget = \"/w\"\n[[mount]]\nbind = \"{}\"\ntarget = \"/w/link\"",
            lab.text("work"),
            lab.text("victim")
        );
        assert_eq!(
            lab.script(&lab.profile(&rest), "ls /w/real"),
            "file\ninner\n"
        );

        lab.link("hostile/out", "/proc/sys");
        let ended = harmless(&lab, "", "[[mount]]\ntmpfs = \"/out\"");
        assert_eq!(ended.code(), 125, "{ended:?}");
    }
}

/// A program that may write a directory lays a link where another bind starts: the next run would give it
/// what the link points to (CVE-2026-34078, of flatpak).
#[test]
fn a_link_that_the_program_laid_is_not_bound() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.directory("work");
        lab.directory("work/data");
        let victim = lab.directory("victim");
        let mounts = format!(
            "[[mount]]\nbind = \"{work}\"\ntarget = \"/w\"\naccess = \"rw\"\n\
             [[mount]]\nbind = \"{work}/data\"\ntarget = \"/d\"\naccess = \"rw\"",
            work = lab.text("work")
        );
        let profile = lab.profile_with(", { programs = [\"ln\"] }", &mounts);
        let lay = format!("rm -r /w/data && ln -s {} /w/data", victim.display());
        lab.script(&profile, &lay);
        assert_eq!(std::fs::read_link(lab.path("work/data")).unwrap(), victim);
        let next = lab.run(&profile, &["sh", "-c", "> /d/made"]);
        assert_eq!(next.code(), 125, "{next:?}");
        assert!(next.err.contains("mount.source-led-out"), "{next:?}");
        assert_eq!(std::fs::read_dir(&victim).unwrap().count(), 0);
    }
}
