//! The directories of `sandbox` itself, which no sandbox may reach (rule 9 of hardening).
//!
//! A program that could write the store would change the trees of other sandboxes; a bind of a whole
//! home directory holds it. An empty tmpfs covers it there. Where the bind can be written, each directory
//! between the two is bound onto itself: a mount point cannot be renamed, but what holds one can, and the
//! program could put directories of its own in the place of ours.

use std::path::Path;

use crate::diag::At;
use crate::model::guard::{self, Guard};
use crate::model::{Access, ByteSize, FileMode, InsidePath, PathFact, Switch};
use crate::plan::{Missing, Mount, MountKind, MountPointKind, TargetPoint};

use super::scope::Scope;

/// One page: nothing needs room there.
const EMPTY: ByteSize = ByteSize(4096);

/// Adds a cover over each own directory that a bind would show; a bind of one itself is an error.
pub(super) fn cover(mounts: &mut Vec<At<Mount>>, scope: &mut Scope<'_>) {
    let is_bind = |mount: &At<Mount>| matches!(mount.value.kind, MountKind::Bind { .. });
    let Some(facts) = scope.facts().filter(|_| mounts.iter().any(is_bind)) else {
        return;
    };
    let own = facts.own_directories.clone();
    scope.wanted.own_directories = Switch::On;
    let mut covers = Vec::new();
    for mount in std::mem::take(mounts) {
        let mut pins: Vec<At<Mount>> = Vec::new();
        if let MountKind::Bind { source, .. } = &mount.value.kind {
            let real = real_path(source, scope);
            for directory in &own {
                if Path::new(&real).starts_with(directory) {
                    report(&mount, directory, scope);
                } else if let Ok(rest) = directory.strip_prefix(&real) {
                    if guard::holds(Guard::PinStore) {
                        pins.extend(between(&mount, &real, rest));
                    }
                    let target = place(&mount.value.target, rest);
                    let target = target.filter(|_| guard::holds(Guard::CoverStore));
                    covers.extend(target.map(|target| empty(target, &mount)));
                }
            }
        }
        pins.sort_by(|one, other| one.value.target.cmp(&other.value.target));
        pins.dedup();
        mounts.push(mount);
        // What the profile itself mounts below comes later, and stays on top.
        mounts.extend(pins);
    }
    mounts.extend(covers);
}

/// The directories between a bind that can be written and one of ours, each bound onto itself.
fn between(mount: &At<Mount>, real: &str, rest: &Path) -> Vec<At<Mount>> {
    let MountKind::Bind {
        access: Access::ReadWrite,
        owner,
        ..
    } = mount.value.kind
    else {
        return Vec::new();
    };
    let parents = rest.ancestors().skip(1);
    let parents = parents.filter(|rest| !rest.as_os_str().is_empty());
    let pin = |rest: &Path| {
        let target = place(&mount.value.target, rest)?;
        let pin = Mount {
            kind: MountKind::Bind {
                source: Path::new(real).join(rest).to_str()?.to_owned(),
                shape: MountPointKind::Directory,
                access: Access::ReadWrite,
                owner,
                missing: Missing::Refused,
            },
            target,
            options: mount.value.options.clone(),
            point: TargetPoint::MustExist,
        };
        Some(At::new(pin, mount.origin.clone()))
    };
    parents.filter_map(pin).collect()
}

fn real_path(source: &str, scope: &mut Scope<'_>) -> String {
    match scope.path_fact(source) {
        Some(PathFact::Present {
            real: Some(real), ..
        }) => real.to_string_lossy().into_owned(),
        _ => source.to_owned(),
    }
}

fn place(target: &InsidePath, rest: &Path) -> Option<InsidePath> {
    target.join(rest.to_str()?).ok()
}

fn empty(target: InsidePath, mount: &At<Mount>) -> At<Mount> {
    let kind = MountKind::Tmpfs {
        size: EMPTY,
        mode: FileMode(0o500),
    };
    let mount_over = Mount {
        target,
        kind,
        options: Vec::new(),
        point: TargetPoint::MustExist,
    };
    At::new(mount_over, mount.origin.clone())
}

fn report(mount: &At<Mount>, directory: &Path, scope: &mut Scope<'_>) {
    let message = format!(
        "mount source lies in `{}`, where the trees, the state and the data of all sandboxes are",
        directory.display()
    );
    scope.report(
        mount
            .error("mount.own-directory", message)
            .help("bind another directory"),
    );
}
