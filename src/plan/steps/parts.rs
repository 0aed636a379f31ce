//! The steps for sockets and for parts of binds.

use std::collections::BTreeMap;

use crate::diag::At;
use crate::model::{Access, InsidePath, MountOption};
use crate::plan::step::{Action, MountAction, Slot};
use crate::plan::{
    Accepts, Guard, GuardPart, Loss, Missing, Mount, MountKind, MountPointKind, OpenBind, OpenPart,
    OwnerMap, Settings,
};

use super::mounts::numbered;

/// The slot of what is mounted at each place.
pub(super) type Tops<'a> = BTreeMap<&'a InsidePath, Slot>;

pub(super) fn tops(settings: &Settings) -> Tops<'_> {
    let places = numbered(settings).map(|(slot, mount)| (&mount.value.target, slot));
    places.collect()
}

/// Nothing only where a plan has no such bind.
pub(super) fn guard(
    tops: &Tops<'_>,
    top: &InsidePath,
    target: &InsidePath,
    guard: Guard,
    shape: MountPointKind,
) -> Option<MountAction> {
    Some(MountAction::GuardPart(GuardPart {
        slot: *tops.get(top)?,
        below: below(top, target)?,
        target: target.clone(),
        guard,
        shape,
    }))
}

/// What was missing when the plan was made is not protected, so it has to be missing still.
pub(super) fn check_missing(tops: &Tops<'_>, part: &OpenPart) -> Option<MountAction> {
    if part.loss != Loss::Missing {
        return None;
    }
    Some(MountAction::CheckMissing {
        slot: *tops.get(&part.top)?,
        below: below(&part.top, &part.path)?,
        target: part.path.clone(),
    })
}

fn below(top: &InsidePath, target: &InsidePath) -> Option<String> {
    let below = target.as_str().strip_prefix(top.as_str())?;
    Some(below.trim_start_matches('/').to_owned())
}

/// What a mount of the profile is good for.
pub(super) fn why(kind: &MountKind) -> &'static str {
    match kind {
        MountKind::Part { guard, .. } => match guard {
            Guard::Pinned => "nothing takes its place",
            Guard::ReadOnly => "cannot be written",
            Guard::Hidden => "cannot be seen",
        },
        MountKind::Bind { .. }
        | MountKind::Socket { .. }
        | MountKind::Volume { .. }
        | MountKind::Tmpfs { .. } => "granted by the profile",
    }
}

/// Read-only: connect(2) asks for the right to write the socket, not its mount, and nothing else has a
/// use for that right but to change the socket's mode, owner or times.
pub(super) fn open_socket(slot: Slot, source: &str, owner: OwnerMap, missing: Missing) -> Action {
    Action::OpenBind(OpenBind {
        slot,
        source: source.to_owned(),
        shape: MountPointKind::File,
        access: Access::ReadOnly,
        options: vec![MountOption::NoExec],
        owner,
        missing,
        accepts: Accepts::Sockets,
    })
}

/// The first mount for which something empty has to be there.
pub(super) fn first_hidden(settings: &Settings) -> Option<&At<Mount>> {
    let hides = |mount: &&At<Mount>| {
        matches!(
            mount.value.kind,
            MountKind::Part {
                guard: Guard::Hidden,
                ..
            }
        )
    };
    settings.mounts.iter().find(hides)
}
