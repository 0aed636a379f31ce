//! Another view of the file system to start a contender in.

use std::fs;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};

/// Where a hybrid host has cgroup v2.
const UNIFIED: &str = "/sys/fs/cgroup/unified";

/// A command's end, and how long it took; or why it did not start.
pub type Timed = Result<(ExitStatus, Duration), String>;

/// A thread with a mount namespace of its own: what it starts sees that, at no cost for the run.
pub struct Place {
    commands: Sender<Command>,
    ends: Receiver<Timed>,
}

impl Place {
    /// Whether cgroup v2 lies beside v1 here and has controllers, which crun refuses.
    pub fn is_hybrid() -> bool {
        fs::read_to_string(format!("{UNIFIED}/cgroup.controllers"))
            .is_ok_and(|controllers| !controllers.trim().is_empty())
    }

    /// A place in which cgroup v2 is not mounted; needs root.
    pub fn without_unified() -> Result<Self, String> {
        let (commands, requests) = channel::<Command>();
        let (answers, ends) = channel();
        let (made, ready) = channel();
        std::thread::spawn(move || {
            let hidden = hide_unified();
            let usable = hidden.is_ok();
            if made.send(hidden).is_err() || !usable {
                return;
            }
            for command in requests {
                if answers.send(timed(command)).is_err() {
                    return;
                }
            }
        });
        ready.recv().map_err(|error| error.to_string())??;
        Ok(Self { commands, ends })
    }

    /// Runs one command there, and waits for it.
    pub fn run(&self, command: Command) -> Timed {
        self.commands
            .send(command)
            .map_err(|error| error.to_string())?;
        self.ends.recv().map_err(|error| error.to_string())?
    }
}

/// Runs one command, and waits for it.
pub fn timed(mut command: Command) -> Timed {
    let start = Instant::now();
    let status = command.status();
    let elapsed = start.elapsed();
    status
        .map(|status| (status, elapsed))
        .map_err(|error| format!("`{}`: {error}", command.get_program().display()))
}

/// Leaves the mount namespace of the other threads; nothing is changed in theirs.
fn hide_unified() -> Result<(), String> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(|errno| errno.to_string())?;
    for arguments in [&["mount", "--make-rprivate", "/"][..], &["umount", UNIFIED]] {
        let mut command = Command::new(arguments[0]);
        command.args(&arguments[1..]).stdin(Stdio::null());
        let (status, _) = timed(command)?;
        if !status.success() {
            return Err(format!("`{}`: {status}", arguments.join(" ")));
        }
    }
    Ok(())
}
