//! `sandbox pause` and `sandbox resume`: no processor time for a while.

use std::io;

use clap::Args;

use crate::cgroup::{self, Freezer};
use crate::diag::Problem;

use super::super::exit::Exit;
use super::super::profile::{failed, general};
use super::{Named, Running, finish};

/// Freeze all processes of a sandbox, until `sandbox resume`
///
/// They keep their memory and get no processor time. `limits.wall_time` goes on meanwhile; `kill` reaches the program
/// only when it goes on, and `down` ends a frozen sandbox too. It takes a control group that can freeze, which a
/// sandbox has when its profile sets a limit such as `limits.pids`.
#[derive(Debug, Args)]
pub struct Pause {
    #[command(flatten)]
    sandbox: Named,
}

/// Let a frozen sandbox go on where it was
#[derive(Debug, Args)]
pub struct Resume {
    #[command(flatten)]
    sandbox: Named,
}

impl Pause {
    /// Runs the command.
    pub fn run(self) -> Exit {
        finish(set(&self.sandbox.name, Freezer::Frozen))
    }
}

impl Resume {
    /// Runs the command.
    pub fn run(self) -> Exit {
        finish(set(&self.sandbox.name, Freezer::Thawed))
    }
}

fn set(name: &str, wanted: Freezer) -> Result<(), Problem> {
    let running = Running::find()?;
    let entry = running.alive(name)?;
    let what = match wanted {
        Freezer::Frozen => format!("freeze `{name}`"),
        Freezer::Thawed => format!("let `{name}` go on"),
    };
    let failed = |error: &io::Error| failed("running.freezer", &what, error);
    let groups = entry.groups().map_err(|error| failed(&error))?;
    match cgroup::set_freezer(&groups, wanted) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            let message = format!("cannot {what}: it has no control group that can freeze");
            Err(general("running.no-freezer", message)
                .help(
                    "a sandbox has one with a limit such as `limits.pids`, where the host lets you make it: see \
                     `sandbox doctor`",
                ))
        }
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            let message = format!("cannot {what}: a process of it is in a call that takes long");
            Err(general("running.freezer", message))
        }
        set => set.map_err(|error| failed(&error)),
    }
}
