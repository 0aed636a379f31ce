//! `sandbox test`: does the sandbox of this profile do what its `[[expect]]` say?

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::diag::{Problem, Problems, Sources};
use crate::model::{Outcome, Verdict};
use crate::plan::Plan;
use crate::report::expect::{self, Answer};
use crate::report::problems;

use super::exit::Exit;
use super::output;
use super::profile::{Params, general};
use super::report_file::ReportFile;
use super::up::{Refused, Up};

/// Try what a profile expects of its sandbox, in that sandbox
///
/// Builds the sandbox as `up` would, and in place of the program tries every `[[expect]]` of the profile; the
/// tree needs no tools for it. Exits with 0 when all hold, with 1 when one does not or the sandbox does not
/// start, with 2 for wrong usage.
#[derive(Debug, Args)]
pub struct Test {
    /// How the results are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Print every step that would be taken, and take none
    #[arg(long)]
    dry_run: bool,
    /// Another name for the sandbox
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    params: Params,
    /// The profile
    #[arg(value_name = "PROFILE")]
    profile: PathBuf,
    /// The command that the sandbox is for: it is not run, but the tree is made for it
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Human,
    /// Test Anything Protocol, version 13
    Tap,
    /// JSON (schemas/test.schema.json; schemas/problems.schema.json where the sandbox does not start)
    Json,
}

impl Test {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let Test {
            format,
            dry_run,
            name,
            params,
            profile,
            command,
        } = self;
        let path = profile.clone();
        let up = Up::for_test(profile, params, name, command);
        if let Err(problem) = up.given() {
            return output::refuse(problem, Exit::USAGE);
        }
        let mut judged = match up.judge() {
            Ok(judged) => judged,
            Err((Refused { problems, .. }, sources)) => {
                return stopped(format, &path, problems, sources);
            }
        };
        let plan = Plan::for_test(judged.settings.clone());
        if dry_run {
            return match up.print(&plan, &judged.sources) {
                Exit::DONE => Exit::DONE,
                _ => Exit::NO,
            };
        }
        if plan.settings.expect.is_empty() {
            return stopped(format, &path, expects_nothing().into(), judged.sources);
        }
        match up.start(&plan, &mut judged, None, &mut ReportFile::default()) {
            Ok(outcome) => {
                let answers = expect::answers(&plan, &outcome, &judged.sources);
                print(format, &outcome, &answers)
            }
            Err(Refused { problems, .. }) => stopped(format, &path, problems, judged.sources),
        }
    }
}

/// A profile that expects nothing passes no test: whoever runs one meant to have some.
fn expects_nothing() -> Problem {
    general("expect.none", "the profile expects nothing")
        .help("add an `[[expect]]` with a key such as `deny_read = \"/etc/shadow\"`")
}

fn print(format: Format, outcome: &Outcome, answers: &[Answer]) -> Exit {
    let text = match format {
        Format::Human => expect::human(answers),
        Format::Tap => expect::tap(answers),
        Format::Json => expect::json(&outcome.name, answers),
    };
    match (output::told(&text), expect::all_hold(answers)) {
        (Ok(()), Verdict::Holds) => Exit::DONE,
        _ => Exit::NO,
    }
}

/// A reader of TAP waits for a line that says so, one of JSON for a document.
fn stopped(format: Format, profile: &Path, problems: Problems, sources: Sources) -> Exit {
    // Nobody is left to tell when it is closed.
    match format {
        Format::Human => output::problems(problems, &sources),
        Format::Tap => {
            output::problems(problems, &sources);
            output::text(&expect::bail_out("the sandbox did not start")).ok();
        }
        Format::Json => {
            output::refusal(profile, problems, sources, problems::json).ok();
        }
    }
    Exit::NO
}
