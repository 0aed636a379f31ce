//! `[system]`: the kernel's file systems and the devices.

use std::collections::BTreeMap;

use crate::diag::{At, Origin, Problem};
use crate::model::{
    ByteSize, CgroupMount, InsidePath, PathFact, PathKind, ProcMount, Switch, SysMount,
};
use crate::plan::{DEVICES, Device, Missing, MountPointKind, System};
use crate::profile::RawProfile;
use crate::profile::raw::{RawDevice, RawSystem};

use super::limits::makes_group;
use super::or_default;
use super::scope::Scope;

/// /dev/shm, where nothing is said.
const SHM: ByteSize = ByteSize(64 << 20);

/// Names below /dev that are the sandbox's own, never the host's.
const OWN: [&str; 10] = [
    "/dev/pts",
    "/dev/ptmx",
    "/dev/shm",
    "/dev/mqueue",
    "/dev/console",
    "/dev/fd",
    "/dev/stdin",
    "/dev/stdout",
    "/dev/stderr",
    "/dev/core",
];

/// Whether every sandbox has this node.
fn is_always_there(path: &str) -> bool {
    DEVICES.iter().any(|(always, _)| *always == path)
}

pub(super) fn resolve(raw: &RawProfile, scope: &mut Scope<'_>) -> Option<System> {
    let RawSystem {
        proc,
        sys,
        dev,
        shm,
        mqueue,
        cgroup,
    } = &raw.system;
    let cgroup = or_default(cgroup, CgroupMount::None);
    if cgroup.value != CgroupMount::None && !makes_group(&raw.limits) && !scope.read_in_part {
        let message = "there is no control group to show: no limit makes one";
        scope.report(
            cgroup
                .error("system.cgroup-without-limit", message)
                .help("set a limit such as `pids = 256` under `[limits]`, or leave this out"),
        );
    }
    let devices = devices(dev, scope);
    let shm = scope.setting_or(shm, "system.shm", SHM);
    let shm = shm.and_then(|shm| scope.refuse_zero(shm, "system.shm"));
    Some(System {
        proc: or_default(proc, ProcMount::Private),
        sys: or_default(sys, SysMount::None),
        devices,
        shm: shm?,
        mqueue: or_default(mqueue, false).map(Switch::from),
        cgroup,
    })
}

/// Each device once, sorted by path: a name and a pattern may meet.
fn devices(raw: &[At<RawDevice>], scope: &mut Scope<'_>) -> Vec<At<Device>> {
    let mut found: BTreeMap<InsidePath, At<Device>> = BTreeMap::new();
    for entry in raw {
        for device in entry_devices(entry, scope) {
            found.entry(device.value.path.clone()).or_insert(device);
        }
    }
    found.into_values().collect()
}

fn entry_devices(entry: &At<RawDevice>, scope: &mut Scope<'_>) -> Vec<At<Device>> {
    let RawDevice { path, optional } = &entry.value;
    let missing = match optional {
        Some(At { value: true, .. }) => Missing::Skipped,
        _ => Missing::Refused,
    };
    let Some(name) = scope.inside_path(path, "device", "system.dev-relative") else {
        return Vec::new();
    };
    if !allowed(&name, &path.origin, scope) {
        return Vec::new();
    }
    if name.as_str().contains('*') {
        return matching(&name, &path.origin, missing, scope);
    }
    one(name, &path.origin, missing, scope)
        .into_iter()
        .collect()
}

fn allowed(name: &InsidePath, origin: &Origin, scope: &mut Scope<'_>) -> bool {
    let text = name.as_str();
    let symbolic = text.starts_with("${");
    if !symbolic && !text.starts_with("/dev/") {
        let message = format!("device `{text}` does not lie below `/dev`");
        scope.report(
            Problem::error("system.dev-outside", origin, message)
                .help("name a path such as `/dev/dri`, or use a `[[mount]]`"),
        );
        return false;
    }
    if let Some(own) = OWN.iter().find(|own| within(text, own)) {
        let message = format!("`{own}` is the sandbox's own and cannot be the host's");
        scope.report(Problem::error("system.dev-own", origin, message).help("leave it out"));
        return false;
    }
    if is_always_there(text) {
        let message = format!("`{text}` is always there");
        scope.report(Problem::warning("system.dev-always", origin, message).help("leave it out"));
        return false;
    }
    true
}

fn within(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What a pattern matches on the host; the pattern itself where nothing is known of it.
fn matching(
    pattern: &InsidePath,
    origin: &Origin,
    missing: Missing,
    scope: &mut Scope<'_>,
) -> Vec<At<Device>> {
    let Some(paths) = scope.matches(pattern.as_str()) else {
        let device = Device {
            path: pattern.clone(),
            kind: MountPointKind::File,
            missing,
        };
        return vec![At::new(device, origin.clone())];
    };
    if paths.is_empty() {
        not_there(pattern, origin, missing, scope);
    }
    let names = paths.iter().filter_map(|path| path.to_str()?.parse().ok());
    let names: Vec<InsidePath> = names.collect();
    names
        .into_iter()
        .filter(|name| {
            !is_always_there(name.as_str()) && !OWN.iter().any(|own| within(name.as_str(), own))
        })
        .filter_map(|name| one(name, origin, missing, scope))
        .collect()
}

fn one(
    name: InsidePath,
    origin: &Origin,
    missing: Missing,
    scope: &mut Scope<'_>,
) -> Option<At<Device>> {
    let kind = match scope.path_fact(name.as_path()) {
        None => MountPointKind::File,
        Some(PathFact::Present { kind, .. }) => device_kind(*kind, &name, origin, scope)?,
        Some(PathFact::Missing) => {
            not_there(&name, origin, missing, scope);
            return None;
        }
        Some(PathFact::Hidden(why)) => {
            let message = format!("device `{name}` cannot be seen: {why}");
            scope.report(Problem::error("system.dev-hidden", origin, message));
            return None;
        }
    };
    let device = Device {
        path: name,
        kind,
        missing,
    };
    Some(At::new(device, origin.clone()))
}

fn device_kind(
    kind: PathKind,
    name: &InsidePath,
    origin: &Origin,
    scope: &mut Scope<'_>,
) -> Option<MountPointKind> {
    match kind {
        PathKind::Directory => Some(MountPointKind::Directory),
        PathKind::Device => Some(MountPointKind::File),
        PathKind::File | PathKind::Socket | PathKind::Pipe => {
            let message = format!("`{name}` is no device");
            scope.report(
                Problem::error("system.dev-no-device", origin, message)
                    .help("name a device, or a directory of devices"),
            );
            None
        }
    }
}

fn not_there(name: &InsidePath, origin: &Origin, missing: Missing, scope: &mut Scope<'_>) {
    if missing == Missing::Skipped {
        let left_out = format!("device `{name}`");
        scope.left_out.push(At::new(left_out, origin.clone()));
        return;
    }
    let message = format!("this host has no device `{name}`");
    scope.report(
        Problem::error("system.dev-missing", origin, message).help(format!(
            "write `{{ path = \"{name}\", optional = true }}` if it may be missing"
        )),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::resolve::testing::{Bench, at, codes, here, present};
    use std::path::PathBuf;

    fn raw(paths: &[&str], optional: bool) -> RawProfile {
        let mut raw = RawProfile::default();
        raw.system.dev = paths
            .iter()
            .map(|path| {
                here(RawDevice {
                    path: at(path),
                    optional: Some(here(optional)),
                })
            })
            .collect();
        raw
    }

    fn names(raw: &RawProfile, bench: &Bench) -> (Vec<String>, Vec<String>, Vec<&'static str>) {
        let mut scope = bench.scope();
        let system = resolve(raw, &mut scope).unwrap();
        let names = system.devices.iter().map(|at| at.value.path.to_string());
        let left_out = scope.left_out.iter().map(|at| at.value.clone());
        (names.collect(), left_out.collect(), codes(scope))
    }

    #[test]
    fn patterns_become_what_they_match() {
        let mut bench = Bench::host()
            .with("/dev/nvidia0", present(PathKind::Device))
            .with("/dev/dri", present(PathKind::Directory));
        let matches = vec![PathBuf::from("/dev/nvidia0")];
        let facts = bench.facts.as_mut().unwrap();
        facts.matches.insert(PathBuf::from("/dev/nvidia*"), matches);
        let raw = raw(&["/dev/nvidia*", "/dev/nvidia0", "/dev/dri"], false);
        let (devices, _, codes) = names(&raw, &bench);
        assert_eq!(devices, ["/dev/dri", "/dev/nvidia0"]);
        assert!(codes.is_empty());
        assert_eq!(names(&raw, &Bench::symbolic()).0.len(), 3);
    }

    #[test]
    fn what_is_missing_is_an_error_or_left_out() {
        let bench = Bench::host().with("/dev/kvm", PathFact::Missing);
        let (_, _, codes) = names(&raw(&["/dev/kvm"], false), &bench);
        assert_eq!(codes, ["system.dev-missing"]);
        let (devices, left_out, codes) = names(&raw(&["/dev/kvm"], true), &bench);
        assert!(devices.is_empty() && codes.is_empty());
        assert_eq!(left_out, ["device `/dev/kvm`"]);
    }

    #[test]
    fn what_the_sandbox_has_of_its_own_is_not_the_hosts() {
        let bench = Bench::host().with("/dev/x", present(PathKind::File));
        let paths = ["/dev/pts/0", "/dev/null", "/dev/x", "/etc"];
        let (devices, _, codes) = names(&raw(&paths, false), &bench);
        assert!(devices.is_empty());
        let expected = [
            "system.dev-always",
            "system.dev-no-device",
            "system.dev-outside",
            "system.dev-own",
        ];
        assert_eq!(codes, expected);
    }

    #[test]
    fn a_group_must_be_there_to_be_shown() {
        let mut raw = RawProfile::default();
        raw.system.cgroup = Some(here(CgroupMount::ReadOnly));
        raw.system.shm = Some(here(crate::profile::raw::Setting::Literal(ByteSize(0))));
        let bench = Bench::symbolic();
        let mut scope = bench.scope();
        resolve(&raw, &mut scope);
        assert_eq!(
            codes(scope),
            ["system.cgroup-without-limit", "value.size-zero"]
        );
    }
}
