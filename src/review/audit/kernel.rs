//! What of the kernel's code the program reaches: system calls, capabilities, its file systems.

use crate::diag::At;
use crate::model::{Capability, CgroupMount, OnDeny, SeccompPolicy, SysMount};
use crate::plan::Landlock;

use super::score::{Dimension, Weight};
use super::{Found, Rule, Subject};

/// The filter, capabilities, views of the host.
pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "audit.seccomp-none",
        dimension: Dimension::Kernel,
        weight: Weight::tenths(50),
        title: "no system-call filter",
        why: "most ways out of sandboxes were mistakes in system calls that ordinary programs never make: \
              namespaces of its own, io_uring, bpf, keyrings",
        judge: seccomp_none,
    },
    Rule {
        code: "audit.nested-namespaces",
        dimension: Dimension::Kernel,
        weight: Weight::tenths(50),
        title: "namespaces and mounts of the program's own",
        why: "in a user namespace of its own the program has every capability: most ways from a user to root \
              of the last years began so",
        judge: nested_namespaces,
    },
    Rule {
        code: "audit.no-landlock",
        dimension: Dimension::Kernel,
        weight: Weight::tenths(5),
        title: "no second wall behind the mounts",
        why: "a mistake in the mounts, or a descriptor that leads out, has nothing behind it",
        judge: no_landlock,
    },
    Rule {
        code: "audit.capability",
        dimension: Dimension::Kernel,
        weight: Weight::tenths(50),
        title: "a kept capability",
        why: "it counts over the sandbox's own namespaces only, but opens code of the kernel that was \
              written for root",
        judge: capability,
    },
    Rule {
        code: "audit.capability-over-host",
        dimension: Dimension::Kernel,
        weight: Weight::tenths(90),
        title: "a capability over the host",
        why: "without a user namespace it is the host's own: most lead to root in one step",
        judge: capability_over_host,
    },
    Rule {
        code: "audit.sys-shown",
        dimension: Dimension::Kernel,
        weight: Weight::tenths(3),
        title: "the host's /sys",
        why: "it names hardware, serial numbers and addresses by which the host is known again",
        judge: sys_shown,
    },
    Rule {
        code: "audit.cgroup-shown",
        dimension: Dimension::Kernel,
        weight: Weight::tenths(1),
        title: "the sandbox's control group",
        why: "the program learns its limits and how far it is from them",
        judge: cgroup_shown,
    },
];

/// What a capability over the sandbox's own namespaces weighs, and what it opens.
const CAPABILITIES: &[(&str, u8, &str)] = &[
    (
        "CAP_SYS_ADMIN",
        50,
        "mounts, namespaces and a hundred other things",
    ),
    ("CAP_BPF", 40, "the kernel's compiler and verifier"),
    (
        "CAP_NET_ADMIN",
        30,
        "firewalls, routes and traffic control: the code with most mistakes of all",
    ),
    (
        "CAP_PERFMON",
        30,
        "performance counters, which tell of other processes",
    ),
    (
        "CAP_SYS_MODULE",
        30,
        "kernel modules; the kernel asks for it over the host, and nothing else",
    ),
    (
        "CAP_SYS_RAWIO",
        30,
        "memory and ports; the kernel asks for it over the host, and nothing else",
    ),
    (
        "CAP_SYS_PTRACE",
        20,
        "every process of the sandbox, whoever's it is",
    ),
    (
        "CAP_SYS_BOOT",
        10,
        "a reboot of the sandbox's own processes",
    ),
    (
        "CAP_SYS_CHROOT",
        10,
        "other root directories, and leaving a chroot",
    ),
    (
        "CAP_MKNOD",
        10,
        "device nodes, which do not work on the sandbox's mounts",
    ),
    (
        "CAP_NET_RAW",
        10,
        "raw packets of other programs on the same network",
    ),
    (
        "CAP_DAC_READ_SEARCH",
        10,
        "every file, whatever its mode, and handles of files",
    ),
    ("CAP_DAC_OVERRIDE", 6, "every file, whatever its mode"),
    ("CAP_SETUID", 5, "other users of the sandbox"),
    ("CAP_SETGID", 5, "other groups of the sandbox"),
    ("CAP_SETPCAP", 5, "capabilities of other processes"),
    ("CAP_SETFCAP", 5, "capabilities of files"),
    ("CAP_CHOWN", 4, "owners of files"),
    ("CAP_FOWNER", 4, "modes of files of others"),
    ("CAP_IPC_OWNER", 4, "shared memory of others"),
    ("CAP_KILL", 2, "signals to every process of the sandbox"),
    (
        "CAP_NET_BIND_SERVICE",
        1,
        "ports below 1024 of the sandbox's own network",
    ),
];

/// What one weighs that the table does not name.
const OTHER: (u8, &str) = (10, "what the kernel keeps for root");

/// Over the host these do not lead to root.
const HARMLESS: &[&str] = &[
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_WAKE_ALARM",
];

fn seccomp_none(subject: &Subject<'_>) -> Vec<Found> {
    if subject.settings.seccomp.value != SeccompPolicy::None {
        return Vec::new();
    }
    let seccomp = &subject.settings.seccomp;
    let message = "the program may make every system call, but makes no set-id file";
    let fix = "leave `seccomp = \"none\"` out: the default policy runs ordinary programs";
    vec![Found::new(&seccomp.origin, message, fix)]
}

/// Whether the program may make every system call.
pub(super) fn is_unfiltered(subject: &Subject<'_>) -> bool {
    let settings = subject.settings;
    let refuses_nothing = settings.syscalls.on_deny.value == OnDeny::Log;
    settings.seccomp.value == SeccompPolicy::None || refuses_nothing
}

fn nested_namespaces(subject: &Subject<'_>) -> Vec<Found> {
    let nested = &subject.settings.nested_userns;
    if !nested.value.is_on() {
        return Vec::new();
    }
    let message = "the program may make namespaces and mounts of its own";
    let fix = "leave `nested_userns` out, where the program has no sandbox of its own to make";
    vec![Found::new(&nested.origin, message, fix)]
}

/// With namespaces of the program's own there is none: that is told as worse.
fn no_landlock(subject: &Subject<'_>) -> Vec<Found> {
    let landlock = &subject.settings.landlock;
    if landlock.value != Landlock::Off || subject.settings.nested_userns.value.is_on() {
        return Vec::new();
    }
    let message = "nothing but the mounts keeps the program from the host's files";
    vec![Found::new(
        &landlock.origin,
        message,
        "leave `landlock = false` out",
    )]
}

fn capability(subject: &Subject<'_>) -> Vec<Found> {
    if !subject.settings.namespaces.user.value.is_on() {
        return Vec::new();
    }
    subject.settings.capabilities.iter().map(inside).collect()
}

fn inside(kept: &At<Capability>) -> Found {
    let name = kept.value.to_string();
    let known = CAPABILITIES.iter().find(|(known, ..)| *known == name);
    let (weight, opens) = known.map_or(OTHER, |(_, weight, opens)| (*weight, opens));
    let message = format!("the program keeps `{name}`: {opens}");
    let fix = match name.as_str() {
        "CAP_NET_BIND_SERVICE" => "leave it out, and let the program listen on a port from 1024 on",
        _ => "leave it out; try the program without it",
    };
    Found::new(&kept.origin, message, fix).weighing(Weight::tenths(weight))
}

fn capability_over_host(subject: &Subject<'_>) -> Vec<Found> {
    if subject.settings.namespaces.user.value.is_on() {
        return Vec::new();
    }
    let kept = subject.settings.capabilities.iter();
    let found = kept.map(|kept| {
        let name = kept.value.to_string();
        let message = format!("the program keeps `{name}` over the host itself");
        let fix = "leave it out, or leave `user = false` under `[namespaces]` out";
        let found = Found::new(&kept.origin, message, fix);
        match HARMLESS.contains(&name.as_str()) {
            true => found.weighing(Weight::tenths(10)),
            false => found,
        }
    });
    found.collect()
}

fn sys_shown(subject: &Subject<'_>) -> Vec<Found> {
    let sys = &subject.settings.system.sys;
    match sys.value {
        SysMount::None => Vec::new(),
        SysMount::ReadOnly => vec![Found::new(
            &sys.origin,
            "the program sees the host's `/sys`",
            "leave `sys` out, where the program does not look for hardware",
        )],
    }
}

fn cgroup_shown(subject: &Subject<'_>) -> Vec<Found> {
    let cgroup = &subject.settings.system.cgroup;
    match cgroup.value {
        CgroupMount::None => Vec::new(),
        CgroupMount::ReadOnly => vec![Found::new(
            &cgroup.origin,
            "the program sees its own control group",
            "leave `cgroup` out, where the program does not look at its limits",
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_of_the_table_exists_and_none_outweighs_its_rule() {
        for (name, weight, _) in CAPABILITIES {
            assert!(name.parse::<Capability>().is_ok(), "{name}");
            assert!(*weight <= 50, "{name}");
        }
        for name in HARMLESS {
            assert!(name.parse::<Capability>().is_ok(), "{name}");
        }
    }
}
