//! Links in what a sandbox may write, which would lead a bind elsewhere.
//!
//! A program that may write a directory can lay a link there, and the next run would bind what the link
//! points to (CVE-2026-34078, of flatpak).

use std::path::{Path, PathBuf};

use crate::diag::{At, Origin, Problem};
use crate::model::{Access, PathFact};
use crate::profile::raw::RawMount;

use super::host_object::HostObject;
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
        let real = match scope.path_fact(&asked) {
            Some(PathFact::Present {
                real: Some(real), ..
            }) => real.clone(),
            _ => PathBuf::from(&asked),
        };
        found.push(Writable {
            asked: PathBuf::from(asked),
            real,
            origin: bind.origin.clone(),
        });
    }
    found
}

/// The mistake of a source that lies in a writable directory, and really outside of it.
pub(super) fn refused(
    source: &str,
    found: &HostObject,
    origin: &Origin,
    writable: &[Writable],
) -> Option<Problem> {
    let real = found.real.as_ref()?;
    let out = writable.iter().find(|writable| {
        let below =
            Path::new(source).starts_with(&writable.asked) && Path::new(source) != writable.asked;
        below && !real.starts_with(&writable.real)
    })?;
    let message = format!(
        "mount source `{source}` is a link to `{}`, and lies where the program may write",
        real.display()
    );
    Some(
        Problem::error("mount.source-led-out", origin, message)
            .also(&out.origin, "this lets the program lay such a link")
            .help("bind what the link points to by its own path, if that is meant"),
    )
}
