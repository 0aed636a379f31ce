//! Why a path below /proc, /sys and /dev can be used.

use crate::diag::Origin;
use crate::model::host_sockets::below;
use crate::model::{CgroupMount, PathUse, ProcMount, SysMount};
use crate::plan::{DEVICES, PROC_MASKS, PROC_SEALS, SYS_MASKS, Settings, Terminal};
use crate::review::diff::matches;

use super::{Answer, Rule, Verdict, rules};

/// Of the kernel, and readable by everybody (proc(5)).
const PUBLIC: [&str; 27] = [
    "buddyinfo",
    "cgroups",
    "cmdline",
    "consoles",
    "cpuinfo",
    "crypto",
    "devices",
    "diskstats",
    "dma",
    "execdomains",
    "fb",
    "filesystems",
    "ioports",
    "key-users",
    "loadavg",
    "locks",
    "meminfo",
    "misc",
    "modules",
    "partitions",
    "softirqs",
    "stat",
    "swaps",
    "sys",
    "uptime",
    "version",
    "vmstat",
];

/// What a process may write of itself, as far as the kernel lets it.
const OWN: [&str; 12] = [
    "attr",
    "autogroup",
    "clear_refs",
    "comm",
    "coredump_filter",
    "cwd",
    "fd",
    "mem",
    "oom_score_adj",
    "root",
    "task",
    "timerslack_ns",
];

/// What was decided when its namespaces were made, and needs rights over them.
const MAPS: [&str; 4] = ["gid_map", "projid_map", "setgroups", "uid_map"];

fn default(verdict: Verdict, rule: &'static Rule, message: impl Into<String>) -> Answer {
    Answer::new(verdict, rule, message, &Origin::Default)
}

/// Nothing of the kernel's file systems is a program.
fn no_program(top: &str) -> Answer {
    let message = format!("`{top}` is mounted with `noexec`");
    default(Verdict::Denied, rules::NO_EXEC, message)
}

pub(super) fn of_proc(settings: &Settings, path: &str, using: PathUse) -> Answer {
    let proc = &settings.system.proc;
    let origin = &proc.origin;
    let answer = |verdict, rule, message: &str| Answer::new(verdict, rule, message, origin);
    if proc.value == ProcMount::None {
        return answer(Verdict::Denied, rules::PROC, "there is no `/proc`");
    }
    let rest = below(path, "/proc").unwrap_or_default();
    let (first, inner) = rest.split_once('/').unwrap_or((rest, ""));
    // A magic link is followed to the file, whose own mount counts.
    let magic = ["exe", "cwd/", "root/", "fd/", "map_files/"];
    if using == PathUse::Execute && !magic.iter().any(|link| inner.starts_with(link)) {
        return no_program("/proc");
    }
    match first {
        "" if using == PathUse::Write => answer(
            Verdict::Denied,
            rules::PROC,
            "nothing can be made in `/proc`",
        ),
        "" => answer(
            Verdict::Allowed,
            rules::PROC,
            "`/proc` lists the sandbox's own processes",
        ),
        "self" | "thread-self" => of_itself(settings, inner, using),
        pid if pid.starts_with(|c: char| c.is_ascii_digit()) => answer(
            Verdict::Depends,
            rules::PROC,
            "it is of a process of the sandbox, if that is one of the program's own user",
        ),
        _ if proc.value == ProcMount::Pids => answer(
            Verdict::Denied,
            rules::PROC,
            "`/proc` shows processes alone",
        ),
        _ => of_host(settings, first, using),
    }
}

/// What is of the process that asks.
fn of_itself(settings: &Settings, inner: &str, using: PathUse) -> Answer {
    let origin = &settings.system.proc.origin;
    let answer = |verdict, message: &str| Answer::new(verdict, rules::PROC, message, origin);
    let name = inner.split('/').next().unwrap_or_default();
    match (using, name) {
        (PathUse::Execute, _) | (_, "fd" | "cwd" | "root" | "map_files")
            if inner != name || name == "exe" =>
        {
            answer(
                Verdict::Depends,
                "it is what the process has there: ask about the path that this is",
            )
        }
        (PathUse::Write, name) if MAPS.contains(&name) => answer(
            Verdict::Denied,
            "the ids of its namespaces were mapped before it started",
        ),
        (PathUse::Write, name) if OWN.contains(&name) => answer(
            Verdict::Depends,
            "it is of the process itself, as far as the kernel lets it",
        ),
        (PathUse::Write, _) => answer(
            Verdict::Denied,
            "a process reads this of itself, and cannot write it",
        ),
        _ => answer(Verdict::Allowed, "it is of the process itself"),
    }
}

/// What is of the kernel that all share.
fn of_host(settings: &Settings, first: &str, using: PathUse) -> Answer {
    let proc = &settings.system.proc;
    let answer = |verdict, rule, message: String| Answer::new(verdict, rule, message, &proc.origin);
    // With namespaces of its own for the program, modes hold what masks and seals do elsewhere.
    let guarded = !settings.nested_userns.value.is_on();
    let mapped = settings.namespaces.user.value.is_on();
    if guarded && PROC_MASKS.contains(&first) {
        let message = format!("something empty lies over `/proc/{first}`, which tells of the host");
        return answer(Verdict::Denied, rules::PROC_MASKED, message);
    }
    match using {
        PathUse::Write if guarded && PROC_SEALS.contains(&first) => {
            let message = format!("`/proc/{first}` is mounted read-only: it changes the host");
            answer(Verdict::Denied, rules::PROC_SEALED, message)
        }
        PathUse::Write if mapped => {
            let message = "only root of the host may write it, who is nobody inside".to_owned();
            answer(Verdict::Denied, rules::PROC, message)
        }
        PathUse::Write => {
            let message = "without a user namespace its mode decides".to_owned();
            answer(Verdict::Depends, rules::PROC, message)
        }
        _ if PUBLIC.contains(&first) && first != "sys" => {
            let message = "the kernel tells it to everybody".to_owned();
            answer(Verdict::Allowed, rules::PROC, message)
        }
        _ => {
            let message = "if this kernel has it, and its mode lets everybody read it".to_owned();
            answer(Verdict::Depends, rules::PROC, message)
        }
    }
}

pub(super) fn of_sys(settings: &Settings, path: &str, using: PathUse) -> Answer {
    let (sys, cgroup) = (&settings.system.sys, &settings.system.cgroup);
    let groups = "/sys/fs/cgroup";
    let shows_groups = cgroup.value == CgroupMount::ReadOnly;
    let of_groups = below(path, groups).is_some() && shows_groups;
    let on_the_way = shows_groups && below(groups, path).is_some();
    let origin = if of_groups {
        &cgroup.origin
    } else {
        &sys.origin
    };
    let answer = |verdict, rule, message: &str| Answer::new(verdict, rule, message, origin);
    if sys.value == SysMount::None && !of_groups {
        return match on_the_way && using == PathUse::Read {
            true => Answer::new(
                Verdict::Allowed,
                rules::WAY,
                format!("it is on the way to `{groups}`"),
                &cgroup.origin,
            ),
            false => answer(Verdict::Denied, rules::SYS, "there is no `/sys`"),
        };
    }
    let masked = || {
        SYS_MASKS
            .iter()
            .find(|mask| below(path, &format!("/sys/{mask}")).is_some())
    };
    match (using, masked()) {
        (PathUse::Execute, _) => no_program("/sys"),
        (PathUse::Write, _) if of_groups => answer(
            Verdict::Denied,
            rules::GROUPS,
            "the control groups are shown read-only",
        ),
        (PathUse::Write, _) => answer(Verdict::Denied, rules::SYS, "`/sys` is read-only"),
        (PathUse::Read, _) if of_groups => answer(
            Verdict::Depends,
            rules::GROUPS,
            "it shows the sandbox's own groups, as this kernel has them",
        ),
        (PathUse::Read, Some(mask)) => {
            let message = format!("something empty lies over `/sys/{mask}`");
            answer(Verdict::Denied, rules::SYS_MASKED, &message)
        }
        (PathUse::Read, None) if path == "/sys" => {
            answer(Verdict::Allowed, rules::SYS, "`/sys` is shown")
        }
        (PathUse::Read, None) => answer(
            Verdict::Depends,
            rules::SYS,
            "if this kernel has it, and its mode lets everybody read it",
        ),
    }
}

pub(super) fn of_dev(settings: &Settings, path: &str, using: PathUse) -> Answer {
    let system = &settings.system;
    let is_in = |top: &str| below(path, top).is_some();
    if is_in("/dev/shm") {
        let message = format!(
            "it lies in shared memory of the sandbox's own, up to {}",
            system.shm.value
        );
        return Answer::new(Verdict::Allowed, rules::MEMORY, message, &system.shm.origin);
    }
    if using == PathUse::Execute {
        return no_program("/dev");
    }
    let mut devices = system.devices.iter();
    let named =
        devices.find(|at| matches(at.value.path.as_str(), path) || is_in(at.value.path.as_str()));
    if let Some(device) = named {
        let message = "it is a device of the host, if it is there and its mode lets the program";
        return Answer::new(Verdict::Depends, rules::DEVICE, message, &device.origin);
    }
    if is_in("/dev/mqueue") && system.mqueue.value.is_on() {
        let message = "the sandbox's own message queues are shown";
        return Answer::new(Verdict::Allowed, rules::DEV, message, &system.mqueue.origin);
    }
    if let Some((top, _)) = DEVICES.iter().find(|(top, _)| is_in(top)) {
        return of_usual(settings, path, top, using);
    }
    match path {
        "/dev" if using == PathUse::Write => default(
            Verdict::Denied,
            rules::DEV,
            "nothing can be added to `/dev`",
        ),
        "/dev" | "/dev/pts" | "/dev/pts/ptmx" => {
            default(Verdict::Allowed, rules::DEV, "every sandbox has it")
        }
        path if below(path, "/dev/pts").is_some() => {
            let message = "it is a terminal of the sandbox's own, if one was opened";
            default(Verdict::Depends, rules::DEV, message)
        }
        "/dev/console" => of_console(settings),
        _ => default(
            Verdict::Denied,
            rules::DEVICE,
            "`system.dev` does not name it",
        ),
    }
}

/// The six that are always there.
fn of_usual(settings: &Settings, path: &str, top: &str, using: PathUse) -> Answer {
    if path != top {
        let message = format!("`{top}` is a device: nothing lies below it");
        return default(Verdict::Denied, rules::DEVICE, message);
    }
    match (top, using) {
        ("/dev/full", PathUse::Write) => default(
            Verdict::Denied,
            rules::DEVICE,
            "every sandbox has it, and each write fails with ENOSPC",
        ),
        ("/dev/tty", _) => {
            let message = "every sandbox has it, and it opens where the program has a terminal that controls it";
            let terminal = &settings.command.terminal;
            Answer::new(Verdict::Depends, rules::DEVICE, message, &terminal.origin)
        }
        _ => default(Verdict::Allowed, rules::DEVICE, "every sandbox has it"),
    }
}

/// Only as the terminal of the sandbox's own (CVE-2025-52565).
fn of_console(settings: &Settings) -> Answer {
    let terminal = &settings.command.terminal;
    let (verdict, message) = match terminal.value {
        Terminal::Own => (Verdict::Allowed, "it is the terminal of the sandbox's own"),
        Terminal::Inherited => (
            Verdict::Depends,
            "it is the terminal of the sandbox's own, where it has one",
        ),
    };
    Answer::new(verdict, rules::DEV, message, &terminal.origin)
}
