//! `sandbox store` and `sandbox gc`: what is kept of built trees, and what of it goes.

use std::time::{Duration, SystemTime};

use clap::Args;

use crate::diag::{Problem, Problems, Sources};
use crate::model::Period;
use crate::report;
use crate::rootfs::{Collection, StoreError};

use super::exit::Exit;
use super::profile::general;
use super::{output, tree};

/// List the built trees with their sizes and users
///
/// OWN is the size of the files that no other tree has. A tree is used by a sandbox that runs in it, and by the
/// profiles and locks that asked for it last and are still there.
#[derive(Debug, Args)]
pub struct ListStore {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Read every file of the store again, and take away those that were altered: the next build writes them
    #[arg(long)]
    verify: bool,
}

/// Remove the trees and files of the store that no profile, lock or running sandbox uses
///
/// What is removed is built again when it is asked for.
#[derive(Debug, Args)]
pub struct Gc {
    /// Only trees that were last used longer ago than this (`7d`, `12h`)
    #[arg(long, value_name = "TIME", value_parser = period)]
    older_than: Option<Duration>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

fn period(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(Period(duration)) => Ok(duration),
        Err(invalid) => Err(match &invalid.help {
            Some(help) => format!("it {invalid}: {help}"),
            None => format!("it {invalid}"),
        }),
    }
}

impl ListStore {
    /// Runs the command.
    pub fn run(self) -> Exit {
        finish(self.list())
    }

    fn list(&self) -> Result<String, Box<Problem>> {
        let store = tree::open_store()?;
        if self.verify {
            let altered = store.verify().map_err(|error| failed(&error))?;
            for path in &altered {
                let path = report::printable(&path.to_string_lossy());
                output::error_text(&format!(
                    "sandbox: warning: `{path}` was altered in the store and has been taken away; \
                     run `sandbox build --verify` for the profiles that use it\n"
                ));
            }
        }
        let trees = store.list();
        Ok(match self.json {
            true => report::listing_json(&trees),
            false => report::listing(&trees, SystemTime::now()),
        })
    }
}

impl Gc {
    /// Runs the command.
    pub fn run(self) -> Exit {
        finish(self.collect())
    }

    fn collect(&self) -> Result<String, Box<Problem>> {
        let collection = match self.dry_run {
            true => Collection::DryRun,
            false => Collection::Remove,
        };
        let older_than = self.older_than.unwrap_or(Duration::ZERO);
        let collected = tree::open_store()?.collect(older_than, collection);
        let collected = collected.map_err(|error| failed(&error))?;
        Ok(report::collected_text(&collected, collection))
    }
}

fn failed(error: &StoreError) -> Box<Problem> {
    let problem = general("store.failed", error.to_string());
    Box::new(match error.help() {
        Some(help) => problem.help(help),
        None => problem,
    })
}

fn finish(result: Result<String, Box<Problem>>) -> Exit {
    match result {
        Ok(text) if output::told(&text).is_ok() => Exit::DONE,
        Ok(_) => Exit::NO,
        Err(problem) => {
            let mut problems = Problems::new();
            problems.push(*problem);
            output::problems(problems, &Sources::default());
            Exit::NO
        }
    }
}
