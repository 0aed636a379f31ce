//! One sandbox of the state directory, as other commands see it.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;

use crate::supervise::Ended;
use crate::sys;
use crate::sys::pidfd::{Held, Identity};
use crate::sys::process::Watched;

use super::claim::read;
use super::{ENDED, LOCK, OUTCOME, RUN, Record, losses, noted_groups};

/// How a run stands, by its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has not said that it has ended; this is its supervisor.
    Lives(Identity),
    /// It has ended.
    Ended {
        /// The exit code of `up`.
        code: u8,
    },
    /// Nothing is written yet, or nothing that this version reads.
    Unknown,
}

impl Standing {
    pub(super) fn read(lock: &File) -> io::Result<Standing> {
        Ok(Standing::parse(&text(lock)?))
    }

    pub(super) fn parse(text: &str) -> Standing {
        let Some(supervisor) = head(text) else {
            return Standing::Unknown;
        };
        let code = text
            .lines()
            .skip(1)
            .find_map(|line| line.strip_prefix("ended "))
            .and_then(|code| code.parse().ok());
        match (code, supervisor.parse()) {
            (Some(code), _) => Standing::Ended { code },
            (None, Ok(supervisor)) => Standing::Lives(supervisor),
            (None, Err(_)) => Standing::Unknown,
        }
    }
}

/// The supervisor, as the first line of a lock has it behind the version.
fn head(text: &str) -> Option<&str> {
    let (version, supervisor) = text.lines().next()?.split_once(' ')?;
    version.parse::<u32>().is_ok().then_some(supervisor)
}

fn text(mut lock: &File) -> io::Result<String> {
    let mut text = String::new();
    lock.rewind()?;
    lock.read_to_string(&mut text)?;
    Ok(text)
}

/// A sandbox that runs, a detached one that has ended, or what could not be undone of one whose supervisor was killed.
#[derive(Debug)]
pub struct Entry {
    /// Its name, with its number.
    pub name: String,
    /// Where its files lie.
    pub place: PathBuf,
    /// How it stands.
    pub standing: Standing,
    /// What was noted of it; nothing while it starts.
    pub record: Option<Record>,
    /// Why what a killed supervisor left is still there; nothing for all others.
    pub left: Option<String>,
    lock: File,
}

/// `hidepid` hides a process, and nothing else tells who it is.
fn hidden() -> io::Error {
    let reason = "/proc hides its first process (`hidepid`), and nothing else tells who it is";
    io::Error::new(io::ErrorKind::PermissionDenied, reason)
}

/// How a wait for the end of a run came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// It ended with this exit code.
    Ended(u8),
    /// Its supervisor was killed.
    Lost,
    /// The time is over.
    StillRuns,
}

impl Entry {
    pub(super) fn read(name: &str, place: &Path) -> io::Result<Entry> {
        let lock = File::open(place.join(LOCK))?;
        let standing = Standing::read(&lock)?;
        let record = read(place, RUN)?;
        Ok(Entry {
            name: name.to_owned(),
            place: place.to_owned(),
            standing,
            // One of a later version tells this one nothing; it is a sandbox all the same.
            record: record.and_then(|bytes| Record::decode(&bytes).ok()),
            left: None,
            lock,
        })
    }

    /// One whose supervisor was killed, with the reason why what it left could not be undone.
    pub(super) fn lost(name: &str, place: &Path, reason: &io::Error) -> io::Result<Entry> {
        Ok(Entry {
            left: Some(reason.to_string()),
            ..Entry::read(name, place)?
        })
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.left.is_none() && !matches!(self.standing, Standing::Ended { .. })
    }

    /// The supervisor, held; nothing when it has ended.
    ///
    /// # Errors
    /// As [`Identity::hold`].
    pub fn supervisor(&self) -> io::Result<Option<OwnedFd>> {
        match self.standing {
            Standing::Lives(supervisor) => Ok(supervisor.hold()?),
            Standing::Ended { .. } | Standing::Unknown => Ok(None),
        }
    }

    /// The first process inside, held; nothing when it has ended or was not started yet.
    ///
    /// # Errors
    /// As [`Identity::hold`]. One that /proc hides, on a kernel that gives it no number, is known as the supervisor's
    /// child; `PermissionDenied` where it is not.
    pub fn first_process(&self) -> io::Result<Option<OwnedFd>> {
        let Some(first) = self.record.as_ref().and_then(Record::first_process) else {
            return Ok(None);
        };
        match first.look()? {
            Held::Same(process) => Ok(Some(process)),
            Held::Gone => Ok(None),
            Held::Hidden(process) if self.is_child(first.pid())? => Ok(Some(process)),
            Held::Hidden(_) => Err(hidden()),
        }
    }

    /// Whether the supervisor, which lives, has this child: it waits for it before another gets its id.
    fn is_child(&self, pid: i32) -> io::Result<bool> {
        let Standing::Lives(supervisor) = self.standing else {
            return Ok(false);
        };
        let children = sys::process::children(supervisor.pid());
        // Read while it lived, so that the list is its own.
        let lives = supervisor.hold()?.is_some();
        Ok(lives && children.is_ok_and(|children| children.contains(&pid)))
    }

    /// Its control groups.
    ///
    /// # Errors
    /// When their list cannot be read.
    pub fn groups(&self) -> io::Result<Vec<PathBuf>> {
        noted_groups(&self.place)
    }

    /// Bytes that its log could not take in, until now; also behind the end of its directory.
    ///
    /// # Errors
    /// When its lock cannot be read.
    pub fn log_lost(&self) -> io::Result<u64> {
        Ok(losses::parse(&text(&self.lock)?))
    }

    /// The report of a detached run that has ended.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn outcome(&self) -> io::Result<Option<Vec<u8>>> {
        read(&self.place, OUTCOME)
    }

    /// What is shown of such a run; nothing where another version of this program noted it in another form.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn ended(&self) -> io::Result<Option<Ended>> {
        let noted = read(&self.place, ENDED)?;
        Ok(noted.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Waits for the end of its supervisor, for ever without `patience`. The lock was opened before, so that
    /// what is written into it at the end is read also when its name has gone. One that has written its end has the
    /// name until it has left.
    ///
    /// # Errors
    /// As pidfd_open(2) and poll(2).
    pub fn wait(&self, patience: Option<Duration>) -> io::Result<Waited> {
        let supervisor = head(&text(&self.lock)?).and_then(|head| head.parse::<Identity>().ok());
        let supervisor = supervisor.map(|identity| identity.hold()).transpose()?;
        if let Some(supervisor) = supervisor.flatten() {
            let mut watched = [Watched {
                fd: std::os::fd::AsRawFd::as_raw_fd(&supervisor.as_fd()),
                events: libc::POLLIN,
                revents: 0,
            }];
            let time = patience.map(|time| i32::try_from(time.as_millis()).unwrap_or(i32::MAX));
            if sys::process::poll(&mut watched, time)? == 0 {
                return Ok(Waited::StillRuns);
            }
        }
        Ok(match Standing::read(&self.lock)? {
            Standing::Ended { code } => Waited::Ended(code),
            Standing::Lives(_) | Standing::Unknown => Waited::Lost,
        })
    }

    /// Reads how it stands once more.
    ///
    /// # Errors
    /// When its files cannot be read; ENOENT when they have gone.
    pub fn again(&self) -> io::Result<Entry> {
        match Entry::read(&self.name, &self.place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Errno::ENOENT.into()),
            entry => entry,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_tells_how_its_run_stands() {
        assert_eq!(Standing::parse(""), Standing::Unknown);
        assert_eq!(Standing::parse("garbage\n"), Standing::Unknown);
        let living = Standing::Lives("7 99".parse().unwrap());
        assert_eq!(Standing::parse("1 7 99\n"), living);
        // One that was cut in the middle of its last line has not ended.
        assert_eq!(Standing::parse("1 7 99\nended "), living);
        let ended = Standing::Ended { code: 137 };
        assert_eq!(Standing::parse("1 7 99\nended 137\n"), ended);
        // A later version may say more.
        assert_eq!(Standing::parse("2 7 99 x\nmore\nended 137\n"), ended);
    }
}
