//! `sandbox down`: end sandboxes.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;

use crate::diag::{Problem, Problems};
use crate::model::Period;
use crate::report::printable;
use crate::supervise::{Entry, Stopping};

use super::super::exit::Exit;
use super::super::output;
use super::super::profile::failed;
use super::{Running, lost, print};

/// End sandboxes, with everything in them
///
/// Each program is asked by its `supervise.stop_signal`, and killed with all others of its sandbox when it has not
/// ended after `supervise.stop_timeout`. What is left of a detached sandbox that has ended goes too. The names of those that
/// are gone are printed.
#[derive(Debug, Args)]
pub struct Down {
    /// All sandboxes of this user
    #[arg(long, conflicts_with = "names", required_unless_present = "names")]
    all: bool,
    /// How long to wait for the programs, in place of what the profiles say (`5s`, `0s`)
    #[arg(long, short, value_name = "TIME", value_parser = period)]
    time: Option<Duration>,
    /// Names, as `sandbox ps` shows them
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// A time as a profile has it; a plain number is seconds.
fn period(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    match text.parse() {
        Ok(Period(duration)) => Ok(duration),
        Err(invalid) => Err(match &invalid.help {
            Some(help) => format!("it {invalid}: {help}"),
            None => format!("it {invalid}"),
        }),
    }
}

impl Down {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let mut problems = Problems::new();
        if let Err(problem) = self.end(&mut problems) {
            problems.push(problem);
        }
        if problems.is_empty() {
            return Exit::DONE;
        }
        output::refuse(problems, Exit::NO)
    }

    /// All are asked before the first is waited for.
    fn end(&self, problems: &mut Problems) -> Result<(), Problem> {
        let running = Running::find()?;
        let wanted = self.wanted(&running, problems);
        let mut asked: Vec<(&Entry, Stopping<'_>)> = Vec::new();
        for entry in wanted.iter().filter(|entry| entry.runs()) {
            match Stopping::begin(entry, self.time) {
                Ok(stopping) => asked.push((entry, stopping)),
                Err(error) => problems.push(not_ended(entry, &error)),
            }
        }
        asked.sort_by_key(|(_, stopping)| stopping.due);
        for (entry, stopping) in &asked {
            if let Err(error) = stopping.finish() {
                problems.push(not_ended(entry, &error));
            }
        }
        print(&forget(&wanted, problems)?)
    }

    fn wanted<'a>(&self, running: &'a Running, problems: &mut Problems) -> Vec<&'a Entry> {
        if self.all {
            return running.list.iter().collect();
        }
        // Each once.
        let names: BTreeSet<&String> = self.names.iter().collect();
        let named = names.into_iter().map(|name| running.named(name));
        named.filter_map(|found| problems.take(found)).collect()
    }
}

/// Takes away what is left of those that do not run any more; gives back their names, one a line.
fn forget(wanted: &[&Entry], problems: &mut Problems) -> Result<String, Problem> {
    // What killed supervisors left goes with this.
    let after = Running::find()?;
    let mut gone = String::new();
    for entry in wanted {
        let left = after.list.iter().find(|left| left.name == entry.name);
        let forgotten = match left {
            None => Ok(()),
            // It could not be ended, which was said, or its name runs again.
            Some(left) if left.runs() => continue,
            Some(left) => match &left.left {
                Some(reason) => Err(lost(left, reason)),
                None => after
                    .state
                    .forget(left)
                    .map_err(|error| not_ended(left, &error)),
            },
        };
        if problems.take(forgotten).is_some() {
            gone.push_str(&format!("{}\n", printable(&entry.name)));
        }
    }
    Ok(gone)
}

fn not_ended(entry: &Entry, error: &std::io::Error) -> Problem {
    failed("running.end", &format!("end `{}`", entry.name), error)
}
