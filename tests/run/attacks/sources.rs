//! What is bound: a program that can write where a source lies cannot choose what the next run gets.

use std::fs;

use super::super::support::{Caller, Lab, finish, sandbox};
use super::{Victim, profile, says, work};

/// The control of all below: bound by its path without a look, the link shows the victim.
#[track_caller]
fn leads_to_the_victim(lab: &Lab, path: &str, victim: &Victim) {
    assert_eq!(fs::canonicalize(lab.path(path)).unwrap(), victim.path);
}

#[test]
fn cve_2024_42472_a_directory_that_became_a_link_is_not_bound() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let victim = Victim::new(&lab);
        lab.directory("work/persist");
        let mounts = format!(
            "{}[[mount]]\nbind = \"{}\"\ntarget = \"/p\"\naccess = \"rw\"\n",
            work(&lab, "rw"),
            lab.text("work/persist")
        );
        let profile = profile(&lab, &mounts);
        let first = [
            "/probe",
            "rename",
            "/w/persist",
            "/w/aside",
            "--",
            "symlink",
            victim.text(),
            "/w/persist",
        ];
        let ended = lab.run(&profile, &first);
        assert_eq!(ended.out, "rename: worked\nsymlink: worked\n", "{ended:?}");
        leads_to_the_victim(&lab, "work/persist", &victim);
        for command in [&["create", "/p/made"][..], &["read", "/p/file"]] {
            let ended = lab.run(&profile, &[&["/probe"], command].concat());
            assert_eq!((ended.code(), ended.out.as_str()), (125, ""), "{ended:?}");
        }
        victim.is_untouched("a second run");
    }
}

/// The same by a directory on the way, by `..` in a link, and by a file.
#[test]
fn cve_2026_34078_no_part_of_a_source_leads_out_of_what_a_sandbox_writes() {
    for caller in Caller::all() {
        for (source, replaced, target) in [
            ("work/a/b/c", "/w/a", ""),
            ("work/a/b/c", "/w/a/b", ""),
            ("work/a/b/c", "/w/a/b/c", "/inner"),
        ] {
            let lab = Lab::new(caller);
            lab.directory("victim/b/c");
            lab.directory("victim/c");
            let victim = Victim::new(&lab);
            lab.directory("work/a/b/c");
            let mounts = format!(
                "{}[[mount]]\nbind = \"{}\"\ntarget = \"/p\"\naccess = \"rw\"\n",
                work(&lab, "rw"),
                lab.text(source)
            );
            let profile = profile(&lab, &mounts);
            let target = format!("{}{target}", victim.text());
            let aside = format!("{replaced}-aside");
            let first = [
                "/probe", "rename", replaced, &aside, "--", "symlink", &target, replaced,
            ];
            assert_eq!(
                lab.run(&profile, &first).out,
                "rename: worked\nsymlink: worked\n"
            );
            let ended = lab.run(&profile, &["/probe", "create", "/p/made"]);
            assert_eq!(ended.code(), 125, "{replaced}: {ended:?}");
            victim.is_untouched(replaced);
        }
        let lab = Lab::new(caller);
        let victim = Victim::new(&lab);
        lab.file("work/file", "mine");
        let mounts = format!(
            "{}[[mount]]\nbind = \"{}\"\ntarget = \"/p\"\naccess = \"rw\"\n",
            work(&lab, "rw"),
            lab.text("work/file")
        );
        let profile = profile(&lab, &mounts);
        let target = format!("{}/file", victim.text());
        let first = [
            "/probe", "remove", "/w/file", "--", "symlink", &target, "/w/file",
        ];
        assert_eq!(
            lab.run(&profile, &first).out,
            "remove: worked\nsymlink: worked\n"
        );
        let ended = lab.run(&profile, &["/probe", "read", "/p"]);
        assert_eq!((ended.code(), ended.out.as_str()), (125, ""), "{ended:?}");
        victim.is_untouched("a file");
    }
}

/// An overlay's host directory is a source too.
#[test]
fn cve_2023_0778_an_overlay_over_a_link_of_the_programs_is_refused() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let victim = Victim::new(&lab);
        lab.directory("work/persist");
        let mounts = format!(
            "{}[[mount]]\nbind = \"{}\"\ntarget = \"/p\"\naccess = \"overlay\"\n",
            work(&lab, "rw"),
            lab.text("work/persist")
        );
        let profile = profile(&lab, &mounts);
        says(&lab, &profile, &["rename", "/w/persist", "/w/aside"]);
        lab.link("work/persist", &victim.path);
        let ended = lab.run(&profile, &["/probe", "read", "/p/file"]);
        assert_eq!((ended.code(), ended.out.as_str()), (125, ""), "{ended:?}");
        finish(lab.host(sandbox()).args(["apply", &lab.name]));
        victim.is_untouched("an overlay");
    }
}
