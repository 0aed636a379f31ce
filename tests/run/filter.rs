//! Rule 21, and what the default policy refuses: system calls by their numbers and by others.

use std::fs;
use std::os::unix::process::ExitStatusExt;

use super::support::{Caller, Ended, Lab, attack, field, finish, inside, start};

const NO_FILTER: &str = "[security]\nseccomp = \"none\"";

fn run(lab: &Lab, profile: &str, name: &str) -> Ended {
    lab.run(profile, &[attack(), name])
}

/// `int 0x80` reaches the numbers of another architecture, 0x40000000 those of x32.
#[test]
#[cfg(target_arch = "x86_64")]
fn the_numbers_of_other_architectures_end_the_program() {
    /// SIGSYS, and how a shell tells it.
    const BAD_CALL: i32 = 128 + 31;
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let unguarded = finish(lab.host(attack()).arg("int80"));
        // A kernel without 32-bit programs has nothing to attack there.
        let has_x86 = unguarded.out == "worked\n";
        assert!(
            has_x86 || unguarded.status.signal() == Some(11),
            "{unguarded:?}"
        );
        for name in ["int80", "x32"] {
            let guarded = run(&lab, &lab.profile(""), name);
            if has_x86 || name == "x32" {
                assert_eq!(guarded.code(), BAD_CALL, "{name}: {guarded:?}");
            }
            assert_eq!(guarded.out, "", "{name}: {guarded:?}");
        }
        if has_x86 {
            assert_eq!(run(&lab, &lab.profile(NO_FILTER), "int80").out, "worked\n");
        }
        // Without the filter the kernel itself says what it thinks of x32: never SIGSYS.
        assert_ne!(
            finish(lab.host(attack()).arg("x32")).status.signal(),
            Some(31)
        );
        assert_eq!(run(&lab, &lab.profile(NO_FILTER), "x32").code(), BAD_CALL);
    }
}

#[test]
fn the_filter_is_on_the_first_process_too() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        // Without a list too: set-id modes are filtered all the same.
        for (rest, mode) in [("", "2"), (NO_FILTER, "2")] {
            let mut up = start(&mut lab.up(&lab.profile(rest), &["sleep", "30"]));
            let processes = inside(&up);
            // The first one loads its own a moment after the program started.
            let loaded = || {
                processes.iter().all(|pid| {
                    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
                    field(&status, "Seccomp") == Some(mode)
                        && field(&status, "NoNewPrivs") == Some("1")
                })
            };
            assert!(
                super::support::within(std::time::Duration::from_secs(2), loaded),
                "{mode}"
            );
            for pid in &processes {
                let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
                for set in ["CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"] {
                    assert_eq!(
                        field(&status, set),
                        Some("0000000000000000"),
                        "{set} of {pid}"
                    );
                }
                let uids = field(&status, "Uid").unwrap();
                assert!(
                    uids.split_whitespace().all(|uid| uid != "0"),
                    "{uids}: nobody is the host's root"
                );
            }
            up.kill().unwrap();
            up.wait().unwrap();
        }
    }
}

#[test]
fn calls_that_reach_past_the_sandbox_are_refused() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for (name, refusal) in [
            ("keyctl", "EPERM"),
            ("io_uring_setup", "EPERM"),
            ("userfaultfd", "EPERM"),
            ("attach-child", "EPERM"),
        ] {
            assert_eq!(lab.attack(&lab.profile(""), &[name]), refusal, "{name}");
            let unguarded = lab.unguarded(&[name]);
            let unfiltered = lab.attack(&lab.profile(NO_FILTER), &[name]);
            // Whatever the host allows, the filter alone forbids.
            assert_eq!(unguarded.trim_end(), unfiltered, "{name}");
            assert!(
                ["worked", "ENOSYS"].contains(&unfiltered.as_str()),
                "{name}: {unfiltered}"
            );
        }
    }
}

#[test]
fn rare_families_of_sockets_are_refused() {
    /// AF_KEY, AF_PACKET, AF_ALG, AF_VSOCK.
    const FAMILIES: [&str; 4] = ["15", "17", "38", "40"];
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for family in FAMILIES {
            assert_eq!(
                lab.attack(&lab.profile(""), &["socket", family, "0"]),
                "EAFNOSUPPORT",
                "{family}"
            );
        }
        // A raw socket of the sandbox's own network is a matter of the capability.
        assert_eq!(lab.attack(&lab.profile(""), &["socket", "2", "1"]), "EPERM");
        let granted = lab.profile("[security]\ncapabilities = [\"CAP_NET_RAW\"]");
        assert_eq!(lab.attack(&granted, &["socket", "2", "1"]), "worked");
    }
}

/// The network is the sandbox's own, and holds nothing but itself.
#[test]
fn the_network_ends_at_the_loopback_device() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let seen = lab.script(
            &lab.profile(""),
            "cat /proc/net/dev /proc/net/route /proc/net/tcp",
        );
        let devices: Vec<&str> = seen
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name.trim())
            .filter(|name| !name.contains(' '))
            .collect();
        assert_eq!(
            devices
                .iter()
                .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric())
                    && !name.chars().all(|c| c.is_ascii_digit()))
                .collect::<Vec<_>>(),
            [&"lo"],
            "{seen}"
        );

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected");
        let guarded = lab.run(&lab.profile(""), &["bash", "-c", &connect]);
        assert!(
            !guarded.out.contains("connected") && guarded.err.contains("refused"),
            "{guarded:?}"
        );
        let shared = lab.run(
            &lab.profile("[network]\nmode = \"host\""),
            &["bash", "-c", &connect],
        );
        assert_eq!(shared.out, "connected\n", "{shared:?}");
    }
}
