//! The directories of `sandbox` itself, which no sandbox may reach (rule 9 of hardening).
//!
//! A program that could write the store would change the trees of other sandboxes; a bind of a whole
//! home directory holds it. An empty tmpfs covers it there, and each directory between the two is pinned.

use std::collections::BTreeSet;
use std::path::Path;

use crate::diag::At;
use crate::model::{ByteSize, FileMode, InsidePath, PathFact, Switch};
use crate::plan::{Guard, Mount, MountKind, TargetPoint};

use super::parts;
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
    let hidden = targets(mounts, |kind| {
        matches!(
            kind,
            MountKind::Part {
                guard: Guard::Hidden,
                ..
            }
        )
    });
    let parts = targets(mounts, |kind| matches!(kind, MountKind::Part { .. }));
    let mut covers = Vec::new();
    for mount in std::mem::take(mounts) {
        let mut pins: Vec<At<Mount>> = Vec::new();
        if let MountKind::Bind { source, .. } = &mount.value.kind {
            let real = real_path(source, scope);
            for directory in &own {
                if Path::new(&real).starts_with(directory) {
                    report(&mount, directory, scope);
                } else if let Ok(rest) = directory.strip_prefix(&real) {
                    let Some(target) = place(&mount.value.target, rest) else {
                        continue;
                    };
                    if !hidden.iter().any(|hidden| target.is_within(hidden)) {
                        pins.extend(parts::pins(&mount, rest, &mount.origin));
                        covers.push(empty(target, &mount));
                    }
                }
            }
        }
        pins.sort_by(|one, other| one.value.target.cmp(&other.value.target));
        pins.dedup();
        pins.retain(|pin| !parts.contains(&pin.value.target));
        mounts.push(mount);
        // What the profile itself mounts below comes later, and stays on top.
        mounts.extend(pins);
    }
    mounts.extend(covers);
}

fn targets(mounts: &[At<Mount>], of: impl Fn(&MountKind) -> bool) -> BTreeSet<InsidePath> {
    let found = mounts.iter().filter(|mount| of(&mount.value.kind));
    found.map(|mount| mount.value.target.clone()).collect()
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
