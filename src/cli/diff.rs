//! `sandbox diff`: what becomes possible by a change of a profile?

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::diag::Sources;
use crate::host::revisions::ends;
use crate::model::SandboxName;
use crate::plan::{Given, Settings};
use crate::report::diff::{Compared, human, json, markdown, sarif};
use crate::review::diff::{Mark, Param, Side, diff};

use super::exit::Exit;
use super::output;
use super::profile::{Loaded, general};
use super::revision::{self, Named};

/// Tell what a change of a profile means: what becomes possible, and what no longer is
///
/// Both profiles are judged with all of their bases, by their text alone: the answer is the same on every
/// machine. Each difference is WIDER when something is possible that was not, NARROWER when something no
/// longer is, NEUTRAL when neither. Where one value takes the place of another and neither holds the other,
/// such as another host path at the same place, it counts as both. What is only layout, or an order without
/// effect, is no difference.
///
/// Three things count as wider that may look harmless: a mount of its own for a part of a checkout, which whoever
/// writes the checkout can make a link to elsewhere; a `?` before a part that is protected; and a variable by which
/// programs find code, such as `PATH` or `LD_PRELOAD`, that names a place where the program may write.
///
/// Exits with 0 when nothing is wider; with 3 when something is; with 1 when a profile has an error; with 2
/// for wrong usage.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sandbox diff old.toml new.toml                     what changes from one to the other
  sandbox diff --format markdown old.toml new.toml   as a comment on a pull request
  sandbox diff --format sarif old.toml new.toml      what is wider, for code scanning
  sandbox diff main:profiles/dev.toml profiles/dev.toml
                                                     what changed since the branch `main`
  sandbox diff --git main...HEAD                     what a branch changes, in every profile")]
pub struct DiffCommand {
    /// How the differences are written
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    format: Format,
    /// Compare every profile that a branch changes, by itself or by a base: BASE...HEAD, from where both
    /// parted, or BASE..HEAD
    #[arg(long, value_name = "RANGE", conflicts_with_all = ["old", "new"])]
    git: Option<OsString>,
    /// The profile as it was: a file, or REV:path as git has it
    #[arg(value_name = "OLD", required_unless_present = "git")]
    old: Option<PathBuf>,
    /// The profile as it is to be: a file, or REV:path
    #[arg(value_name = "NEW", required_unless_present = "git")]
    new: Option<PathBuf>,
}

/// How differences are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For scripts, by schemas/diff.schema.json
    Json,
    /// For a comment on a pull request
    Markdown,
    /// For code scanning, what is wider: SARIF 2.1.0
    Sarif,
}

impl DiffCommand {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let compared = match (&self.git, &self.old, &self.new) {
            (Some(range), ..) => by_git(range),
            (None, Some(old), Some(new)) => two(old, new),
            (None, ..) => return Exit::USAGE,
        };
        let Some(compared) = compared else {
            return Exit::NO;
        };
        let text = match self.format {
            Format::Human => human(&compared, output::style(&io::stdout())),
            Format::Json => json(&compared),
            Format::Markdown => markdown(&compared),
            Format::Sarif => sarif(&compared),
        };
        let wider = compared
            .iter()
            .any(|compared| compared.count(Mark::Wider) > 0);
        match output::told(&text) {
            Ok(()) if wider => Exit::WIDER,
            Ok(()) => Exit::DONE,
            Err(_) => Exit::NO,
        }
    }
}

fn two(old: &Path, new: &Path) -> Option<Vec<Compared>> {
    let (old, new) = (read(old).and_then(judged), read(new).and_then(judged));
    Some(vec![compared(old?, new?)])
}

/// A file, or what git has of it.
fn read(profile: &Path) -> Option<Loaded> {
    let Some((name, path)) = revision::split(profile) else {
        return Some(Loaded::read(profile, Given::default()));
    };
    Some(named(name)?.read(path))
}

fn named(name: &OsStr) -> Option<Named> {
    Named::of(name).map_err(refused).ok()
}

/// Why git gives nothing.
fn refused(why: String) {
    let of_others = why.contains("dubious ownership");
    let problem = general("diff.revision", why);
    let problem = match of_others {
        true => problem.help(
            "if its owner may be trusted: `git config --global --add safe.directory DIRECTORY`",
        ),
        false => problem,
    };
    output::problems(problem.into(), &Sources::default());
}

/// A profile with its settings; what is wrong with it is printed.
fn judged(mut loaded: Loaded) -> Option<(Loaded, Settings)> {
    let settings = loaded.judge_text_aloud()?;
    Some((loaded, settings))
}

/// Every profile of either end that differs: a change in a base shows in all that extend it.
fn by_git(range: &OsStr) -> Option<Vec<Compared>> {
    let (base, head) = ends(range).map_err(refused).ok()?;
    let end = |commit| Named::of_commit(commit).map_err(refused).ok();
    let (base, head) = (end(&base)?, end(&head)?);
    let files = base.revision.files.iter().chain(&head.revision.files);
    let paths: BTreeSet<&PathBuf> = files.collect();
    let mut all = Vec::new();
    let mut failed = false;
    for path in paths {
        let side = |end: &Named| match end.revision.files.contains(path) {
            true => at_end(end, path),
            false => End::Absent,
        };
        // Where one is not there nothing can be started, and so neither limit nor promise of it can be lost.
        let (old, new, only) = match (side(&base), side(&head)) {
            (End::Profile(old), End::Profile(new)) => (*old, *new, None),
            (End::Profile(old), End::Absent | End::Other) => {
                (*old, nothing(path)?, Some(Mark::Narrower))
            }
            (End::Absent | End::Other, End::Profile(new)) => {
                (nothing(path)?, *new, Some(Mark::Wider))
            }
            (End::Broken(_), End::Broken(_)) if !is_changed(&base, &head, path) => continue,
            // What a profile with an error meant, or will mean, is a guess.
            (End::Broken(loaded), _) | (_, End::Broken(loaded)) => {
                output::problems(loaded.problems.clone(), &loaded.sources);
                failed = true;
                continue;
            }
            (End::Absent | End::Other, End::Absent | End::Other) => continue,
        };
        let mut compared = compared(old, new);
        let kept = |mark| only.is_none_or(|only| mark == only);
        compared.changes.retain(|change| kept(change.mark));
        if !compared.changes.is_empty() {
            all.push(compared);
        }
    }
    (!failed).then_some(all)
}

/// What lies at a path of a revision.
enum End {
    Profile(Box<(Loaded, Settings)>),
    /// A profile with errors.
    Broken(Box<Loaded>),
    /// A TOML file of something else.
    Other,
    Absent,
}

fn at_end(end: &Named, path: &Path) -> End {
    if !end.is_profile(path) {
        return End::Other;
    }
    let mut loaded = end.read(path);
    let settings = loaded.judge_text();
    match settings.filter(|_| !loaded.problems.has_errors()) {
        Some(settings) => End::Profile(Box::new((loaded, settings))),
        None => End::Broken(Box::new(loaded)),
    }
}

/// What cannot be read counts as changed.
fn is_changed(base: &Named, head: &Named, path: &Path) -> bool {
    let text = |end: &Named| std::fs::read(end.revision.top().join(path)).ok();
    match (text(base), text(head)) {
        (Some(before), Some(now)) => before != now,
        _ => true,
    }
}

/// What a profile is compared with that is not there: one that gives nothing.
fn nothing(path: &Path) -> Option<(Loaded, Settings)> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    // A profile whose file is called otherwise states its name.
    let named = stem.parse::<SandboxName>().is_ok();
    let given = Given {
        file_stem: if named {
            stem.into_owned()
        } else {
            "none".to_owned()
        },
        ..Given::default()
    };
    let mut loaded = Loaded::of_text("version = 1\n", given);
    loaded.path = PathBuf::from("(none)");
    judged(loaded)
}

fn compared((old, before): (Loaded, Settings), (new, now): (Loaded, Settings)) -> Compared {
    let (old_params, new_params) = (params(&old), params(&new));
    let changes = diff(
        Side {
            settings: &before,
            params: &old_params,
        },
        Side {
            settings: &now,
            params: &new_params,
        },
    );
    Compared {
        old: old.path.to_string_lossy().into_owned(),
        new: new.path.to_string_lossy().into_owned(),
        changes,
        old_sources: old.sources,
        new_sources: new.sources,
    }
}

fn params(loaded: &Loaded) -> Vec<Param> {
    let declared = loaded.declared.iter();
    let params = declared.map(|param| Param {
        name: param.name.clone(),
        choices: param.choices.clone(),
    });
    params.collect()
}
