//! `sandbox inspect`: what runs, and on what terms?

use clap::Args;

use crate::diag::Problem;
use crate::report::running;

use super::super::exit::Exit;
use super::super::profile::failed;
use super::{Named, Running, ask, finish, print, told};

/// Show the plan by which a sandbox runs or ran, with the origin of each part
///
/// Of a sandbox that was detached and has ended, also how it ended, what it used, and what did not hold. `wait` or
/// `down` forget it.
#[derive(Debug, Args)]
pub struct Inspect {
    /// Print JSON (schemas/inspect.schema.json)
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sandbox: Named,
}

impl Inspect {
    /// Runs the command.
    pub fn run(self) -> Exit {
        finish(self.show())
    }

    fn show(&self) -> Result<(), Problem> {
        let running = Running::find()?;
        let entry = running.named(&self.sandbox.name)?;
        let sandbox = told(entry);
        if !entry.runs() {
            let what = format!("read the report of `{}`", entry.name);
            let report = entry
                .outcome()
                .map_err(|error| failed("running.report", &what, &error))?;
            let ended = entry
                .ended()
                .map_err(|error| failed("running.report", &what, &error))?;
            return print(&match self.json {
                true => {
                    let report = report.and_then(|bytes| serde_json::from_slice(&bytes).ok());
                    running::inspected_json(&sandbox, ended.map(|ended| ended.plan.json), report)
                }
                false => {
                    let parts = ended.map(|ended| [ended.text, ended.plan.text]);
                    running::inspected(&sandbox, &parts.unwrap_or_default())
                }
            });
        }
        let plan = ask(entry)?.plan;
        print(&match self.json {
            true => running::inspected_json(&sandbox, Some(plan.json), None),
            false => running::inspected(&sandbox, &[plan.text]),
        })
    }
}
