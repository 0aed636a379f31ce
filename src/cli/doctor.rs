//! `sandbox doctor`: what of this host lets sandboxes start, or keeps them from it?

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cgroup::{CgroupError, Failure, Groups, scope};
use crate::diag::Sources;
use crate::host::{self, places, refusal, surroundings};
use crate::launch::{Came, rehearse};
use crate::model::{CgroupFacts, Facts};
use crate::plan::{Amount, Given, GroupLimit, GroupLimits, Lacking, Plan, Settings};
use crate::report::doctor::{
    Attempted, Examined, LimitTried, Need, Rehearsal, findings, human, json, works,
};
use crate::report::failure::Told;
use crate::report::problems::Style;

use super::exit::Exit;
use super::output;
use super::profile::{Loaded, Params, general};
use super::tree::no_home;

/// Tell what of this host lets sandboxes start, or keeps them from it, and what to do about it
///
/// What a start needs is tried, part by part, in processes that end at once; nothing is left of it. With a
/// profile, only what that one needs.
///
/// Each line is ok, degraded (sandboxes start, with less or without those profiles that want it), missing
/// (nothing starts), or not tried (what it rests on is missing).
///
/// Exits with 0 when all that is needed works, with 1 when it does not, with 2 for wrong usage.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Print JSON, by schemas/doctor.schema.json
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    params: Params,
    /// A profile, to tell whether this host has what it needs
    #[arg(value_name = "PROFILE")]
    profile: Option<PathBuf>,
}

/// What every sandbox needs.
const LEAST: &str = "rootfs = { writes = \"deny\", source = [] }";

/// What only some profiles have: who, and a profile that asks for nothing else.
const MORE: [(&str, &str); 6] = [
    (
        "profiles with `rootfs.writes = \"discard\"` or \"keep\", and overlays",
        "rootfs = { writes = \"discard\", source = [] }",
    ),
    (
        "profiles with limits",
        "rootfs = { writes = \"deny\", source = [] }\n\
         [limits]\nmemory = \"1G\"\nmemory_high = \"512M\"\nswap = \"1G\"\ncpus = 1\ncpu_weight = 50\n\
         cpuset = \"0\"\nmemory_nodes = \"0\"\npids = 1000\nio_weight = 50\ncpu_time = \"1h\"",
    ),
    (
        "profiles with `namespaces.map_users = \"subordinate\"`",
        "rootfs = { writes = \"deny\", source = [] }\nnamespaces.map_users = \"subordinate\"",
    ),
    (
        "profiles with `namespaces.time`",
        "rootfs = { writes = \"deny\", source = [] }\nnamespaces.time = { boottime = \"1h\" }",
    ),
    (
        "profiles with `system.sys = \"read-only\"`",
        "rootfs = { writes = \"deny\", source = [] }\nsystem.sys = \"read-only\"",
    ),
    (
        "profiles with `system.mqueue = true`",
        "rootfs = { writes = \"deny\", source = [] }\nsystem.mqueue = true",
    ),
];

impl Doctor {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let given = match self.params.alone() {
            Ok(given) if self.profile.is_none() && !given.params.is_empty() => {
                let problem = general(
                    "params.unknown",
                    "no profile is named whose parameter this is",
                );
                let problem = problem.help("name the profile, or leave `--param` out");
                return output::refuse(problem, Exit::USAGE);
            }
            Ok(given) => given,
            Err(exit) => return exit,
        };
        let Some(store) = places::store() else {
            return output::refuse(no_home(), Exit::NO);
        };
        // First: what is tried can move this process into a control group of its own.
        let real = places::without_links(&store);
        let host = refusal::probe(Some(places::there(&real)));
        let surroundings = surroundings::probe(&host);
        let mut sources = Sources::default();
        let rehearsals = match &self.profile {
            Some(profile) => {
                let mut loaded = Loaded::read(profile, given);
                let rehearsal = examine(&mut loaded, Need::Needed, &store);
                sources = loaded.sources;
                vec![rehearsal]
            }
            None => of_every(&store),
        };
        let profile = self.profile.as_deref().map(Path::to_string_lossy);
        let examined = Examined {
            profile: profile.as_deref(),
            rehearsals: &rehearsals,
            host: &host,
            surroundings: &surroundings,
            sources: &sources,
        };
        let text = match self.json {
            true => json(examined),
            false => human(examined, style()),
        };
        match output::told(&text) {
            Ok(()) if works(&findings(examined)) => Exit::DONE,
            _ => Exit::NO,
        }
    }
}

/// Pages are read beside others, and pasted into reports.
fn style() -> Style {
    let style = output::style(&io::stdout());
    Style {
        width: style.width.min(80),
        ..style
    }
}

/// What every sandbox needs, then what only some do.
fn of_every(store: &Path) -> Vec<Rehearsal> {
    let least = std::iter::once((Need::Needed, LEAST));
    let more = MORE.map(|(by, text)| (Need::Wanted(by), text));
    let all = least.chain(more);
    all.map(|(need, text)| {
        let text = format!("version = 1\nname = \"doctor\"\n{text}\n");
        let given = Given {
            arguments: vec!["/program".to_owned()],
            ..Given::default()
        };
        examine(&mut Loaded::of_text(&text, given), need, store)
    })
    .collect()
}

fn examine(loaded: &mut Loaded, need: Need, store: &Path) -> Rehearsal {
    let judged = loaded.judge_for_host();
    let problems = std::mem::take(&mut loaded.problems).sorted();
    let mut rehearsal = Rehearsal {
        need,
        plan: None,
        problems,
        trials: Vec::new(),
        limits: Vec::new(),
    };
    let Some((settings, facts)) = judged else {
        return rehearsal;
    };
    rehearsal.limits = limits(&settings, &facts);
    let plan = Plan::new(settings);
    let trials = plan.trials().into_iter();
    rehearsal.trials = trials
        .map(|trial| {
            let came = match rehearse(&plan, &trial, store) {
                Came::Done => Attempted::Done,
                Came::Refused(errno) => Attempted::Refused(errno as i32),
                Came::NotReached => Attempted::NotReached,
            };
            (trial, came)
        })
        .collect();
    rehearsal.plan = Some(plan);
    rehearsal
}

/// Sets each limit on a group of its own, as a start does, and takes the group away again; where the service manager
/// has to give a scope for that, it is asked for one too.
fn limits(settings: &Settings, facts: &Facts) -> Vec<LimitTried> {
    let all = &settings.group_limits;
    let name = format!("doctor-{}", std::process::id());
    let ground = Ground::find(all, &facts.cgroups, &name);
    let each = (0..all.list.len()).map(|at| {
        let mut alone = all.clone();
        let asked = all.list[at].clone();
        alone.list = all
            .list
            .iter()
            // v1 limits swap beside memory alone.
            .filter(|one| {
                one.amount == asked.amount
                    || matches!(
                        (&one.amount, &asked.amount),
                        (Amount::Memory(_), Amount::Swap(_))
                    )
            })
            .cloned()
            .collect();
        let alone = refusing(alone);
        tried(asked, ground.refuses(&alone, &name))
    });
    each.collect()
}

/// Every limit as one that must hold.
fn refusing(mut limits: GroupLimits) -> GroupLimits {
    for limit in &mut limits.list {
        limit.lacking = Lacking::Refused;
    }
    limits
}

/// Where groups are made.
struct Ground {
    facts: CgroupFacts,
    /// Why there is no scope, where one would help.
    no_scope: Option<Failure>,
}

impl Ground {
    /// In a scope of this process's own where only that helps.
    fn find(all: &GroupLimits, own: &CgroupFacts, name: &str) -> Ground {
        let refused = match all.list.is_empty() {
            true => None,
            false => Groups::create(&refusing(all.clone()), own, name).err(),
        };
        let wanted = refused.is_some_and(|error| scope::would_help(&error, own));
        let entered = wanted.then(|| scope::enter(name));
        Ground {
            facts: match entered {
                Some(Ok(())) => host::cgroups::probe(),
                _ => own.clone(),
            },
            no_scope: entered.and_then(Result::err).map(Failure::no_scope),
        }
    }

    /// Why a limit cannot be had, in the words of a start.
    fn refuses(&self, limit: &GroupLimits, name: &str) -> Option<CgroupError> {
        let error = Groups::create(limit, &self.facts, name).err()?;
        match &self.no_scope {
            Some(failure) if scope::would_help(&error, &self.facts) => Some(CgroupError {
                failure: failure.clone(),
                ..error
            }),
            _ => Some(error),
        }
    }
}

fn tried(asked: GroupLimit, refused: Option<CgroupError>) -> LimitTried {
    // The last name is that of what was tried, which is of no use to anybody.
    let path = refused
        .as_ref()
        .and_then(|error| error.failure.path.as_deref());
    let group = path.and_then(Path::parent);
    LimitTried {
        key: asked.amount.key(),
        group: group.map(|group| group.display().to_string()),
        origin: asked.origin,
        lacking: asked.lacking,
        refused: refused.map(|error| Told {
            code: "limits.not-enforced",
            reason: match error.failure.errno {
                Some(errno) => format!("{} ({errno:?})", error.failure.cause),
                None => error.failure.cause.to_string(),
            },
            help: error.fix(),
        }),
    }
}
