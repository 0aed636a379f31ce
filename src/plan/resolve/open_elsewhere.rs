//! A second way to what a bind protects: another bind that brings the same files, or a copy of them.
//!
//! Files are the same where their file system and the path in it are, whatever mounts lead there: a bind may begin
//! above what is protected, at it or below it, or at another mount of the same directory.

use std::path::{Path, PathBuf};

use crate::diag::{At, Origin, Problem};
use crate::model::{Access, InsidePath, Placed, Protection};
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
        let protected = Protected {
            protection: entry.protection,
            places: places(&host, scope),
        };
        let by_mount = mounts.iter().find_map(|mount| {
            let other = mount.origin != top.mount.origin;
            let open = other && protected.is_open(mount, tops, mounts, scope);
            open.then_some(&mount.origin)
        });
        if let Some(origin) = by_mount.or_else(|| protected.copied(tree, scope)) {
            scope.report(problem(entry, origin));
        }
    }
}

/// Where a host path lies in its file system, and what is mounted below it. The text alone knows the path.
fn places(path: &Path, scope: &mut Scope<'_>) -> Vec<Placed> {
    scope.wanted.placed.insert(path.to_owned());
    let known = scope.facts().and_then(|facts| facts.placed.get(path));
    match known {
        Some(known) if !known.is_empty() => known.clone(),
        _ => vec![Placed {
            device: String::new(),
            path: path.to_owned(),
            below: PathBuf::new(),
        }],
    }
}

/// A part of a bind, by its places.
struct Protected {
    protection: Protection,
    places: Vec<Placed>,
}

impl Protected {
    /// Where it lies below a path of these `places`, or that path within it: the paths behind the second one at
    /// which its files are met.
    fn met_in(&self, places: &[Placed]) -> Vec<PathBuf> {
        let pairs = places
            .iter()
            .flat_map(|shown| self.places.iter().map(move |own| (shown, own)));
        let met = pairs.filter_map(|(shown, own)| {
            if shown.device != own.device {
                return None;
            }
            match own.path.strip_prefix(&shown.path) {
                Ok(rest) => Some(shown.below.join(rest).components().collect()),
                Err(_) => shown
                    .path
                    .starts_with(&own.path)
                    .then(|| shown.below.clone()),
            }
        });
        met.collect()
    }

    /// Whether a bind brings it, and lets the program do what it should not.
    fn is_open(
        &self,
        mount: &At<Mount>,
        tops: &[Top<'_>],
        mounts: &[At<Mount>],
        scope: &mut Scope<'_>,
    ) -> bool {
        let MountKind::Bind { source, access, .. } = &mount.value.kind else {
            return false;
        };
        // What is written to an overlay stays apart; what is read through it does not.
        if self.protection != Protection::Hide && *access != Access::ReadWrite {
            return false;
        }
        let shown = places(Path::new(source), scope);
        let guarded = |rest: &Path| {
            let mut own = tops.iter().filter(|top| top.mount.origin == mount.origin);
            own.any(|top| {
                let mut entries = top.entries.iter();
                entries.any(|entry| {
                    entry.protection >= self.protection
                        && rest.starts_with(entry.path.value.as_str())
                })
            })
        };
        let met = self.met_in(&shown);
        let mut open = met.iter().filter(|rest| !guarded(rest));
        open.any(|rest| !is_covered(&mount.value.target, rest, mounts))
    }

    /// A copy is no way to write it. Only who leaves it out of the copy by its very name leaves it out for sure.
    fn copied<'t>(&self, tree: &'t Tree, scope: &mut Scope<'_>) -> Option<&'t Origin> {
        if self.protection != Protection::Hide {
            return None;
        }
        let mut sources = tree.sources.iter();
        let copy = sources.find(|source| match &source.value {
            TreeSource::Copy { from, exclude, .. } => {
                let left_out = |below: &Path| {
                    let mut names = below.iter();
                    names.any(|name| exclude.iter().any(|left| *name == **left))
                };
                let met = self.met_in(&places(Path::new(from), scope));
                met.iter().any(|below| !left_out(below))
            }
            _ => false,
        });
        copy.map(|source| &source.origin)
    }
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
