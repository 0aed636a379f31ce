//! `sandbox reset`: start over.

use clap::Args;

use crate::kept::Volumes;

use super::exit::Exit;
use super::kept::{Named, Use, refuse};

/// Drop everything that a sandbox wrote to its root tree and in its overlays
///
/// Volumes hold data that is meant to last: they go only with --volumes. Exits with 0 when it is gone,
/// else with 1.
#[derive(Debug, Args)]
pub struct Reset {
    /// Drop its volumes too
    #[arg(long)]
    volumes: bool,
    #[command(flatten)]
    name: Named,
}

impl Reset {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let volumes = match self.volumes {
            true => Volumes::Dropped,
            false => Volumes::Kept,
        };
        let name = match self.name.open(Use::Change) {
            Ok(name) => name,
            Err(exit) => return exit,
        };
        match name.reset(volumes) {
            Ok(()) => Exit::DONE,
            Err(problem) => refuse(problem),
        }
    }
}
