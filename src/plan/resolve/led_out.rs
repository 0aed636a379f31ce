//! Links in what a sandbox may write, which would lead a bind elsewhere.
//!
//! A program that may write a directory can lay a link there, and the next run would bind what the link
//! points to (CVE-2026-34078, of flatpak).

use std::path::{Path, PathBuf};

use crate::diag::{At, Origin, Problem};
use crate::model::guard::{self, Guard};
use crate::model::{Access, PathFact};
use crate::plan::TreeSource;
use crate::profile::raw::RawMount;

use super::scope::Scope;

/// A host directory that the profile lets the program write.
pub(super) struct Writable {
    /// As it is written, absolute.
    asked: PathBuf,
    /// Without links.
    real: PathBuf,
    origin: Origin,
}

/// Every one of the profile.
pub(super) fn writable(raw: &[At<RawMount>], scope: &mut Scope<'_>) -> Vec<Writable> {
    let mut found = Vec::new();
    for mount in raw {
        let RawMount::Bind {
            bind,
            access: Some(access),
            ..
        } = &mount.value
        else {
            continue;
        };
        let Some(asked) = scope
            .host_path(bind)
            .filter(|_| access.value == Access::ReadWrite)
        else {
            continue;
        };
        let real = real_path(&asked, scope).unwrap_or_else(|| PathBuf::from(&asked));
        found.push(Writable {
            asked: PathBuf::from(asked),
            real,
            origin: bind.origin.clone(),
        });
    }
    found
}

/// Where a link leads; nothing for what is no link.
fn real_path(path: &str, scope: &mut Scope<'_>) -> Option<PathBuf> {
    match scope.path_fact(path)? {
        PathFact::Present { real, .. } => real.clone(),
        PathFact::Missing | PathFact::Hidden(_) => None,
    }
}

/// What is copied into the tree is shown as well as what is bound.
pub(super) fn judge_copies(
    sources: &[At<TreeSource>],
    mounts: &[At<RawMount>],
    scope: &mut Scope<'_>,
) {
    let writable = writable(mounts, scope);
    for source in sources {
        let TreeSource::Copy { from, .. } = &source.value else {
            continue;
        };
        let Some(from) = from.to_str() else { continue };
        let real = real_path(from, scope);
        let offence = refused(("source", from), real.as_deref(), &source.origin, &writable);
        if let Some(problem) = offence {
            scope.report(problem);
        }
    }
}

/// The mistake of a source, by its noun and path, that lies in a writable directory, and really outside of it.
pub(super) fn refused(
    (noun, source): (&str, &str),
    real: Option<&Path>,
    origin: &Origin,
    writable: &[Writable],
) -> Option<Problem> {
    let real = real.filter(|_| guard::holds(Guard::LedOut))?;
    let out = writable.iter().find(|writable| {
        let below =
            Path::new(source).starts_with(&writable.asked) && Path::new(source) != writable.asked;
        below && !real.starts_with(&writable.real)
    })?;
    let message = format!(
        "{noun} `{source}` is a link to `{}`, and lies where the program may write",
        real.display()
    );
    Some(
        Problem::error("mount.source-led-out", origin, message)
            .also(&out.origin, "this lets the program lay such a link")
            .help("bind what the link points to by its own path, if that is meant"),
    )
}
