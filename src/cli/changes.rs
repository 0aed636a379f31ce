//! `sandbox changes`: what did the program write?

use std::io::{self, IsTerminal};

use clap::Args;

use crate::report::changes::{self, Output};

use super::exit::Exit;
use super::kept::{Named, Use, layers, refuse};
use super::output;

/// Show what a sandbox wrote and keeps: deleted, changed and added files
///
/// About the root tree with `rootfs.writes = "keep"`, and about mounts with `access = "overlay"`; not
/// about volumes. Exits with 0 when it could be told, also that nothing changed, and with 1 when nothing
/// is kept under that name.
#[derive(Debug, Args)]
pub struct Changes {
    /// Show also what changed in each file, line by line
    #[arg(long)]
    diff: bool,
    /// Write it as JSON
    #[arg(long, conflicts_with = "diff")]
    json: bool,
    #[command(flatten)]
    name: Named,
}

impl Changes {
    /// Runs the command.
    pub fn run(self) -> Exit {
        match self.show() {
            Ok(()) => Exit::DONE,
            Err(exit) => exit,
        }
    }

    fn show(&self) -> Result<(), Exit> {
        let name = self.name.open(Use::Look)?;
        let layers = layers(&name)?;
        if name.is_in_use().map_err(refuse)? {
            let name = &name.name;
            output::error_text(&format!(
                "sandbox: note: `{name}` runs, and may still change this\n"
            ));
        }
        let mut found = Vec::new();
        for layer in &layers {
            found.push((layer, layer.changes().map_err(refuse)?));
        }
        if self.json {
            return print(&changes::json(name.name.as_str(), &found));
        }
        if !self.diff {
            return print(&changes::text(&found));
        }
        let output = match io::stdout().is_terminal() {
            true => Output::Terminal,
            false => Output::File,
        };
        // One at a time: together they may be larger than the memory.
        for (layer, list) in &found {
            for change in changes::sorted(list) {
                print(&changes::diff(layer, change, output).map_err(refuse)?)?;
            }
        }
        Ok(())
    }
}

fn print(text: &str) -> Result<(), Exit> {
    output::text(text).map_err(|_| Exit::NO)
}
