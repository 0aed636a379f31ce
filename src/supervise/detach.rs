//! A supervisor of its own session, which goes on when the caller has gone.
//!
//! The caller forks, and waits until the program has been executed or the start has failed: until then the
//! end of the caller ends everything, and errors go to its standard error. Then it prints the name and leaves;
//! the supervisor keeps nothing of the caller's, neither a stream nor a directory.

use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use crate::sys;
use crate::sys::file::place_at;
use crate::sys::process::{Side, own_id};

use super::log::Log;
use super::state::Claim;

/// Which side of [`detach`] this process is on.
#[derive(Debug)]
pub enum Detach {
    /// The caller's own process.
    Caller(Waiting),
    /// The supervisor.
    Supervisor(Detached),
}

/// A caller that waits for the start.
#[derive(Debug)]
pub struct Waiting {
    supervisor: i32,
    told: PipeReader,
}

/// How a detached start came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// The program runs, under this name.
    Started(String),
    /// It does not; what is wrong has been said, and this is the exit code. None of a supervisor that was
    /// killed.
    Failed(Option<u8>),
}

/// What a supervisor needs to leave its caller.
#[derive(Debug)]
pub struct Detached {
    told: PipeWriter,
    /// The caller, until the program has been executed.
    pub caller: Option<OwnedFd>,
}

/// Makes the process that becomes the supervisor, in a session of its own.
///
/// # Errors
/// When no process can be made.
pub fn detach() -> io::Result<Detach> {
    let caller = sys::pidfd::open(own_id())?;
    let (told, tell) = io::pipe()?;
    match sys::process::fork()? {
        Side::Parent(supervisor) => Ok(Detach::Caller(Waiting { supervisor, told })),
        Side::Child => {
            sys::process::new_session()?;
            Ok(Detach::Supervisor(Detached {
                told: tell,
                caller: Some(caller),
            }))
        }
    }
}

impl Waiting {
    /// Waits until the program has been executed, or will not be.
    ///
    /// # Errors
    /// When the supervisor's end cannot be waited for.
    pub fn wait(mut self) -> io::Result<Start> {
        let mut name = String::new();
        self.told.read_to_string(&mut name)?;
        if !name.is_empty() {
            return Ok(Start::Started(name));
        }
        let (status, _) = sys::process::wait_for(self.supervisor)?;
        let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
        Ok(Start::Failed(
            code.map(|code| u8::try_from(code).unwrap_or(u8::MAX)),
        ))
    }
}

/// A supervisor on its way out of its caller's sight.
#[derive(Debug)]
pub(super) struct Away {
    told: Option<PipeWriter>,
    knows: bool,
    name: String,
    /// The caller's standard error, until nobody waits there any more.
    error: Option<OwnedFd>,
    null: File,
    pub(super) log: Log,
}

/// Whether somebody still waits for the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// They know now, or have known before.
    Yes,
    /// They have gone: nobody wants the program.
    Nobody,
}

impl Away {
    /// Gives this process the streams that the program is to inherit: nothing to read, and the log.
    pub(super) fn begin(detached: Detached, claim: &Claim) -> io::Result<Away> {
        let place = claim.place().ok_or(io::ErrorKind::NotFound)?;
        let null = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/null")?;
        let error = io::stderr().as_fd().try_clone_to_owned()?;
        let (read, write) = io::pipe()?;
        let away = Away {
            told: Some(detached.told),
            knows: false,
            name: claim.name.clone(),
            error: Some(error),
            null,
            log: Log::begin(place, read)?,
        };
        place_at(away.null.as_fd(), 0)?;
        place_at(write.as_fd(), 1)?;
        place_at(write.as_fd(), 2)?;
        Ok(away)
    }

    /// The program has its own: this process holds no end of the log's pipe any more.
    pub(super) fn let_streams_go(&self) -> io::Result<()> {
        place_at(self.null.as_fd(), 1)?;
        Ok(place_at(self.null.as_fd(), 2)?)
    }

    /// Whether the caller waits for the program to be executed.
    pub(super) fn is_awaited(&self) -> bool {
        self.told.is_some()
    }

    /// Whether somebody knows of the sandbox, and may ask how it ended.
    pub(super) fn is_known(&self) -> bool {
        self.knows
    }

    /// Tells the caller that the program runs, and keeps nothing that it passed on.
    pub(super) fn tell(&mut self) -> io::Result<Told> {
        let Some(mut told) = self.told.take() else {
            return Ok(Told::Yes);
        };
        match told.write_all(self.name.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.knows = false;
                return Ok(Told::Nobody);
            }
            written => written?,
        }
        self.knows = true;
        self.error = None;
        std::env::set_current_dir("/")?;
        sys::file::close_inherited()?;
        Ok(Told::Yes)
    }
}

impl Drop for Away {
    /// A start that failed is explained to the caller.
    fn drop(&mut self) {
        if let Some(error) = &self.error {
            // Without it the exit code tells alone.
            place_at(error.as_fd(), 2).ok();
        }
    }
}
