//! `sandbox discard`: forget what the program wrote over host directories.

use clap::Args;

use crate::kept::{discard, select};

use super::exit::Exit;
use super::kept::{Chosen, layers, refuse};

/// Drop what a sandbox wrote in its overlays: the host's files show again at the next run
///
/// The root tree's writes and volumes stay (`sandbox reset` drops them). Exits with 0 when it is gone,
/// else with 1.
#[derive(Debug, Args)]
pub struct Discard {
    #[command(flatten)]
    chosen: Chosen,
}

impl Discard {
    /// Runs the command.
    pub fn run(self) -> Exit {
        self.drop().unwrap_or_else(|exit| exit)
    }

    fn drop(&self) -> Result<Exit, Exit> {
        let (name, paths) = self.chosen.lock()?;
        if paths.is_empty() {
            // Whatever state its records are in.
            return name.drop_overlays().map(|()| Exit::DONE).map_err(refuse);
        }
        let layers = layers(&name)?;
        let selections = select(&layers, paths).map_err(refuse)?;
        discard(&name, &selections).map_err(refuse)?;
        Ok(Exit::DONE)
    }
}
