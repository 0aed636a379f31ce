//! `sandbox stats`: what do they use?

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use clap::Args;

use crate::cgroup;
use crate::diag::Problem;
use crate::report::running::{self, Measured};
use crate::supervise::Entry;

use super::super::exit::Exit;
use super::{Running, finish, print};

/// Show what sandboxes use: processor time, memory, processes, block devices
///
/// Processor time is that of all processes since the start; with --watch it is a share of the last second, in percent of
/// one processor: two at work are 200 %. Memory counts what the kernel charges to the sandbox, its files in memory too.
///
/// Of control groups: a sandbox without limits has none, and what its groups do not count is shown as `-`, in JSON
/// as null.
#[derive(Debug, Args)]
pub struct Stats {
    /// Print JSON (schemas/stats.schema.json)
    #[arg(long)]
    json: bool,
    /// Show it anew every second until nothing runs any more; where the output is no terminal, once
    #[arg(long, short)]
    watch: bool,
    /// Only this sandbox
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// How often the figures are read.
const PERIOD: Duration = Duration::from_secs(1);

/// Moves to the first column of the first line and clears what follows.
const CLEAR: &str = "\x1b[H\x1b[J";

impl Stats {
    /// Runs the command.
    pub fn run(self) -> Exit {
        finish(self.show())
    }

    fn show(&self) -> Result<(), Problem> {
        let mut last = self.measure()?;
        if !self.watch || !io::stdout().is_terminal() {
            return print(&self.rendered(&last, None));
        }
        let mut since = Instant::now();
        loop {
            std::thread::sleep(PERIOD);
            let now = match self.measure() {
                // The one that was watched has ended.
                Err(_) if self.name.is_some() => return Ok(()),
                now => now?,
            };
            let text = self.rendered(&now, Some((&last, since.elapsed())));
            print(&format!("{CLEAR}{text}"))?;
            if now.is_empty() {
                return Ok(());
            }
            (last, since) = (now, Instant::now());
        }
    }

    fn rendered(&self, now: &[Measured], before: Option<(&[Measured], Duration)>) -> String {
        match self.json {
            true => running::stats_json(now),
            false => running::stats_text(now, before),
        }
    }

    fn measure(&self) -> Result<Vec<Measured>, Problem> {
        let running = Running::find()?;
        let measured = |entry: &Entry| Measured {
            name: entry.name.clone(),
            // Groups that cannot be read go at this moment.
            figures: cgroup::figures(&entry.groups().unwrap_or_default()),
        };
        Ok(match &self.name {
            Some(name) => vec![measured(running.alive(name)?)],
            None => {
                let alive = running.list.iter().filter(|entry| entry.runs());
                alive.map(measured).collect()
            }
        })
    }
}
