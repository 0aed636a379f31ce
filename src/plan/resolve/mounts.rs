//! `[[mount]]`, and the binds of `host` sources: what lies over the tree.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::diag::{At, Origin, Problem};
use crate::model::{
    Access, ByteSize, FileMode, InsidePath, MountOption, Owner, PathKind, VolumeName,
};
use crate::plan::{
    Existing, HostIds, Identity, Missing, Mount, MountKind, MountPointKind, OwnerMap, TargetPoint,
    TreeSource,
};
use crate::profile::Template;
use crate::profile::raw::{Opt, RawMount, Setting};

use super::control_sockets::{self, Reached};
use super::host_object::{HostObject, OPTIONAL, Role};
use super::led_out::{self, Writable};
use super::mount_target::{default_target, target};
use super::or_default;
use super::paths::kernel_tree;
use super::scope::Scope;
use super::sockets::Socket;
use super::sources::missing;

/// Most that a tmpfs may hold where nothing is said. The kernel's own default, half of the memory,
/// would be another on each machine.
const TMPFS: ByteSize = ByteSize(256 << 20);

const BOUND: Role = Role {
    noun: "mount source",
    missing: "mount.source-missing",
    hidden: "mount.source-hidden",
    fix: OPTIONAL,
};

const HOST: Role = Role {
    noun: "host path",
    missing: "rootfs.source-missing",
    hidden: "rootfs.source-hidden",
    fix: "correct the path, or leave it out",
};

/// The mounts of the profile, in file order; who makes their targets is settled with the layers.
pub(super) fn resolve(
    raw: &[At<RawMount>],
    identity: Option<&Identity>,
    scope: &mut Scope<'_>,
) -> Vec<At<Mount>> {
    let writable = led_out::writable(raw, scope);
    judge_volumes(raw, scope);
    raw.iter()
        .filter_map(|mount| {
            let found = match &mount.value {
                RawMount::Bind {
                    bind,
                    target,
                    access,
                    options,
                    optional,
                    owner,
                    // Judged when it is known how the mounts lie over each other.
                    read_only: _,
                    hide: _,
                } => {
                    let request = Bind {
                        bind,
                        target,
                        access: or_default(access, Access::ReadOnly).value,
                        missing: missing(optional),
                        owner: or_default(owner, Owner::Map).value,
                    };
                    request.resolve(options, identity, &writable, scope)
                }
                RawMount::Socket {
                    socket,
                    target,
                    optional,
                    owner,
                    dangerous,
                } => {
                    let request = Socket {
                        socket,
                        target,
                        missing: missing(optional),
                        owner: or_default(owner, Owner::Map).value,
                        dangerous,
                    };
                    request.resolve(identity, &writable, scope)
                }
                RawMount::Tmpfs {
                    tmpfs,
                    size,
                    mode,
                    options,
                } => memory(tmpfs, size, mode, options, scope),
                RawMount::Volume {
                    volume,
                    target,
                    options,
                } => kept(volume, target, options, scope),
            };
            found.map(|found| At::new(found, mount.origin.clone()))
        })
        .collect()
}

/// A bind as it was written, defaults filled in.
struct Bind<'a> {
    bind: &'a At<Template>,
    target: &'a Opt<Template>,
    access: Access,
    missing: Missing,
    owner: Owner,
}

impl Bind<'_> {
    fn resolve(
        &self,
        options: &[At<MountOption>],
        identity: Option<&Identity>,
        writable: &[Writable],
        scope: &mut Scope<'_>,
    ) -> Option<Mount> {
        let source = scope.host_path(self.bind);
        let target = default_target(self.target, source.as_deref(), &self.bind.origin, scope);
        let source = source?;
        // A runtime directory may lie anywhere; its variable says what it is.
        let written = self.bind.value.to_string();
        let refused = refused_source(&source, &self.bind.origin)
            .or_else(|| refused_source(&written, &self.bind.origin));
        scope.sound(refused)?;
        let found = scope.host_object(&BOUND, &source, &self.bind.origin, self.missing)?;
        judge_object(&source, &found, &self.bind.origin, scope)?;
        scope.sound(self.refused_overlay(&source, &found))?;
        scope.sound(led_out::refused(
            ("mount source", &source),
            found.real.as_deref(),
            &self.bind.origin,
            writable,
        ))?;
        Some(Mount {
            target: target?,
            kind: MountKind::Bind {
                shape: found.shape(),
                access: self.access,
                owner: owner_map(self.owner, &found, identity, scope),
                missing: self.missing,
                // At the start no link is followed any more.
                source: found.real_path(&source).to_owned(),
            },
            options: each_once(options),
            point: TargetPoint::InTree,
        })
    }
}

impl Bind<'_> {
    /// The kernel lays an overlay over directories alone.
    fn refused_overlay(&self, source: &str, found: &HostObject) -> Option<Problem> {
        let is_file = found.kind.is_some_and(|kind| kind != PathKind::Directory);
        (self.access == Access::Overlay && is_file).then(|| {
            let message =
                format!("mount source `{source}` is no directory, and an overlay needs one");
            Problem::error("mount.overlay-file", &self.bind.origin, message)
                .help("bind the directory that holds it")
        })
    }
}

fn memory(
    tmpfs: &At<Template>,
    size: &Opt<Setting<ByteSize>>,
    mode: &Opt<FileMode>,
    options: &[At<MountOption>],
    scope: &mut Scope<'_>,
) -> Option<Mount> {
    let target = target(tmpfs, scope);
    let of = target.as_ref().map(|target| format!("size of `{target}`"));
    let size = match size {
        Some(size) => scope.setting_of(size, "size", &of.unwrap_or_default()),
        None => Some(At::default_value(TMPFS)),
    };
    let size = size.and_then(|size| scope.refuse_zero(size, "size"));
    Some(Mount {
        target: target?,
        kind: MountKind::Tmpfs {
            size: size?.value,
            mode: or_default(mode, FileMode(0o1777)).value,
        },
        options: each_once(options),
        point: TargetPoint::InTree,
    })
}

fn kept(
    volume: &At<VolumeName>,
    written: &At<Template>,
    options: &[At<MountOption>],
    scope: &mut Scope<'_>,
) -> Option<Mount> {
    Some(Mount {
        target: target(written, scope)?,
        kind: MountKind::Volume {
            name: volume.value.clone(),
        },
        options: each_once(options),
        point: TargetPoint::InTree,
    })
}

/// One directory in two places would be two names for each of its files.
fn judge_volumes(raw: &[At<RawMount>], scope: &mut Scope<'_>) {
    let mut seen: HashMap<&str, &At<VolumeName>> = HashMap::new();
    for mount in raw {
        let RawMount::Volume { volume, .. } = &mount.value else {
            continue;
        };
        let first = seen.entry(volume.value.as_str());
        match first {
            Entry::Vacant(place) => drop(place.insert(volume)),
            Entry::Occupied(first) => {
                let first = first.get();
                let message = format!("two mounts of the volume `{}`", volume.value);
                let problem = volume.error("mount.duplicate-volume", message);
                scope.report(
                    problem
                        .label("and here again")
                        .also(&first.origin, "first here")
                        .help("keep one of the two, or name another volume"),
                );
            }
        }
    }
}

/// Sorted: their order means nothing, and two equal ones are one.
fn each_once(options: &[At<MountOption>]) -> Vec<MountOption> {
    let mut list: Vec<MountOption> = options.iter().map(|option| option.value).collect();
    list.sort_unstable();
    list.dedup();
    list
}

/// The kernel's views of the host, which no mount may bring.
pub(super) fn kernel_source(path: &str, origin: &Origin) -> Option<Problem> {
    let kernel = kernel_tree(path).filter(|_| !path.starts_with("/dev/shm/"))?;
    let message = format!("mount source `{path}` lies at or below the host's `{kernel}`");
    let problem = Problem::error("mount.source-kernel", origin, message);
    Some(problem.help("set what is needed under `[system]`"))
}

/// Host paths that no bind may bring: the kernel's views of the host, and control sockets.
fn refused_source(path: &str, origin: &Origin) -> Option<Problem> {
    let kernel = kernel_source(path, origin);
    if kernel.is_some() {
        return kernel;
    }
    let (message, help) = match control_sockets::reached(path)? {
        Reached::Itself => (
            format!("`{path}` is a socket through which the program can leave the sandbox"),
            "leave it out, or write it as `socket` with `dangerous = \"why\"`",
        ),
        Reached::Below(socket) => (
            format!("`{path}` brings `{socket}`, through which the program can leave the sandbox"),
            "bind only what is needed below it",
        ),
    };
    Some(Problem::error("mount.control-socket", origin, message).help(help))
}

/// What is wrong with a source shows for some only when it is known where a link leads.
fn judge_object(
    path: &str,
    found: &HostObject,
    origin: &Origin,
    scope: &mut Scope<'_>,
) -> Option<()> {
    if let Some(real) = found.real.as_deref().and_then(|real| real.to_str()) {
        let offence = refused_source(real, origin);
        scope.sound(offence.map(|problem| problem.label(format!("leads to `{real}`"))))?;
    }
    let offence = (found.kind == Some(PathKind::Device)).then(|| {
        let message = format!("mount source `{path}` is a device, which no mount lets work");
        Problem::error("mount.source-device", origin, message)
            .help("write its path below `/dev` into `dev = […]` under `[system]`")
    });
    scope.sound(offence)
}

/// Only root can map owners; an unprivileged caller's files show as the program's by themselves.
pub(super) fn owner_map(
    owner: Owner,
    found: &HostObject,
    identity: Option<&Identity>,
    scope: &Scope<'_>,
) -> OwnerMap {
    let mapped = identity.is_some_and(|identity| matches!(identity.host, HostIds::Range(_)));
    match (owner, found.owner) {
        (Owner::Map, Some(ids)) if mapped && scope.facts().is_some() => OwnerMap::Mapped(ids),
        (Owner::Keep, _) if scope.facts().is_none() => OwnerMap::KeptByWish,
        _ => OwnerMap::Kept,
    }
}

/// A bind of a `host` source, and the link that led to it.
pub(super) struct HostBind {
    pub mount: Mount,
    pub link: Option<TreeSource>,
}

/// The read-only bind of a part of the host's tree, at its own path. A path that is a link brings
/// the link and a bind of what it points to.
pub(super) fn host_bind(
    path: &InsidePath,
    origin: &Origin,
    scope: &mut Scope<'_>,
) -> Option<HostBind> {
    scope.sound(refused_source(path.as_str(), origin))?;
    let found = scope.host_object(&HOST, path.as_str(), origin, Missing::Refused)?;
    judge_object(path.as_str(), &found, origin, scope)?;
    let text = found.link.as_deref().and_then(|text| text.to_str());
    let link = text.map(|text| TreeSource::Symlink {
        path: path.clone(),
        target: text.to_owned(),
        existing: Existing::Kept,
    });
    let real = match link {
        Some(_) => scope.same_inside(found.real_path(path.as_str()), origin)?,
        None => path.clone(),
    };
    let mount = Mount {
        kind: MountKind::Bind {
            source: real.to_string(),
            shape: found.shape(),
            access: Access::ReadOnly,
            owner: OwnerMap::Kept,
            missing: Missing::Refused,
        },
        target: real,
        options: Vec::new(),
        point: TargetPoint::InTree,
    };
    Some(HostBind { mount, link })
}

/// What a mount needs to stand on.
pub(super) fn shape(mount: &Mount) -> MountPointKind {
    match mount.kind {
        MountKind::Bind { shape, .. } => shape,
        MountKind::Part { shape, .. } => shape,
        MountKind::Socket { .. } => MountPointKind::File,
        MountKind::Tmpfs { .. } | MountKind::Volume { .. } => MountPointKind::Directory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PathFact;
    use crate::plan::resolve::testing::{Bench, at, codes, here, link, present, variable};
    use crate::plan::{IdMaps, UserIds};

    fn bind(from: &str) -> RawMount {
        bind_at(at(from), None)
    }

    fn bind_at(bind: At<Template>, target: Opt<Template>) -> RawMount {
        RawMount::Bind {
            bind,
            target,
            access: None,
            options: vec![],
            optional: None,
            owner: None,
            read_only: vec![],
            hide: vec![],
        }
    }

    fn resolved(raw: RawMount, bench: &Bench) -> Result<Mount, Vec<&'static str>> {
        let mut scope = bench.scope();
        let mut mounts = resolve(&[here(raw)], None, &mut scope);
        mounts.pop().map(|at| at.value).ok_or_else(|| codes(scope))
    }

    #[test]
    fn a_bind_is_read_only_and_at_the_same_place() {
        let bench = Bench::host().with("/work", present(PathKind::Directory));
        let mount = resolved(bind_at(variable("GIT_ROOT", ""), None), &bench).unwrap();
        assert_eq!(mount.target.as_str(), "/work");
        let expected = MountKind::Bind {
            source: "/work".to_owned(),
            shape: MountPointKind::Directory,
            access: Access::ReadOnly,
            owner: OwnerMap::Kept,
            missing: Missing::Refused,
        };
        assert_eq!(mount.kind, expected);
        let mount = resolved(bind_at(variable("GIT_ROOT", ""), None), &Bench::symbolic());
        assert_eq!(mount.unwrap().target.as_str(), "${GIT_ROOT}");
    }

    #[test]
    fn targets_stay_out_of_the_kernels_trees_and_off_the_root() {
        let bench = Bench::symbolic();
        let on =
            |target: &str| resolved(bind_at(at("/srv"), Some(at(target))), &bench).unwrap_err();
        assert_eq!(on("/proc/sys/kernel"), ["mount.target-kernel"]);
        assert_eq!(on("/dev/x"), ["mount.target-kernel"]);
        assert_eq!(on("/"), ["mount.target-root"]);
        assert_eq!(on("usr"), ["mount.target-relative"]);
    }

    #[test]
    fn control_sockets_are_refused_by_any_way() {
        let bench = Bench::host()
            .with(
                "/home/me/s",
                link("/run/docker.sock", "/run/docker.sock", PathKind::Socket),
            )
            .with("/x", present(PathKind::Device));
        assert_eq!(
            resolved(bind("/run"), &bench),
            Err(vec!["mount.control-socket"])
        );
        assert_eq!(
            resolved(bind("/home/me/s"), &bench),
            Err(vec!["mount.control-socket"])
        );
        assert_eq!(
            resolved(bind("/x"), &bench),
            Err(vec!["mount.source-device"])
        );
        let proc = bind_at(at("/proc/1/root"), Some(at("/host")));
        assert_eq!(resolved(proc, &bench), Err(vec!["mount.source-kernel"]));
    }

    #[test]
    fn what_is_missing_is_an_error() {
        let bench = Bench::host().with("/gone", PathFact::Missing);
        assert_eq!(
            resolved(bind("/gone"), &bench),
            Err(vec!["mount.source-missing"])
        );
    }

    #[test]
    fn root_maps_the_owner_to_the_program() {
        let bench = Bench::root().with("/work", present(PathKind::Directory));
        let ids = UserIds { uid: 1, gid: 1 };
        let identity = Identity {
            asked: At::default_value(crate::model::UserSpec::Caller),
            user: At::default_value(ids),
            host: HostIds::Range(ids),
            maps: At::default_value(IdMaps::single(ids, HostIds::Range(ids))),
            groups: Vec::new(),
        };
        let mut scope = bench.scope();
        let mounts = resolve(&[here(bind("/work"))], Some(&identity), &mut scope);
        let MountKind::Bind { owner, .. } = mounts[0].value.kind else {
            panic!("another mount");
        };
        assert_eq!(
            owner,
            OwnerMap::Mapped(UserIds {
                uid: 1000,
                gid: 100
            })
        );
    }

    #[test]
    fn a_tmpfs_without_an_end_is_refused() {
        let tmpfs = RawMount::Tmpfs {
            tmpfs: at("/tmp"),
            size: Some(here(Setting::Literal(ByteSize(0)))),
            mode: None,
            options: vec![],
        };
        assert_eq!(
            resolved(tmpfs, &Bench::symbolic()),
            Err(vec!["value.size-zero"])
        );
    }
}
