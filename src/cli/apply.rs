//! `sandbox apply`: give the host what the program wrote over it.

use clap::Args;

use crate::kept::{apply, select};
use crate::report::changes;

use super::exit::Exit;
use super::kept::{Chosen, layers, refuse};
use super::output;

/// Carry what a sandbox wrote in its overlays to the host directories below them
///
/// All of it or, where a file of the host was changed meanwhile, nothing: each such file is named. Pipes,
/// sockets and devices stay behind, and no set-id bit is carried. What the root tree keeps has no host
/// directory to go to. Exits with 0 when everything was carried, else with 1.
#[derive(Debug, Args)]
pub struct Apply {
    #[command(flatten)]
    chosen: Chosen,
}

impl Apply {
    /// Runs the command.
    pub fn run(self) -> Exit {
        self.carry().unwrap_or_else(|exit| exit)
    }

    fn carry(&self) -> Result<Exit, Exit> {
        let (name, paths) = self.chosen.lock()?;
        let layers = layers(&name)?;
        let selections = select(&layers, paths).map_err(refuse)?;
        if selections.is_empty() {
            return Err(refuse(super::profile::general(
                "kept.no-overlay",
                format!("no overlay is kept under the name `{}`", name.name),
            )));
        }
        let applied = apply(&name, &selections).map_err(refuse)?;
        let (done, left_out) = changes::applied(&applied);
        output::error_text(&left_out);
        match output::told(&done) {
            Ok(()) => Ok(Exit::DONE),
            Err(_) => Err(Exit::NO),
        }
    }
}
