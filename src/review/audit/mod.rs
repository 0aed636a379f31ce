//! How far a profile opens its sandbox: findings with weights, and one score.
//!
//! Every [`Rule`] looks at the settings that a profile comes to, by its text alone: what stands behind a
//! variable on this or that machine changes nothing. It has a stable code, a part of the sandbox that it
//! belongs to ([`Dimension`]), and a weight from 0 to 10: how much of the way to the host is open through
//! it alone. The weight makes the level, so that the two never disagree.
//!
//! # The arithmetic
//!
//! A finding of weight w leaves 1 − w/10 of what was closed before it. So the score is
//!
//! ```text
//! 10 × (1 − (1 − w₁/10) × (1 − w₂/10) × …)
//! ```
//!
//! over the rules that fired, each counted once, by its heaviest finding. 0.0 is sealed, 10.0 is as the
//! host. Taken so, one thing that gives all away is not diluted by twenty that are well, as in a mean;
//! no order of findings matters; each one that is mended lowers the score or leaves it, and none can
//! bring it beyond 10. The exposure of one dimension is the same product over its rules alone, and the
//! score is the product over the dimensions. Notes weigh nothing.
//!
//! A weight says how bad it is that the program turns against its user, and not how likely that is:
//!
//! | weight | level | what it takes |
//! | --: | --- | --- |
//! | 6 to 10 | critical | nothing: the program runs code on the host as its user, or reads every key press |
//! | 3 to 6 | high | nothing, for secrets; one mistake of the kernel or of a service, for the host |
//! | 1 to 3 | medium | help from the user, who opens or starts what was left behind; one secret |
//! | 0.1 to 1 | low | much luck; or it harms others without coming out |
//! | 0 | note | worth knowing |
//!
//! The rules are data ([`rules`]): texts about them are made from it.

mod brought;
mod devices;
mod env;
mod files;
mod isolation;
mod kernel;
mod limits;
mod paths;
mod score;
mod set_id;
mod sockets;
mod spots;
mod syscalls;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::diag::Origin;
use crate::plan::Settings;

pub use score::{Dimension, Level, Score, Weight};

use paths::HostPath;

/// What a rule judges.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What the profile comes to.
    pub settings: &'a Settings,
    /// Values of variables that stand in the settings, longest first: none in a symbolic plan.
    pub variables: &'a [(String, String)],
    /// Directories of the files of the profile, absolute; none in a symbolic plan.
    pub profile_dirs: &'a [String],
    /// What a search of this host for set-id files has found; nothing in a symbolic plan.
    pub set_id_files: &'a [crate::model::SetIdFiles],
    /// Where paths that the profile names really lie, when a link leads there; none in a symbolic plan.
    pub real_paths: &'a BTreeMap<PathBuf, PathBuf>,
    /// Checkouts at what the program may write; none in a symbolic plan.
    pub checkouts: &'a [crate::model::FoundCheckout],
}

/// One thing that a profile may do wrong.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name: `audit.network-host`.
    pub code: &'static str,
    /// The part of the sandbox that it opens.
    pub dimension: Dimension,
    /// The most that a finding of it weighs.
    pub weight: Weight,
    /// What it is about, in some words.
    pub title: &'static str,
    /// What the program can do then.
    pub why: &'static str,
    judge: fn(&Subject<'_>) -> Vec<Found>,
}

/// What a rule found.
#[derive(Debug)]
struct Found {
    /// As much as the rule's where it is nothing.
    weight: Option<Weight>,
    origin: Origin,
    message: String,
    fix: String,
}

impl Found {
    fn new(origin: &Origin, message: impl Into<String>, fix: impl Into<String>) -> Found {
        Found {
            weight: None,
            origin: origin.clone(),
            message: message.into(),
            fix: fix.into(),
        }
    }

    /// The same, of another weight than the rule's.
    fn weighing(self, weight: Weight) -> Found {
        Found {
            weight: Some(weight),
            ..self
        }
    }
}

/// One place where a profile opens its sandbox.
#[derive(Debug)]
pub struct Finding {
    /// What it breaks.
    pub rule: &'static Rule,
    /// How much of the way to the host it opens.
    pub weight: Weight,
    /// The line that does so.
    pub origin: Origin,
    /// What is open; no value of the caller's environment is in it.
    pub message: String,
    /// What to do, as an imperative.
    pub fix: String,
}

impl Finding {
    /// How bad it is.
    pub fn level(&self) -> Level {
        self.weight.level()
    }
}

/// All findings of one profile.
#[derive(Debug)]
pub struct Audit {
    /// The heaviest first; of equal weight in the order of the file.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// From 0.0, sealed, to 10.0, as the host.
    pub fn score(&self) -> Score {
        Score::of(self.counted(|_| true))
    }

    /// How far each part of the sandbox is open, as if it were the only one; those that are sealed are
    /// left out.
    pub fn exposures(&self) -> Vec<(Dimension, Score)> {
        let exposure = |dimension: Dimension| {
            let counted = self.counted(|rule| rule.dimension == dimension);
            (!counted.is_empty()).then(|| (dimension, Score::of(counted)))
        };
        Dimension::ALL
            .iter()
            .copied()
            .filter_map(exposure)
            .collect()
    }

    /// How many findings are as bad as this.
    pub fn count(&self, level: Level) -> usize {
        let of_level = self.findings.iter().filter(|found| found.level() == level);
        of_level.count()
    }

    /// The worst of all levels.
    pub fn worst(&self) -> Option<Level> {
        self.findings.iter().map(Finding::level).max()
    }

    /// The weights that count: of each rule the heaviest, which comes first.
    fn counted(&self, of: impl Fn(&Rule) -> bool) -> Vec<Weight> {
        let mut codes: Vec<&str> = Vec::new();
        let mut weights = Vec::new();
        for finding in self.findings.iter().filter(|found| of(found.rule)) {
            if finding.weight > Weight::NONE && !codes.contains(&finding.rule.code) {
                codes.push(finding.rule.code);
                weights.push(finding.weight);
            }
        }
        weights
    }
}

/// Every rule there is, by dimension.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let all: [&'static [Rule]; 9] = [
        files::RULES,
        sockets::RULES,
        isolation::RULES,
        kernel::RULES,
        syscalls::RULES,
        set_id::RULES,
        devices::RULES,
        env::RULES,
        limits::RULES,
    ];
    all.into_iter().flatten()
}

/// Judges what a profile comes to.
pub fn audit(subject: &Subject<'_>) -> Audit {
    let private = &subject.settings.private;
    let mut findings: Vec<Finding> = Vec::new();
    for rule in rules() {
        let found = (rule.judge)(subject).into_iter();
        findings.extend(found.map(|found| Finding {
            rule,
            weight: found.weight.unwrap_or(rule.weight),
            origin: found.origin,
            message: private.hide(&found.message),
            fix: private.hide(&found.fix),
        }));
    }
    findings.sort_by_key(|found| (std::cmp::Reverse(found.weight), found.origin.order()));
    Audit { findings }
}
