//! Rules 1 to 6: who the program is, and what it may do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::support::{Caller, Lab, attack, field, finish, root_only};

/// Nothing but the kernel's own rules.
const NO_FILTER: &str = "[security]\nseccomp = \"none\"";

fn with_capability(name: &str) -> String {
    format!("[security]\nseccomp = \"none\"\nlandlock = false\ncapabilities = [\"{name}\"]")
}

#[test]
fn a_setuid_program_gives_no_rights() {
    if !root_only("a_setuid_program_gives_no_rights") {
        return;
    }
    let lab = Lab::new(Caller::Unprivileged);
    let program = lab.text("work/setuid");
    // By another process: one that a test of another thread forks meanwhile would keep it open for writing.
    let copied = std::process::Command::new("cp")
        .args([attack(), program.as_str()])
        .status();
    assert!(copied.unwrap().success());
    std::os::unix::fs::chown(&program, Some(0), Some(0)).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o4755)).unwrap();
    let unguarded = finish(lab.host(&program).arg("euid"));
    assert_eq!(unguarded.out, "0\n", "the attack works outside");

    let bind = format!(
        "[[mount]]\nbind = \"{}\"\ntarget = \"/w\"",
        lab.text("work")
    );
    for rest in [bind.clone(), format!("{NO_FILTER}\n{bind}")] {
        let inside = lab.run(&lab.profile(&rest), &["/w/setuid", "euid"]);
        assert_eq!(inside.out, format!("{}\n", lab.caller.uid()), "{inside:?}");
    }
    let copied = format!(", {{ copy = \"{program}\", to = \"/setuid\" }}");
    let inside = lab.script(
        &lab.profile_with(&copied, ""),
        "/setuid euid; stat -c %a /setuid",
    );
    assert_eq!(inside, format!("{}\n755\n", lab.caller.uid()));
}

#[test]
fn no_new_privileges_holds_for_every_process() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let status = lab.script(
            &lab.profile(NO_FILTER),
            "cat /proc/self/status; sh -c 'cat /proc/self/status'",
        );
        let flags: Vec<&str> = status
            .lines()
            .filter(|line| line.starts_with("NoNewPrivs"))
            .collect();
        assert_eq!(flags, ["NoNewPrivs:\t1", "NoNewPrivs:\t1"]);
    }
}

#[test]
fn roots_sandbox_is_not_the_hosts_root() {
    if !root_only("roots_sandbox_is_not_the_hosts_root") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let secret = lab.file("work/secret", "secret");
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(
        lab.unguarded(&["open-read", secret.to_str().unwrap()]),
        "worked\n"
    );
    let bind = |owner: &str| {
        let work = lab.text("work");
        format!(
            "{NO_FILTER}\n[[mount]]\nbind = \"{work}\"\ntarget = \"/w\"\naccess = \"rw\"\nowner = \"{owner}\""
        )
    };
    let kept = lab.profile(&bind("keep"));
    assert_eq!(lab.script(&kept, "id -u"), "0\n", "it believes to be root");
    assert_eq!(lab.attack(&kept, &["open-read", "/w/secret"]), "EACCES");
    assert_eq!(lab.attack(&kept, &["create", "/w/new"]), "EACCES");
    assert_eq!(lab.attack(&kept, &["chown", "/w/secret", "0"]), "EPERM");

    // What root's directory holds of root is what the profile grants; what it holds of others is not.
    let others = lab.file("work/others", "secret");
    fs::set_permissions(&others, Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::chown(&others, Some(12_345), Some(12_345)).unwrap();
    let mapped = lab.profile(&bind("map"));
    assert_eq!(lab.attack(&mapped, &["open-read", "/w/secret"]), "worked");
    assert_eq!(lab.attack(&mapped, &["open-read", "/w/others"]), "EACCES");
    assert_eq!(
        lab.attack(&mapped, &["chown", "/w/secret", "12345"]),
        "EINVAL"
    );
}

#[test]
fn the_kernels_switches_are_out_of_roots_reach() {
    if !root_only("the_kernels_switches_are_out_of_roots_reach") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let switches = [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/vm/drop_caches",
        "/proc/sysrq-trigger",
    ];
    let there: Vec<&str> = switches
        .into_iter()
        .filter(|path| fs::exists(path).unwrap())
        .collect();
    assert!(!there.is_empty());
    for path in there {
        assert_eq!(
            lab.unguarded(&["open-write", path]),
            "worked\n",
            "{path} on the host"
        );
        for rest in ["", NO_FILTER, &with_capability("CAP_DAC_OVERRIDE")] {
            let inside = lab.attack(&lab.profile(rest), &["open-write", path]);
            assert!(
                ["EROFS", "EACCES"].contains(&inside.as_str()),
                "{path}: {inside}"
            );
        }
    }
}

#[test]
fn one_id_is_mapped_and_groups_cannot_be_left() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile(&with_capability("CAP_SETGID"));
        let seen = lab.script(
            &profile,
            "cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups",
        );
        let words: Vec<Vec<&str>> = seen
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        let [uids, gids, setgroups] = &words[..] else {
            panic!("{seen}")
        };
        assert_eq!(setgroups, &["deny"]);
        let inside = caller.uid().to_string();
        for map in [uids, gids] {
            assert_eq!((map[0], map[2]), (inside.as_str(), "1"), "{seen}");
            match caller {
                Caller::Root => assert!(map[1].parse::<u32>().unwrap() >= 0x7000_0000, "{seen}"),
                Caller::Unprivileged => assert_eq!(map[1], inside),
            }
        }
        assert_eq!(lab.attack(&profile, &["setgroups"]), "EPERM");
        let unmapped = lab.profile(&with_capability("CAP_SETUID"));
        let expected = if caller == Caller::Root {
            "worked"
        } else {
            "EINVAL"
        };
        assert_eq!(
            lab.attack(&unmapped, &["setuid"]),
            expected,
            "0 is mapped for root alone"
        );
    }
    // The guard off: root's own groups can be left.
    if root_only("one_id_is_mapped_and_groups_cannot_be_left: unguarded") {
        assert_eq!(Lab::new(Caller::Root).unguarded(&["setgroups"]), "worked\n");
    }
}

#[test]
fn every_capability_set_is_empty() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for user in ["caller", "root"] {
            let profile = lab.profile(&format!("command.user = \"{user}\"\n{NO_FILTER}"));
            let status = lab.script(&profile, "cat /proc/self/status");
            for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                assert_eq!(
                    field(&status, set),
                    Some("0000000000000000"),
                    "{set} of {user}"
                );
            }
        }
    }
}

#[test]
fn kept_capabilities_are_kept_alone() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile(&with_capability("CAP_NET_BIND_SERVICE"));
        let status = lab.script(&profile, "cat /proc/self/status");
        for set in ["CapPrm", "CapEff", "CapBnd"] {
            assert_eq!(field(&status, set), Some("0000000000000400"), "{set}");
        }
    }
}

#[test]
fn administration_is_refused_without_a_filter_too() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let attacks: [(&str, &[&str], &str); 5] = [
            ("CAP_SYS_ADMIN", &["sethostname", "taken"], "EPERM"),
            ("CAP_SYS_ADMIN", &["mount-tmpfs", "/tmp"], "EPERM"),
            ("CAP_SYS_ADMIN", &["remount-rw", "/"], "EPERM"),
            ("CAP_SYS_ADMIN", &["umount", "/proc/sys"], "EPERM"),
            ("CAP_SYS_CHROOT", &["chroot-escape", "/tmp/x"], "EPERM"),
        ];
        let tmp = "\n[[mount]]\ntmpfs = \"/tmp\"";
        for (capability, attack, refusal) in attacks {
            let guarded = lab.profile(&format!("{NO_FILTER}{tmp}"));
            assert_eq!(lab.attack(&guarded, attack), refusal, "{attack:?}");
            if ["sethostname", "mount-tmpfs"].contains(&attack[0]) {
                // The capability alone stood in the way.
                let granted = lab.profile(&format!("{}{tmp}", with_capability(capability)));
                assert_eq!(lab.attack(&granted, attack), "worked", "{attack:?}");
            }
        }
    }
}

#[test]
fn no_user_namespace_is_made_inside() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let filtered = lab.profile("");
        let unfiltered = lab.profile(NO_FILTER);
        let all = with_capability("CAP_SYS_ADMIN");
        let privileged = lab.profile(&all);
        for (attack, by_filter) in [
            ("unshare", "EPERM"),
            ("clone", "EPERM"),
            ("clone3", "ENOSYS"),
        ] {
            let attack = [attack, "user"];
            assert_eq!(lab.unguarded(&attack), "worked\n", "{attack:?} outside");
            assert_eq!(lab.attack(&filtered, &attack), by_filter, "{attack:?}");
            assert_eq!(lab.attack(&unfiltered, &attack), "ENOSPC", "{attack:?}");
            assert_eq!(lab.attack(&privileged, &attack), "ENOSPC", "{attack:?}");
        }
        let limit = "/proc/sys/user/max_user_namespaces";
        assert_eq!(lab.script(&unfiltered, &format!("cat {limit}")), "0\n");
        for profile in [&unfiltered, &privileged] {
            let raised = lab.attack(profile, &["overwrite", limit, "100"]);
            assert!(
                ["EROFS", "EACCES", "EPERM"].contains(&raised.as_str()),
                "{raised}"
            );
        }
        let own = "/proc/self/ns/user";
        assert_eq!(lab.attack(&filtered, &["setns", own]), "EPERM");
    }
}

#[test]
fn no_other_namespace_is_made_inside() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for kind in ["mount", "pid", "net", "ipc", "uts", "cgroup"] {
            for how in ["unshare", "clone"] {
                for profile in [lab.profile(""), lab.profile(NO_FILTER)] {
                    assert_eq!(lab.attack(&profile, &[how, kind]), "EPERM", "{how} {kind}");
                }
            }
            assert_eq!(lab.attack(&lab.profile(""), &["clone3", kind]), "ENOSYS");
        }
    }
}

#[test]
fn signals_and_umask_are_put_in_a_known_state() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let hostile =
            "umask 0; exec env --ignore-signal=HUP,PIPE,TERM --block-signal=USR1,INT,CHLD \"$@\"";
        let under = |command: &[String]| {
            let mut shell = lab.host("sh");
            finish(shell.args(["-c", hostile, "sh"]).args(command)).out
        };
        let unguarded = under(&["cat".to_owned(), "/proc/self/status".to_owned()]);
        for set in ["SigBlk", "SigIgn"] {
            assert_ne!(
                field(&unguarded, set),
                Some("0000000000000000"),
                "{set} outside"
            );
        }
        assert_eq!(field(&unguarded, "Umask"), Some("0000"));
        let mut up = vec![super::support::sandbox().to_str().unwrap().to_owned()];
        up.extend(lab.up_arguments(&lab.profile(""), &["cat", "/proc/self/status"]));
        let inside = under(&up);
        for set in ["SigBlk", "SigIgn"] {
            assert_eq!(
                field(&inside, set),
                Some("0000000000000000"),
                "{set}: {inside}"
            );
        }
        assert_eq!(field(&inside, "Umask"), Some("0022"));
        let own = lab.profile("command.umask = \"077\"");
        assert_eq!(lab.script(&own, "umask"), "0077\n");
    }
}
