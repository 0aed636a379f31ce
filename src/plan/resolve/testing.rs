//! Hand-written raw values and facts for the tests of the sections.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::diag::{At, FileId, Origin};
use crate::model::{Facts, HostAccount, PathFact, PathKind};
use crate::profile::{Part, Template};

use super::scope::Scope;
use super::{Given, Knowledge};

/// A command line, and a host or none.
pub(crate) struct Bench {
    pub given: Given,
    pub facts: Option<Facts>,
}

impl Bench {
    /// An unprivileged caller with ids 1000:100 and a profile in /work/profiles.
    pub fn host() -> Bench {
        let text = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let facts = Facts {
            caller: HostAccount {
                uid: 1000,
                gid: 100,
                name: "me".to_owned(),
                groups: vec![],
            },
            variables: text(&[
                ("HOME", "/home/me"),
                ("GIT_ROOT", "/work"),
                ("CWD", "/work/src"),
            ]),
            environment: text(&[("TERM", "xterm"), ("LC_TIME", "de"), ("SECRET", "hunter2")]),
            current_dir: PathBuf::from("/work/src"),
            last_capability: 40,
            ..Facts::default()
        };
        Bench {
            facts: Some(facts),
            ..Bench::symbolic()
        }
    }

    /// The text alone.
    pub fn symbolic() -> Bench {
        Bench {
            given: Given {
                file_stem: "test".to_owned(),
                profile_dirs: BTreeMap::from([(FileId::FIRST, PathBuf::from("/work/profiles"))]),
                ..Given::default()
            },
            facts: None,
        }
    }

    /// A host whose caller is root.
    pub fn root() -> Bench {
        let mut bench = Bench::host();
        if let Some(facts) = &mut bench.facts {
            facts.caller = HostAccount {
                name: "root".to_owned(),
                ..HostAccount::default()
            };
        }
        bench
    }

    /// Says what lies at a host path.
    pub fn with(mut self, path: &str, fact: PathFact) -> Bench {
        if let Some(facts) = &mut self.facts {
            facts.paths.insert(PathBuf::from(path), fact);
        }
        self
    }

    pub fn knowledge(&self) -> Knowledge<'_> {
        match &self.facts {
            Some(facts) => Knowledge::Host(facts),
            None => Knowledge::Symbolic,
        }
    }

    pub fn scope(&self) -> Scope<'_> {
        Scope::new(&self.given, self.knowledge())
    }
}

/// Something of this kind, of user 1000.
pub(crate) fn present(kind: PathKind) -> PathFact {
    PathFact::Present {
        kind,
        uid: 1000,
        gid: 100,
        link: None,
        real: None,
    }
}

/// A link with this text, to something of this kind.
pub(crate) fn link(to: &str, real: &str, kind: PathKind) -> PathFact {
    PathFact::Present {
        kind,
        uid: 0,
        gid: 0,
        link: Some(PathBuf::from(to)),
        real: Some(PathBuf::from(real)),
    }
}

/// A place in the first file.
pub(crate) fn place() -> Origin {
    Origin::profile(FileId::FIRST, 0..1)
}

/// A value in the first file.
pub(crate) fn here<T>(value: T) -> At<T> {
    At::new(value, place())
}

/// A template without variables.
pub(crate) fn at(text: &str) -> At<Template> {
    here(Template::literal(text))
}

/// A plain text.
pub(crate) fn at_text(text: &str) -> At<String> {
    here(text.to_owned())
}

/// A variable and a text behind it.
pub(crate) fn variable(name: &str, rest: &str) -> At<Template> {
    here(Template {
        parts: vec![
            Part::Variable {
                name: name.to_owned(),
                default: None,
                origin: place(),
            },
            Part::Literal(rest.to_owned()),
        ],
    })
}

/// The codes of all mistakes, sorted by name.
pub(crate) fn codes(scope: Scope<'_>) -> Vec<&'static str> {
    let mut codes: Vec<_> = scope
        .problems
        .sorted()
        .iter()
        .map(|problem| problem.code)
        .collect();
    codes.sort_unstable();
    codes
}

/// The environment of a profile that says nothing of it.
pub(crate) fn no_environment(scope: &mut Scope<'_>) -> super::env::Environment {
    super::env::resolve_over(&super::packed::Offer::None, &Default::default(), scope)
}
