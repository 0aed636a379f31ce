//! Parts of a bind and what the host does to them: its other names of a file, its own mounts, and its
//! programs while the sandbox runs.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use super::below::{PARTS, checkout, profile};
use super::mounts::in_own_namespace;
use super::support::{Caller, attack, finish, finish_started, sandbox, start, within};

#[test]
fn another_name_of_a_file_is_told() {
    for caller in Caller::all() {
        let lab = checkout(caller);
        fs::hard_link(lab.path("work/.env"), lab.path("work/second")).unwrap();
        let ended = lab.run(&profile(&lab, "rw", PARTS), &["cat", "/w/second"]);
        assert!(ended.err.contains("mount.hide-linked"), "{ended:?}");
        assert_eq!(ended.out, "s3cret", "the warning is true");
        let report = lab.report().to_string();
        assert!(report.contains("it has 2 names"), "{report}");
    }
}

/// The kernel takes a mount off a file that the host replaces: what the report says is so. What is hidden
/// or read-only as a directory stays so.
#[test]
fn what_the_host_renames_over_a_file_is_open_as_the_report_says() {
    for caller in Caller::all() {
        let lab = checkout(caller);
        let script = "echo up; until [ -e /w/go ]; do sleep 0.02; done; cat /w/.env; ls -A /w/secrets; \
            echo x > /w/.git/hooks/pre || cat /w/.git/hooks/pre";
        let mut up = lab.up(&profile(&lab, "rw", PARTS), &["sh", "-c", script]);
        let up = start(up.stdin(std::process::Stdio::null()));
        let pid = up.id();
        assert!(within(std::time::Duration::from_secs(20), || {
            super::support::children(pid).iter().any(|init| {
                !super::support::children((*init).try_into().unwrap()).is_empty()
                    && fs::read_to_string(format!("/proc/{init}/mountinfo")).is_ok_and(|mounts| {
                        mounts.contains(" /w/secrets ") && !mounts.contains(" /w/work ")
                    })
            })
        }));
        for (file, text) in [
            (".env", "new"),
            ("secrets/deep/key", "new"),
            (".git/hooks/pre", "newer"),
        ] {
            let draft = lab.path("work/draft");
            fs::File::create(&draft)
                .unwrap()
                .write_all(text.as_bytes())
                .unwrap();
            fs::set_permissions(&draft, fs::Permissions::from_mode(0o644)).unwrap();
            fs::rename(&draft, lab.path("work").join(file)).unwrap();
        }
        lab.file("work/go", "");
        let ended = finish_started(up);
        assert_eq!(ended.out, "up\nnewnewer", "{caller:?}: {ended:?}");
        let report = lab.report();
        let told = report["unprotected"].as_array().unwrap().iter();
        let env = told.filter(|part| part["path"] == "/w/.env").count();
        assert_eq!(env, 1, "{report}");
    }
}

/// What the caller has mounted below a part is of the part.
#[test]
fn parts_take_what_is_mounted_below_them_along() {
    for caller in Caller::all() {
        let lab = checkout(caller);
        let mut mounts = String::new();
        for place in [".git", ".git/hooks", "secrets"] {
            lab.directory(&format!("work/{place}/sub"));
            let place = lab.text(&format!("work/{place}/sub"));
            mounts.push_str(&format!(
                "mount -t tmpfs none {place}; echo s3cret > {place}/file; "
            ));
        }
        let list = [
            "open-write /w/.git/sub/file",
            "open-read /w/.git/hooks/sub/file",
            "open-write /w/.git/hooks/sub/file",
            "open-read /w/secrets/sub/file",
            "rename /w/.git /w/x",
        ];
        let lines = list.map(|line| format!("{} {line} || :\n", attack()));
        let arguments =
            lab.up_arguments(&profile(&lab, "rw", PARTS), &["sh", "-c", &lines.concat()]);
        let mut unshare = in_own_namespace(&lab);
        let script = format!("set -e; {mounts} exec \"$@\"");
        unshare.args(["sh", "-c", &script, "sh"]);
        let ended = finish(unshare.arg(sandbox()).args(arguments));
        let found: Vec<&str> = ended.out.lines().collect();
        let expected = ["worked", "worked", "EROFS", "ENOENT", "EBUSY"];
        assert_eq!(found, expected, "{caller:?}: {ended:?}");
    }
}

/// A bind may begin below what is protected, and the host may have mounted the same directory twice: every way to
/// the files is found by their place in their file system, not by the path.
#[test]
fn no_bind_below_a_part_and_no_alias_of_it_passes() {
    for caller in Caller::all() {
        let lab = checkout(caller);
        lab.directory("alias");
        lab.directory("deep");
        let mounts = "mount --bind work alias; mount --bind work/secrets/deep deep";
        let ways = [
            ("work/secrets/deep", "ro", "mount.hide-open-elsewhere"),
            ("work/.git/hooks", "rw", "mount.read-only-open-elsewhere"),
            ("alias", "rw", "mount.read-only-open-elsewhere"),
            ("alias/secrets", "ro", "mount.hide-open-elsewhere"),
            ("alias/.git/hooks", "rw", "mount.read-only-open-elsewhere"),
            ("deep", "ro", "mount.hide-open-elsewhere"),
        ];
        let run = |way: &str, access: &str| {
            let second = format!(
                "{PARTS}[[mount]]\nbind = \"{}\"\ntarget = \"/p\"\naccess = \"{access}\"\n",
                lab.text(way)
            );
            let script = format!("set -e; cd {}; {mounts}; exec \"$@\"", lab.text(""));
            let mut up = in_own_namespace(&lab);
            up.args(["sh", "-c", &script, "sh", sandbox().to_str().unwrap()]);
            up.args(lab.up_arguments(&profile(&lab, "rw", &second), &["true"]));
            finish(&mut up)
        };
        for (way, access, code) in ways {
            let ended = run(way, access);
            assert_eq!(ended.code(), 125, "{caller:?} {way}: {ended:?}");
            assert!(ended.err.contains(code), "{caller:?} {way}: {ended:?}");
        }
        // What is not protected may be bound twice, and what is only read is not written.
        for (way, access) in [
            ("work/other", "rw"),
            ("alias/other", "rw"),
            ("work/.git/hooks", "ro"),
        ] {
            let ended = run(way, access);
            assert_eq!(ended.code(), 0, "{caller:?} {way}: {ended:?}");
        }
    }
}
