//! Parts of the host that a profile brings in, and what it keeps from the program below them.

use std::path::Path;

use crate::diag::Origin;
use crate::model::{Access, InsidePath};
use crate::plan::{MountKind, PartGuard, TreeSource};

use super::paths::below;
use super::spots::Spot;
use super::{HostPath, Subject};

/// A part of the host that the program sees.
pub(super) struct Brought<'a> {
    /// What it is.
    pub path: HostPath,
    /// As the plan writes it.
    pub text: &'a str,
    access: Access,
    /// What is kept from the program below it: the path from here, and how.
    guards: Vec<(&'a str, PartGuard)>,
    /// Patterns of what stays out of a copy.
    exclude: &'a [String],
    pub origin: &'a Origin,
    copied: bool,
}

impl Brought<'_> {
    /// Whether the program's writes reach the host.
    pub fn is_writable(&self) -> bool {
        self.access == Access::ReadWrite
    }

    /// Whether this place below it stays out of a copy, or is hidden in a bind.
    pub fn leaves_out(&self, spot: &Spot) -> bool {
        let name = Path::new(spot.path).file_name();
        let name = name.and_then(|name| name.to_str()).unwrap_or_default();
        let pattern = |text: &String| glob::Pattern::new(text.trim_matches('/')).ok();
        let mut patterns = self.exclude.iter().filter_map(pattern);
        let hidden = |guard: &(&str, PartGuard)| guard.1 == PartGuard::Hidden;
        let rest = self.path.way_to(spot.path).unwrap_or_default();
        let mut hidden = self.guards.iter().filter(|guard| hidden(guard));
        patterns.any(|pattern| pattern.matches(name))
            || hidden.any(|(part, _)| below(rest, part).is_some())
    }

    /// Whether the program cannot write what lies at `path` below it.
    pub fn protects(&self, path: &str) -> bool {
        let holds = |guard: &PartGuard| matches!(guard, PartGuard::ReadOnly | PartGuard::Hidden);
        let mut guards = self.guards.iter().filter(|(_, guard)| holds(guard));
        guards.any(|(part, _)| below(path, part).is_some())
    }

    /// How the profile brings it.
    pub fn verb(&self) -> &'static str {
        match self.copied {
            true => "copied",
            false => "mounted",
        }
    }
}

/// Every bind, `host` source, socket and copy.
pub(super) fn brought<'a>(subject: &Subject<'a>) -> Vec<Brought<'a>> {
    let settings = subject.settings;
    let mounts = settings.mounts.iter().filter_map(|mount| {
        let (source, access) = match &mount.value.kind {
            MountKind::Bind { source, access, .. } => (source, *access),
            MountKind::Socket { source, .. } => (source, Access::ReadOnly),
            // A part belongs to its bind.
            MountKind::Part { .. } | MountKind::Volume { .. } | MountKind::Tmpfs { .. } => {
                return None;
            }
        };
        Some(Brought {
            path: HostPath::new(source, subject),
            text: source,
            access,
            guards: guards(subject, &mount.value.target),
            exclude: &[],
            origin: &mount.origin,
            copied: false,
        })
    });
    let copies = settings.tree.sources.iter().filter_map(|source| {
        let TreeSource::Copy { from, exclude, .. } = &source.value else {
            return None;
        };
        Some(Brought {
            path: HostPath::new(from.to_str()?, subject),
            text: from.to_str()?,
            access: Access::ReadOnly,
            guards: Vec::new(),
            exclude,
            origin: &source.origin,
            copied: true,
        })
    });
    mounts.chain(copies).collect()
}

/// What is kept from the program below the bind that is mounted at `top`.
fn guards<'a>(subject: &Subject<'a>, top: &InsidePath) -> Vec<(&'a str, PartGuard)> {
    let mounts = subject.settings.mounts.iter();
    let parts = mounts.filter_map(|mount| match &mount.value.kind {
        MountKind::Part { top: of, guard, .. } if of == top => {
            Some((below(mount.value.target.as_str(), top.as_str())?, *guard))
        }
        _ => None,
    });
    parts.collect()
}
