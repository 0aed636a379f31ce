//! Where profiles are looked up by name.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::model::SandboxName;

/// A directory of profiles: `NAME.toml` in it is the profile `NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    /// Its path.
    pub directory: PathBuf,
    /// Whose it is.
    pub keeper: Keeper,
}

/// Whose a directory of profiles is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// The directory that the caller stands in, or the top of its checkout: `profiles`, `.sandbox`.
    Project,
    /// The caller.
    User,
    /// The administrator of this host.
    Host,
    /// A package.
    Package,
}

impl Keeper {
    /// How `list` calls it.
    pub fn word(self) -> &'static str {
        match self {
            Keeper::Project => "project",
            Keeper::User => "user",
            Keeper::Host => "host",
            Keeper::Package => "package",
        }
    }

    /// Whether `NAME.local.toml` adds to a profile of this kind: to what one does not edit oneself.
    fn takes_additions(self) -> bool {
        matches!(self, Keeper::Host | Keeper::Package)
    }

    /// Whether `NAME.local.toml` is looked for there.
    fn holds_additions(self) -> bool {
        matches!(self, Keeper::Host | Keeper::User)
    }
}

/// A profile that was found by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its file.
    pub path: PathBuf,
    /// Whose it is.
    pub keeper: Keeper,
    /// `NAME.local.toml` of the host and of the user, which come on top of it in this order.
    pub additions: Vec<PathBuf>,
}

/// What a file's name ends with that adds to a profile.
const ADDITION: &str = ".local";

/// Directories in which profiles are looked up, the one that wins first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shelves(pub Vec<Shelf>);

impl Shelves {
    /// Every profile `name`, the one that wins first.
    ///
    /// A link that leads nowhere is found: going on to another profile would start another sandbox
    /// than the one that was meant.
    pub fn all(&self, name: &SandboxName) -> Vec<Found> {
        let name = name.as_str();
        if name.ends_with(ADDITION) {
            return Vec::new();
        }
        let found = self.0.iter().filter_map(|shelf| {
            let path = shelf.directory.join(format!("{name}.toml"));
            is_there(&path).then(|| Found {
                path,
                keeper: shelf.keeper,
                additions: self.additions(name, shelf.keeper),
            })
        });
        found.collect()
    }

    /// The bundle `base/NAME`. Those of the directory that the caller stands in come last: a checkout does not
    /// change what the user's own profiles extend.
    pub fn bundle(&self, name: &SandboxName) -> Option<Found> {
        let (project, own): (Vec<&Shelf>, Vec<&Shelf>) = self
            .0
            .iter()
            .partition(|shelf| shelf.keeper == Keeper::Project);
        own.into_iter().chain(project).find_map(|shelf| {
            let path = shelf.directory.join(format!("base/{}.toml", name.as_str()));
            is_there(&path).then(|| Found {
                path,
                keeper: shelf.keeper,
                additions: Vec::new(),
            })
        })
    }

    /// The host's before the user's, who has the last word.
    fn additions(&self, name: &str, keeper: Keeper) -> Vec<PathBuf> {
        if !keeper.takes_additions() {
            return Vec::new();
        }
        let holding = self.0.iter().rev();
        let holding = holding.filter(|shelf| shelf.keeper.holds_additions());
        let paths = holding.map(|shelf| shelf.directory.join(format!("{name}{ADDITION}.toml")));
        paths.filter(|path| is_there(path)).collect()
    }

    /// The names of all profiles.
    pub fn names(&self) -> BTreeSet<SandboxName> {
        self.0.iter().flat_map(|shelf| shelf.names()).collect()
    }

    /// The directories, quoted, as messages name them.
    pub fn places(&self) -> String {
        let places: Vec<String> = self
            .0
            .iter()
            .map(|shelf| format!("`{}`", shelf.directory.display()))
            .collect();
        places.join(", ")
    }
}

/// So many names are looked at: a directory with more is none of profiles.
const MOST_NAMES: usize = 4096;

impl Shelf {
    fn names(&self) -> Vec<SandboxName> {
        // One that is not there, or may not be read, holds none that could be suggested.
        let entries = std::fs::read_dir(&self.directory).into_iter().flatten();
        let names = entries.take(MOST_NAMES).flatten().filter_map(|entry| {
            let name = entry.file_name();
            let stem = name.to_str()?.strip_suffix(".toml")?;
            if stem.ends_with(ADDITION) {
                return None;
            }
            stem.parse().ok()
        });
        names.collect()
    }
}

/// Whether something is there; what cannot be looked at counts, and is an error when it is read.
fn is_there(path: &Path) -> bool {
    match path.symlink_metadata() {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}
