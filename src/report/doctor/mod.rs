//! What of a host lets sandboxes start, or keeps them from it: each ability with its state, the cause as it
//! was found, and the fix.
//!
//! What was tried and refused is told by [`failure::cause`](crate::report::failure::cause), the same table
//! that a failing `up` is explained by; limits by the error of their group, and what a profile names by
//! the problem that `check --host` shows. It lies here, beside that table, and not in `review`, which judges
//! profiles without a host.

mod host;
mod human;
mod json;
mod trials;

use crate::diag::{Origin, Problem, Sources};
use crate::model::{HostState, Surroundings};
use crate::plan::{Lacking, Plan, Trial};

use super::failure::Told;

pub use human::human;
pub use json::{json, json_schema};

/// What was looked at: facts alone.
#[derive(Debug, Clone, Copy)]
pub struct Examined<'a> {
    /// The profile that was asked about, as it was named.
    pub profile: Option<&'a str>,
    /// What was tried.
    pub rehearsals: &'a [Rehearsal],
    /// What the host says of its refusals.
    pub host: &'a HostState,
    /// What else it says.
    pub surroundings: &'a Surroundings,
    /// The profile's files, for places.
    pub sources: &'a Sources,
}

/// A plan whose needs were tried, or why there is none.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// Who needs it.
    pub need: Need,
    /// The plan; nothing where this host cannot have it.
    pub plan: Option<Plan>,
    /// Why not, and warnings.
    pub problems: Vec<Problem>,
    /// What became of each of its trials.
    pub trials: Vec<(Trial, Attempted)>,
    /// What became of each of its limits.
    pub limits: Vec<LimitTried>,
}

/// Who needs an ability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Every sandbox, or the profile that is asked about.
    Needed,
    /// Profiles that have this.
    Wanted(&'static str),
    /// Nobody by itself: it strengthens a sandbox, or explains.
    Nobody,
}

/// What became of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempted {
    /// It works.
    Done,
    /// The kernel refused it, with this errno.
    Refused(i32),
    /// What it rests on was refused.
    NotReached,
}

/// A limit that was set on a group of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitTried {
    /// The key in the profile.
    pub key: &'static str,
    /// The line that asks for it.
    pub origin: Origin,
    /// Whether the profile does without it.
    pub lacking: Lacking,
    /// Why it does not hold; nothing where it does.
    pub refused: Option<Told>,
    /// The group in which it was tried, where it does not hold and one was.
    pub group: Option<String>,
}

/// How it stands with one ability, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Without it nothing starts.
    Missing,
    /// Nobody knows: what it rests on is missing.
    NotTried,
    /// Sandboxes start, with less or without those profiles that want it.
    Degraded,
    /// It works.
    Ok,
}

impl State {
    /// Its name, on the page and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            State::Missing => "missing",
            State::NotTried => "not tried",
            State::Degraded => "degraded",
            State::Ok => "ok",
        }
    }
}

/// What belongs together on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Namespaces and ids.
    Isolation,
    /// What is mounted.
    Mounts,
    /// What restricts the program.
    Program,
    /// Control groups and their limits.
    Limits,
    /// What the profile names.
    Profile,
    /// Everything else.
    Host,
}

impl Group {
    fn title(self) -> &'static str {
        match self {
            Group::Isolation => "isolation",
            Group::Mounts => "mounts",
            Group::Program => "program",
            Group::Limits => "limits",
            Group::Profile => "profile",
            Group::Host => "host",
        }
    }
}

/// One ability, and how it stands with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it belongs to.
    pub group: Group,
    /// What it is called.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// Who needs it.
    pub need: Need,
    /// What is there, where there is more to say than that it works.
    pub found: Option<String>,
    /// What is wrong, and what to do.
    pub told: Option<Told>,
    /// The line of the profile that needs it.
    pub origin: Option<Origin>,
}

impl Finding {
    fn ok(group: Group, name: &str, found: Option<String>) -> Finding {
        Finding {
            group,
            name: name.to_owned(),
            state: State::Ok,
            need: Need::Needed,
            found,
            told: None,
            origin: None,
        }
    }

    fn of_nobody(self) -> Finding {
        Finding {
            need: Need::Nobody,
            ..self
        }
    }

    fn bad(group: Group, name: &str, state: State, told: Told) -> Finding {
        Finding {
            state,
            told: Some(told),
            ..Finding::ok(group, name, None)
        }
    }
}

fn told(code: &'static str, reason: impl Into<String>, help: impl Into<String>) -> Told {
    Told {
        code,
        reason: reason.into(),
        help: Some(help.into()),
    }
}

/// Everything that was found, the worst first.
pub fn findings(examined: Examined<'_>) -> Vec<Finding> {
    let mut findings = trials::findings(examined);
    findings.extend(host::findings(examined));
    findings.sort_by_key(|finding| (finding.state, finding.group));
    findings
}

/// Whether all that is needed works.
pub fn works(findings: &[Finding]) -> bool {
    let stops = |finding: &&Finding| {
        finding.need == Need::Needed && matches!(finding.state, State::Missing | State::NotTried)
    };
    !findings.iter().any(|finding| stops(&finding))
}

/// The line of the profile that needs it, where one does.
fn place(finding: &Finding, examined: Examined<'_>) -> Option<String> {
    let origin = finding.origin.as_ref()?;
    let is_line = matches!(origin, Origin::Profile { .. });
    (is_line && examined.profile.is_some()).then(|| examined.sources.locate(origin))
}
