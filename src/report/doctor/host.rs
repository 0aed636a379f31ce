//! What the host says of itself.

use crate::model::{
    Capability, CgroupFacts, CgroupVersion, Hierarchy, KeyQuota, LandlockAbi, Place, RlimitValue,
    Room, Surroundings, Switch,
};
use crate::plan::{Landlock, Plan};

use super::{Examined, Finding, Group, State, told};

/// Below this a tree of some size does not fit.
const LITTLE_SPACE: u64 = 256 << 20;

/// A tree of a language has some thousands.
const FEW_FILES: u64 = 10_000;

/// Below this many open files a start may fail.
const FEW_DESCRIPTORS: u64 = 128;

/// A user with so few processes cannot start a program with threads.
const FEW_PROCESSES: u64 = 64;

/// A sandbox has one of most kinds, and its program may not be the only one.
const FEW_NAMESPACES: u64 = 16;

/// What root needs of its own rights for a start (capabilities(7)): its numbers.
const OF_ROOT: [u8; 4] = [6, 7, 8, 21];

pub(super) fn findings(examined: Examined<'_>) -> Vec<Finding> {
    let of = examined.surroundings;
    let told = [landlock(examined), namespace_limits(examined)];
    let told = told.into_iter().map(|one| one.map(Finding::of_nobody));
    let mut findings: Vec<Option<Finding>> = told.collect();
    findings.push(memory_files(examined));
    findings.extend(of.places.iter().map(|place| self::place(place, examined)));
    if examined.profile.is_none() {
        let all = [
            modules(examined),
            Some(layout(&of.cgroups)),
            manager(examined),
            tracing(of),
            capabilities(of),
            new_privileges(of),
            keys(of),
            limits(of),
            devices(of),
        ];
        findings.push(kernel(examined));
        findings.extend(all.map(|one| one.map(Finding::of_nobody)));
    }
    findings.into_iter().flatten().collect()
}

fn plan<'a>(examined: &Examined<'a>) -> Option<&'a Plan> {
    examined.rehearsals.iter().find_map(|one| one.plan.as_ref())
}

/// Which version there is, and what it lacks.
fn landlock(examined: Examined<'_>) -> Option<Finding> {
    let wanted = plan(&examined).map(|plan| plan.settings.landlock.value);
    if wanted == Some(Landlock::Off) {
        return None;
    }
    let abi = examined.surroundings.landlock;
    let name = "landlock";
    if !abi.is_usable() {
        let told = no_landlock(examined.surroundings);
        return Some(Finding::bad(Group::Program, name, State::Degraded, told));
    }
    let lacks = abi.lacks();
    if lacks.is_empty() {
        let found = format!("version {} of the kernel's interface", abi.0);
        return Some(Finding::ok(Group::Program, name, Some(found)));
    }
    let since = |right: &&str| match *right {
        "truncate" => "`truncate` (Linux 6.2)".to_owned(),
        "ioctl_dev" => "`ioctl_dev` (6.10)".to_owned(),
        scope => format!("`{scope}` (6.12)"),
    };
    let lacks: Vec<String> = lacks.iter().map(since).collect();
    let reason = format!(
        "version {} of the kernel's interface lacks {}: there it is no second wall",
        abi.0,
        lacks.join(", ")
    );
    let told = told("host.landlock-old", reason, "use Linux 6.12 or newer");
    Some(Finding::bad(Group::Program, name, State::Degraded, told))
}

fn no_landlock(of: &Surroundings) -> super::Told {
    let lost = "sandboxes start without this second wall";
    let (reason, help) = match &of.security_modules {
        _ if of.landlock > LandlockAbi::NONE => (
            format!(
                "version {} of the kernel's interface forbids every rename between directories",
                of.landlock.0
            ),
            "use Linux 5.19 or newer".to_owned(),
        ),
        Some(on) if !on.iter().any(|name| name == "landlock") => (
            format!(
                "`landlock` is not in `/sys/kernel/security/lsm`, which is `{}`",
                on.join(",")
            ),
            format!(
                "boot a kernel of 5.19 or newer with `lsm=landlock,{}` on its command line",
                on.join(",")
            ),
        ),
        _ => (
            "this kernel has no Landlock, or it was not switched on".to_owned(),
            "use Linux 5.19 or newer with `landlock` in `lsm=` on its command line".to_owned(),
        ),
    };
    told("host.landlock-missing", format!("{reason}; {lost}"), help)
}

/// Small limits that still let one sandbox start.
fn namespace_limits(examined: Examined<'_>) -> Option<Finding> {
    let limits = examined.host.namespace_limits.iter();
    let few = limits.filter(|(_, limit)| (1..FEW_NAMESPACES).contains(limit));
    let few: Vec<String> = few
        .map(|(name, limit)| format!("`user.{name}` is {limit}"))
        .collect();
    let first = few.first()?;
    let name = first.split('`').nth(1).unwrap_or_default();
    let told = told(
        "host.few-namespaces",
        format!("{}: so few sandboxes run side by side", few.join(", ")),
        format!("run `sysctl {name}=10000` as root, and so for each"),
    );
    let name = "namespace limits";
    Some(Finding::bad(Group::Isolation, name, State::Degraded, told))
}

/// A start takes one key, its session keyring: where none is to be had, its trial says so.
fn keys(of: &Surroundings) -> Option<Finding> {
    let KeyQuota { used, most } = of.keys?;
    let found = format!("{used} of {most} used");
    (used < most).then(|| Finding::ok(Group::Host, "keys", Some(found)))
}

/// The launcher's sealed copy, which runs where Landlock does not.
fn memory_files(examined: Examined<'_>) -> Option<Finding> {
    let mode = examined.surroundings.memfd_noexec?;
    let enforced =
        plan(&examined).is_none_or(|plan| plan.settings.landlock.value.enforced().is_some());
    match (mode, enforced) {
        (2.., false) => Some(Finding::bad(
            Group::Program,
            "sealed copy",
            State::Missing,
            told(
                "launch.sealed",
                format!(
                    "`vm.memfd_noexec` is {mode}, so that nothing runs from memory; without Landlock the \
                     launcher does"
                ),
                "keep Landlock on, or run `sysctl vm.memfd_noexec=1` as root",
            ),
        )),
        _ => None,
    }
}

fn place(place: &Place, examined: Examined<'_>) -> Option<Finding> {
    let Place {
        role,
        path,
        there,
        kind,
        writable,
        room,
    } = place;
    let keeps = plan(&examined).is_some_and(|plan| plan.kept().next().is_some());
    if *role == "kept data" && examined.profile.is_some() && !keeps {
        return None;
    }
    let shown = path.display();
    let needed = |finding: Finding| match *role == "kept data" && !keeps {
        true => finding.of_nobody(),
        false => finding,
    };
    if !writable.is_on() {
        let state = match *role == "kept data" && !keeps {
            true => State::Degraded,
            false => State::Missing,
        };
        let reason = match path == there {
            true => format!("`{shown}` is not writable for this user"),
            false => format!(
                "`{shown}` cannot be made: `{}` is not writable for this user",
                there.display()
            ),
        };
        let help = format!(
            "let `{shown}` be a directory of this user's, or set {}",
            variable(role)
        );
        let told = told("host.place-closed", reason, help);
        return Some(needed(Finding::bad(Group::Host, role, state, told)));
    }
    let kind = kind.as_deref().unwrap_or("a file system");
    if let (Some(short), true) = (room.and_then(short), *role != "runtime directory") {
        let told = told(
            "host.place-full",
            format!("`{shown}`, on {kind}, has {short} free"),
            match *role {
                "store" => "free some: `sandbox gc` removes trees that nobody uses".to_owned(),
                _ => format!("free some, or set {}", variable(role)),
            },
        );
        return Some(needed(Finding::bad(
            Group::Host,
            role,
            State::Degraded,
            told,
        )));
    }
    let free = room.map_or(String::new(), |room| {
        format!(", {} free", amount(room.bytes))
    });
    let found = Some(format!("{shown} on {kind}{free}"));
    Some(needed(Finding::ok(Group::Host, role, found)))
}

fn variable(role: &str) -> &'static str {
    match role {
        "store" => "`XDG_CACHE_HOME`",
        "kept data" => "`XDG_DATA_HOME`",
        _ => "`XDG_RUNTIME_DIR`",
    }
}

/// What there is too little of.
fn short(room: Room) -> Option<String> {
    let Room { bytes, files } = room;
    if bytes < LITTLE_SPACE {
        return Some(format!("only {}", amount(bytes)));
    }
    let files = files.filter(|files| *files < FEW_FILES)?;
    Some(format!("room for only {files} files (inodes)"))
}

fn amount(bytes: u64) -> String {
    match bytes >> 20 {
        mebi @ 0..10_240 => format!("{mebi} MiB"),
        mebi => format!("{} GiB", mebi >> 10),
    }
}

/// The least release with every call that a start makes (mount_setattr(2)).
fn kernel(examined: Examined<'_>) -> Option<Finding> {
    let found = &examined.surroundings.kernel;
    if !examined.host.is_older_than((5, 12)) {
        return Some(Finding::ok(Group::Host, "kernel", Some(found.clone())));
    }
    let told = told(
        "host.kernel-too-old",
        format!("Linux {found} lacks mount_setattr(2), by which all mounts are made read-only"),
        "use Linux 5.12 or newer",
    );
    Some(Finding::bad(Group::Host, "kernel", State::Missing, told))
}

/// Which security modules are on, and the profile that confines this process.
fn modules(examined: Examined<'_>) -> Option<Finding> {
    let on = examined.surroundings.security_modules.as_ref()?;
    let mut found = on.join(", ");
    if let Some(profile) = examined.host.apparmor_profile.as_deref()
        && examined.host.is_confined()
    {
        found += &format!("; AppArmor confines this process as `{profile}`");
    }
    if examined.host.selinux == Some(Switch::On) {
        found += "; SELinux enforces";
    }
    Some(Finding::ok(Group::Host, "security modules", Some(found)))
}

/// Which hierarchies there are, and the own group.
fn layout(groups: &CgroupFacts) -> Finding {
    let v1 = groups.hierarchies.iter();
    let v1: Vec<&str> = v1
        .filter(|one| one.version == CgroupVersion::V1)
        .flat_map(|one| one.controllers.iter().map(String::as_str))
        .collect();
    let v2 = groups.unified();
    let found = match (v1.is_empty(), v2) {
        (true, None) => {
            let told = told(
                "host.no-cgroups",
                "no control groups are mounted where this process's own can be seen",
                "mount cgroup2 at /sys/fs/cgroup, or let the container runtime show it",
            );
            return Finding::bad(Group::Limits, "cgroups", State::Degraded, told);
        }
        (true, Some(v2)) => format!("version 2; {}", own(v2)),
        (false, None) => format!("version 1: {}", v1.join(", ")),
        (false, Some(v2)) => format!("version 1: {}; and version 2: {}", v1.join(", "), own(v2)),
    };
    Finding::ok(Group::Limits, "cgroups", Some(found))
}

fn own(v2: &Hierarchy) -> String {
    let Hierarchy {
        controllers, own, ..
    } = v2;
    let has = match controllers.is_empty() {
        true => "no controllers".to_owned(),
        false => controllers.join(", "),
    };
    format!("{has} in `{}`", own.display())
}

/// Whoever is not root gets groups of its own from there: asked where a limit does not hold.
fn manager(examined: Examined<'_>) -> Option<Finding> {
    let of = examined.surroundings;
    let v1 = of.cgroups.hierarchies.iter();
    let mut v1 = v1.filter(|one| one.version == CgroupVersion::V1 && !one.controllers.is_empty());
    let limits = examined.rehearsals.iter().flat_map(|one| &one.limits);
    let is_asked = of.uid != 0 && of.cgroups.unified().is_some() && v1.next().is_none();
    if !is_asked || limits.filter(|limit| limit.refused.is_some()).count() == 0 {
        return None;
    }
    let name = "service manager";
    if of.user_manager == Some(Switch::On) {
        let found = Some("systemd runs for this user".to_owned());
        return Some(Finding::ok(Group::Limits, name, found));
    }
    let told = told(
        "host.no-user-manager",
        "no service manager of this user's answers, which would give it control groups of its own",
        format!(
            "run `loginctl enable-linger {0}` as root, and set `XDG_RUNTIME_DIR=/run/user/{0}`",
            of.uid
        ),
    );
    Some(Finding::bad(Group::Limits, name, State::Degraded, told))
}

fn tracing(of: &Surroundings) -> Option<Finding> {
    let found = match of.ptrace_scope? {
        0 => "debuggers attach to all processes of their user",
        1 => "debuggers attach to what they started",
        2 => "only root attaches a debugger (`kernel.yama.ptrace_scope` is 2)",
        _ => "nobody attaches a debugger (`kernel.yama.ptrace_scope` is 3)",
    };
    Some(Finding::ok(Group::Host, "ptrace", Some(found.to_owned())))
}

/// Root without rights is no root; whoever is no root needs none.
fn capabilities(of: &Surroundings) -> Option<Finding> {
    let (effective, bounding) = (of.effective?, of.bounding?);
    let lacks = OF_ROOT
        .into_iter()
        .filter(|bit| effective & (1 << bit) == 0);
    let lacks: Vec<String> = lacks
        .filter_map(Capability::from_number)
        .map(|capability| capability.to_string())
        .collect();
    if of.uid != 0 {
        let found = match bounding {
            0 => "none, and none to be had; none is needed",
            _ => "none is needed",
        };
        return Some(Finding::ok(
            Group::Host,
            "capabilities",
            Some(found.to_owned()),
        ));
    }
    if lacks.is_empty() {
        let found = format!("{} of root's are held", effective.count_ones());
        return Some(Finding::ok(Group::Host, "capabilities", Some(found)));
    }
    let told = told(
        "host.capabilities",
        format!(
            "root lacks {} here (`CapEff` is {effective:016x})",
            lacks.join(", ")
        ),
        "let the container keep them, or start `sandbox` as another user",
    );
    Some(Finding::bad(
        Group::Host,
        "capabilities",
        State::Degraded,
        told,
    ))
}

/// Under no_new_privs, newuidmap is no setuid program.
fn new_privileges(of: &Surroundings) -> Option<Finding> {
    (of.no_new_privileges == Some(Switch::On) && of.uid != 0).then(|| {
        let told = told(
            "host.no-new-privs",
            "`NoNewPrivs` is 1 in /proc/self/status: `newuidmap` and `newgidmap` have no rights here",
            "start it without no_new_privs (`allowPrivilegeEscalation: true` in Kubernetes)",
        );
        Finding::bad(Group::Isolation, "set-id programs", State::Degraded, told)
    })
}

fn limits(of: &Surroundings) -> Option<Finding> {
    let soft = |key: &str| {
        let limits = of.limits.iter();
        let mut own = limits.filter(|(resource, _)| resource.key == key);
        own.next().map(|(_, limit)| limit.soft)
    };
    let (files, processes) = (soft("nofile")?, soft("nproc")?);
    let is_below = |value, least| matches!(value, RlimitValue::Value(value) if value < least);
    let found = format!(
        "{} open files, {} processes",
        value(files),
        value(processes)
    );
    if !is_below(files, FEW_DESCRIPTORS) && !is_below(processes, FEW_PROCESSES) {
        return Some(Finding::ok(Group::Host, "own limits", Some(found)));
    }
    let told = told(
        "host.own-limits",
        format!("this process may have {found}, which is little"),
        "raise `ulimit -n` to 1024 and `ulimit -u` to 4096",
    );
    Some(Finding::bad(
        Group::Host,
        "own limits",
        State::Degraded,
        told,
    ))
}

fn value(value: RlimitValue) -> String {
    match value {
        RlimitValue::Unlimited => "unlimited".to_owned(),
        RlimitValue::Value(value) => value.to_string(),
    }
}

fn devices(of: &Surroundings) -> Option<Finding> {
    let (there, gone): (Vec<_>, Vec<_>) = of.devices.iter().partition(|(_, there)| there.is_on());
    let list = |devices: &[&(&str, Switch)]| {
        let names: Vec<&str> = devices.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    };
    let found = match (there.as_slice(), gone.as_slice()) {
        ([], []) => return None,
        ([], gone) => format!("no {}", list(gone)),
        (there, []) => list(there),
        (there, gone) => format!("{}; no {}", list(there), list(gone)),
    };
    Some(Finding::ok(Group::Host, "devices", Some(found)))
}
