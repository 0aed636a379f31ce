//! The known causes: a plan, the step that fails in it, its errno, and what the host says afterwards.

mod files;
mod kept;

use nix::errno::Errno::{self, *};
use sandbox::model::{HostState, Switch};
use sandbox::plan::{Action, MountAction, Plan, ProgramAction, Settings};

use crate::plans::settings::{FEATURES, least};

/// One failure. The name is the code of the problem, with `--` and a word where there are several.
pub struct Case {
    pub name: &'static str,
    pub plan: Plan,
    pub step: fn(&Action) -> bool,
    pub errno: Errno,
    pub host: HostState,
}

fn case(
    name: &'static str,
    features: &[&str],
    step: fn(&Action) -> bool,
    errno: Errno,
    host: HostState,
) -> Case {
    changed(name, features, |_| {}, step, errno, host)
}

fn changed(
    name: &'static str,
    features: &[&str],
    change: fn(&mut Settings),
    step: fn(&Action) -> bool,
    errno: Errno,
    host: HostState,
) -> Case {
    let mut settings = least();
    for name in features {
        let feature = FEATURES.iter().find(|(found, _)| found == name);
        feature.unwrap().1(&mut settings);
    }
    change(&mut settings);
    Case {
        name,
        plan: Plan::new(settings),
        step,
        errno,
        host,
    }
}

fn silent() -> HostState {
    HostState::default()
}

fn ubuntu() -> HostState {
    HostState {
        apparmor_restricts_user_namespaces: Some(Switch::On),
        apparmor_profile: Some("unconfined".to_owned()),
        ..silent()
    }
}

fn container() -> HostState {
    HostState {
        apparmor_profile: Some("docker-default".to_owned()),
        filtered: Some(Switch::On),
        mounts_below_proc: vec!["/proc/acpi".into(), "/proc/bus".into()],
        proc_read_only: Some(Switch::Off),
        ..silent()
    }
}

fn confined() -> HostState {
    HostState {
        filtered: Some(Switch::Off),
        ..container()
    }
}

fn with(change: fn(&mut HostState)) -> HostState {
    let mut host = silent();
    change(&mut host);
    host
}

/// Hosts of every kind, for what must hold on all of them.
pub fn every_host() -> Vec<HostState> {
    vec![
        silent(),
        ubuntu(),
        container(),
        confined(),
        with(|host| {
            host.chroot = Some(Switch::On);
            host.ids_mapped = Some(Switch::Off);
            host.unprivileged_user_namespaces = Some(Switch::Off);
            host.user_namespaces = Some(Switch::Off);
            host.administers = Some(Switch::Off);
            host.traced = Some(Switch::On);
            host.kernel = Some((5, 4));
            host.root_type = Some("rootfs".to_owned());
            host.tree_noexec = Some(Switch::On);
        }),
    ]
}

fn is_clone(action: &Action) -> bool {
    matches!(action, Action::Clone { .. })
}

fn is_map(action: &Action) -> bool {
    matches!(action, Action::WriteIdMaps(_))
}

fn is_proc(action: &Action) -> bool {
    matches!(action, Action::Mount(MountAction::MountProc(_)))
}

fn is_overlay(action: &Action) -> bool {
    matches!(action, Action::Mount(MountAction::MountOverlay { .. }))
}

fn is_clocks(action: &Action) -> bool {
    matches!(action, Action::SetClocks(_))
}

fn opens(action: &Action, path: &str) -> bool {
    matches!(action, Action::OpenBind(bind) if bind.source == path)
}

fn opens_work(action: &Action) -> bool {
    opens(action, "/home/me/x y")
}

pub fn cases() -> Vec<Case> {
    let mut all = user_namespaces();
    all.extend(ids_and_groups());
    all.extend(containers());
    all.extend(kernels());
    all.extend(files::mounts());
    all.extend(files::programs());
    all.extend(kept::kept());
    all
}

fn user_namespaces() -> Vec<Case> {
    let zero = with(|host| host.namespace_limits = vec![("max_user_namespaces", 0)]);
    let no_network = with(|host| {
        host.namespace_limits = vec![("max_user_namespaces", 9), ("max_net_namespaces", 0)];
    });
    let debian = with(|host| host.unprivileged_user_namespaces = Some(Switch::Off));
    let chroot = with(|host| host.chroot = Some(Switch::On));
    let plain = with(|host| {
        host.ids_mapped = Some(Switch::On);
        host.chroot = Some(Switch::Off);
        host.filtered = Some(Switch::Off);
    });
    let none = with(|host| host.user_namespaces = Some(Switch::Off));
    let selinux = with(|host| host.selinux = Some(Switch::On));
    let weak = with(|host| host.administers = Some(Switch::Off));
    vec![
        case("host.user-namespaces-off", &[], is_clone, ENOSPC, zero),
        case("host.selinux-userns", &[], is_clone, EACCES, selinux),
        case(
            "host.keys",
            &[],
            |action| *action == Action::NewSession,
            EDQUOT,
            silent(),
        ),
        case(
            "host.user-namespaces-off--debian",
            &[],
            is_clone,
            EPERM,
            debian,
        ),
        case("host.namespace-limit", &[], is_clone, ENOSPC, no_network),
        case(
            "host.namespace-limit--nested",
            &[],
            is_clone,
            EUSERS,
            silent(),
        ),
        case("host.chroot", &[], is_clone, EPERM, chroot),
        case("host.no-user-namespaces", &[], is_clone, EINVAL, none),
        case(
            "host.not-privileged",
            &["no-user-namespace"],
            is_clone,
            EPERM,
            weak,
        ),
        case("host.apparmor-userns", &[], is_map, EPERM, ubuntu()),
        case(
            "host.apparmor-userns--loopback",
            &[],
            |a| *a == Action::LoopbackUp,
            EPERM,
            ubuntu(),
        ),
        case("host.user-namespaces-denied", &[], is_clone, EPERM, plain),
        case(
            "host.user-namespaces-open",
            &[],
            |action| *action == Action::ForbidUserNamespaces,
            ENOTRECOVERABLE,
            silent(),
        ),
    ]
}

fn ids_and_groups() -> Vec<Case> {
    let unmapped = with(|host| host.ids_mapped = Some(Switch::Off));
    let pids_one: fn(&mut Settings) = |settings| {
        settings
            .group_limits
            .list
            .retain(|limit| limit.amount.key() == "limits.pids");
        settings.group_limits.list[0].amount = sandbox::plan::Amount::Pids(1);
    };
    let is_fork: fn(&Action) -> bool = |action| *action == Action::Fork;
    let enters: fn(&Action) -> bool = |action| *action == Action::EnterGroups;
    let sets_caps: fn(&Action) -> bool = |a| matches!(a, Action::SetCapabilities(_));
    let without_users = ["no-user-namespace", "capabilities"];
    vec![
        case("host.ids-not-mapped", &[], is_map, EPERM, unmapped.clone()),
        case("host.map-helper", &["subordinate"], is_map, EPERM, silent()),
        case(
            "host.map-helper--missing",
            &["subordinate"],
            is_map,
            ENOENT,
            silent(),
        ),
        case("host.ids-not-mapped--clone", &[], is_clone, EPERM, unmapped),
        case(
            "host.ids-not-mapped--root",
            &["root"],
            is_map,
            EPERM,
            silent(),
        ),
        case("host.process-limit", &[], is_clone, EAGAIN, silent()),
        changed(
            "limits.pids-too-few",
            &["limits"],
            pids_one,
            is_fork,
            EAGAIN,
            silent(),
        ),
        case("host.group-entry", &["limits"], enters, ENODEV, silent()),
        case(
            "host.group-entry--clone",
            &["limits"],
            is_clone,
            EACCES,
            silent(),
        ),
        case(
            "security.capability-missing",
            &without_users,
            sets_caps,
            EPERM,
            silent(),
        ),
        case(
            "host.parent-gone",
            &[],
            |action| *action == Action::WaitForStart,
            EOWNERDEAD,
            silent(),
        ),
    ]
}

fn containers() -> Vec<Case> {
    let read_only = with(|host| host.proc_read_only = Some(Switch::On));
    let private: fn(&Action) -> bool = |action| *action == Action::PrivateMounts;
    let sys: fn(&Action) -> bool = |a| matches!(a, Action::Mount(MountAction::MountSys(_)));
    let initramfs = with(|host| host.root_type = Some("rootfs".to_owned()));
    let pivot: fn(&Action) -> bool = |action| *action == Action::PivotRoot;
    let traced = with(|host| host.traced = Some(Switch::On));
    vec![
        case("host.container-seccomp", &[], is_clone, EPERM, container()),
        case(
            "host.container-seccomp--enosys",
            &[],
            is_clone,
            ENOSYS,
            container(),
        ),
        case("host.container-apparmor", &[], private, EACCES, confined()),
        case("host.proc-masked", &[], is_proc, EPERM, container()),
        case(
            "host.proc-masked--read-only",
            &[],
            is_proc,
            EPERM,
            read_only.clone(),
        ),
        case("host.proc-masked--covered", &[], is_map, EXDEV, container()),
        case("host.proc-read-only", &[], is_map, EROFS, read_only),
        case("host.proc-foreign", &[], is_map, EMEDIUMTYPE, silent()),
        case("host.proc-missing", &[], is_map, ENOENT, silent()),
        case("host.sys-masked", &["system"], sys, EPERM, container()),
        case("namespaces.pid-proc", &["shared"], is_proc, EPERM, silent()),
        case("host.initramfs", &[], pivot, EINVAL, initramfs),
        case("host.traced", &[], is_clone, ENOSYS, traced),
    ]
}

fn kernels() -> Vec<Case> {
    let old = with(|host| host.kernel = Some((4, 19)));
    let before_6_6 = with(|host| host.kernel = Some((6, 1)));
    let before_5_11 = with(|host| host.kernel = Some((5, 10)));
    let no_time = with(|host| host.time_namespaces = Some(Switch::Off));
    let time = with(|host| host.time_namespaces = Some(Switch::On));
    let filter: fn(&Action) -> bool = |action| matches!(action, Action::Filter(_));
    let landlock: fn(&Action) -> bool =
        |action| matches!(action, Action::Program(ProgramAction::Landlock(_)));
    let view: fn(&Action) -> bool = |action| *action == Action::NewCgroupNamespace;
    let mqueue: fn(&Action) -> bool = |a| *a == Action::Mount(MountAction::MountMqueue);
    vec![
        case("host.kernel-too-old", &[], is_clone, ENOSYS, old),
        case(
            "host.no-overlay",
            &["overlay"],
            is_overlay,
            ENODEV,
            silent(),
        ),
        case(
            "host.no-overlay--memory",
            &["overlay"],
            is_overlay,
            EINVAL,
            before_6_6,
        ),
        case(
            "host.no-overlay--root",
            &["overlay"],
            is_overlay,
            EPERM,
            before_5_11,
        ),
        case(
            "host.no-overlay--store",
            &["overlay"],
            is_overlay,
            EINVAL,
            silent(),
        ),
        case(
            "host.no-time-namespaces",
            &["clocks"],
            is_clocks,
            EINVAL,
            no_time,
        ),
        case(
            "namespaces.time-range",
            &["clocks"],
            is_clocks,
            ERANGE,
            time,
        ),
        case("host.no-seccomp", &[], filter, EINVAL, silent()),
        case("host.no-landlock", &[], landlock, EOPNOTSUPP, silent()),
        case("host.landlock-layers", &[], landlock, E2BIG, silent()),
        case("host.no-cgroup-namespaces", &[], view, EINVAL, silent()),
        case("host.namespace-limit--cgroup", &[], view, ENOSPC, silent()),
        case("host.no-file-system", &["system"], mqueue, ENODEV, silent()),
        case("host.no-memory", &["limits"], is_clone, ENOMEM, silent()),
        case("host.open-files", &["mounts"], opens_work, EMFILE, silent()),
        case(
            "host.refused",
            &[],
            |a| *a == Action::PivotRoot,
            EIO,
            silent(),
        ),
    ]
}
