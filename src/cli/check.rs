//! `sandbox check`: is this profile well-formed?

use std::path::PathBuf;

use clap::Args;

use crate::diag::Severity;
use crate::plan::Given;

use super::exit::Exit;
use super::output;
use super::profile::Loaded;

/// Judge profiles: every mistake under its line, all in one run
///
/// Without --host the text alone is judged, with the same answer on every machine. Exits with 0 when
/// no profile has an error, with 1 when one has, with 2 for wrong usage.
#[derive(Debug, Args)]
pub struct Check {
    /// Judge also what this host has: paths, programs, users, variables
    #[arg(long)]
    host: bool,
    /// Profiles to judge
    #[arg(required = true, value_name = "PROFILE")]
    profiles: Vec<PathBuf>,
}

impl Check {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let mut exit = Exit::DONE;
        for path in &self.profiles {
            let mut loaded = Loaded::read(path, Given::default());
            let judged = match self.host {
                true => loaded.judge_for_host().is_some(),
                false => loaded.judge_text().is_some(),
            };
            let errors = loaded.problems.count(Severity::Error);
            output::problems(loaded.problems, &loaded.sources);
            if errors > 0 || !judged {
                exit = Exit::NO;
            } else if output::text(&format!("{}: ok\n", path.display())).is_err() {
                return Exit::NO;
            }
        }
        exit
    }
}
