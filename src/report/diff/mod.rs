//! Differences of `sandbox diff`: for people, as JSON, as Markdown for a pull request, and as SARIF.

mod human;
mod json;
mod markdown;
mod sarif;

pub use human::human;
pub use json::{json, json_schema};
pub use markdown::markdown;
pub use sarif::sarif;

use crate::diag::Sources;
use crate::review::diff::{Change, Mark, Where};

/// The differences between two profiles, and where their lines are.
#[derive(Debug)]
pub struct Compared {
    /// The old profile, as it was named.
    pub old: String,
    /// The new one.
    pub new: String,
    /// What differs.
    pub changes: Vec<Change>,
    /// The files of the old profile.
    pub old_sources: Sources,
    /// The files of the new one.
    pub new_sources: Sources,
}

impl Compared {
    /// How many changes go this way.
    pub fn count(&self, mark: Mark) -> usize {
        let of_mark = self.changes.iter().filter(|change| change.mark == mark);
        of_mark.count()
    }

    fn sources(&self, change: &Change) -> &Sources {
        match change.side {
            Where::Old => &self.old_sources,
            Where::New => &self.new_sources,
        }
    }

    /// `file:line`, and which of two files of one name it is.
    fn place(&self, change: &Change) -> String {
        let place = self.sources(change).locate(&change.origin);
        match change.side {
            Where::Old if self.old == self.new => format!("{place} (before)"),
            _ => place,
        }
    }

    /// `3 wider, 1 narrower`.
    fn summary(&self) -> String {
        let counted = Mark::ALL
            .into_iter()
            .filter_map(|mark| match self.count(mark) {
                0 => None,
                count => Some(format!("{count} {}", mark.word())),
            });
        let counted: Vec<String> = counted.collect();
        match counted.as_slice() {
            [] => "no difference in meaning".to_owned(),
            counted => counted.join(", "),
        }
    }

    /// `old -> new`, or the one name of both.
    fn title(&self) -> String {
        match self.old == self.new {
            true => self.new.clone(),
            false => format!("{} -> {}", self.old, self.new),
        }
    }
}
