//! From a path on the command line to settings.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diag::{Problem, Problems, Sources};
use crate::host;
use crate::model::Facts;
use crate::plan::{Attempt, Given, Knowledge, Settings, attempt, resolve};
use crate::profile::{self, RawProfile};

/// A profile as it was read, and what the command gives beside it.
pub struct Loaded {
    /// Its files, for messages.
    pub sources: Sources,
    /// What was wrong so far.
    pub problems: Problems,
    raw: Option<RawProfile>,
    given: Given,
}

impl Loaded {
    /// Reads and decodes the profile at `path`.
    pub fn read(path: &Path, given: Given) -> Loaded {
        let mut loaded = Loaded {
            sources: Sources::default(),
            problems: Problems::new(),
            raw: None,
            given,
        };
        let text = profile::read::read(path);
        if let Some(text) = loaded.problems.take(text) {
            let file = loaded.sources.add(path.to_string_lossy(), text.clone());
            loaded.given.file_stem = stem(path);
            loaded.given.profile_dirs = BTreeMap::from([(file, directory(path))]);
            loaded.raw = profile::parse(file, &text, &mut loaded.problems);
        }
        loaded
    }

    /// Decodes a profile that is no file.
    pub fn of_text(text: &str, given: Given) -> Loaded {
        let mut loaded = Loaded {
            sources: Sources::default(),
            problems: Problems::new(),
            raw: None,
            given,
        };
        let file = loaded.sources.add("built in", text.to_owned());
        loaded.raw = profile::parse(file, text, &mut loaded.problems);
        loaded
    }

    /// The directories of its files, absolute and without links.
    pub fn directories(&self) -> Vec<String> {
        let directories = self.given.profile_dirs.values();
        directories
            .filter_map(|directory| directory.to_str().map(str::to_owned))
            .collect()
    }

    /// Judges the text alone.
    pub fn judge_text(&mut self) -> Option<Settings> {
        let raw = self.raw.as_ref()?;
        resolve(raw, &self.given, Knowledge::Symbolic, &mut self.problems)
    }

    /// Judges it for this host. The host is asked about nothing else than what the profile names.
    pub fn judge_for_host(&mut self) -> Option<(Settings, Facts)> {
        let raw = self.raw.as_ref()?;
        let before = std::mem::take(&mut self.problems);
        let last = Cell::new(None);
        let facts = host::facts(|known| {
            let Attempt {
                settings,
                problems,
                wanted,
            } = attempt(raw, &self.given, known, &before);
            last.set(Some((settings, problems)));
            wanted
        });
        let (settings, problems) = last.take()?;
        self.problems = problems;
        settings.map(|settings| (settings, facts))
    }
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// The directory of a file that was read, absolute and without links.
fn directory(path: &Path) -> PathBuf {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    // It was read a moment ago; where it is gone, the paths of the profile are too.
    std::fs::canonicalize(parent).unwrap_or_else(|_| parent.to_owned())
}

/// A problem that belongs to no line.
pub fn general(code: &'static str, message: impl Into<String>) -> Problem {
    Problem::error(code, &crate::diag::Origin::Default, message)
}
