//! What a profile asks about the host, so that nothing else is looked at.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Resource, Switch};

/// The questions that a profile raises; `host` answers them in [`Facts`](super::Facts).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Variables, by their spelling without `${}`.
    pub variables: BTreeSet<String>,
    /// Host paths, absolute.
    pub paths: BTreeSet<PathBuf>,
    /// Host paths whose last name holds `*`.
    pub patterns: BTreeSet<PathBuf>,
    /// Programs, by name, to find in `search_path`.
    pub programs: BTreeSet<String>,
    /// The directories that programs are looked for in.
    pub search_path: Vec<PathBuf>,
    /// The host's users and the ids that are taken.
    pub accounts: Switch,
    /// The caller's own limits.
    pub rlimits: BTreeSet<Resource>,
    /// Descriptors that should be open.
    pub descriptors: BTreeSet<u32>,
    /// The control groups.
    pub cgroups: Switch,
    /// Whether standard input is a terminal.
    pub terminal: Switch,
}
