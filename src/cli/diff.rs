//! `sandbox diff`: what becomes possible by a change of a profile?

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::plan::{Given, Settings};
use crate::report::diff::{Compared, human, json, markdown, sarif};
use crate::review::diff::{Mark, Param, Side, diff};

use super::exit::Exit;
use super::output;
use super::profile::Loaded;

/// Tell what a change of a profile means: what becomes possible, and what no longer is
///
/// Both profiles are judged with all of their bases, by their text alone: the answer is the same on every
/// machine. Each difference is WIDER when something is possible that was not, NARROWER when something no
/// longer is, NEUTRAL when neither. Where one value takes the place of another and neither holds the other,
/// such as another host path at the same place, it counts as both. What is only layout, or an order without
/// effect, is no difference.
///
/// Exits with 0 when nothing is wider; with 3 when something is; with 1 when a profile has an error; with 2
/// for wrong usage.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sandbox diff old.toml new.toml                     what changes from one to the other
  sandbox diff --format markdown old.toml new.toml   as a comment on a pull request
  sandbox diff --format sarif old.toml new.toml      what is wider, for code scanning")]
pub struct DiffCommand {
    /// How the differences are written
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    format: Format,
    /// The profile as it was
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The profile as it is to be
    #[arg(value_name = "NEW")]
    new: PathBuf,
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
        let (old, new) = (judged(&self.old), judged(&self.new));
        let (Some(old), Some(new)) = (old, new) else {
            return Exit::NO;
        };
        let compared = [compared(old, new)];
        let text = match self.format {
            Format::Human => human(&compared, output::style(&io::stdout())),
            Format::Json => json(&compared),
            Format::Markdown => markdown(&compared),
            Format::Sarif => sarif(&compared),
        };
        let wider = compared
            .iter()
            .any(|compared| compared.count(Mark::Wider) > 0);
        match output::text(&text) {
            Ok(()) if wider => Exit::WIDER,
            Ok(()) => Exit::DONE,
            Err(_) => Exit::NO,
        }
    }
}

/// A profile with its settings; what is wrong with it is printed.
fn judged(path: &Path) -> Option<(Loaded, Settings)> {
    let mut loaded = Loaded::read(path, Given::default());
    let settings = loaded.judge_text();
    let failed = loaded.problems.has_errors();
    output::problems(std::mem::take(&mut loaded.problems), &loaded.sources);
    settings
        .filter(|_| !failed)
        .map(|settings| (loaded, settings))
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
