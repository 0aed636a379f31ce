//! Parts of a bind, and sockets.

use sandbox::diag::At;
use sandbox::model::{Access, Protection};
use sandbox::plan::{
    HostIds, Loss, Missing, Mount, MountKind, MountPointKind, OpenPart, OwnerMap, PartGuard,
    Settings, TargetPoint,
};

use super::settings::{at, ids};

fn owner(settings: &Settings) -> OwnerMap {
    match settings.identity.host {
        HostIds::Range(_) => OwnerMap::Mapped(ids(1000)),
        HostIds::Caller(_) | HostIds::Same => OwnerMap::Kept,
    }
}

fn mount(needle: &str, target: &str, kind: MountKind, point: TargetPoint) -> At<Mount> {
    let mount = Mount {
        target: target.parse().unwrap(),
        kind,
        options: Vec::new(),
        point,
    };
    at(needle, mount)
}

/// Mixed with itself, a feature is there once.
fn replace(settings: &mut Settings, top: &str, mounts: Vec<At<Mount>>) {
    let mut kept = std::mem::take(&mut settings.mounts);
    kept.retain(|mount| !mount.value.target.as_str().starts_with(top));
    kept.extend(mounts);
    settings.mounts = kept;
}

pub fn parts(settings: &mut Settings) {
    let (directory, file) = (MountPointKind::Directory, MountPointKind::File);
    let part = |needle, path: &str, guard, shape| {
        let kind = MountKind::Part {
            top: "/checkout".parse().unwrap(),
            guard,
            shape,
            may_miss: sandbox::model::Switch::Off,
        };
        let target = format!("/checkout/{path}");
        mount(needle, &target, kind, TargetPoint::MustExist)
    };
    let bind = MountKind::Bind {
        source: "/srv/checkout".to_owned(),
        shape: directory,
        access: Access::ReadWrite,
        owner: owner(settings),
        missing: Missing::Refused,
    };
    let (hooks, config, env) = ("\".git/hooks\"", "\".git/config\"", "\"?.env\"");
    let mounts = vec![
        mount(
            "[[mount]]\nbind = \"/srv/checkout",
            "/checkout",
            bind,
            TargetPoint::InTree,
        ),
        part(env, ".env", PartGuard::Hidden, file),
        part(hooks, ".git", PartGuard::Pinned, directory),
        part("\"secrets\"", "secrets", PartGuard::Hidden, directory),
        part(config, ".git/config", PartGuard::ReadOnly, file),
        part(hooks, ".git/hooks", PartGuard::ReadOnly, directory),
    ];
    replace(settings, "/checkout", mounts);
    let open = |needle, path: &str, protection, loss| {
        let part = OpenPart {
            top: "/checkout".parse().unwrap(),
            path: format!("/checkout/{path}").parse().unwrap(),
            protection,
            loss,
        };
        at(needle, part)
    };
    settings.unprotected = vec![
        open(
            config,
            ".git/config",
            Protection::ReadOnly,
            Loss::Replaceable,
        ),
        open(config, ".git/config", Protection::ReadOnly, Loss::Linked(2)),
        open(env, ".env", Protection::Hide, Loss::Replaceable),
        open("\"?gone\"", "gone", Protection::Hide, Loss::Missing),
    ];
}

pub fn sockets(settings: &mut Settings) {
    let socket = |source: &str, missing, dangerous: Option<&str>| MountKind::Socket {
        source: source.to_owned(),
        owner: owner(settings),
        missing,
        dangerous: dangerous.map(str::to_owned),
    };
    let wayland = socket("/run/user/1000/wayland-0", Missing::Refused, None);
    let why = Some("the program makes containers");
    let docker = socket("/run/docker.sock", Missing::Skipped, why);
    let in_tree = TargetPoint::InTree;
    let mounts = vec![
        mount(
            "[[mount]]\nsocket = \"/run/user",
            "/run/wayland-0",
            wayland,
            in_tree,
        ),
        mount(
            "[[mount]]\nsocket = \"/run/docker",
            "/run/docker.sock",
            docker,
            in_tree,
        ),
    ];
    replace(settings, "/run/", mounts);
}
