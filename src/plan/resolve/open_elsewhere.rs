//! A second way to what a bind protects: another bind that brings the same files, or a copy of them.

use std::path::Path;

use crate::diag::{At, Origin, Problem};
use crate::model::{Access, InsidePath, Protection};
use crate::plan::{Mount, MountKind, TreeSource};

use super::parts::{Entry, Top};
use super::scope::Scope;
use super::sources::Tree;

/// Notes each part of `top` that the program gets at in another place.
pub(super) fn judge(
    top: &Top<'_>,
    tops: &[Top<'_>],
    tree: &Tree,
    mounts: &[At<Mount>],
    scope: &mut Scope<'_>,
) {
    for entry in &top.entries {
        let host = Path::new(&top.source).join(entry.path.value.as_str());
        let by_mount = mounts.iter().find_map(|mount| {
            let other = mount.origin != top.mount.origin;
            let open = other && is_open(mount, &host, entry.protection, tops, mounts);
            open.then_some(&mount.origin)
        });
        let by_copy = || copied(&host, entry.protection, tree);
        if let Some(origin) = by_mount.or_else(by_copy) {
            scope.report(problem(entry, origin));
        }
    }
}

/// Whether a bind brings the host path `host`, and lets the program do what it should not.
fn is_open(
    mount: &At<Mount>,
    host: &Path,
    protection: Protection,
    tops: &[Top<'_>],
    mounts: &[At<Mount>],
) -> bool {
    let MountKind::Bind { source, access, .. } = &mount.value.kind else {
        return false;
    };
    // What is written to an overlay stays apart; what is read through it does not.
    let allows = protection == Protection::Hide || *access == Access::ReadWrite;
    let Ok(rest) = host.strip_prefix(source) else {
        return false;
    };
    if !allows {
        return false;
    }
    let guarded = tops.iter().any(|top| {
        top.mount.origin == mount.origin && {
            let mut entries = top.entries.iter();
            entries.any(|entry| {
                entry.protection >= protection && rest.starts_with(entry.path.value.as_str())
            })
        }
    });
    !guarded && !is_covered(&mount.value.target, rest, mounts)
}

/// Whether something else is mounted over this place of a bind.
fn is_covered(target: &InsidePath, rest: &Path, mounts: &[At<Mount>]) -> bool {
    let place = rest.to_str().and_then(|rest| target.join(rest).ok());
    let Some(place) = place else {
        return false;
    };
    mounts.iter().any(|over| {
        let over = &over.value.target;
        over != target && over.is_within(target) && place.is_within(over)
    })
}

/// A copy is no way to write it. Only who leaves it out of the copy by its very name leaves it out for sure.
fn copied<'t>(host: &Path, protection: Protection, tree: &'t Tree) -> Option<&'t Origin> {
    let copies = tree.sources.iter().filter(|source| match &source.value {
        TreeSource::Copy { from, exclude, .. } => match host.strip_prefix(from) {
            Ok(below) => !below
                .iter()
                .any(|name| exclude.iter().any(|left| *name == **left)),
            Err(_) => from.starts_with(host),
        },
        _ => false,
    });
    let mut copies = copies.filter(|_| protection == Protection::Hide);
    copies.next().map(|source| &source.origin)
}

fn problem(entry: &Entry<'_>, origin: &Origin) -> Problem {
    let path = &entry.path.value;
    let (code, message, help) = match entry.protection {
        Protection::ReadOnly => (
            "mount.read-only-open-elsewhere",
            format!("`{path}` is read-only here, and can be written through another mount"),
            "bind the other directory read-only, or protect the path there too",
        ),
        Protection::Hide => (
            "mount.hide-open-elsewhere",
            format!("`{path}` is hidden here, and shown in another place"),
            "hide it there too, or leave the other out",
        ),
    };
    let problem = entry.path.error(code, message);
    problem
        .also(origin, "this brings the same files")
        .help(help)
}
