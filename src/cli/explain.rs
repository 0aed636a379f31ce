//! `sandbox explain`: what a profile comes to.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::diag::Problems;
use crate::plan::Given;
use crate::report::printable;
use crate::review;

use super::exit::Exit;
use super::output;
use super::profile::{Loaded, general};

/// Tell what a profile comes to, and which of its lines decided
///
/// The text alone is judged, with the same answer on every machine. Exits with 1 when the profile has an error.
#[derive(Debug, Args)]
pub struct Explain {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The profile
    #[arg(value_name = "PROFILE")]
    profile: PathBuf,
    /// What of it
    #[arg(value_name = "TOPIC")]
    topic: Topic,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Topic {
    /// Every system call: whether it runs, and why
    Seccomp,
}

impl Explain {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let mut loaded = Loaded::read(&self.profile, Given::default());
        let settings = loaded.judge_text();
        let problems = std::mem::take(&mut loaded.problems);
        output::problems(problems, &loaded.sources);
        let Some(settings) = settings else {
            return Exit::NO;
        };
        let Topic::Seccomp = self.topic;
        let locate = |origin: &_| printable(&loaded.sources.locate(origin));
        let told = match review::syscalls(&settings, &locate) {
            Ok(told) => told,
            Err(error) => {
                let problem = general("security.seccomp-policy", error.to_string());
                output::problems(Problems::from(problem), &loaded.sources);
                return Exit::NO;
            }
        };
        let text = match self.json {
            true => told.json(),
            false => told.text(output::columns(&io::stdout())),
        };
        match output::text(&text) {
            Ok(()) => Exit::DONE,
            Err(_) => Exit::NO,
        }
    }
}
