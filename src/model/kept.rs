//! What is kept under a sandbox's name.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

/// A directory of what is kept, found and locked for one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPlace {
    /// Its path without links.
    pub path: PathBuf,
    /// The device that holds it, as stat(2) gives it.
    pub device: u64,
    /// Its inode.
    pub inode: u64,
}

/// A part of a sandbox whose writes outlive the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Kept {
    /// What it is.
    pub kind: KeptKind,
    /// Its path inside.
    pub target: String,
}

/// The kinds of what outlives a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeptKind {
    /// Writes to the root tree (`rootfs.writes = "keep"`).
    Tree,
    /// Writes over a host directory (`access = "overlay"`).
    Overlay,
    /// A volume.
    Volume,
}
