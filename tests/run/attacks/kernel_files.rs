//! /proc and /sys: what would change or tell of the host, set-up that is misled, mounts that travel.

use std::fs;

use super::super::mounts::in_own_namespace;
use super::super::support::{Caller, Ended, Lab, finish, root_only, sandbox};
use super::{
    ALL_RIGHTS, NO_FILTER, all_are, inside, not_roots, outside, profile, profile_with, says,
};

/// What is opened and never written.
const SWITCHES: [&str; 22] = [
    "/proc/sysrq-trigger",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/hotplug",
    "/proc/sys/kernel/poweroff_cmd",
    "/proc/sys/kernel/usermodehelper/bset",
    "/proc/sys/kernel/randomize_va_space",
    "/proc/sys/kernel/unprivileged_bpf_disabled",
    "/proc/sys/kernel/perf_event_paranoid",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/vm/drop_caches",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sys/fs/protected_symlinks",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/user/max_user_namespaces",
    "/proc/irq/default_smp_affinity",
    "/sys/kernel/uevent_helper",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/power/state",
    "/sys/class/powercap/intel-rapl/enabled",
];

const SECRETS: [&str; 16] = [
    "/proc/kcore",
    "/proc/kallsyms",
    "/proc/kmsg",
    "/proc/keys",
    "/proc/timer_list",
    "/proc/sched_debug",
    "/proc/latency_stats",
    "/proc/vmallocinfo",
    "/proc/scsi/scsi",
    "/proc/acpi/wakeup",
    "/proc/iomem",
    "/sys/firmware/dmi/tables/DMI",
    "/sys/firmware/efi/efivars",
    "/sys/kernel/debug/sched",
    "/sys/kernel/tracing/trace",
    "/sys/class/powercap/intel-rapl:0/energy_uj",
];

/// The ways in which a profile can show /proc and /sys, with and without rights.
fn profiles(lab: &Lab) -> Vec<String> {
    let mut found = Vec::new();
    for system in [
        "",
        "system.proc = \"pids\"\n",
        "system.sys = \"read-only\"\n",
        "system.sys = \"read-only\"\nnetwork.mode = \"host\"\n",
    ] {
        for rest in ["", NO_FILTER, ALL_RIGHTS] {
            found.push(profile(
                lab,
                &format!("command.user = \"root\"\n{system}{rest}"),
            ));
        }
    }
    found
}

fn opens<'a>(way: &'a str, paths: &'a [&'a str]) -> Vec<[&'a str; 2]> {
    paths.iter().map(|path| [way, *path]).collect()
}

#[test]
fn attack_38_no_switch_of_the_kernel_opens() {
    let attacks = opens("open-write", &SWITCHES);
    let attacks: Vec<&[&str]> = attacks.iter().map(|attack| &attack[..]).collect();
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for profile in profiles(&lab) {
            let answers = inside(&lab, &profile, &attacks);
            all_are(
                &answers,
                &[
                    "refused EROFS",
                    "refused EACCES",
                    "refused ENOENT",
                    "refused EPERM",
                ],
            );
        }
        // Whatever else there is: nothing below opens for writing.
        let profile = profile(
            &lab,
            &format!("command.user = \"root\"\nsystem.sys = \"read-only\"\n{ALL_RIGHTS}"),
        );
        let found = inside(
            &lab,
            &profile,
            &[
                &["writable", "/proc/sys"],
                &["writable", "/sys/kernel"],
                &["writable", "/proc/irq"],
                &["writable", "/proc/fs"],
                &["descriptors"],
            ],
        );
        assert_eq!(found, ["0 1 2 "]);
    }
    if root_only("attack_38_no_switch_of_the_kernel_opens: unguarded") {
        let opened = outside(&Lab::new(Caller::Root), &attacks);
        let worked = opened
            .iter()
            .filter(|answer| answer.ends_with("worked"))
            .count();
        assert!(worked > 8, "for the host's root they open: {opened:?}");
    }
}

#[test]
fn cve_2020_8694_nothing_tells_of_the_host() {
    let attacks = opens("read", &SECRETS);
    let attacks: Vec<&[&str]> = attacks.iter().map(|attack| &attack[..]).collect();
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for profile in profiles(&lab) {
            for answer in inside(&lab, &profile, &attacks) {
                // /proc/iomem is there, and without the host's CAP_SYS_ADMIN all its addresses are zero.
                let is_blank = answer.trim_start().starts_with("00000000-00000000 :");
                assert!(answer.starts_with("read: refused") || is_blank, "{answer}");
            }
        }
    }
    if root_only("cve_2020_8694_nothing_tells_of_the_host: unguarded") {
        let lab = Lab::new(Caller::Root);
        let opened = outside(
            &lab,
            &[
                &["open-read", "/proc/kcore"],
                &["open-read", "/proc/kallsyms"],
                &["open-read", "/proc/timer_list"],
            ],
        );
        assert!(
            opened.iter().any(|answer| answer.ends_with("worked")),
            "{opened:?}"
        );
        assert_eq!(
            outside(&lab, &[&["read", "/proc/kallsyms"]]).len().min(99),
            99
        );
    }
}

/// A mount below the kernel's directories would lead what a start writes there to another file.
#[test]
fn cve_2025_62596_no_mount_of_the_profile_lies_below_proc() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.directory("work");
        for target in [
            "/proc",
            "/proc/self",
            "/proc/sys/kernel",
            "/proc/self/attr",
            "/proc/x",
            "/sys",
            "/sys/fs/cgroup",
            "/dev",
            "/dev/shm",
            "/dev/pts/x",
            "/",
            "//proc/sys",
            "/./proc",
        ] {
            for mount in [
                format!("tmpfs = \"{target}\""),
                format!("bind = \"{}\"\ntarget = \"{target}\"", lab.text("work")),
                format!("volume = \"data\"\ntarget = \"{target}\""),
            ] {
                let text = profile(&lab, &format!("[[mount]]\n{mount}\n"));
                let file = lab.file("profile.toml", &text);
                let check = finish(lab.host(sandbox()).arg("check").arg(&file));
                assert_eq!(check.code(), 1, "{mount}: {check:?}");
                assert!(check.err.contains("profile.toml:"), "{check:?}");
                let up = lab.run(&text, &["/probe", "ids"]);
                assert_eq!((up.code(), up.out.as_str()), (125, ""), "{mount}: {up:?}");
            }
        }
    }
}

/// Runs a script in mounts of its own, and the sandbox at its end.
fn in_own_mounts(lab: &Lab, script: &str, profile: &str, command: &[&str]) -> Ended {
    let mut unshare = in_own_namespace(lab);
    unshare.args(["sh", "-c", script, "sh"]).arg(sandbox());
    finish(unshare.args(lab.up_arguments(profile, command)))
}

/// Whatever covers the host's /proc: a start writes to procfs or not at all, and runs only with what it wrote.
#[test]
fn cve_2025_52881_writes_to_proc_reach_proc_or_nothing() {
    let watched = [
        "/proc/sys/user/max_user_namespaces",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
    ];
    let before = watched.map(|path| fs::read_to_string(path).unwrap());
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let fake = "mkdir -p fake/self fake/sys/user fake/thread-self && : > fake/self/uid_map && : > fake/self/gid_map && \
                    : > fake/self/setgroups && : > fake/sys/user/max_user_namespaces && cp -a fake/self fake/1";
        for (cover, may_start) in [
            (format!("{fake} && mount --bind fake /proc"), false),
            ("mount -t tmpfs none /proc".to_owned(), false),
            ("mount -t tmpfs none /proc/sys/user".to_owned(), true),
            (
                ": > file && mount --bind file /proc/sys/user/max_user_namespaces".to_owned(),
                true,
            ),
            (
                ": > file && mount --bind file /proc/self/uid_map".to_owned(),
                true,
            ),
            (
                "mount --bind /proc/sys/kernel /proc/sys/user".to_owned(),
                true,
            ),
            (
                "mount --bind /proc/sys/kernel/core_pattern /proc/sys/user/max_user_namespaces"
                    .to_owned(),
                true,
            ),
        ] {
            let script = format!("set -e; {cover}; exec \"$@\"");
            for system in ["private", "pids"] {
                let profile = profile(&lab, &format!("system.proc = \"{system}\"\n{NO_FILTER}"));
                let ended = in_own_mounts(
                    &lab,
                    &script,
                    &profile,
                    &["/probe", "unshare", "user", "--", "stat", "/proc"],
                );
                assert!(!ended.err.contains("mount:"), "{cover}: {ended:?}");
                assert!(
                    ended.code() == 125 || may_start && ended.code() == 0,
                    "{caller:?} {cover}: {ended:?}"
                );
                if ended.code() == 0 {
                    assert!(
                        ended.out.starts_with("unshare: refused ENOSPC\n"),
                        "{cover}: {ended:?}"
                    );
                    assert!(ended.out.ends_with(" 9fa0\n"), "{cover}: {ended:?}");
                }
                for file in [
                    "fake/self/uid_map",
                    "fake/self/setgroups",
                    "fake/sys/user/max_user_namespaces",
                    "file",
                ] {
                    let text = fs::read_to_string(lab.path("work").join(file)).unwrap_or_default();
                    assert_eq!(text, "", "{cover}: {file} was written");
                }
            }
        }
    }
    let after = watched.map(|path| fs::read_to_string(path).unwrap());
    assert_eq!(before, after);
}

/// What is mounted on the host is the same before, during and after, where everything is shared.
#[test]
fn attack_39_no_mount_travels_out() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.directory("work/in");
        not_roots(&lab);
        let look = "cat /proc/self/mountinfo > before; \"$@\" > inside 2>&1; echo $? > code; cat /proc/self/mountinfo > after; \
                    mount -t tmpfs none in; cat /proc/self/mountinfo > control";
        let script = format!("mount --bind . .; cd .; mount --make-rshared .; {look}");
        let mounts = format!(
            "{}[[mount]]\ntmpfs = \"/w/in\"\n[[mount]]\ntmpfs = \"/t\"\n",
            super::work(&lab, "rw")
        );
        let text = profile(&lab, &format!("{ALL_RIGHTS}{mounts}"));
        let attacks = [
            "/probe",
            "mount-tmpfs",
            "/w",
            "--",
            "mount-shared",
            "/w",
            "--",
            "mount-bind",
            "/t",
            "/w",
            "--",
            "umount",
            "/w/in",
        ];
        let ended = in_own_mounts(&lab, &script, &text, &attacks);
        let read = |name: &str| fs::read_to_string(lab.path("work").join(name)).unwrap();
        assert_eq!(read("code"), "0\n", "{ended:?} {}", read("inside"));
        assert!(
            read("inside").contains("mount-tmpfs: worked"),
            "{}",
            read("inside")
        );
        assert_eq!(read("before"), read("after"));
        assert_ne!(read("after"), read("control"), "a mount would be seen");
        assert!(read("before").contains(" shared:"));
    }
}

/// A second /proc or /sys would show what the first masks.
#[test]
fn rule_12_no_second_proc_is_mounted() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let mounts: [&[&str]; 5] = [
            &["mount-proc", "/etc"],
            &["mount-sysfs", "/etc"],
            &["fsopen", "proc", "/etc"],
            &["fsopen", "sysfs", "/etc"],
            &["umount", "/proc/kallsyms"],
        ];
        let capable = "security.capabilities = [\"CAP_SYS_ADMIN\"]\n";
        all_are(
            &inside(&lab, &profile(&lab, capable), &mounts),
            &["refused EPERM"],
        );
        all_are(
            &inside(&lab, &profile(&lab, NO_FILTER), &mounts),
            &["refused EPERM"],
        );
        // Masks cannot be taken away by who may mount, and names of /proc that a tree brought are gone.
        let sources = ", { file = \"/proc/planted\", text = \"x\" }";
        let planted = profile_with(&lab, sources, "");
        let ended = lab.run(&planted, &["/probe", "read", "/proc/planted"]);
        assert!(
            ended.code() == 125 || ended.out.contains("refused ENOENT"),
            "{ended:?}"
        );
        let listed = says(&lab, &profile(&lab, ""), &["stat", "/proc/kallsyms"]);
        assert!(
            listed.starts_with("file 0 ") || listed.contains("refused"),
            "{listed}"
        );
    }
}
