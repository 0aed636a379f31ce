//! The shipped profiles, and the three experiments by which containers are taught.

use std::fs;
use std::path::Path;

use super::support::{Caller, Ended, Lab, attack, finish, root_only};

/// Runs a command under a profile of this repository.
fn shipped(lab: &Lab, name: &str, command: &[&str]) -> Ended {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("profiles")
        .join(name);
    let text = fs::read_to_string(profile).unwrap();
    lab.run(&text, command)
}

#[track_caller]
fn says(lab: &Lab, name: &str, script: &str) -> String {
    let ended = shipped(lab, name, &["bash", "-c", script]);
    assert_eq!(ended.code(), 0, "{:?}: {script}: {ended:?}", lab.caller);
    ended.out
}

/// One test: the copy of /lib is large, and is made once for all of it.
#[test]
fn the_classic_chroot_is_a_root_of_its_own() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.keep_apart();
        let says = |script: &str| says(&lab, "classic-chroot.toml", script);
        assert_eq!(
            says("pwd; cd /..; pwd; ls -d /home /boot /opt 2>/dev/null; true"),
            "/\n/\n"
        );
        let own = lab.text("");
        assert!(Path::new(&own).exists());
        assert_eq!(says(&format!("ls -d {own} 2>/dev/null; true")), "");

        assert!(says("cat /etc/hosts").contains("localhost"));
        let host_names = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        assert_eq!(says("cat /etc/resolv.conf"), host_names);
        let mounts = says("readlink /etc/mtab; cat /etc/mtab");
        assert!(mounts.starts_with("/proc/mounts\n"), "{mounts}");
        for mount in [
            " /proc proc ",
            " /dev/pts devpts ",
            " /dev/shm tmpfs ",
            " /sys sysfs ",
        ] {
            assert!(mounts.contains(mount), "{mount}: {mounts}");
        }
        assert_eq!(
            says("echo shared > /dev/shm/x && cat /dev/shm/x; ls /proc/self/status"),
            "shared\n/proc/self/status\n"
        );
        assert_eq!(
            says("hostname; echo $$; echo /proc/[0-9]*"),
            format!("{}\n2\n/proc/2\n", lab.name)
        );

        // What is written is gone, and the host's files are not touched.
        let bash = fs::metadata("/bin/bash").unwrap();
        says("echo spoilt > /bin/bash; echo spoilt > /etc/hosts");
        assert_eq!(fs::metadata("/bin/bash").unwrap().len(), bash.len());
        assert!(says("cat /etc/hosts").contains("localhost"));
    }
}

#[test]
fn a_host_name_set_inside_is_not_seen_outside() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let before = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let hostname = |rest: &str| {
            let profile = lab.profile_with(", { programs = [\"hostname\"] }", rest);
            let script = format!("hostname; {} sethostname taken; hostname", attack());
            lab.script(&profile, &script)
        };
        let name = "namespaces.hostname = \"inside\"\n";
        let allowed =
            "[security]\nseccomp = \"none\"\nlandlock = false\ncapabilities = [\"CAP_SYS_ADMIN\"]";
        assert_eq!(
            hostname(&format!("{name}{allowed}")),
            "inside\nworked\ntaken\n"
        );
        assert_eq!(hostname(name), "inside\nEPERM\ninside\n");
        assert_eq!(
            fs::read_to_string("/proc/sys/kernel/hostname").unwrap(),
            before
        );
    }
}

#[test]
fn the_minimal_profile_has_what_it_names() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.keep_apart();
        let says = |script: &str| says(&lab, "minimal.toml", script);
        assert_eq!(
            says("pwd; echo a b | wc -w; printf '2\\n1\\n' | sort | head -n 1"),
            "/\n2\n1\n"
        );
        assert_eq!(
            says("echo x > /tmp/x && cat /tmp/x; (: > /y) 2>/dev/null || echo read-only"),
            "x\nread-only\n"
        );
        let processes = says("ps -e -o pid=,comm=");
        assert!(
            processes.contains("ps") && !processes.contains("sandbox"),
            "{processes}"
        );
    }
}

#[test]
fn the_untrusted_profile_runs_a_program_and_nothing_else() {
    // The limits of this profile are no wish: where they cannot hold, nothing runs.
    let lab = Lab::new(Caller::Unprivileged);
    lab.keep_apart();
    let ended = shipped(&lab, "untrusted.toml", &[attack(), "euid"]);
    assert!([0, 125].contains(&ended.code()), "{ended:?}");
    if !root_only("the_untrusted_profile_runs_a_program_and_nothing_else") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    lab.keep_apart();
    let run = |command: &[&str]| shipped(&lab, "untrusted.toml", command);
    assert_eq!(run(&[attack(), "euid"]).out, "0\n");
    assert_eq!(
        run(&[attack(), "fork-until-refused", "200"]).out,
        "62 EAGAIN\n"
    );
    let hog = run(&[attack(), "hog", "9", "50"]);
    assert_eq!(hog.code(), 137, "{hog:?}");
    assert_eq!(lab.report()["ending"]["limit"], "memory");
    assert_eq!(run(&[attack(), "create", "/file"]).out, "EROFS\n");
    assert_eq!(run(&[attack(), "create", "/tmp/file"]).out, "worked\n");
    assert_eq!(
        run(&[attack(), "open-read", "/bin/sh"]).out,
        "ENOENT\n",
        "nothing but the program"
    );
    let shell = run(&[
        "/bin/sh",
        "-c",
        "echo 'echo run' > /tmp/x; chmod 755 /tmp/x 2>/dev/null; /tmp/x 2>&1; echo $?",
    ]);
    assert!(!shell.out.starts_with("run"), "{shell:?}");
    let mut piped = lab.up(
        &fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/untrusted.toml"))
            .unwrap(),
        &["/bin/cat"],
    );
    lab.file("work/input", "through\n");
    piped.stdin(fs::File::open(lab.path("work/input")).unwrap());
    let piped = super::support::finish_started(super::support::start(&mut piped));
    assert_eq!(
        (piped.out.as_str(), piped.code()),
        ("through\n", 0),
        "{piped:?}"
    );
    assert!(finish(&mut lab.up("version = 1", &["true"])).code() != 0);
}
