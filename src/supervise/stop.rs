//! Signals to sandboxes of other supervisors, and their end.
//!
//! Every process is held by a descriptor before it is signalled, so that no later process of the same id is
//! reached. A sandbox ends as a whole: with PID 1 the kernel ends all others of its namespace, those of other
//! sessions, stopped ones and ones that fork too; without a PID namespace the first process does, and the
//! control groups.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::cgroup::thaw;
use crate::launch::KILL_ALL;
use crate::sys;
use crate::sys::pidfd::{Identity, send_signal};

use super::state::{Entry, Record, Standing, Waited};

/// Whether a signal found somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The program.
    Program,
    /// It has ended, or was not started yet.
    Nobody,
}

/// Sends a signal to the program of a sandbox.
///
/// # Errors
/// As pidfd_send_signal(2).
pub fn signal(entry: &Entry, number: i32) -> io::Result<Reached> {
    let Some((_, program)) = program(entry)? else {
        return Ok(Reached::Nobody);
    };
    send(&program, number)
}

fn send(process: &OwnedFd, number: i32) -> io::Result<Reached> {
    match send_signal(process.as_fd(), number) {
        Ok(()) => Ok(Reached::Program),
        Err(Errno::ESRCH) => Ok(Reached::Nobody),
        Err(errno) => Err(errno.into()),
    }
}

/// The program is the first child of the first process: those that it adopts come behind.
pub(super) fn program(entry: &Entry) -> io::Result<Option<(Identity, OwnedFd)>> {
    let Some(first) = entry.record.as_ref().and_then(Record::first_process) else {
        return Ok(None);
    };
    // Held as long as the list counts.
    let Some(_held) = entry.first_process()? else {
        return Ok(None);
    };
    let pid = first.pid();
    let children = match sys::process::children(pid) {
        // Its own files are hidden, not those of the program.
        Err(Errno::ENOENT | Errno::EPERM | Errno::EACCES) => shown_children(pid)?,
        children => children?,
    };
    let Some(child) = children.first().copied() else {
        return Ok(None);
    };
    match Identity::of(child) {
        Ok(identity) if parent(child) == Some(pid) => {
            Ok(identity.hold()?.map(|program| (identity, program)))
        }
        _ => Ok(None),
    }
}

/// The children that /proc shows of a process that it hides, the first that was made before all others.
fn shown_children(pid: i32) -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let process = name.to_str().and_then(|name| name.parse::<i32>().ok());
        // Whoever ends meanwhile is none.
        if let Some(process) = process.filter(|process| parent(*process) == Some(pid))
            && let Ok(identity) = Identity::of(process)
        {
            found.push((identity.start(), process));
        }
    }
    match found.is_empty() {
        true => {
            let reason = "/proc hides its program (`hidepid`): root sees it";
            Err(io::Error::new(io::ErrorKind::PermissionDenied, reason))
        }
        false => {
            found.sort_unstable();
            Ok(found.into_iter().map(|(_, process)| process).collect())
        }
    }
}

fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// How long killed processes may take to be gone, and a supervisor to clear up behind them.
const PATIENCE: Duration = Duration::from_secs(5);

/// A sandbox that was asked to end.
#[derive(Debug)]
pub struct Stopping<'a> {
    entry: &'a Entry,
    /// When it is killed.
    pub due: Instant,
}

impl<'a> Stopping<'a> {
    /// Asks the program to end, thawed and continued so that it can; `patience` replaces the profile's.
    ///
    /// # Errors
    /// When the kernel refuses a signal or does not thaw a group.
    pub fn begin(entry: &'a Entry, patience: Option<Duration>) -> io::Result<Stopping<'a>> {
        let noted = entry.record.as_ref();
        let own = noted.map_or(Duration::ZERO, |record| {
            Duration::from_millis(record.stop_timeout_ms)
        });
        let now = Instant::now();
        // Farther than any clock goes is for ever: a day is enough to change one's mind.
        let far = Duration::from_secs(24 * 60 * 60);
        let due = now + patience.unwrap_or(own).min(far);
        let stopping = Stopping { entry, due };
        stopping.thaw()?;
        match noted {
            None => stopping.signal_supervisor(libc::SIGTERM)?,
            Some(record) => {
                stopping.ask_program(record.stop_signal)?;
                stopping.continue_all()?;
            }
        }
        // It stops with its program, and has to see the end.
        stopping.signal_supervisor(libc::SIGCONT)?;
        Ok(stopping)
    }

    /// The supervisor passes it on to a program that is hidden from here.
    fn ask_program(&self, stop_signal: i32) -> io::Result<()> {
        match signal(self.entry, stop_signal) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.signal_supervisor(libc::SIGTERM)
            }
            signalled => signalled.map(drop),
        }
    }

    /// Waits until it has ended, and kills it when it is due.
    ///
    /// # Errors
    /// `TimedOut` when something of it cannot be killed.
    pub fn finish(&self) -> io::Result<Waited> {
        let left = self.due.saturating_duration_since(Instant::now());
        let waited = self.entry.wait(Some(left))?;
        if waited != Waited::StillRuns {
            return Ok(waited);
        }
        self.kill()?;
        let waited = self.entry.wait(Some(PATIENCE))?;
        if waited != Waited::StillRuns {
            return Ok(waited);
        }
        // One that hangs. What it leaves is swept by whoever comes next.
        self.signal_supervisor(libc::SIGKILL)?;
        match self.entry.wait(Some(PATIENCE))? {
            Waited::StillRuns => Err(io::ErrorKind::TimedOut.into()),
            waited => Ok(waited),
        }
    }

    fn kill(&self) -> io::Result<()> {
        self.thaw()?;
        let Some(first) = self.entry.first_process()? else {
            // Still starting: nothing runs yet, and its end takes all along.
            return self.signal_supervisor(libc::SIGKILL);
        };
        let is_init = self.record_says_init();
        send(&first, if is_init { libc::SIGKILL } else { KILL_ALL })?;
        // The program may have stopped a first process that is no PID 1.
        send(&first, libc::SIGCONT)?;
        self.signal_supervisor(libc::SIGCONT)
    }

    fn record_says_init(&self) -> bool {
        let noted = self.entry.record.as_ref();
        noted.is_none_or(|record| record.first_process_is_init)
    }

    /// One that is stopped cannot end; the first process passes it on to the program's group.
    fn continue_all(&self) -> io::Result<()> {
        match self.entry.first_process()? {
            Some(first) => send(&first, libc::SIGCONT).map(drop),
            None => Ok(()),
        }
    }

    fn thaw(&self) -> io::Result<()> {
        // They may go with the sandbox at this moment.
        thaw(&self.entry.groups()?)
    }

    fn signal_supervisor(&self, number: i32) -> io::Result<()> {
        let Standing::Lives(supervisor) = self.entry.standing else {
            return Ok(());
        };
        match supervisor.hold()? {
            Some(held) => send(&held, number).map(drop),
            None => Ok(()),
        }
    }
}
