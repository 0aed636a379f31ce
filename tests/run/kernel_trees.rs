//! Rules 12 and 13: /proc, /sys and /dev tell nothing of the host and change nothing there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

use super::support::{Caller, Lab, Lack, attack, finish, root_only, skip, start, within};

const NO_FILTER: &str = "[security]\nseccomp = \"none\"";

#[test]
fn what_tells_of_the_host_is_empty() {
    let files = [
        "interrupts",
        "kallsyms",
        "kcore",
        "keys",
        "kmsg",
        "latency_stats",
        "sched_debug",
        "timer_list",
        "timer_stats",
        "vmallocinfo",
    ];
    let directories = ["acpi", "asound", "scsi"];
    let there = |name: &&&str| fs::exists(format!("/proc/{name}")).unwrap();
    let files: Vec<_> = files.iter().filter(there).collect();
    assert!(files.len() > 3);
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile(NO_FILTER);
        for name in &files {
            let path = format!("/proc/{name}");
            for user in ["caller", "root"] {
                let profile = lab.profile(&format!("command.user = \"{user}\"\n{NO_FILTER}"));
                assert_eq!(
                    lab.attack(&profile, &["open-write", &path]),
                    "EACCES",
                    "{path}"
                );
                let read = lab.run(&profile, &["cat", &path]);
                assert_eq!(read.out, "", "{path}: {read:?}");
            }
        }
        for name in directories.iter().filter(there) {
            assert_eq!(lab.script(&profile, &format!("ls -A /proc/{name}")), "");
        }
    }
}

/// The masks count for a program that may read everything, as root on the host.
#[test]
fn masks_hold_against_capabilities() {
    if !root_only("masks_hold_against_capabilities") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let unguarded = finish(lab.host("head").args(["-c", "64", "/proc/kallsyms"]));
    assert_eq!(unguarded.out.len(), 64);
    let rest = "[security]\nseccomp = \"none\"\ncapabilities = [\"CAP_DAC_OVERRIDE\", \"CAP_DAC_READ_SEARCH\"]";
    let profile = lab.profile(rest);
    assert_eq!(lab.script(&profile, "cat /proc/kallsyms"), "");
    assert_eq!(
        lab.attack(&profile, &["open-write", "/proc/kallsyms"]),
        "EROFS"
    );
}

#[test]
fn the_kernels_switches_are_read_only() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let rest = "command.user = \"root\"\n[security]\nseccomp = \"none\"\nlandlock = false\ncapabilities = [\"CAP_SYS_ADMIN\", \"CAP_NET_ADMIN\"]";
        let profile = lab.profile(rest);
        // The owner of a network namespace may write this where the mount does not forbid it.
        let own = "/proc/sys/net/ipv4/ip_forward";
        assert_eq!(lab.attack(&profile, &["open-write", own]), "EROFS");
        let mut unguarded = lab.host("unshare");
        unguarded.args([
            "--user",
            "--map-root-user",
            "--net",
            attack(),
            "open-write",
            own,
        ]);
        assert_eq!(finish(&mut unguarded).out, "worked\n");
        for path in [
            "/proc/sys/kernel/hostname",
            "/proc/sys/kernel/core_pattern",
            "/proc/sys/vm/drop_caches",
        ] {
            let inside = lab.attack(&profile, &["open-write", path]);
            assert!(
                ["EROFS", "EACCES"].contains(&inside.as_str()),
                "{path}: {inside}"
            );
        }
        // A second /proc would show what the first one masks: who may mount needs the filter too.
        let second = ["mount-proc", "/etc"];
        assert_eq!(lab.attack(&profile, &second), "worked");
        let filtered = lab.profile("[security]\ncapabilities = [\"CAP_SYS_ADMIN\"]");
        assert_eq!(lab.attack(&filtered, &second), "EPERM");
    }
}

#[test]
fn no_process_of_the_host_is_seen_and_not_the_first_of_the_sandbox() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for system in ["private", "pids"] {
            let profile = lab.profile(&format!("system.proc = \"{system}\"\n{NO_FILTER}"));
            let seen = lab.script(&profile, "echo /proc/[0-9]*; cat /proc/1/cmdline /proc/1/environ /proc/1/status 2>&1 || true; echo $$");
            let mut lines = seen.lines();
            assert_eq!(lines.next(), Some("/proc/2"), "the program alone: {seen}");
            for file in ["cmdline", "environ", "status"] {
                let missing = format!("cat: /proc/1/{file}: No such file or directory");
                assert!(seen.contains(&missing), "{seen}");
            }
            assert_eq!(lines.last(), Some("2"), "{seen}");
            for file in ["exe", "mem", "maps", "root", "cwd", "ns/user"] {
                assert_eq!(
                    lab.attack(&profile, &["open-read", &format!("/proc/1/{file}")]),
                    "ENOENT"
                );
            }
            let attached = lab.attack(&profile, &["attach", "1"]);
            assert!(
                ["EPERM", "EACCES"].contains(&attached.as_str()),
                "{attached}"
            );
        }
        let shown = finish(lab.host("sh").args(["-c", "echo /proc/[0-9]*"]));
        assert!(
            shown.out.contains("/proc/1 "),
            "the host shows more: {}",
            shown.out
        );
    }
}

/// A capability over the sandbox's own processes shows the first one, but not what it holds.
#[test]
fn the_first_process_gives_nothing_away() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let rest = "[security]\nseccomp = \"none\"\ncapabilities = [\"CAP_SYS_PTRACE\"]";
        let mut up = lab.up(
            &lab.profile(rest),
            &["cat", "/proc/1/environ", "/proc/1/cmdline"],
        );
        let ended = finish(up.env("HOST_SECRET", "do-not-tell"));
        assert!(
            !ended.out.contains("do-not-tell") && !ended.out.contains("profile.toml"),
            "{ended:?}"
        );
    }
}

#[test]
fn dev_holds_what_every_program_expects_and_nothing_more() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let before = fs::metadata("/dev/null").unwrap();
        let listed = lab.script(
            &lab.profile(NO_FILTER),
            "cd /dev; ls -A . pts shm; stat -c '%n %t:%T %a' null zero full random urandom tty",
        );
        let expected = ".:\nfd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n\n\
            pts:\nptmx\n\nshm:\nnull 1:3 666\nzero 1:5 666\nfull 1:7 666\nrandom 1:8 666\nurandom 1:9 666\ntty 5:0 666\n";
        assert_eq!(listed, expected);
        let after = fs::metadata("/dev/null").unwrap();
        let same = |one: &fs::Metadata| (one.mode(), one.uid(), one.gid());
        assert_eq!(same(&before), same(&after), "the host's node is as it was");
        for node in ["/dev/null", "/dev/urandom"] {
            let changed = lab.attack(
                &lab.profile(&format!("command.user = \"root\"\n{NO_FILTER}")),
                &["chmod", node, "600"],
            );
            assert_eq!(changed, "EPERM", "{node}");
        }
    }
}

#[test]
fn terminals_are_the_sandboxs_own() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let python = ", { programs = [\"/usr/bin/python3\"] }, { copy = \"/usr/lib/python3.11\", exclude = [\"test\", \"__pycache__\", \"dist-packages\"], optional = true }";
        let profile = lab.profile_with(python, "");
        let open =
            "import os, pty; m, s = os.openpty(); print(os.ttyname(s), os.listdir('/dev/pts'))";
        if !fs::exists("/usr/bin/python3").unwrap() {
            let lack = Lack::Tool("no /usr/bin/python3");
            return skip("terminals_are_the_sandboxs_own", &lack);
        }
        let opened = lab.run(&profile, &["/usr/bin/python3", "-c", open]);
        assert!(opened.out.starts_with("/dev/pts/0 ["), "{opened:?}");
        assert_eq!(
            lab.script(&lab.profile(""), "ls /dev/console /dev/pts 2>&1 | head -1"),
            "ls: cannot access '/dev/console': No such file or directory\n"
        );
        assert_eq!(
            lab.attack(&lab.profile(""), &["open-write", "/dev/tty"]),
            "ENXIO"
        );
    }
}

#[test]
fn sys_is_absent_unless_asked_for_and_then_masked() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        assert_eq!(
            lab.script(&lab.profile(""), "ls -A /sys 2>/dev/null || true"),
            ""
        );
        let profile = lab.profile(&format!("system.sys = \"read-only\"\n{NO_FILTER}"));
        let listed = lab.script(&profile, "ls /sys/class/net; ls -A /sys/firmware /sys/kernel/debug /sys/fs/bpf 2>/dev/null | grep -v : || true; true");
        assert_eq!(listed.trim(), "lo", "its own network alone");
        for path in [
            "/sys/kernel/mm/transparent_hugepage/enabled",
            "/sys/class/net/lo/mtu",
        ] {
            if fs::exists(path).unwrap() {
                let inside = lab.attack(&profile, &["open-write", path]);
                assert!(
                    ["EROFS", "EACCES"].contains(&inside.as_str()),
                    "{path}: {inside}"
                );
            }
        }
    }
    if root_only("sys_is_absent_unless_asked_for_and_then_masked: unguarded") {
        let lab = Lab::new(Caller::Root);
        assert_eq!(
            lab.unguarded(&["open-write", "/sys/class/net/lo/mtu"]),
            "worked\n"
        );
    }
}

/// Rule 18: shared memory, queues and sockets without a path are the sandbox's own.
#[test]
fn what_processes_share_is_not_shared_with_the_host() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let mut listener = start(
            lab.host(attack())
                .args(["listen-abstract", &lab.name])
                .stdin(Stdio::piped()),
        );
        let connect = ["connect-abstract", lab.name.as_str()];
        assert!(within(std::time::Duration::from_secs(5), || lab
            .unguarded(&connect)
            == "worked\n"));
        assert_eq!(
            lab.attack(&lab.profile(NO_FILTER), &connect),
            "ECONNREFUSED"
        );
        drop(listener.stdin.take());
        listener.wait().unwrap();

        let marker = format!("/dev/shm/{}", lab.name);
        fs::write(&marker, "host").unwrap();
        let shown = lab.script(
            &lab.profile(""),
            "ls -A /dev/shm; ls /proc/sysvipc >/dev/null && head -n 9 /proc/sysvipc/shm",
        );
        fs::remove_file(&marker).unwrap();
        assert_eq!(shown.lines().count(), 1, "the heading alone: {shown}");
    }
}
