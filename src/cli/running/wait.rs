//! `sandbox wait`: how did it end?

use clap::Args;

use crate::diag::Problem;
use crate::supervise::Waited;

use super::super::exit::Exit;
use super::super::output;
use super::super::profile::{failed, general};
use super::{Named, Running, warn_of_losses};

/// Wait until a sandbox has ended, and exit as `up` does
///
/// With the program's own code; 128+N when signal N ended it, 124 when the wall time was over, 125 when it is not
/// known or there is no such sandbox. What a detached sandbox left goes then.
#[derive(Debug, Args)]
pub struct Wait {
    #[command(flatten)]
    sandbox: Named,
}

impl Wait {
    /// Runs the command.
    pub fn run(self) -> Exit {
        match self.wait() {
            Ok(code) => Exit(code),
            Err(problem) => output::refuse(problem, Exit::NOT_STARTED),
        }
    }

    fn wait(&self) -> Result<u8, Problem> {
        let running = Running::find()?;
        let entry = running.named(&self.sandbox.name)?;
        let waited = entry.wait(None);
        let what = format!("wait for `{}`", entry.name);
        match waited.map_err(|error| failed("running.wait", &what, &error))? {
            Waited::Ended(code) => {
                warn_of_losses(entry);
                // Its directory has gone with a supervisor that had a caller.
                if let Ok(ended) = entry.again() {
                    let forgotten = running.state.forget(&ended);
                    forgotten.map_err(|error| {
                        failed("state.release", "give the sandbox's name back", &error)
                    })?;
                }
                Ok(code)
            }
            Waited::Lost | Waited::StillRuns => {
                // What it left goes now, not with the next command.
                Running::find()?;
                let message = format!(
                    "how the sandbox `{}` ended is not known: its supervisor was killed",
                    entry.name
                );
                Err(general("running.lost", message))
            }
        }
    }
}
