//! Between the caller's terminal and the sandbox's own.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

use crate::sys;

/// The caller's side: where keys come from and where output goes.
#[derive(Debug)]
pub struct Relay {
    master: File,
    input: OwnedFd,
    output: File,
    /// The modes of the caller's terminal before it became raw; nothing where it is none.
    modes: Option<Termios>,
    /// Keys that the sandbox has not taken yet.
    pending: Vec<u8>,
    input_open: bool,
}

/// What a chunk of one read holds at most.
const CHUNK: usize = 4096;

impl Relay {
    /// Takes the caller's terminal over: raw, until the relay is dropped or paused.
    ///
    /// # Errors
    /// When the terminal's modes cannot be changed.
    pub fn start(master: OwnedFd) -> io::Result<Relay> {
        let input = io::stdin().as_fd().try_clone_to_owned()?;
        let flags = OFlag::from_bits_retain(fcntl(&master, FcntlArg::F_GETFL)?);
        fcntl(&master, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        let is_terminal = sys::terminal::is_terminal(input.as_fd());
        let modes = is_terminal.then(|| tcgetattr(&input)).transpose()?;
        let relay = Relay {
            master: master.into(),
            output: caller_output(is_terminal)?.into(),
            input,
            modes,
            pending: Vec::new(),
            input_open: true,
        };
        relay.resume()?;
        Ok(relay)
    }

    /// Makes the caller's terminal raw and gives the sandbox's its size.
    ///
    /// # Errors
    /// When the terminal's modes cannot be changed.
    pub fn resume(&self) -> io::Result<()> {
        if let Some(modes) = &self.modes {
            let mut raw = modes.clone();
            cfmakeraw(&mut raw);
            tcsetattr(&self.input, SetArg::TCSADRAIN, &raw)?;
            self.resize()?;
        }
        Ok(())
    }

    /// Gives the caller's terminal its modes back.
    ///
    /// # Errors
    /// When the terminal's modes cannot be changed.
    pub fn pause(&self) -> io::Result<()> {
        if let Some(modes) = &self.modes {
            tcsetattr(&self.input, SetArg::TCSADRAIN, modes)?;
        }
        Ok(())
    }

    /// Gives the sandbox's terminal the size of the caller's.
    ///
    /// # Errors
    /// ENOTTY.
    pub fn resize(&self) -> io::Result<()> {
        if self.modes.is_some() {
            let size = sys::terminal::window_size(self.input.as_fd())?;
            sys::terminal::set_window_size(self.master.as_fd(), &size)?;
        }
        Ok(())
    }

    /// The sandbox's terminal, and whether there are keys to write to it.
    pub fn master(&self) -> (BorrowedFd<'_>, Wanted) {
        let wanted = match self.pending.is_empty() {
            true => Wanted::Read,
            false => Wanted::ReadAndWrite,
        };
        (self.master.as_fd(), wanted)
    }

    /// The caller's terminal, while keys can be taken from it.
    pub fn input(&self) -> Option<BorrowedFd<'_>> {
        (self.input_open && self.pending.is_empty()).then(|| self.input.as_fd())
    }

    /// Takes keys from the caller.
    ///
    /// # Errors
    /// As read(2).
    pub fn take_input(&mut self) -> io::Result<()> {
        let mut chunk = [0; CHUNK];
        let count = sys::file::read(self.input.as_fd(), &mut chunk).unwrap_or(0);
        self.pending.extend_from_slice(&chunk[..count]);
        if count == 0 {
            self.input_open = false;
            // What Ctrl-D is on a terminal, so that the program sees an end.
            self.pending.push(4);
        }
        self.give_input()
    }

    /// Gives the sandbox as many keys as it takes now.
    ///
    /// # Errors
    /// As write(2).
    pub fn give_input(&mut self) -> io::Result<()> {
        match self.master.write(&self.pending) {
            Ok(count) => {
                self.pending.drain(..count);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes output of the sandbox, all that there is now.
    ///
    /// # Errors
    /// When the caller's terminal is gone.
    pub fn take_output(&mut self) -> io::Result<Output> {
        let mut chunk = [0; CHUNK];
        loop {
            match self.master.read(&mut chunk) {
                Ok(0) => return Ok(Output::Ended),
                Ok(count) => self.output.write_all(&chunk[..count])?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Output::More),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // EIO: the last descriptor of the other end was closed.
                Err(_) => return Ok(Output::Ended),
            }
        }
    }
}

/// What the sandbox's terminal is polled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Output.
    Read,
    /// Output, and room for keys.
    ReadAndWrite,
}

/// Whether more may come from the sandbox's terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// It may.
    More,
    /// Nobody has it open any more.
    Ended,
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
