//! Why something is allowed or not: by which line of the profile, by its text alone.

mod calls;
mod paths;

use crate::diag::Origin;
use crate::model::{InsidePath, NetworkMode, OnDeny};
use crate::plan::{Privacy, Settings};
use crate::review::diff::matches;

/// What is asked.
#[derive(Debug, Clone)]
pub enum Question {
    /// Whether a path inside can be read, or written.
    Path {
        /// Inside.
        path: InsidePath,
        /// Whether it is to be written.
        write: bool,
    },
    /// Whether an address can be connected to.
    Connect(String),
    /// Whether a system call runs, by the kernel's name.
    SystemCall(String),
    /// Whether the program has a variable.
    Variable(String),
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
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Allowed => "allowed",
            Verdict::Denied => "denied",
            Verdict::Depends => "allowed if the host lets it",
        }
    }
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What the text says.
    pub verdict: Verdict,
    /// Why, each with its line: what decides first.
    pub reasons: Vec<(String, Origin)>,
}

impl Answer {
    fn new(verdict: Verdict, reason: impl Into<String>, origin: &Origin) -> Answer {
        Answer {
            verdict,
            reasons: vec![(reason.into(), origin.clone())],
        }
    }

    fn and(mut self, reason: impl Into<String>, origin: &Origin) -> Answer {
        self.reasons.push((reason.into(), origin.clone()));
        self
    }
}

/// Answers a question; nothing for a system call that there is none of.
pub fn why(settings: &Settings, question: &Question) -> Option<Answer> {
    match question {
        Question::Path { path, write } => Some(paths::answer(settings, path, *write)),
        Question::Connect(to) => Some(of_address(settings, to)),
        Question::SystemCall(name) => calls::answer(settings, name),
        Question::Variable(name) => Some(of_variable(settings, name)),
    }
}

fn of_address(settings: &Settings, to: &str) -> Answer {
    let network = &settings.network;
    if network.value == NetworkMode::None {
        let reason = format!("there is no network: neither `{to}` nor another address is in reach");
        return Answer::new(Verdict::Denied, reason, &network.origin);
    }
    let logs = settings.syscalls.on_deny.value == OnDeny::Log;
    for call in ["socket", "connect"] {
        let answer = calls::answer(settings, call);
        if let Some(answer) = answer.filter(|answer| answer.verdict == Verdict::Denied) {
            return answer;
        }
    }
    if !logs && calls::unix_alone(settings) {
        let reason = "the policy lets no socket but Unix ones be made";
        return Answer::new(Verdict::Denied, reason, &settings.seccomp.origin);
    }
    let reason = format!("the network is the host's: `{to}` is in reach if it is in the host's");
    Answer::new(Verdict::Depends, reason, &network.origin)
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
            Answer::new(Verdict::Depends, reason, &at.origin)
        }
        Some(at) => {
            let reason = format!("`{name}` is set to `{}`", at.value.shown());
            Answer::new(Verdict::Allowed, reason, &at.origin)
        }
        None => {
            let reason = "neither `env.inherit` nor `env.set` names it";
            Answer::new(Verdict::Denied, reason, &Origin::Default)
        }
    }
}
