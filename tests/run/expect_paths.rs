//! A path is denied only where the program could not come by it after all.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use super::expect::{BARE, judge};
use super::support::{Caller, Lab, root_only};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Files and directories of the caller's without any right, and a directory of another user's that only
/// lets through: root makes it.
fn fill(lab: &Lab) {
    let own = lab.file("work/own", "#!/bin/sh\n");
    fs::create_dir(lab.path("work/shut")).unwrap();
    let inner = lab.file("work/shut/inner", "");
    let at = fs::metadata(lab.path("work")).unwrap();
    let owner = std::os::unix::fs::MetadataExt::uid(&at);
    chown(lab.path("work/shut"), Some(owner), None).unwrap();
    chown(&inner, Some(owner), None).unwrap();
    set_mode(&own, 0);
    set_mode(&lab.path("work/shut"), 0);
    symlink("/w/shut/inner", lab.path("work/link")).unwrap();
    fs::create_dir(lab.path("work/through")).unwrap();
    chown(lab.path("work/through"), Some(12345), Some(12345)).unwrap();
    set_mode(&lab.path("work/through"), 0o711);
    lab.file("work/plain", "");
}

fn profile(lab: &Lab, access: &str) -> String {
    let work = lab.text("work");
    format!("{BARE}[[mount]]\nbind = \"{work}\"\ntarget = \"/w\"\naccess = \"{access}\"\n")
}

#[test]
fn what_the_owner_could_open_is_not_denied() {
    if !root_only("what_the_owner_could_open_is_not_denied") {
        return;
    }
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        fill(&lab);
        judge(
            &lab,
            &profile(&lab, "rw"),
            &[
                ("deny_read = \"/w/own\"", false),
                ("deny_exec = \"/w/own\"", false),
                ("deny_read = \"/w/shut\"", false),
                ("deny_read = \"/w/shut/inner\"", false),
                ("deny_write = \"/w/shut/inner\"", false),
                ("deny_write = \"/w/shut/new\"", false),
                ("deny_exec = \"/w/shut/inner\"", false),
                ("deny_read = \"/w/link\"", false),
                ("deny_write = \"/w/plain/below\"", false),
                ("deny_exec = \"/w/plain/below\"", false),
            ],
        );
    }
}

#[test]
fn a_directory_without_names_still_lets_through() {
    if !root_only("a_directory_without_names_still_lets_through") {
        return;
    }
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        fill(&lab);
        judge(
            &lab,
            &profile(&lab, "ro"),
            &[
                ("deny_read = \"/w/through\"", false),
                ("deny_write = \"/w/through\"", true),
                ("deny_write = \"/w/plain/below\"", true),
                ("deny_read = \"/w/lost/below\"", true),
            ],
        );
        // Nobody changes a mode on a mount that cannot be written, unless all is allowed to the caller.
        if caller == Caller::Unprivileged {
            judge(
                &lab,
                &profile(&lab, "ro"),
                &[
                    ("deny_read = \"/w/own\"", true),
                    ("deny_exec = \"/w/own\"", true),
                    ("deny_read = \"/w/shut\"", true),
                    ("deny_read = \"/w/shut/inner\"", true),
                    ("deny_read = \"/w/link\"", false),
                ],
            );
        }
    }
}

/// A link of the tree to a file that the program may not write, in a directory that it may.
#[test]
fn what_a_link_leads_to_can_be_replaced_where_it_lies() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        fs::write(lab.path("work/other"), "").unwrap();
        set_mode(&lab.path("work/other"), 0o400);
        let tree = "version = 1\nrootfs.writes = \"deny\"\n\
                    rootfs.source = [{ symlink = \"/etc/link\", target = \"/w/other\" }]\n";
        let bind = profile(&lab, "rw").replace(BARE, "");
        judge(
            &lab,
            &format!("{tree}{bind}"),
            &[
                ("deny_write = \"/etc/link\"", false),
                ("deny_exec = \"/etc/link\"", false),
            ],
        );
    }
}
