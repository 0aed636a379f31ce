//! Between the caller's terminal and the sandbox's own.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

use crate::sys;

use super::streams::Meter;

/// Both sides: where keys come from and where output goes.
#[derive(Debug)]
pub struct Relay {
    master: File,
    /// The other end, held so that a program which closes its own can open the terminal again: when
    /// nobody has it, the kernel hangs it up.
    _peer: OwnedFd,
    input: OwnedFd,
    output: File,
    caller: Caller,
    /// Keys that the sandbox has not taken yet.
    pending: Vec<u8>,
    /// Output that the caller has not taken yet.
    unseen: Vec<u8>,
    /// What the line of keys ended with, which decides what its end looks like.
    last_key: u8,
    input_open: bool,
}

/// What keys come from.
#[derive(Debug)]
enum Caller {
    /// A file or a pipe.
    NoTerminal,
    /// A terminal that another job has, with its modes at the start.
    Waiting(Termios),
    /// A terminal that is raw, with its modes before.
    Raw(Termios),
}

/// What a chunk of one read holds at most. A pipe that is ready takes as much at once.
const CHUNK: usize = 4096;

/// What Ctrl-D is on a terminal.
const END_OF_FILE: u8 = 4;

impl Relay {
    /// Takes the caller's terminal over: raw, until the relay is dropped or paused.
    ///
    /// # Errors
    /// When the terminal's modes cannot be changed.
    pub fn start(master: OwnedFd) -> io::Result<Relay> {
        let input = io::stdin().as_fd().try_clone_to_owned()?;
        sys::file::stop_waiting(master.as_fd())?;
        let is_terminal = sys::terminal::is_terminal(input.as_fd());
        let caller = match is_terminal {
            true => Caller::Waiting(tcgetattr(&input)?),
            false => Caller::NoTerminal,
        };
        let mut relay = Relay {
            _peer: sys::terminal::open_peer(master.as_fd())?,
            master: master.into(),
            output: unblocked(caller_output(is_terminal)?),
            input,
            caller,
            pending: Vec::new(),
            unseen: Vec::new(),
            last_key: b'\n',
            input_open: true,
        };
        relay.resume()?;
        Ok(relay)
    }

    /// Makes the caller's terminal raw and gives the sandbox's its size, unless another job has it.
    ///
    /// # Errors
    /// When the terminal's modes cannot be changed.
    pub fn resume(&mut self) -> io::Result<()> {
        if let Caller::Waiting(modes) = &self.caller
            && is_foreground(self.input.as_fd())
        {
            let mut raw = modes.clone();
            cfmakeraw(&mut raw);
            tcsetattr(&self.input, SetArg::TCSADRAIN, &raw)?;
            self.caller = Caller::Raw(modes.clone());
            self.resize()?;
        }
        Ok(())
    }

    /// Gives the caller's terminal its modes back.
    ///
    /// # Errors
    /// When the terminal's modes cannot be changed.
    pub fn pause(&mut self) -> io::Result<()> {
        if let Caller::Raw(modes) = &self.caller {
            let modes = modes.clone();
            let restored = tcsetattr(&self.input, SetArg::TCSADRAIN, &modes);
            self.caller = Caller::Waiting(modes);
            restored?;
        }
        Ok(())
    }

    /// Whether another job has the caller's terminal: nothing tells when it is given back.
    pub fn is_waiting(&self) -> bool {
        matches!(self.caller, Caller::Waiting(_))
    }

    /// Gives the sandbox's terminal the size of the caller's.
    ///
    /// # Errors
    /// ENOTTY.
    pub fn resize(&self) -> io::Result<()> {
        if matches!(self.caller, Caller::Raw(_)) {
            let size = sys::terminal::window_size(self.input.as_fd())?;
            sys::terminal::set_window_size(self.master.as_fd(), &size)?;
        }
        Ok(())
    }

    /// The sandbox's terminal, and what to wait for there.
    pub fn master(&self) -> (BorrowedFd<'_>, i16) {
        let keys = if self.pending.is_empty() {
            0
        } else {
            libc::POLLOUT
        };
        let output = if self.unseen.is_empty() {
            libc::POLLIN
        } else {
            0
        };
        (self.master.as_fd(), keys | output)
    }

    /// The caller's terminal, while keys can be taken from it.
    pub fn input(&self) -> Option<BorrowedFd<'_>> {
        let wanted = self.input_open && self.pending.is_empty() && !self.is_waiting();
        wanted.then(|| self.input.as_fd())
    }

    /// Where output goes, while some waits for room there.
    pub fn output(&self) -> Option<BorrowedFd<'_>> {
        (!self.unseen.is_empty()).then(|| self.output.as_fd())
    }

    /// Takes keys from the caller.
    pub fn take_input(&mut self) {
        let mut chunk = [0; CHUNK];
        let count = sys::file::read(self.input.as_fd(), &mut chunk).unwrap_or(0);
        let keys = chunk.get(..count).unwrap_or_default();
        self.pending.extend_from_slice(keys);
        match keys.last() {
            Some(last) => self.last_key = *last,
            None => {
                self.input_open = false;
                // In the middle of a line the first one only ends the line.
                let ends = if self.last_key == b'\n' { 1 } else { 2 };
                self.pending.extend(std::iter::repeat_n(END_OF_FILE, ends));
            }
        }
    }

    /// Gives the sandbox as many keys as it takes now.
    ///
    /// # Errors
    /// As write(2).
    pub fn give_input(&mut self) -> io::Result<()> {
        let count = taken(self.master.write(&self.pending))?;
        self.pending.drain(..count);
        Ok(())
    }

    /// Hands a chunk of output on, as far as it may pass and the caller takes it now; whether there may be more.
    ///
    /// # Errors
    /// When the caller's terminal is gone.
    pub fn hand_output_on(&mut self, meter: &mut Meter) -> io::Result<Output> {
        let mut found = Output::More;
        if self.unseen.is_empty() {
            let mut chunk = [0; CHUNK];
            let count = match self.master.read(&mut chunk) {
                // EIO: the first process has ended, and with it the session.
                Err(error) if error.raw_os_error() == Some(libc::EIO) => 0,
                read => taken(read)?,
            };
            let passes = meter.pass(count);
            self.unseen
                .extend_from_slice(chunk.get(..passes).unwrap_or_default());
            if count == 0 {
                found = Output::NoneNow;
            }
        }
        if !self.unseen.is_empty() && has_room(self.output.as_fd())? {
            let count = taken(self.output.write(&self.unseen))?;
            self.unseen.drain(..count);
        }
        Ok(found)
    }
}

/// Whether a write would be taken at least in part, or fail at once.
pub(super) fn has_room(output: BorrowedFd<'_>) -> io::Result<bool> {
    let mut watched = [sys::process::Watched {
        fd: output.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    }];
    Ok(sys::process::poll(&mut watched, Some(0))? > 0)
}

/// How much a read or write took: none where it would block.
pub(super) fn taken(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

/// Whether the sandbox's terminal had output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// It had, or the caller has not taken the last yet.
    More,
    /// Nothing at the moment.
    NoneNow,
}

/// Whether the terminal's keys are for this process; those of one that is not its session's are.
fn is_foreground(terminal: BorrowedFd<'_>) -> bool {
    nix::unistd::tcgetpgrp(terminal).map_or(true, |group| group == nix::unistd::getpgrp())
}

/// Opens a terminal or a pipe once more, not to block: whoever shares the caller's own descriptor would
/// be surprised. Where that is refused, a write to a terminal may wait
/// for the caller.
pub(super) fn unblocked(output: OwnedFd) -> File {
    let output = File::from(output);
    let again = || {
        let kind = output.metadata().ok()?.file_type();
        if !kind.is_char_device() && !kind.is_fifo() {
            return None;
        }
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let path = format!("/proc/self/fd/{}", output.as_raw_fd());
        OpenOptions::new()
            .write(true)
            .custom_flags(flags)
            .open(path)
            .ok()
    };
    again().unwrap_or(output)
}

impl Drop for Relay {
    fn drop(&mut self) {
        // A terminal that is gone needs no modes.
        self.pause().unwrap_or_default();
    }
}

/// Standard output, or another stream that is the caller's terminal when output goes elsewhere.
fn caller_output(input_is_terminal: bool) -> io::Result<OwnedFd> {
    let (input, output, error) = (io::stdin(), io::stdout(), io::stderr());
    let streams = [output.as_fd(), error.as_fd(), input.as_fd()];
    let terminal = streams
        .iter()
        .find(|stream| sys::terminal::is_terminal(**stream));
    match terminal {
        Some(stream) if input_is_terminal => stream.try_clone_to_owned(),
        _ => output.as_fd().try_clone_to_owned(),
    }
}
