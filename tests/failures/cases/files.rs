//! What fails about paths: binds, devices, places inside, the program.

use nix::errno::Errno::*;
use sandbox::model::{Access, HostState, MountOption, ProgramFact, Switch};
use sandbox::plan::{
    Action, Missing, Mount, MountAction, MountKind, MountPointKind, OwnerMap, ProgramAction,
    Settings, TargetPoint,
};

use super::{Case, case, changed, opens, opens_work, silent, with};
use crate::plans::settings::at;

fn is_exec(action: &Action) -> bool {
    matches!(action, Action::Program(ProgramAction::Execute { .. }))
}

fn is_chdir(action: &Action) -> bool {
    matches!(action, Action::Program(ProgramAction::ChangeDirectory(_)))
}

fn is_limit(action: &Action) -> bool {
    matches!(action, Action::Program(ProgramAction::LimitProcess(_)))
}

fn opens_config(action: &Action) -> bool {
    opens(action, "/etc/tool.conf")
}

fn guards(action: &Action, path: &str) -> bool {
    let Action::Mount(MountAction::GuardPart(part)) = action else {
        return false;
    };
    part.target.as_str() == path
}

fn attaches(action: &Action, path: &str) -> bool {
    let Action::Mount(MountAction::Attach { target, .. }) = action else {
        return false;
    };
    target.as_str() == path
}

fn binds_null(action: &Action) -> bool {
    matches!(action, Action::Mount(MountAction::MountDevice(d)) if d.path.as_str() == "/dev/null")
}

pub fn mounts() -> Vec<Case> {
    let tree: fn(&Action) -> bool = |action| matches!(action, Action::OpenTree { .. });
    let config: fn(&Action) -> bool = |action| attaches(action, "/work/tool.conf");
    let work: fn(&Action) -> bool = |action| attaches(action, "/work");
    let root = ["root", "mounts"];
    let noatime: fn(&mut Settings) = |settings| {
        settings.mounts[0].value.options = vec![MountOption::NoAtime];
    };
    let hides: fn(&Action) -> bool = |action| guards(action, "/checkout/.env");
    let looks: fn(&Action) -> bool =
        |action| matches!(action, Action::Mount(MountAction::CheckMissing { .. }));
    let wayland: fn(&Action) -> bool = |action| opens(action, "/run/user/1000/wayland-0");
    vec![
        case(
            "mount.source-set-id",
            &["mounts"],
            opens_config,
            EUCLEAN,
            silent(),
        ),
        case(
            "mount.source-kind--socket",
            &["sockets"],
            wayland,
            ENOTSOCK,
            silent(),
        ),
        case("mount.part-gone", &["parts"], hides, ENOENT, silent()),
        case("mount.part-gone--kind", &["parts"], hides, EISDIR, silent()),
        case("mount.part-link", &["parts"], hides, ELOOP, silent()),
        case("mount.part-appeared", &["parts"], looks, EEXIST, silent()),
        case(
            "mount.part-appeared--link",
            &["parts"],
            looks,
            ELOOP,
            silent(),
        ),
        case("host.tree-gone", &[], tree, ENOENT, silent()),
        case("host.store-unmappable", &["root"], tree, EINVAL, silent()),
        case(
            "host.store-unmappable--named",
            &["root"],
            tree,
            EINVAL,
            on_9p(),
        ),
        case(
            "mount.source-missing",
            &["mounts"],
            opens_work,
            ENOENT,
            silent(),
        ),
        case(
            "mount.source-kind",
            &["mounts"],
            opens_work,
            ENOTDIR,
            silent(),
        ),
        case(
            "mount.source-kind--directory",
            &["mounts"],
            opens_config,
            EISDIR,
            silent(),
        ),
        case(
            "mount.source-hidden",
            &["mounts"],
            opens_work,
            EACCES,
            silent(),
        ),
        case(
            "mount.owner-unmappable",
            &root,
            opens_work,
            EINVAL,
            silent(),
        ),
        case(
            "mount.owner-unmappable--named",
            &root,
            opens_work,
            EINVAL,
            on_9p(),
        ),
        case(
            "mount.owner-unmappable--eoverflow",
            &root,
            opens_work,
            EOVERFLOW,
            silent(),
        ),
        changed(
            "mount.option-locked",
            &["mounts"],
            noatime,
            opens_work,
            EPERM,
            silent(),
        ),
        case(
            "mount.target-missing",
            &["mounts"],
            config,
            ENOENT,
            silent(),
        ),
        case(
            "mount.target-missing--tree",
            &["mounts"],
            work,
            ENOENT,
            silent(),
        ),
        case("mount.target-kind", &["mounts"], work, ENOTDIR, silent()),
        case("mount.target-link", &["mounts"], work, ELOOP, silent()),
        case("system.dev-missing", &[], binds_null, ENOENT, silent()),
        case("system.dev-no-device", &[], binds_null, ENODEV, silent()),
    ]
}

/// A host whose homes are shared from elsewhere.
fn on_9p() -> HostState {
    with(|host| {
        host.tree = Some("/home/me/.cache/sandbox/trees/0/root".into());
        let mounts = [("/", "ext4"), ("/home", "9p"), ("/home/other", "xfs")];
        host.mounts = mounts
            .map(|(point, kind)| (point.into(), kind.to_owned()))
            .to_vec();
    })
}

pub fn programs() -> Vec<Case> {
    let noexec: fn(&mut Settings) = |settings| {
        let bind = MountKind::Bind {
            source: "/usr/bin".to_owned(),
            shape: MountPointKind::Directory,
            access: Access::ReadOnly,
            owner: OwnerMap::Kept,
            missing: Missing::Refused,
        };
        let mount = Mount {
            target: "/bin".parse().unwrap(),
            kind: bind,
            options: vec![MountOption::NoExec],
            point: TargetPoint::InTree,
        };
        settings.mounts = vec![at("options", mount)];
    };
    let fds: fn(&mut Settings) = |settings| {
        settings.command.fds = vec![at("args", 3), at("args", 7)];
    };
    let no_path: fn(&mut Settings) = |settings| {
        settings.command.args = vec![at("args", "bash".to_owned())];
        settings.command.path = Vec::new();
    };
    let noexec_store = with(|host| host.tree_noexec = Some(Switch::On));
    let closes: fn(&Action) -> bool =
        |a| matches!(a, Action::Program(ProgramAction::CloseDescriptors { .. }));
    vec![
        case("program.not-found", &[], is_exec, ENOENT, silent()),
        case(
            "program.not-found--anywhere",
            &[],
            is_exec,
            ENOENT,
            with(|host| host.program = Some(ProgramFact::Missing { nearest: None })),
        ),
        case(
            "program.not-found--spelt",
            &["command"],
            is_exec,
            ENOENT,
            with(|host| {
                let nearest = Some("bash".to_owned());
                host.program = Some(ProgramFact::Missing { nearest });
            }),
        ),
        case(
            "program.not-found--path",
            &["command"],
            is_exec,
            ENOENT,
            silent(),
        ),
        changed(
            "program.not-found--no-path",
            &[],
            no_path,
            is_exec,
            ENOENT,
            silent(),
        ),
        case(
            "program.not-found--private",
            &["environment"],
            is_exec,
            ELOOP,
            silent(),
        ),
        case("program.not-executable", &[], is_exec, EACCES, silent()),
        changed(
            "program.not-executable--noexec",
            &[],
            noexec,
            is_exec,
            EACCES,
            silent(),
        ),
        case("host.store-noexec", &[], is_exec, EACCES, noexec_store),
        case("program.wrong-format", &[], is_exec, ENOEXEC, silent()),
        case("program.arguments-too-long", &[], is_exec, E2BIG, silent()),
        case(
            "command.workdir-missing",
            &["command"],
            is_chdir,
            ENOENT,
            silent(),
        ),
        case(
            "command.workdir-kind",
            &["command"],
            is_chdir,
            ENOTDIR,
            silent(),
        ),
        case(
            "command.workdir-hidden",
            &["command"],
            is_chdir,
            EACCES,
            silent(),
        ),
        changed("command.fd-closed", &[], fds, closes, EBADF, silent()),
        case(
            "limits.process-above-host",
            &["limits"],
            is_limit,
            EPERM,
            silent(),
        ),
        case(
            "limits.process-soft-above-hard",
            &["limits"],
            is_limit,
            EINVAL,
            silent(),
        ),
    ]
}
