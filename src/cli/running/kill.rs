//! `sandbox kill`: a signal to the program.

use clap::Args;

use crate::diag::Problem;
use crate::model::{RunState, Signal};
use crate::report::printable;
use crate::supervise::{self, Entry, Reached};

use super::super::exit::Exit;
use super::super::output;
use super::super::profile::{failed, general};
use super::{Named, Running, finish, told};

/// Send a signal to the program of a sandbox
///
/// To it alone; `sandbox down` ends everything in the sandbox.
#[derive(Debug, Args)]
pub struct Kill {
    /// Which signal, by name or number
    #[arg(long, short, value_name = "SIGNAL", default_value = "TERM", value_parser = signal_number)]
    signal: i32,
    #[command(flatten)]
    sandbox: Named,
}

/// The last signal of Linux.
const LAST: i32 = 64;

fn signal_number(text: &str) -> Result<i32, String> {
    if let Ok(number) = text.parse::<i32>() {
        return match number {
            1..=LAST => Ok(number),
            _ => Err(format!("it is no signal: write 1 to {LAST}, or a name")),
        };
    }
    let signal: Result<Signal, _> = text.parse();
    let signal = signal.map_err(|invalid| match &invalid.help {
        Some(help) => format!("it {invalid}: {help}"),
        None => format!("it {invalid}"),
    });
    signal.map(Signal::number)
}

impl Kill {
    /// Runs the command.
    pub fn run(self) -> Exit {
        finish(self.send())
    }

    fn send(&self) -> Result<(), Problem> {
        let running = Running::find()?;
        let entry = running.alive(&self.sandbox.name)?;
        let sent = supervise::signal(entry, self.signal);
        let what = format!("send a signal to the program of `{}`", entry.name);
        match sent.map_err(|error| failed("running.signal", &what, &error))? {
            Reached::Program => {
                self.tell_of_a_pause(entry);
                Ok(())
            }
            Reached::Nobody => {
                let message = format!("the program of `{}` does not run", entry.name);
                Err(general("running.no-program", message))
            }
        }
    }

    /// A frozen process handles no signal: on cgroup v1 not even SIGKILL ends it.
    fn tell_of_a_pause(&self, entry: &Entry) {
        if told(entry).state == RunState::Paused {
            let name = printable(&entry.name);
            output::error_text(&format!(
                "sandbox: `{name}` is paused: the signal counts when it goes on (`sandbox resume {name}`)\n"
            ));
        }
    }
}
