//! `sandbox inspect`: what runs, and on what terms?

use clap::Args;

use crate::diag::Problem;
use crate::report::{self, running};

use super::super::exit::Exit;
use super::{Named, Running, ask, finish, print, problem, told};

/// Show the plan by which a sandbox runs, with the origin of each part
///
/// Of a sandbox that was detached and has ended, the report of its end.
#[derive(Debug, Args)]
pub struct Inspect {
    /// Print JSON
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
                .map_err(|error| problem("running.report", &what, &error))?;
            let report = report
                .as_deref()
                .and_then(|bytes| serde_json::from_slice(bytes).ok());
            return print(&match self.json {
                true => running::inspected_json(&sandbox, None, report),
                false => {
                    running::inspected(&sandbox, report.as_ref().map(report::pretty).as_deref())
                }
            });
        }
        let plan = ask(entry)?.plan;
        print(&match self.json {
            true => running::inspected_json(&sandbox, Some(plan.json), None),
            false => running::inspected(&sandbox, Some(&plan.text)),
        })
    }
}
