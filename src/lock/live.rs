//! What a plan mounts over the tree that is the host's and stays so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::LiveKind;
use crate::plan::{Mount, MountKind, Settings};

/// The places inside that a lock cannot speak for. What is empty at the start is not among them.
pub fn live(settings: &Settings) -> BTreeMap<PathBuf, LiveKind> {
    let mounts = settings.mounts.iter().filter_map(|mount| {
        let Mount { target, kind, .. } = &mount.value;
        let kind = match kind {
            MountKind::Bind { .. } => LiveKind::Bind,
            MountKind::Tmpfs { .. } => return None,
        };
        Some((target.as_path().to_owned(), kind))
    });
    mounts.collect()
}
