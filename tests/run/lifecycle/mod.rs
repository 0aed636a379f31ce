//! Sandboxes that other commands find: started detached, listed, entered, measured, stopped, awaited.
//!
//! Root's state directory is that of the whole host, so that a test as root asks for its own names alone.

mod crash;
mod detached;
mod down;
mod exec;
mod freezer;
mod full_disk;
mod state;
mod telling;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::support::{Caller, Ended, Lab, finish, sandbox, within};

/// A limit that every host of tests has as root; none for others, who have no groups on a v1 host.
pub(super) fn limited(caller: Caller) -> &'static str {
    match caller {
        Caller::Root => "[limits]\npids = 64\n",
        Caller::Unprivileged => "",
    }
}

impl Lab {
    /// Any command of `sandbox`.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.host(sandbox());
        command.args(arguments);
        command
    }

    pub(super) fn finished(&self, arguments: &[&str]) -> Ended {
        finish(&mut self.command(arguments))
    }

    /// A command that must be done: what it says.
    #[track_caller]
    pub(super) fn done(&self, arguments: &[&str]) -> String {
        let ended = self.finished(arguments);
        assert_eq!(
            ended.code(),
            0,
            "{:?}: {arguments:?}: {ended:?}",
            self.caller
        );
        ended.out
    }

    /// `up --detach`, ready to be started.
    pub(super) fn up_detached(&self, profile: &str, command: &[&str]) -> Command {
        let mut arguments = self.up_arguments(profile, command);
        arguments.insert(1, "--detach".to_owned());
        let mut up = self.host(sandbox());
        up.args(arguments);
        up
    }

    /// A sandbox that goes on by itself until the value is dropped.
    #[track_caller]
    pub(super) fn detach(&self, profile: &str, command: &[&str]) -> Detached<'_> {
        let ended = finish(&mut self.up_detached(profile, command));
        assert_eq!(ended.code(), 0, "{:?}: {ended:?}", self.caller);
        let name = ended.out.trim_end().to_owned();
        Detached { lab: self, name }
    }

    /// What `ps` tells of a sandbox; nothing where it tells nothing.
    pub(super) fn told(&self, name: &str) -> Option<serde_json::Value> {
        let list = self.done(&["ps", "--all", "--json"]);
        crate::schemas::judge("ps", &list);
        let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
        list.into_iter().find(|sandbox| sandbox["name"] == name)
    }

    pub(super) fn state(&self, name: &str) -> PathBuf {
        self.state_file().with_file_name(name)
    }
}

/// A sandbox without a caller.
pub(super) struct Detached<'a> {
    lab: &'a Lab,
    pub name: String,
}

impl Detached<'_> {
    pub(super) fn told(&self) -> serde_json::Value {
        self.lab.told(&self.name).unwrap()
    }

    fn pid(&self, which: &str) -> i32 {
        i32::try_from(self.told()[which].as_i64().unwrap()).unwrap()
    }

    /// The first process.
    pub(super) fn first(&self) -> i32 {
        self.pid("pid")
    }

    pub(super) fn supervisor(&self) -> i32 {
        self.pid("supervisor_pid")
    }

    pub(super) fn program(&self) -> i32 {
        super::support::children(self.first().try_into().unwrap())[0]
    }

    /// Waits until the program has written this.
    #[track_caller]
    pub(super) fn expect(&self, text: &str) {
        let mut log = String::new();
        let there = within(std::time::Duration::from_secs(15), || {
            log = self.lab.done(&["logs", &self.name]);
            log.contains(text)
        });
        assert!(there, "`{text}` is not there: {log}");
    }
}

impl Drop for Detached<'_> {
    fn drop(&mut self) {
        self.lab.finished(&["down", "--time", "0s", &self.name]);
    }
}

pub(super) fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    !matches!(state.chars().next(), None | Some('Z' | 'X'))
}

/// No process, group, or file of a sandbox is there.
#[track_caller]
pub(super) fn leaves_nothing(lab: &Lab, name: &str, processes: &[i32]) {
    let gone = within(std::time::Duration::from_secs(5), || {
        !processes.iter().any(|pid| lives(*pid))
    });
    assert!(gone, "{processes:?}");
    assert!(!lab.state(name).exists(), "{name}");
    let groups = groups(name);
    assert!(groups.is_empty(), "{groups:?}");
}

/// The groups of this very sandbox, not of one whose name begins so.
pub(super) fn groups(name: &str) -> Vec<String> {
    let mut groups = super::ends::groups(name);
    groups.retain(|group| {
        let last = group.rsplit_once('/').map_or("", |(_, last)| last);
        let number = last.strip_prefix(&format!("sandbox-{name}-"));
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    });
    groups
}
