//! The program of the command line, where a tmpfs of the profile would cover it.
//!
//! `sandbox up untrusted.toml -- ./a.out` below /tmp is what people do, and the profile's own /tmp lies
//! over the copy in the tree: a read-only bind of the one file over that tmpfs shows it at its path.

use crate::diag::{At, Origin};
use crate::model::Access;
use crate::plan::{Identity, Missing, Mount, MountKind, TargetPoint, TreeSource};

use super::command::Draft;
use super::host_object::Role;
use super::mounts::owner_map;
use super::scope::Scope;
use super::sources::Tree;
use crate::model::{InsidePath, Owner};

const PROGRAM: Role = Role {
    noun: "program",
    missing: "mount.source-missing",
    hidden: "mount.source-hidden",
    fix: "correct the path",
};

/// The bind that shows the program, where it is needed.
pub(super) fn bind(
    command: Option<&Draft>,
    tree: &Tree,
    mounts: &[At<Mount>],
    identity: Option<&Identity>,
    scope: &mut Scope<'_>,
) -> Option<At<Mount>> {
    let program = command?.args.first()?;
    let path: InsidePath = program.value.parse().ok()?;
    let from_host = program.origin == Origin::CommandLine && brings(tree, &program.value);
    if !from_host || !is_covered(&path, mounts) {
        return None;
    }
    let found = scope.host_object(&PROGRAM, path.as_str(), &program.origin, Missing::Refused)?;
    let kind = MountKind::Bind {
        // What a link leads to: a bind follows none.
        source: found.real_path(path.as_str()).to_owned(),
        shape: found.shape(),
        access: Access::ReadOnly,
        owner: owner_map(Owner::Map, &found, identity, scope),
        missing: Missing::Refused,
    };
    let mount = Mount {
        target: path,
        kind,
        options: Vec::new(),
        point: TargetPoint::Made,
    };
    Some(At::new(mount, program.origin.clone()))
}

/// Whether a source asks for this program.
fn brings(tree: &Tree, path: &str) -> bool {
    tree.sources.iter().any(|source| match &source.value {
        TreeSource::Programs { programs, .. } => programs.iter().any(|name| name.value == path),
        _ => false,
    })
}

fn is_covered(path: &InsidePath, mounts: &[At<Mount>]) -> bool {
    let over = mounts.iter().map(|mount| &mount.value);
    let nearest = over
        .filter(|mount| path.is_within(&mount.target))
        .max_by_key(|mount| mount.target.depth());
    nearest.is_some_and(|mount| {
        matches!(
            mount.kind,
            MountKind::Tmpfs { .. } | MountKind::Volume { .. }
        )
    })
}
