//! A group of the caller's own, by the service manager of the caller's session.
//!
//! On a host of v2 with systemd an ordinary user's shell lives in a group that is not delegated: it
//! may not be divided, and its limits are not the user's to set. The manager of the session hands
//! out scopes that are. A group that is delegated already is divided where it is, and nobody is asked.
//!
//! A scope is also the way to a sandbox that runs in one: a process gets into a group only by the right to write to
//! the nearest group above both it and that one. From a scope to another that is a group of the user's manager,
//! which is the user's; from the login session it is one of root's.
//!
//! The limits are not properties of the unit, although it has one for nearly each: the unit holds this
//! supervisor too, so that `TasksMax` or `MemoryMax` would count more than the sandbox. They stand in the
//! group below, as everywhere else.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::error::{Cause, CgroupError};
use super::names::scope_name;
use crate::model::{CgroupFacts, CgroupVersion};

/// The hidden command by which `sandbox` starts itself for the conversation; behind it the scope's
/// name and the id of the process that wants to be in it.
pub const COMMAND: &str = "--start-scope";

/// How long the manager may take between its answer and the move.
const PATIENCE: Duration = Duration::from_secs(5);
const WAIT: Duration = Duration::from_millis(1);

/// Whether a scope would help against an error: the caller's group cannot be divided, on v2.
///
/// Root needs none: it takes the root of the hierarchy.
pub fn would_help(error: &CgroupError, facts: &CgroupFacts) -> bool {
    let pure = facts
        .hierarchies
        .iter()
        .all(|hierarchy| hierarchy.version == CgroupVersion::V2);
    let undivided = matches!(
        error.failure.cause,
        Cause::NotDelegated | Cause::OthersInGroup | Cause::ControllerNotDelegated(_)
    );
    pure && undivided && !nix::unistd::geteuid().is_root()
}

/// Moves this process into a scope of its own; where its groups then are has to be read anew.
///
/// # Errors
/// Why there is none.
pub fn enter(name: &str) -> Result<(), String> {
    let scope = scope_name(name);
    ask(&scope)?;
    let end = Instant::now() + PATIENCE;
    loop {
        let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let is_moved = own.lines().any(|line| Path::new(line).ends_with(&scope));
        if is_moved {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(format!(
                "`{scope}` was started, and this process not moved into it"
            ));
        }
        sleep(WAIT);
    }
}

/// In a process of its own, since the library that speaks D-Bus has threads.
fn ask(scope: &str) -> Result<(), String> {
    let told = |error: io::Error| error.to_string();
    let asked = Command::new("/proc/self/exe")
        // The name says whether it is a wrapper.
        .arg0("sandbox")
        .args([COMMAND, scope, &std::process::id().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(told)?;
    if asked.status.success() {
        return Ok(());
    }
    let reason = String::from_utf8_lossy(&asked.stderr);
    Err(match reason.trim() {
        "" => format!("the one who asks ended with {}", asked.status),
        reason => reason.to_owned(),
    })
}
