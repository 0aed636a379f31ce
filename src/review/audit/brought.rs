//! Parts of the host that a profile brings in, and what it keeps from the program below them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::diag::{At, Origin};
use crate::model::{Access, InsidePath};
use crate::plan::{Mount, MountKind, PartGuard, TreeSource};

use super::{HostPath, Subject};
use crate::model::host_sockets::below;

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
    /// Why a socket is granted all the same.
    pub dangerous: Option<&'a str>,
    copied: bool,
}

impl Brought<'_> {
    /// Whether the program's writes reach the host.
    pub fn is_writable(&self) -> bool {
        self.access == Access::ReadWrite
    }

    /// Whether this place below it stays out of a copy, or is hidden in a bind.
    pub fn leaves_out(&self, place: &str) -> bool {
        let name = Path::new(place).file_name();
        let name = name.and_then(|name| name.to_str()).unwrap_or_default();
        let pattern = |text: &String| glob::Pattern::new(text.trim_matches('/')).ok();
        let mut patterns = self.exclude.iter().filter_map(pattern);
        let hidden = |guard: &(&str, PartGuard)| guard.1 == PartGuard::Hidden;
        let rest = self.path.way_to(place).unwrap_or_default();
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

    /// Whether the program has a copy of its own.
    pub fn is_copied(&self) -> bool {
        self.copied
    }

    /// How the profile brings it.
    pub fn verb(&self) -> &'static str {
        match self.copied {
            true => "copied",
            false => "mounted",
        }
    }
}

/// Every bind, `host` source, socket, copy, and file that a `programs` source names by its path. What is copied
/// comes with what links on the way lead to, so it is judged by both; of a mount the plan has that alone.
pub(super) fn brought<'a>(subject: &Subject<'a>) -> Vec<Brought<'a>> {
    let settings = subject.settings;
    let guards = guards(&settings.mounts);
    let mut parts: Vec<Brought<'a>> = settings
        .mounts
        .iter()
        .filter_map(|mount| mounted(mount, &guards, subject))
        .collect();
    for source in &settings.tree.sources {
        match &source.value {
            TreeSource::Copy { from, exclude, .. } => {
                parts.extend(copied(from, exclude, &source.origin, subject));
            }
            TreeSource::Programs { programs, extra } => {
                let named = programs.iter().filter(|name| name.value.contains('/'));
                let named = named.map(|name| (Path::new(&name.value), &name.origin));
                let files = extra
                    .iter()
                    .map(|file| (file.value.as_path(), &file.origin));
                for (path, origin) in named.chain(files) {
                    parts.extend(copied(path, &[], origin, subject));
                }
            }
            TreeSource::Bundle { .. }
            | TreeSource::Archive { .. }
            | TreeSource::Image(_)
            | TreeSource::File { .. }
            | TreeSource::Dir { .. }
            | TreeSource::Symlink { .. } => {}
        }
    }
    parts
}

fn mounted<'a>(
    mount: &'a At<Mount>,
    guards: &Guards<'a>,
    subject: &Subject<'a>,
) -> Option<Brought<'a>> {
    let (source, access, dangerous) = match &mount.value.kind {
        MountKind::Bind { source, access, .. } => (source, *access, None),
        MountKind::Socket {
            source, dangerous, ..
        } => (source, Access::ReadOnly, dangerous.as_deref()),
        // A part belongs to its bind.
        MountKind::Part { .. } | MountKind::Volume { .. } | MountKind::Tmpfs { .. } => {
            return None;
        }
    };
    Some(Brought {
        path: HostPath::new(source, subject),
        text: source,
        access,
        guards: guards.get(&mount.value.target).cloned().unwrap_or_default(),
        exclude: &[],
        origin: &mount.origin,
        dangerous,
        copied: false,
    })
}

/// What is copied from `path`, and from where a link on the way to it leads.
fn copied<'a>(
    path: &'a Path,
    exclude: &'a [String],
    origin: &'a Origin,
    subject: &Subject<'a>,
) -> Vec<Brought<'a>> {
    let real = subject.real_paths.get(path).map(PathBuf::as_path);
    let paths = std::iter::once(path).chain(real);
    let texts = paths.filter_map(Path::to_str);
    let parts = texts.map(|text| Brought {
        path: HostPath::new(text, subject),
        text,
        access: Access::ReadOnly,
        guards: Vec::new(),
        exclude,
        origin,
        dangerous: None,
        copied: true,
    });
    parts.collect()
}

/// What is kept from the program below each bind, by where that is mounted.
type Guards<'a> = HashMap<&'a InsidePath, Vec<(&'a str, PartGuard)>>;

fn guards(mounts: &[At<Mount>]) -> Guards<'_> {
    let mut guards = Guards::new();
    for mount in mounts {
        if let MountKind::Part { top, guard, .. } = &mount.value.kind
            && let Some(part) = below(mount.value.target.as_str(), top.as_str())
        {
            guards.entry(top).or_default().push((part, *guard));
        }
    }
    guards
}
