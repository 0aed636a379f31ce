//! Files of a tree and the host's: inodes that are shared, what an overlay lets through.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::super::support::{Caller, Lab, finish, root_only};
use super::{
    ALL_RIGHTS, NO_FILTER, all_are, inside, outside, probe, profile, profile_with, says, work,
};

/// DEVICE:INODE of a file inside.
fn inode(lab: &Lab, profile: &str, path: &str) -> String {
    let seen = says(lab, profile, &["stat", path]);
    seen.split(' ')
        .nth(2)
        .unwrap_or_else(|| panic!("{seen}"))
        .to_owned()
}

/// Pages of the host's files are written by no program inside: a tree has files of its own.
#[test]
fn cve_2016_5195_no_file_of_the_tree_is_the_hosts() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let shell = fs::canonicalize("/bin/sh").unwrap();
        let host = |path: &std::path::Path| {
            let found = fs::metadata(path).unwrap();
            format!("{}:{}", found.dev(), found.ino())
        };
        let sources = format!(
            ", {{ programs = [\"sh\"] }}, {{ copy = \"{}\", to = \"/copied\" }}",
            shell.display()
        );
        for writes in ["deny", "discard"] {
            let text = profile_with(&lab, &sources, &format!("rootfs.writes = \"{writes}\"\n"));
            for path in [shell.to_str().unwrap(), "/copied"] {
                assert_ne!(inode(&lab, &text, path), host(&shell), "{path}");
            }
            assert_ne!(inode(&lab, &text, "/probe"), host(probe().as_ref()));
            // Dirty COW's way in, and the usual ones.
            let attacks: [&[&str]; 2] = [&["map-writable", "/copied"], &["open-write", "/copied"]];
            if writes == "deny" {
                all_are(
                    &inside(&lab, &text, &attacks),
                    &["refused EROFS", "refused EACCES"],
                );
            }
        }
        // The control: a bind shows the host's very file.
        lab.file("work/file", "");
        let bound = profile(&lab, &work(&lab, "ro"));
        assert_eq!(inode(&lab, &bound, "/w/file"), host(&lab.path("work/file")));
    }
}

/// An overlay carries no rights of what lies below it, and takes none that its writer gives.
#[test]
fn cve_2023_0386_an_overlay_gives_no_rights() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let text = profile(&lab, "rootfs.writes = \"discard\"\n");
        let mounts = says(&lab, &text, &["read", "/proc/self/mountinfo"]);
        let root = mounts
            .lines()
            .find(|line| line.split(' ').nth(4) == Some("/"))
            .unwrap();
        let options = root.split(' ').nth(5).unwrap();
        assert!(
            root.contains(" - overlay ") && options.contains("nosuid") && options.contains("nodev"),
            "{root}"
        );
        // The marks by which an overlay is told what to show are not the program's to set.
        let marks: [&[&str]; 4] = [
            &["set-attribute", "/etc", "trusted.overlay.redirect", "/"],
            &["set-attribute", "/etc", "trusted.overlay.opaque", "y"],
            &["mount-overlay", "/etc", "lowerdir=/etc:/"],
            &["set-capability", "/probe"],
        ];
        for rest in ["", NO_FILTER] {
            let text = profile(&lab, &format!("rootfs.writes = \"discard\"\n{rest}"));
            all_are(
                &inside(&lab, &text, &marks),
                &["refused EPERM", "refused EOPNOTSUPP"],
            );
        }
        // CVE-2021-3493, 2023-0386: rights that the copy keeps when it comes up.
        let all = profile(&lab, &format!("rootfs.writes = \"discard\"\n{ALL_RIGHTS}"));
        let given = inside(
            &lab,
            &all,
            &[
                &["set-capability", "/probe"],
                &["mode-chmod", "/probe", "6755"],
            ],
        );
        assert_eq!(given.len(), 2, "{given:?}");
    }
    if root_only("cve_2023_0386_an_overlay_gives_no_rights: a set-id file below") {
        let lab = Lab::new(Caller::Unprivileged);
        lab.directory("project");
        let program = lab.path("project/setuid");
        fs::copy(probe(), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
        let desk = format!(
            "{NO_FILTER}[[mount]]\nbind = \"{}\"\ntarget = \"/desk\"\naccess = \"overlay\"\n",
            lab.text("project")
        );
        let text = profile(&lab, &desk);
        let control = finish(lab.host(&program).arg("setgroups"));
        assert_eq!(
            control.out, "setgroups: worked\n",
            "outside it is root: {control:?}"
        );
        for touch in [&["ids"][..], &["mode-chmod", "/desk/setuid", "4755"]] {
            says(&lab, &text, touch);
            let ended = lab.run(&text, &["/desk/setuid", "setgroups"]);
            assert_ne!(ended.out, "setgroups: worked\n", "{ended:?}");
        }
        let found = fs::metadata(&program).unwrap();
        assert_eq!(
            (found.uid(), found.mode() & 0o7777),
            (0, 0o4755),
            "the host's file is as it was"
        );
        assert!(outside(&lab, &[&["ids"]])[0].starts_with(&lab.caller.uid().to_string()));
    }
}
