//! `[namespaces]`: which views of the system are the sandbox's own.

use crate::diag::{At, Origin, Problem};
use crate::model::{
    Access, CgroupMount, Invalid, ProcMount, SandboxName, Switch, TimeOffset, Writes,
};
use crate::plan::{Clock, ClockOffset, Namespaces};
use crate::profile::raw::{Opt, RawMount, RawNamespaces};
use crate::profile::{RawProfile, Template};

use super::identity::started_by_root;
use super::or_default;
use super::paths::invalid;
use super::scope::Scope;

/// HOST_NAME_MAX (uname(2)).
const LONGEST_HOSTNAME: usize = 64;

pub(super) fn resolve(
    raw: &RawProfile,
    name: Option<&At<SandboxName>>,
    scope: &mut Scope<'_>,
) -> Option<Namespaces> {
    let RawNamespaces {
        user,
        pid,
        ipc,
        uts,
        cgroup,
        time_boottime,
        time_monotonic,
        hostname,
        // Judged with the program's ids.
        map_users: _,
    } = &raw.namespaces;
    let host_name = host_name(hostname, name, scope);
    let spaces = Namespaces {
        user: switch(user),
        pid: switch(pid),
        ipc: switch(ipc),
        uts: switch(uts),
        cgroup: switch(cgroup),
        time: offsets(time_monotonic, time_boottime),
        hostname: host_name?,
    };
    judge_user(&spaces.user, scope);
    judge_pid(&spaces.pid, raw, scope);
    judge_others(&spaces, raw, scope);
    Some(spaces)
}

fn switch(raw: &Opt<bool>) -> At<Switch> {
    or_default(raw, true).map(Switch::from)
}

fn offsets(monotonic: &Opt<TimeOffset>, boottime: &Opt<TimeOffset>) -> Vec<At<ClockOffset>> {
    let clocks = [(Clock::Monotonic, monotonic), (Clock::Boottime, boottime)];
    let written = clocks.into_iter().filter_map(|(clock, offset)| {
        let at = offset.clone()?;
        Some(at.map(|offset| ClockOffset { clock, offset }))
    });
    // An offset of 0 is the host's clock.
    written
        .filter(|at| at.value.offset.nanoseconds != 0)
        .collect()
}

fn host_name(
    raw: &Opt<Template>,
    name: Option<&At<SandboxName>>,
    scope: &mut Scope<'_>,
) -> Option<At<String>> {
    let Some(raw) = raw else {
        return name.map(|name| name.clone().map(|name| name.to_string()));
    };
    let text = scope.text(&raw.value)?.value;
    let symbolic = scope.facts().is_none() && raw.value.as_literal().is_none();
    match check_host_name(&text) {
        Err(why) if !symbolic => {
            let shown = scope.private.hide(&text);
            scope.report(invalid(
                "namespaces.hostname",
                &raw.origin,
                "host name",
                &shown,
                why,
            ));
            None
        }
        _ => Some(At::new(text, raw.origin.clone())),
    }
}

/// It goes into /etc/hosts and onto command lines: no blanks, no control characters, no option.
fn check_host_name(text: &str) -> Result<(), Invalid> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if text.is_empty() {
        return Err(Invalid::because("is empty"));
    }
    if text.len() > LONGEST_HOSTNAME {
        return Err(Invalid::because("is longer than 64 characters"));
    }
    if text.starts_with(['-', '.']) || !text.chars().all(fits) {
        return Err(Invalid::because("is no host name")
            .help("use letters, digits, `-` and `.`, and a letter or a digit first"));
    }
    Ok(())
}

fn judge_user(user: &At<Switch>, scope: &mut Scope<'_>) {
    if user.value.is_on() {
        return;
    }
    if scope.facts().is_some() && !started_by_root(scope) {
        let message = "only root can start a sandbox without a user namespace";
        scope.report(
            user.error("namespaces.user-needs-root", message)
                .help("leave `user = false` out"),
        );
        return;
    }
    let message = "without a user namespace the program's ids are ids of the host";
    scope.report(
        Problem::warning("namespaces.user-off", &user.origin, message)
            .help("leave it out, unless the program needs the host's ids"),
    );
}

fn judge_pid(pid: &At<Switch>, raw: &RawProfile, scope: &mut Scope<'_>) {
    if pid.value.is_on() {
        return;
    }
    let proc = or_default(&raw.system.proc, ProcMount::Private);
    if proc.value != ProcMount::None {
        let message = "a `/proc` of its own needs a process id namespace of its own";
        scope.report(
            pid.error("namespaces.pid-proc", message)
                .label("this leaves the sandbox without one")
                .also(&proc.origin, "this asks for `/proc`")
                .help("write `proc = \"none\"` under `[system]`, or leave `pid = false` out"),
        );
    }
    if let Some(kept) = what_keeps(raw) {
        // The lock of what is kept ends with the first process, and others may go on writing.
        let message =
            "what is kept needs a process id namespace, whose end is the end of all writers";
        scope.report(
            pid.error("namespaces.pid-kept", message)
                .label("this leaves the sandbox without one")
                .also(&kept, "this is kept")
                .help("leave `pid = false` out, or keep nothing"),
        );
    }
    let message = "without a process id namespace, processes may outlive the sandbox";
    scope.report(
        Problem::warning("namespaces.pid-off", &pid.origin, message)
            .help("leave it out, unless the program needs the host's process ids"),
    );
}

/// The first part of a profile that outlives a run.
pub(super) fn what_keeps(raw: &RawProfile) -> Option<Origin> {
    let root = raw.rootfs.writes.iter();
    let root = root.filter(|writes| writes.value == Writes::Keep);
    let mounts = raw.mounts.iter().filter(|mount| match &mount.value {
        RawMount::Bind { access, .. } => access
            .as_ref()
            .is_some_and(|access| access.value == Access::Overlay),
        RawMount::Volume { .. } => true,
        RawMount::Tmpfs { .. } | RawMount::Socket { .. } => false,
    });
    let root = root.map(|writes| writes.origin.clone());
    root.chain(mounts.map(|mount| mount.origin.clone())).next()
}

/// A file system of the kernel shows the namespace in which it is mounted: without an own one it
/// would show the host's, and the kernel refuses (EPERM).
fn judge_others(spaces: &Namespaces, raw: &RawProfile, scope: &mut Scope<'_>) {
    if let (Switch::Off, Some(hostname)) = (spaces.uts.value, &raw.namespaces.hostname) {
        let message = "a host name of its own needs a UTS namespace of its own";
        scope.report(
            hostname
                .error("namespaces.hostname-uts", message)
                .also(&spaces.uts.origin, "this leaves the sandbox without one")
                .help("leave `uts = false` out, or leave `hostname` out"),
        );
    }
    let mqueue = raw.system.mqueue.as_ref().filter(|mqueue| mqueue.value);
    if let (Switch::Off, Some(mqueue)) = (spaces.ipc.value, mqueue) {
        let message = "`/dev/mqueue` needs an IPC namespace of its own";
        scope.report(
            mqueue
                .error("namespaces.ipc-mqueue", message)
                .also(&spaces.ipc.origin, "this leaves the sandbox without one")
                .help("leave `ipc = false` out, or leave `mqueue` out"),
        );
    }
    let cgroup = raw.system.cgroup.as_ref();
    let cgroup = cgroup.filter(|cgroup| cgroup.value != CgroupMount::None);
    if let (Switch::Off, Some(cgroup)) = (spaces.cgroup.value, cgroup) {
        let message = "`/sys/fs/cgroup` would show the groups of the host";
        scope.report(
            cgroup
                .error("namespaces.cgroup-mount", message)
                .also(
                    &spaces.cgroup.origin,
                    "this leaves the sandbox without a view of its own",
                )
                .help("leave `cgroup = false` out of `[namespaces]`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::resolve::testing::{Bench, codes, here, variable};

    fn found(raw: &RawProfile, bench: &Bench) -> (Option<Namespaces>, Vec<&'static str>) {
        let name = At::default_value("test".parse().unwrap());
        let mut scope = bench.scope();
        let spaces = resolve(raw, Some(&name), &mut scope);
        (spaces, codes(scope))
    }

    #[test]
    fn all_are_new_and_the_host_name_is_the_sandboxs() {
        let (spaces, codes) = found(&RawProfile::default(), &Bench::symbolic());
        let spaces = spaces.unwrap();
        assert!(codes.is_empty());
        assert_eq!(spaces.hostname.value, "test");
        assert!(spaces.user.value.is_on() && spaces.pid.value.is_on() && spaces.time.is_empty());
    }

    #[test]
    fn what_needs_a_namespace_of_its_own_says_so() {
        let mut raw = RawProfile::default();
        raw.namespaces.pid = Some(here(false));
        raw.namespaces.ipc = Some(here(false));
        raw.namespaces.uts = Some(here(false));
        raw.namespaces.cgroup = Some(here(false));
        raw.namespaces.hostname = Some(variable("HOME", ""));
        raw.system.mqueue = Some(here(true));
        raw.system.cgroup = Some(here(CgroupMount::ReadOnly));
        let expected = [
            "namespaces.cgroup-mount",
            "namespaces.hostname-uts",
            "namespaces.ipc-mqueue",
            "namespaces.pid-off",
            "namespaces.pid-proc",
        ];
        assert_eq!(found(&raw, &Bench::symbolic()).1, expected);
        assert_eq!(found(&raw, &Bench::host()).1, ["namespaces.hostname"]);
    }

    #[test]
    fn no_user_namespace_is_for_root_only() {
        let mut raw = RawProfile::default();
        raw.namespaces.user = Some(here(false));
        assert_eq!(
            found(&raw, &Bench::host()).1,
            ["namespaces.user-needs-root"]
        );
        assert_eq!(found(&raw, &Bench::root()).1, ["namespaces.user-off"]);
        assert_eq!(found(&raw, &Bench::symbolic()).1, ["namespaces.user-off"]);
    }
}
