//! `sandbox build`: the root tree alone.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use crate::diag::Problem;
use crate::plan::Given;
use crate::report;
use crate::rootfs::{StoreError, Tree};

use super::exit::Exit;
use super::output;
use super::profile::{Loaded, general};
use super::tree::{self, Wanted};

/// Build the root tree of a profile, and run nothing
///
/// Prints where the tree is, how many files and bytes it has, and how many of them were in the store already.
/// A tree that is there and has not changed is found. Exits with 0 when it is built, 1 when not.
#[derive(Debug, Args)]
pub struct Build {
    /// Also copy the tree to DIR, which must be empty or not there yet
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Look again at every file that the tree was made of
    #[arg(long, conflicts_with = "verify")]
    refresh: bool,
    /// Read everything again, on the host and in the store; what was altered is named and built again
    #[arg(long)]
    verify: bool,
    /// The profile
    #[arg(value_name = "PROFILE")]
    profile: PathBuf,
}

impl Build {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let mut loaded = Loaded::read(&self.profile, Given::default());
        let judged = loaded.judge_for_host();
        let Loaded {
            sources, problems, ..
        } = loaded;
        let failed = judged.is_none();
        output::problems(problems, &sources);
        let Some((settings, _)) = judged.filter(|_| !failed) else {
            return Exit::NO;
        };
        let wanted = Wanted {
            plan: &settings.tree,
            profile: &self.profile,
            refresh: tree::refresh(self.refresh, self.verify),
        };
        match self.build(&wanted) {
            Ok(text) if output::text(&text).is_ok() => Exit::DONE,
            Ok(_) => Exit::NO,
            Err(problem) => {
                output::problems(problem.into(), &sources);
                Exit::NO
            }
        }
    }

    fn build(&self, wanted: &Wanted<'_>) -> Result<String, Box<Problem>> {
        let start = Instant::now();
        let store = tree::open_store()?;
        let tree = tree::obtain(&store, wanted)?;
        let took = start.elapsed();
        if let Some(output) = &self.output {
            tree.export(output).map_err(|error| not_exported(&error))?;
        }
        tree::keep(&store, &tree);
        let Tree {
            root, notes, built, ..
        } = &tree;
        Ok(report::tree_text(root, notes, *built, took))
    }
}

fn not_exported(error: &StoreError) -> Problem {
    let problem = general("tree.output", error.to_string());
    match error.help() {
        Some(help) => problem.help(help),
        None => problem,
    }
}
