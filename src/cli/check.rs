//! `sandbox check`: is this profile well-formed?

use std::path::{Path, PathBuf};

use clap::Args;

use crate::diag::{Problems, Severity, Sources};
use crate::plan::{Given, Plan};
use crate::profile::params::GivenParams;

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
    /// Profiles to judge
    #[arg(required = true, value_name = "PROFILE")]
    profiles: Vec<PathBuf>,
}

impl Check {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let params = match self.params.read() {
            Ok(params) => params,
            Err(exit) => return exit,
        };
        let mut exit = Exit::DONE;
        for path in &self.profiles {
            if !self.judge(path, &params) {
                exit = Exit::NO;
            } else if output::text(&format!("{}: ok\n", path.display())).is_err() {
                return Exit::NO;
            }
        }
        exit
    }

    /// Whether a profile is well; prints what is wrong with it.
    fn judge(&self, path: &Path, params: &GivenParams) -> bool {
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
        output::problems(loaded.problems, &loaded.sources);
        if let Some(settings) = &settings {
            output::missing_parts(settings);
        }
        errors == 0 && settings.is_some()
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
