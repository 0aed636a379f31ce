//! Why something is allowed or not: by which line of the profile, by its text alone.

mod calls;
mod kernel;
mod links;
mod network;
mod paths;
mod rules;
mod tree;

use crate::diag::Origin;
use crate::model::{InsidePath, PathUse};
use crate::plan::{Privacy, Settings};
use crate::review::diff::matches;

pub use network::{NotAnAddress, Target};
pub use rules::{Rule, rules};

/// What is asked.
#[derive(Debug, Clone)]
pub enum Question {
    /// What a path inside can be used for.
    Path {
        /// Inside; a relative one is of the directory that the program starts in.
        path: AskedPath,
        /// What for.
        using: PathUse,
    },
    /// Whether something can be connected to.
    Connect(Target),
    /// Whether a system call runs, by the kernel's name.
    SystemCall(String),
    /// Whether the program has a variable.
    Variable(String),
}

/// A path that is asked about.
#[derive(Debug, Clone)]
pub enum AskedPath {
    /// From the root.
    Absolute(InsidePath),
    /// From the directory that the program starts in, without `..`.
    Relative(String),
}

/// What the text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is allowed.
    Allowed,
    /// It is not.
    Denied,
    /// The profile lets it; whether it is possible, the host decides, by what the reason says.
    Depends,
}

impl Verdict {
    /// All, as a schema lists them.
    pub const ALL: [Verdict; 3] = [Verdict::Allowed, Verdict::Denied, Verdict::Depends];

    /// Its stable name.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Allowed => "allowed",
            Verdict::Denied => "denied",
            Verdict::Depends => "depends",
        }
    }

    /// For people.
    pub fn phrase(self) -> &'static str {
        match self {
            Verdict::Allowed => "allowed",
            Verdict::Denied => "denied",
            Verdict::Depends => "allowed if the host lets it",
        }
    }
}

/// Why it is so.
#[derive(Debug, Clone)]
pub struct Reason {
    /// What kind of reason it is.
    pub rule: &'static Rule,
    /// In words.
    pub message: String,
    /// The line that says so.
    pub origin: Origin,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What the text says.
    pub verdict: Verdict,
    /// What decides first.
    pub reasons: Vec<Reason>,
}

impl Answer {
    fn new(
        verdict: Verdict,
        rule: &'static Rule,
        message: impl Into<String>,
        origin: &Origin,
    ) -> Answer {
        Answer {
            verdict,
            reasons: Vec::new(),
        }
        .and(rule, message, origin)
    }

    fn and(mut self, rule: &'static Rule, message: impl Into<String>, origin: &Origin) -> Answer {
        self.reasons.push(Reason {
            rule,
            message: message.into(),
            origin: origin.clone(),
        });
        self
    }

    /// The same behind what led to it.
    fn behind(mut self, mut first: Vec<Reason>) -> Answer {
        first.append(&mut self.reasons);
        Answer {
            reasons: first,
            ..self
        }
    }
}

/// Answers a question; nothing for a system call that there is none of.
pub fn why(settings: &Settings, question: &Question) -> Option<Answer> {
    match question {
        Question::Path { path, using } => Some(paths::answer(settings, path, *using)),
        Question::Connect(to) => Some(network::answer(settings, to)),
        Question::SystemCall(name) => calls::answer(settings, name),
        Question::Variable(name) => Some(of_variable(settings, name)),
    }
}

fn of_variable(settings: &Settings, name: &str) -> Answer {
    let variables = &settings.command.env;
    let is_inherited = |privacy, value: &str| privacy == Privacy::Private && value.is_empty();
    let exact = variables.iter().find(|at| at.value.name == name);
    let pattern = variables.iter().find(|at| {
        matches(&at.value.name, name) && is_inherited(at.value.privacy, &at.value.value)
    });
    match exact.or(pattern) {
        Some(at) if is_inherited(at.value.privacy, &at.value.value) => {
            let pattern = &at.value.name;
            let reason = format!("`{pattern}` of `env.inherit` lets it in, if the caller has it");
            Answer::new(Verdict::Depends, rules::INHERITED, reason, &at.origin)
        }
        Some(at) => {
            let reason = format!("`{name}` is set to `{}`", at.value.shown());
            Answer::new(Verdict::Allowed, rules::SET, reason, &at.origin)
        }
        None => {
            let reason = "neither `env.inherit` nor `env.set` names it";
            Answer::new(Verdict::Denied, rules::ABSENT, reason, &Origin::Default)
        }
    }
}
