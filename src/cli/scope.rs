//! The process that asks a service manager for a scope; no command of users.

use std::ffi::OsString;

use crate::cgroup::{scope::COMMAND, start_scope};

use super::exit::Exit;
use super::output;

/// Does what the process was started for, where that is a scope.
pub fn read() -> Option<Exit> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != COMMAND {
        return None;
    }
    Some(
        match asked(arguments).and_then(|(name, pid)| start_scope(&name, pid)) {
            Ok(()) => Exit::DONE,
            Err(reason) => {
                output::error_text(&format!("{reason}\n"));
                Exit::NO
            }
        },
    )
}

fn asked(mut arguments: impl Iterator<Item = OsString>) -> Result<(String, u32), String> {
    let mut next = || arguments.next()?.into_string().ok();
    let (name, pid) = (next(), next());
    let pid = pid.and_then(|pid| pid.parse().ok());
    name.zip(pid)
        .ok_or_else(|| "a name and a process id are needed".to_owned())
}
