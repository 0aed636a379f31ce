//! `sandbox explain`: what a profile comes to.

use std::io;
use std::path::PathBuf;

use clap::Args;

use crate::diag::{Problem, Sources};
use crate::plan::{Plan, Settings};
use crate::report::{printable, rules, values};
use crate::review;

use super::exit::Exit;
use super::output;
use super::profile::{Loaded, Params, general};

/// Tell what a profile comes to: each value, the line that decided it, and what it becomes in the kernel
///
/// With KEY, only what stands at it and below it: `limits`, `limits.memory`, `mount`. `seccomp` lists every
/// system call, whether it runs, and why. The text alone is judged, with the same answer on every machine. Exits
/// with 1 when the profile has an error or KEY is no key.
#[derive(Debug, Args)]
pub struct Explain {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Explain the code of a message in place of a profile: what it means, what to do, what breaks it and what does
    /// not
    #[arg(long, value_name = "CODE", conflicts_with_all = ["profile", "key", "json"])]
    rule: Option<String>,
    #[command(flatten)]
    params: Params,
    /// The profile
    #[arg(value_name = "PROFILE", required_unless_present = "rule")]
    profile: Option<PathBuf>,
    /// What of it: a key such as `limits`, or `seccomp`
    #[arg(value_name = "KEY")]
    key: Option<String>,
}

impl Explain {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let given = match self.params.alone() {
            Ok(given) => given,
            Err(exit) => return exit,
        };
        let Some(profile) = &self.profile else {
            return tell(
                rule(self.rule.as_deref().unwrap_or_default()),
                &Sources::default(),
            );
        };
        let mut loaded = Loaded::read(profile, given);
        let settings = loaded.judge_text();
        let problems = std::mem::take(&mut loaded.problems);
        output::problems(problems, &loaded.sources);
        let Some(settings) = settings else {
            return Exit::NO;
        };
        let told = match self.key.as_deref() {
            Some("seccomp") => self.system_calls(&settings, &loaded),
            key => self.values(settings, key, &loaded),
        };
        tell(told, &loaded.sources)
    }

    fn system_calls(&self, settings: &Settings, loaded: &Loaded) -> Result<String, Problem> {
        let locate = |origin: &_| printable(&loaded.sources.locate(origin));
        let told = review::syscalls(settings, &locate)
            .map_err(|error| general("security.seccomp-policy", error.to_string()))?;
        Ok(match self.json {
            true => told.json(),
            false => told.text(output::columns(&io::stdout())),
        })
    }

    fn values(
        &self,
        settings: Settings,
        key: Option<&str>,
        loaded: &Loaded,
    ) -> Result<String, Problem> {
        let plan = Plan::new(settings);
        let all = values::values(&plan, loaded.inherited(), &loaded.sources);
        let found = match key {
            None => all,
            Some(key) => values::narrowed(all, key).map_err(|near| unknown_key(key, near))?,
        };
        Ok(match self.json {
            true => values::json(&found),
            false => values::text(&found, output::width(&io::stdout())),
        })
    }
}

fn unknown_key(key: &str, near: Option<String>) -> Problem {
    let message = format!("`{key}` is no key of a profile");
    let problem = general("command-line.key", message);
    match near {
        Some(near) => problem.help(format!("write `{near}`")),
        None => problem.help("leave it out to see every value"),
    }
}

fn tell(told: Result<String, Problem>, sources: &Sources) -> Exit {
    match told {
        Ok(text) if output::told(&text).is_ok() => Exit::DONE,
        Ok(_) => Exit::NO,
        Err(problem) => {
            output::problems(problem.into(), sources);
            Exit::NO
        }
    }
}

fn rule(code: &str) -> Result<String, Problem> {
    rules::find(code)
        .map(|rule| rules::text(&rule, output::width(&io::stdout())))
        .map_err(|near| {
            let problem = general("command-line.rule", format!("there is no rule `{code}`"));
            match near {
                Some(near) => problem.help(format!("write `{near}`")),
                None => problem.help(
                    "write the code that stands above a message, or that a finding or a report names",
                ),
            }
        })
}
