//! Trees that are hostile before the start: links to a directory outside, wherever a start makes, writes,
//! masks or mounts something. By every kind of source that can bring a link.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::super::layout::Layout;
use super::super::support::{Caller, Ended, Lab};
use super::super::tarball::Tarball;
use super::{Victim, probe, profile_with};

/// How a link comes into the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Copy,
    Archive,
    Image,
    Profile,
}

const EVERY_WAY: [By; 4] = [By::Copy, By::Archive, By::Image, By::Profile];

/// Everything of the kernel's that a start may mount.
const ALL_SYSTEM: &str = "system = { proc = \"private\", sys = \"read-only\", mqueue = true }\n";

/// A link of the tree, and what it is called on the host.
type Planted<'a> = (&'a str, &'a str);

/// Sources, each behind a comma, that plant these links.
pub(super) fn plant(lab: &Lab, by: By, links: &[Planted]) -> String {
    match by {
        By::Copy => {
            for (place, target) in links {
                if let Some(above) = Path::new(place).parent() {
                    lab.directory(&format!("hostile/{}", above.display()));
                }
                lab.directory("hostile");
                lab.link(&format!("hostile/{place}"), target);
            }
            format!(", {{ copy = \"{}\", to = \"/\" }}", lab.text("hostile"))
        }
        By::Archive => {
            fs::write(lab.file("hostile.tar", ""), archive(links)).unwrap();
            format!(", {{ archive = \"{}\" }}", lab.text("hostile.tar"))
        }
        By::Image => {
            let (layout, layer) = (Layout::new(), archive(links));
            let platform = sandbox::model::Platform::of_machine().to_string();
            layout.index(&[layout.image(&platform, &[(&layer, &layer)], Value::Null)]);
            fs::copy(layout.tar(), lab.file("image.tar", "")).unwrap();
            format!(", {{ image = \"{}\" }}", lab.text("image.tar"))
        }
        By::Profile => links
            .iter()
            .map(|(place, target)| format!(", {{ symlink = \"/{place}\", target = \"{target}\" }}"))
            .collect(),
    }
}

fn archive(links: &[Planted]) -> Vec<u8> {
    let mut tarball = Tarball::default();
    for (place, target) in links {
        // Longer than a header holds.
        tarball = tarball.long(b'K', format!("{target}\0").as_bytes());
        tarball = tarball.symlink(place, "");
    }
    tarball.end()
}

/// Starts with such a link; whatever comes of it, the victim stays as it was.
#[track_caller]
fn start_with(
    lab: &Lab,
    victim: &Victim,
    by: By,
    links: &[Planted],
    rest: &str,
    command: &[&str],
) -> Ended {
    let profile = profile_with(lab, &plant(lab, by, links), rest);
    let ended = lab.run(&profile, command);
    victim.is_untouched((by, links, &ended));
    assert!(
        [0, 125].contains(&ended.code()),
        "{by:?} {links:?}: {ended:?}"
    );
    assert!(!ended.err.contains("panicked"), "{ended:?}");
    fs::remove_dir_all(lab.path("hostile")).unwrap_or_default();
    ended
}

/// Every caller and every way, each with a victim of its own, which a careless writer would change.
fn everywhere(mut attack: impl FnMut(&Lab, &Victim, By)) {
    for caller in Caller::all() {
        for by in EVERY_WAY {
            let lab = Lab::new(caller);
            let mut victim = Victim::new(&lab);
            let careless = lab.path("careless");
            std::os::unix::fs::symlink(&victim.path, &careless).unwrap();
            victim.would_notice(|| fs::write(careless.join("made"), "").unwrap());
            fs::remove_file(victim.path.join("made")).unwrap();
            let victim = Victim::of(&victim.path);
            attack(&lab, &victim, by);
        }
    }
}

/// Where it starts all the same, the kernel's own file system is there and no link.
#[track_caller]
fn is_of_kernel(ended: &Ended, kind: &str, magic: &str) {
    if ended.code() == 0 {
        let words: Vec<&str> = ended.out.split_whitespace().collect();
        assert_eq!((words[0], words[4]), (kind, magic), "{ended:?}");
    }
}

const PROC: &str = "9fa0";
const SYSFS: &str = "62656572";
const TMPFS: &str = "1021994";
const DEVPTS: &str = "1cd1";

#[test]
fn cve_2019_16884_proc_and_sys_that_are_links() {
    everywhere(|lab, victim, by| {
        for (place, magic) in [("proc", PROC), ("sys", SYSFS)] {
            let at = format!("/{place}");
            let links = [(place, victim.text())];
            let ended = start_with(
                lab,
                victim,
                by,
                &links,
                ALL_SYSTEM,
                &["/probe", "stat", &at],
            );
            is_of_kernel(&ended, "directory", magic);
        }
        for place in [
            "proc/self",
            "proc/sys",
            "proc/kcore",
            "sys/firmware",
            "sys/fs/cgroup",
        ] {
            let links = [(place, victim.text())];
            let above = format!("/{}", place.split_once('/').unwrap().0);
            let ended = start_with(
                lab,
                victim,
                by,
                &links,
                ALL_SYSTEM,
                &["/probe", "stat", &above],
            );
            let magic = if place.starts_with("proc") {
                PROC
            } else {
                SYSFS
            };
            is_of_kernel(&ended, "directory", magic);
        }
    });
}

#[test]
fn cve_2026_41579_dev_that_is_a_link() {
    everywhere(|lab, victim, by| {
        let links = [("dev", victim.text())];
        let ended = start_with(lab, victim, by, &links, "", &["/probe", "stat", "/dev"]);
        is_of_kernel(&ended, "directory", TMPFS);
        for place in [
            "dev/fd",
            "dev/stdin",
            "dev/ptmx",
            "dev/shm",
            "dev/mqueue",
            "dev/tty",
        ] {
            let links = [(place, victim.text())];
            let ended = start_with(
                lab,
                victim,
                by,
                &links,
                ALL_SYSTEM,
                &["/probe", "stat", "/dev"],
            );
            is_of_kernel(&ended, "directory", TMPFS);
        }
    });
}

#[test]
fn cve_2026_88264_console_and_terminals_that_are_links() {
    everywhere(|lab, victim, by| {
        let file = format!("{}/file", victim.text());
        let missing = format!("{}/missing", victim.text());
        for (place, target) in [
            ("dev/console", file.as_str()),
            ("dev/console", &missing),
            ("dev/pts", victim.text()),
            ("dev/pts/0", &file),
        ] {
            let links = [(place, target)];
            let rest = "command.terminal = \"always\"\n";
            let ended = start_with(
                lab,
                victim,
                by,
                &links,
                rest,
                &["/probe", "stat", "/dev/console"],
            );
            is_of_kernel(&ended, "character", DEVPTS);
            assert!(
                ended.code() == 125 || ended.out.contains(" 136:0 "),
                "{ended:?}"
            );
        }
    });
}

#[test]
fn cve_2025_31133_null_that_is_a_link() {
    everywhere(|lab, victim, by| {
        let file = format!("{}/file", victim.text());
        let missing = format!("{}/missing", victim.text());
        for target in [&file, &missing] {
            let links = [("dev/null", target.as_str())];
            let look = [
                "/probe",
                "stat",
                "/dev/null",
                "--",
                "read",
                "/proc/kallsyms",
            ];
            let opens = [
                "--",
                "open-write",
                "/proc/kallsyms",
                "--",
                "open-write",
                "/proc/timer_list",
            ];
            let command = [&look[..], &opens[..]].concat();
            let ended = start_with(lab, victim, by, &links, "", &command);
            if ended.code() == 0 {
                let lines: Vec<&str> = ended.out.lines().collect();
                assert!(
                    lines[0].starts_with("character 666 ") && lines[0].contains(" 1:3 "),
                    "{ended:?}"
                );
                // The mask is empty and nothing that could be written.
                assert!(
                    lines[1..].iter().all(|line| line.contains(": refused ")),
                    "{ended:?}"
                );
                assert!(!ended.out.contains("as it was"), "{ended:?}");
            }
        }
    });
}

#[test]
fn cve_2025_9566_files_of_etc_that_are_links() {
    everywhere(|lab, victim, by| {
        let file = format!("{}/file", victim.text());
        let missing = format!("{}/missing", victim.text());
        for how in ["generate", "replace"] {
            let rest = format!(
                "rootfs.etc = {{ hosts = \"{how}\", passwd = \"{how}\", resolv_conf = \"{how}\", mtab = true, hostname = true, localtime = true }}\n"
            );
            let whole = [("etc", victim.text())];
            start_with(lab, victim, by, &whole, &rest, &["/probe", "list", "/etc"]);
            for target in [&file, &missing] {
                let links: Vec<Planted> = [
                    "etc/passwd",
                    "etc/group",
                    "etc/hosts",
                    "etc/resolv.conf",
                    "etc/hostname",
                    "etc/mtab",
                ]
                .map(|place| (place, target.as_str()))
                .to_vec();
                start_with(lab, victim, by, &links, &rest, &["/probe", "list", "/etc"]);
            }
        }
    });
}

#[test]
fn cve_2021_30465_mount_targets_that_are_links() {
    everywhere(|lab, victim, by| {
        lab.directory("work");
        let inner = format!("{}/inner", victim.text());
        for (target, at) in [
            (victim.text(), "/mnt/l"),
            (victim.text(), "/mnt/l/new"),
            (victim.text(), "/mnt/l/inner"),
            (inner.as_str(), "/mnt/l/a/b"),
        ] {
            let links = [("mnt/l", target)];
            for mount in [
                format!("[[mount]]\ntmpfs = \"{at}\"\n"),
                format!(
                    "[[mount]]\nbind = \"{}\"\ntarget = \"{at}\"\n",
                    lab.text("work")
                ),
                format!("[[mount]]\nbind = \"{}\"\ntarget = \"{at}\"\n", probe()),
                format!("[[mount]]\nvolume = \"data\"\ntarget = \"{at}\"\n"),
            ] {
                start_with(lab, victim, by, &links, &mount, &["/probe", "list", "/"]);
            }
        }
    });
}

/// A mount point that is missing is made, and through a link that leads nowhere it would be made outside.
#[test]
fn cve_2024_45310_no_mount_point_is_made_outside() {
    everywhere(|lab, victim, by| {
        let missing = format!("{}/missing", victim.text());
        let up = format!("../../../../../../../..{missing}");
        for target in [missing.as_str(), &up] {
            let links = [("mnt/l", target)];
            for at in ["/mnt/l", "/mnt/l/new", "/mnt/l/a/b/c"] {
                for mount in [
                    format!("[[mount]]\ntmpfs = \"{at}\"\n"),
                    format!("[[mount]]\nbind = \"{}\"\ntarget = \"{at}\"\n", probe()),
                ] {
                    start_with(lab, victim, by, &links, &mount, &["/probe", "list", "/"]);
                }
            }
        }
    });
}

#[test]
fn cve_2026_55686_working_directories_that_are_links() {
    everywhere(|lab, victim, by| {
        for at in ["/l", "/l/sub", "/l/inner"] {
            let links = [("l", victim.text())];
            let rest = format!("command.workdir = \"{at}\"\n");
            let ended = start_with(lab, victim, by, &links, &rest, &["/probe", "directory"]);
            assert_eq!(ended.code(), 125, "{by:?} {at}: {ended:?}");
        }
        // A link that stays inside is followed.
        let rest = "command.workdir = \"/l\"\n";
        let ended = start_with(
            lab,
            victim,
            by,
            &[("l", "/etc")],
            rest,
            &["/probe", "directory"],
        );
        assert_eq!(ended.out, "/etc\n", "{ended:?}");
    });
}

/// A later source goes through no link of an earlier one.
#[test]
fn cve_2026_33056_no_source_changes_what_a_link_leads_to() {
    everywhere(|lab, victim, by| {
        let file = format!("{}/file", victim.text());
        let links = [("l", victim.text()), ("f", &file)];
        let sources = plant(lab, by, &links);
        let evil = Tarball::default()
            .header(&super::super::tarball::Header::new(b'5', "l").mode(0o777))
            .header(&super::super::tarball::Header::new(b'0', "f").mode(0o777))
            .file("l/file", "changed")
            .file("l/new", "made")
            .end();
        fs::write(lab.file("second.tar", ""), evil).unwrap();
        for second in [
            format!("{{ archive = \"{}\" }}", lab.text("second.tar")),
            "{ file = \"/f\", text = \"changed\", mode = \"0777\" }".to_owned(),
            "{ file = \"/l/new\", text = \"made\" }".to_owned(),
            "{ dir = \"/l\", mode = \"0777\" }".to_owned(),
            "{ dir = \"/l/inner/deep\", mode = \"0777\" }".to_owned(),
            "{ symlink = \"/l/sym\", target = \"/\" }".to_owned(),
        ] {
            let profile = profile_with(lab, &format!("{sources}, {second}"), "");
            let ended = lab.run(&profile, &["/probe", "list", "/"]);
            victim.is_untouched((by, &second, &ended));
            assert!(
                [0, 125].contains(&ended.code()),
                "{by:?} {second}: {ended:?}"
            );
        }
    });
}
