//! What a lock cannot speak for: the host's own below a mount, and files made for the caller.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::LiveKind;
use crate::plan::{Existing, Mount, MountKind, Settings, TreePlan, TreeSource};

/// The files that tell the ids of whoever starts the sandbox.
const OF_CALLER: [&str; 2] = ["/etc/passwd", "/etc/group"];

/// The places inside that a lock cannot speak for. What is empty at the start is not among them.
pub fn live(settings: &Settings) -> BTreeMap<PathBuf, LiveKind> {
    let mounts = settings.mounts.iter().filter_map(|mount| {
        let Mount { target, kind, .. } = &mount.value;
        let kind = match kind {
            MountKind::Bind { .. } | MountKind::Socket { .. } => LiveKind::Bind,
            MountKind::Volume { .. } => LiveKind::Volume,
            // A part is of the bind that it lies in.
            MountKind::Tmpfs { .. } | MountKind::Part { .. } => return None,
        };
        Some((target.as_path().to_owned(), kind))
    });
    mounts.collect()
}

/// The files that are generated for the caller, where no source gave them, with their texts.
///
/// Only a generated file gives way to another one; a profile's own text of that name is locked.
pub fn generated(plan: &TreePlan) -> BTreeMap<&Path, &str> {
    let files = plan
        .sources
        .iter()
        .filter_map(|source| match &source.value {
            TreeSource::File {
                path,
                text,
                existing: Existing::Kept,
                ..
            } if OF_CALLER.contains(&path.as_str()) => Some((path.as_path(), text.as_str())),
            _ => None,
        });
    files.collect()
}
