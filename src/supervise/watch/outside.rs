//! Whom a run answers to: the caller, other commands, the sandbox that it is a part of.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use crate::supervise::asked::Asked;
use crate::supervise::desk::Desk;
use crate::supervise::detach::{Away, Told};
use crate::supervise::streams::Streams;
use crate::sys;

use super::{Watch, entry};

/// Whom the loop answers to.
#[derive(Debug, Default)]
pub(in super::super) struct Outside<'r> {
    /// Its end asks the program to end.
    pub caller: Option<OwnedFd>,
    /// The supervisor of the sandbox that this is a further program of: its end is the program's.
    pub sandbox: Option<OwnedFd>,
    /// Where other commands ask.
    pub desk: Option<Desk<'r>>,
    /// The way out of the caller's sight.
    pub away: Option<Away>,
    /// The sandbox's control groups: what is frozen is not killed on every version.
    pub groups: Vec<PathBuf>,
    /// The program's streams, where they are carried on.
    pub streams: Streams,
}

impl Watch<'_, '_> {
    /// The program was executed: whoever waits for that is told, unless a record says that it was not.
    pub(super) fn leave_caller(&mut self) -> io::Result<()> {
        let mut records = [entry(Some(self.running.records.as_fd()), libc::POLLIN)];
        let comes = self.seen.records_open() && sys::process::poll(&mut records, Some(0))? > 0;
        if comes || !self.seen.executing || self.seen.failure.is_some() {
            return Ok(());
        }
        let told = self.outside.away.as_mut().map(Away::tell).transpose()?;
        self.outside.caller = None;
        match told {
            Some(Told::Nobody) => self.stop(self.rules.stop_signal, Asked::CallerEnded),
            Some(Told::Yes) | None => Ok(()),
        }
    }
}
