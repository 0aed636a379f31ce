//! `sandbox check`: is this profile well-formed?

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::diag::{Problems, Severity, Sources};
use crate::plan::{Given, Plan};
use crate::profile::params::GivenParams;
use crate::report::printable;
use crate::report::problems::{self, Judged};

use super::exit::Exit;
use super::locked::{self, Known, Place};
use super::output;
use super::profile::{Loaded, Params};
use super::tree;

/// Judge profiles: every mistake under its line, all in one run
///
/// Without --host the text alone is judged, with the same answer on every machine. Exits with 0 when
/// no profile has an error, with 1 when one has, with 2 for wrong usage.
#[derive(Debug, Args)]
pub struct Check {
    /// Judge also what this host has: paths, programs, users, variables
    #[arg(long)]
    host: bool,
    /// Judge also whether the root tree is the one of the profile's lock: builds it, and reads every file
    #[arg(long)]
    locked: bool,
    #[command(flatten)]
    params: Params,
    /// How problems are written
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    format: Format,
    /// Profiles to judge
    #[arg(required = true, value_name = "PROFILE")]
    profiles: Vec<PathBuf>,
}

/// How problems are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For scripts, by schemas/problems.schema.json
    Json,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

impl Check {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let params = match self.params.read() {
            Ok(params) => params,
            Err(exit) => return exit,
        };
        let mut exit = Exit::DONE;
        let mut all = Vec::new();
        for path in &self.profiles {
            let (judged, well) = self.judge(path, &params);
            if !well {
                exit = Exit::NO;
            } else if self.format == Format::Human {
                let name = printable(&judged.profile);
                if output::told(&format!("{name}: ok\n")).is_err() {
                    return Exit::NO;
                }
            }
            all.push(judged);
        }
        let document = match self.format {
            Format::Human => return exit,
            Format::Json => problems::json(&all),
            Format::Sarif => problems::sarif(&all),
            Format::Github => problems::github(&all),
        };
        match output::told(&document) {
            Ok(()) => exit,
            Err(_) => Exit::NO,
        }
    }

    /// What is wrong with a profile, and whether it is well; prints it for people.
    fn judge(&self, path: &Path, params: &GivenParams) -> (Judged, bool) {
        let given = Given {
            params: params.clone(),
            ..Given::default()
        };
        let mut loaded = Loaded::read(path, given);
        let settings = match self.host || self.locked {
            true => loaded.judge_for_host().map(|(settings, _)| settings),
            false => loaded.judge_text(),
        };
        if let (true, Some(settings)) = (self.locked, settings.as_ref()) {
            let verified = verify(
                &loaded.path,
                &Plan::new(settings.clone()),
                &mut loaded.sources,
            );
            loaded.problems.extend(verified.err().unwrap_or_default());
        }
        let errors = loaded.problems.count(Severity::Error);
        output::problems(loaded.problems.clone(), &loaded.sources);
        if let Some(settings) = &settings {
            output::missing_parts(settings);
        }
        let judged = Judged {
            profile: path.to_string_lossy().into_owned(),
            problems: loaded.problems.sorted(),
            sources: loaded.sources,
        };
        (judged, errors == 0 && settings.is_some())
    }
}

/// Every file is looked at, so that the answer does not rest on an earlier one.
fn verify(profile: &Path, plan: &Plan, sources: &mut Sources) -> Result<(), Problems> {
    let place = Place::filled(profile)?;
    let (store, tree) = locked::look(profile, plan)?;
    locked::verify(&place, plan, &tree, Known::Nothing, sources)?;
    tree::keep(&store, &tree);
    Ok(())
}
