//! `sandbox ps`: which sandboxes run?

use clap::Args;

use crate::diag::Problem;
use crate::report::running;
use crate::supervise::Entry;

use super::super::exit::Exit;
use super::{Running, finish, print, told};

/// List the sandboxes of this user that run
///
/// A sandbox that was detached is listed with `--all` when it has ended, until `sandbox wait` or `sandbox down`
/// took its end or its name runs again.
#[derive(Debug, Args)]
pub struct Ps {
    /// Print JSON (schemas/ps.schema.json)
    #[arg(long)]
    json: bool,
    /// Also those that have ended
    #[arg(long, short)]
    all: bool,
    /// Names alone, one a line, for completions of a shell
    #[arg(long, hide = true, conflicts_with = "json")]
    names: bool,
}

impl Ps {
    /// Runs the command.
    pub fn run(self) -> Exit {
        finish(self.list())
    }

    fn list(&self) -> Result<(), Problem> {
        if self.names {
            let names = Running::names(self.all)?;
            let names: String = names.iter().map(|name| format!("{name}\n")).collect();
            return print(&names);
        }
        let running = Running::find()?;
        let shown = |entry: &&Entry| self.all || entry.runs() || entry.left.is_some();
        let wanted = running.list.iter().filter(shown);
        let list: Vec<_> = wanted.map(told).collect();
        print(&match self.json {
            true => running::json(&list),
            false => running::text(&list),
        })
    }
}
