//! `sandbox discard`: forget what the program wrote over host directories.

use std::path::PathBuf;

use clap::Args;

use crate::kept::{discard, select};

use super::exit::Exit;
use super::kept::{Named, Use, absolute, layers, refuse};

/// Drop what a sandbox wrote in its overlays: the host's files show again at the next run
///
/// The root tree's writes and volumes stay (`sandbox reset` drops them). Exits with 0 when it is gone,
/// else with 1.
#[derive(Debug, Args)]
pub struct Discard {
    #[command(flatten)]
    name: Named,
    /// Only this file, or what lies below this directory: its path inside, or on the host
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

impl Discard {
    /// Runs the command.
    pub fn run(self) -> Exit {
        self.drop().unwrap_or_else(|exit| exit)
    }

    fn drop(&self) -> Result<Exit, Exit> {
        let paths = absolute(&self.paths)?;
        let name = self.name.open(Use::Change)?;
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
