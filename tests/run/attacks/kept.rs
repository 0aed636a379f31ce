//! What an earlier run of the same program left: kept roots, volumes, overlays. The next start, and the
//! commands that tidy up, lead nowhere by it.

use std::fs;
use std::os::unix::fs::symlink;

use super::super::support::{Caller, Ended, Lab, finish, sandbox};
use super::{NO_FILTER, Victim, profile, says};

/// Everything that a second run may mount or write.
const SECOND: &str = "rootfs.writes = \"keep\"\n\
    rootfs.etc = { hosts = \"replace\", passwd = \"replace\", resolv_conf = \"replace\" }\n\
    system = { proc = \"private\", sys = \"read-only\" }\n\
    [[mount]]\ntmpfs = \"/mnt/t\"\n[[mount]]\nvolume = \"data\"\ntarget = \"/vol\"\n";

#[track_caller]
fn second_run(lab: &Lab, victim: &Victim, rest: &str, what: &str) -> Ended {
    let ended = lab.run(&profile(lab, rest), &["/probe", "list", "/"]);
    victim.is_untouched((what, &ended));
    assert!([0, 125].contains(&ended.code()), "{what}: {ended:?}");
    assert!(!ended.err.contains("panicked"), "{ended:?}");
    ended
}

/// Puts a link in the place of something; what was there lies aside.
fn replace(lab: &Lab, rest: &str, place: &str, target: &str) -> String {
    let aside = format!("{place}-aside");
    let profile = profile(lab, rest);
    let command = [
        "/probe", "remove", place, "--", "rename", place, &aside, "--", "symlink", target, place,
    ];
    let ended = lab.run(&profile, &command);
    assert_eq!(ended.code(), 0, "{place}: {ended:?}");
    ended.out
}

/// The program replaces what the next start mounts on and writes to by links that lead out.
#[test]
fn cve_2025_52565_links_in_a_kept_root_lead_nowhere() {
    for caller in Caller::all() {
        let first = "rootfs.writes = \"keep\"\nsystem.proc = \"none\"\nnamespaces.pid = true\n";
        for place in [
            "/proc",
            "/sys",
            "/etc/passwd",
            "/mnt",
            "/mnt/t",
            "/vol",
            "/dev/console",
            "/probe2",
        ] {
            let lab = Lab::new(caller);
            let victim = Victim::new(&lab);
            let target = match place {
                "/etc/passwd" | "/dev/console" => format!("{}/file", victim.text()),
                _ => victim.text().to_owned(),
            };
            for directory in ["/mnt", "/mnt/t", "/vol", "/proc", "/sys"] {
                lab.run(&profile(&lab, first), &["/probe", "mkdir", directory]);
            }
            let laid = replace(&lab, first, place, &target);
            // The rest is refused already while it is tried: /dev is the sandbox's own and read-only.
            let is_own = ["/dev/console"].contains(&place);
            assert_eq!(laid.contains("symlink: worked"), !is_own, "{place}: {laid}");
            second_run(&lab, &victim, SECOND, place);
            let deeper = SECOND.replace("/mnt/t", "/mnt/t/new/deep");
            second_run(&lab, &victim, &deeper, place);
        }
    }
}

#[test]
fn cve_2017_1002101_links_in_a_volume_lead_nowhere() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let victim = Victim::new(&lab);
        let volume = "[[mount]]\nvolume = \"data\"\ntarget = \"/vol\"\n";
        let laid = says(
            &lab,
            &profile(&lab, volume),
            &["symlink", victim.text(), "/vol/l"],
        );
        assert_eq!(laid, "symlink: worked");
        for more in [
            "[[mount]]\ntmpfs = \"/vol/l\"\n".to_owned(),
            "[[mount]]\ntmpfs = \"/vol/l/new\"\n".to_owned(),
            "[[mount]]\ntmpfs = \"/vol/l/inner/a/b\"\n".to_owned(),
            format!(
                "[[mount]]\nbind = \"{}\"\ntarget = \"/vol/l/bound\"\n",
                super::probe()
            ),
            "[[mount]]\nvolume = \"other\"\ntarget = \"/vol/l/other\"\n".to_owned(),
        ] {
            second_run(&lab, &victim, &format!("{volume}{more}"), &more);
        }
        let workdir = format!("command.workdir = \"/vol/l\"\n{volume}");
        let ended = second_run(&lab, &victim, &workdir, "a working directory");
        assert_eq!(ended.code(), 125, "{ended:?}");
    }
}

/// `reset`, `discard` and `gc` remove what the program made, and nothing that it points to.
#[test]
fn cve_2024_23652_tidying_up_follows_no_link() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.keep_apart();
        let mut victim = Victim::new(&lab);
        lab.directory("project/sub");
        lab.file("project/sub/file", "the host's");
        let overlay = format!(
            "rootfs.writes = \"keep\"\n[[mount]]\nbind = \"{}\"\ntarget = \"/desk\"\naccess = \"overlay\"\n\
             [[mount]]\nvolume = \"data\"\ntarget = \"/vol\"\n",
            lab.text("project")
        );
        let profile = profile(&lab, &overlay);
        let (file, text) = (format!("{}/file", victim.text()), victim.text().to_owned());
        let mut attacks = vec!["/probe"];
        for place in [
            "/l",
            "/f",
            "/desk/l",
            "/desk/f",
            "/desk/sub/l",
            "/vol/l",
            "/vol/f",
        ] {
            let target = if place.ends_with('f') { &file } else { &text };
            attacks.extend(["symlink", target, place, "--"]);
        }
        attacks.extend(["remove", "/desk/sub/file"]);
        let ended = lab.run(&profile, &attacks);
        assert!(
            !ended.out.contains("refused") && ended.code() == 0,
            "{ended:?}"
        );
        let lower = Victim::of(&lab.path("project"));
        for command in ["changes", "discard", "reset"] {
            let mut tidy = lab.host(sandbox());
            let ended = finish(tidy.args([command, &lab.name]));
            assert!(
                ended.code() <= 1 && !ended.err.contains("panicked"),
                "{command}: {ended:?}"
            );
            victim.is_untouched((command, &ended));
            lower.is_untouched(command);
        }
        for command in [&["gc"][..], &["store"], &["gc", "--help"]] {
            finish(lab.host(sandbox()).args(command));
            victim.is_untouched(command);
        }
        // The control: what is carried out is seen, and a careless removal would be.
        victim.would_notice(|| {
            symlink(&text, lab.path("careless")).unwrap();
            fs::remove_file(lab.path("careless/inner/file")).unwrap();
        });
    }
}

/// What the program wrote in an overlay is carried to the host without a way through its links.
#[test]
fn cve_2018_15664_applying_goes_through_no_link() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let victim = Victim::new(&lab);
        lab.directory("project/sub");
        lab.file("project/sub/file", "the host's");
        let overlay = format!(
            "{NO_FILTER}[[mount]]\nbind = \"{}\"\ntarget = \"/desk\"\naccess = \"overlay\"\n",
            lab.text("project")
        );
        let profile = profile(&lab, &overlay);
        // A directory of the host is written below, which is a link by the time of carrying.
        says(&lab, &profile, &["overwrite", "/desk/sub/file", "changed"]);
        fs::remove_dir_all(lab.path("project/sub")).unwrap();
        lab.link("project/sub", &victim.path);
        let mut apply = lab.host(sandbox());
        let ended = finish(apply.args(["apply", &lab.name]));
        victim.is_untouched(&ended);
        assert_ne!(ended.code(), 0, "{ended:?}");
    }
}

/// Names with control characters are shown without them (rule 20).
#[test]
fn rule_20_names_of_the_programs_files_do_nothing_to_a_terminal() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = profile(&lab, "rootfs.writes = \"keep\"\n");
        let name = "/\u{1b}]0;owned\u{7}\u{1b}[2Jx\r\n\u{9b}31m";
        assert_eq!(says(&lab, &profile, &["create", name]), "create: worked");
        let ended = finish(lab.host(sandbox()).args(["changes", &lab.name]));
        assert!(ended.out.contains("owned"), "{ended:?}");
        let acts = |c: char| c.is_control() && c != '\n';
        assert!(
            !ended.out.contains(acts) && !ended.err.contains(acts),
            "{ended:?}"
        );
        // And names of programs that are not there.
        let ended = lab.run(&profile, &["/\u{1b}[2J\u{7}not-there"]);
        assert_eq!(ended.code(), 127, "{ended:?}");
        assert!(
            !ended.err.contains(acts) && ended.err.contains("not-there"),
            "{ended:?}"
        );
    }
}
