//! What fails about what is kept: its directories, overlays, volumes.

use nix::errno::Errno::*;
use sandbox::plan::{Action, KeptPart, MountAction};

use super::{Case, case, silent, with};

fn opens_overlay(action: &Action) -> bool {
    matches!(action, Action::OpenKept(kept) if matches!(kept.part, KeptPart::Overlay { .. }))
}

fn opens_volume(action: &Action) -> bool {
    matches!(action, Action::OpenKept(kept) if matches!(kept.part, KeptPart::Volume { .. }))
}

fn opens_tree(action: &Action) -> bool {
    matches!(action, Action::OpenKept(kept) if kept.part == KeptPart::Tree)
}

fn opens_lower(action: &Action) -> bool {
    matches!(action, Action::OpenBind(bind) if bind.source == "/srv/project")
}

fn mounts_kept(action: &Action) -> bool {
    matches!(action, Action::Mount(MountAction::MountKept { .. }))
}

fn attaches_overlay(action: &Action) -> bool {
    matches!(action, Action::Mount(MountAction::AttachOverlay { .. }))
}

fn attaches_volume(action: &Action) -> bool {
    matches!(action, Action::Mount(MountAction::Attach { target, .. }) if target.as_str() == "/data")
}

pub fn kept() -> Vec<Case> {
    let old = with(|host| host.kernel = Some((5, 10)));
    let mounts = ["kept-mounts"];
    let root = ["root", "kept-mounts"];
    vec![
        case("kept.changed", &mounts, opens_overlay, ESTALE, silent()),
        case(
            "kept.changed--volume",
            &mounts,
            opens_volume,
            ENOENT,
            silent(),
        ),
        case("kept.changed--tree", &["keep"], opens_tree, ELOOP, silent()),
        case("kept.unmappable", &root, opens_volume, EINVAL, silent()),
        case(
            "mount.overlay-mounts",
            &mounts,
            opens_lower,
            EINVAL,
            silent(),
        ),
        case(
            "host.no-overlay--keep",
            &["keep"],
            mounts_kept,
            EINVAL,
            silent(),
        ),
        case(
            "host.no-overlay--keep-old",
            &["keep"],
            mounts_kept,
            EPERM,
            old,
        ),
        case(
            "host.no-overlay--bind",
            &mounts,
            attaches_overlay,
            EINVAL,
            silent(),
        ),
        case(
            "host.no-overlay--none",
            &mounts,
            attaches_overlay,
            ENODEV,
            silent(),
        ),
        case(
            "mount.target-missing--overlay",
            &mounts,
            attaches_overlay,
            ENOENT,
            silent(),
        ),
        case(
            "mount.target-link--volume",
            &mounts,
            attaches_volume,
            ELOOP,
            silent(),
        ),
    ]
}
