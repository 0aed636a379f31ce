//! Problems and their collector.

use super::{At, Origin};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing runs.
    Error,
    /// It runs, and the user should know.
    Warning,
}

/// A second place that belongs to a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub origin: Origin,
    /// What to say there.
    pub text: String,
}

/// One mistake, under the line that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable name of the rule, such as `mount.target-relative`.
    pub code: &'static str,
    /// Whether it stops the run.
    pub severity: Severity,
    /// One line: lower case, no final period, the user's words in backticks.
    pub message: String,
    /// The place, and what to say there (may be empty).
    pub label: Label,
    /// Other places that belong to it, such as the first of two equal targets.
    pub related: Vec<Label>,
    /// An imperative with the corrected text.
    pub help: Option<String>,
}

impl Problem {
    /// An error of rule `code` at `origin`.
    pub fn error(code: &'static str, origin: &Origin, message: impl Into<String>) -> Problem {
        Problem {
            code,
            severity: Severity::Error,
            message: message.into(),
            label: Label {
                origin: origin.clone(),
                text: String::new(),
            },
            related: Vec::new(),
            help: None,
        }
    }

    /// A warning of rule `code` at `origin`.
    pub fn warning(code: &'static str, origin: &Origin, message: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Warning,
            ..Problem::error(code, origin, message)
        }
    }

    /// Whether it stops the run.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// What to say under the place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Problem {
        self.label.text = text.into();
        self
    }

    /// A second place.
    #[must_use]
    pub fn also(mut self, origin: &Origin, text: impl Into<String>) -> Problem {
        self.related.push(Label {
            origin: origin.clone(),
            text: text.into(),
        });
        self
    }

    /// What to do, as an imperative.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Problem {
        self.help = Some(text.into());
        self
    }
}

/// All problems of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Problems {
        Problems {
            list: vec![problem],
        }
    }
}

impl From<Box<Problem>> for Problems {
    fn from(problem: Box<Problem>) -> Problems {
        Problems::from(*problem)
    }
}

impl Problems {
    /// None yet.
    pub fn new() -> Problems {
        Problems::default()
    }

    /// Writes `to` for each `from` in what they say.
    pub fn rename(&mut self, from: &str, to: &str) {
        for problem in &mut self.list {
            problem.message = problem.message.replace(from, to);
            problem.label.text = problem.label.text.replace(from, to);
            problem.help = problem.help.take().map(|help| help.replace(from, to));
        }
    }

    /// Notes one more.
    pub fn push(&mut self, problem: Problem) {
        self.list.push(problem);
    }

    /// Takes in those of another part.
    pub fn extend(&mut self, other: Problems) {
        self.list.extend(other.list);
    }

    /// The value, or nothing with the problem noted.
    pub fn take<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.push(problem)).ok()
    }

    /// Whether anything stops the run.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many are as bad as `severity`.
    pub fn count(&self, severity: Severity) -> usize {
        self.list
            .iter()
            .filter(|problem| problem.severity == severity)
            .count()
    }

    /// All of them in file order, each once.
    pub fn sorted(mut self) -> Vec<Problem> {
        self.list
            .sort_by_key(|problem| problem.label.origin.order());
        self.list.dedup();
        self.list
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl<T> At<T> {
    /// An error of rule `code` at this value.
    pub fn error(&self, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::error(code, &self.origin, message)
    }
}
