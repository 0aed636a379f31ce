//! The program's standard output and standard error, carried on by this process so that their bytes are counted.
//!
//! Only with `limits.output`: otherwise the program has the caller's descriptors themselves. Each stream keeps its
//! order; where both are one file of the caller's, both are one pipe, so that they keep it among each other. A
//! caller that reads slowly makes the program wait, as without the pipe, and one that has gone makes its writes fail.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use crate::plan::Terminal;
use crate::sys;
use crate::sys::file::{STREAMS, place_at};

use super::relay::{has_room, taken, unblocked};

/// What a chunk of one read holds at most: a pipe that has room takes as much at once (pipe(7), PIPE_BUF).
const CHUNK: usize = 4096;

/// How many bytes may still pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    left: Option<u64>,
    is_over: bool,
}

impl Meter {
    /// A meter that lets so many bytes pass; all where there is no limit.
    pub(super) fn new(limit: Option<u64>) -> Meter {
        Meter {
            left: limit,
            is_over: false,
        }
    }

    /// How many of these may pass; they count.
    pub(super) fn pass(&mut self, count: usize) -> usize {
        let Some(left) = &mut self.left else {
            return count;
        };
        let passes = usize::try_from(*left).map_or(count, |left| left.min(count));
        *left = left.saturating_sub(u64::try_from(passes).unwrap_or(u64::MAX));
        self.is_over |= passes < count;
        passes
    }

    /// Whether more came than may pass.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }
}

/// One stream: what the program writes, and where it goes.
#[derive(Debug)]
struct Stream {
    pipe: Option<PipeReader>,
    to: File,
    /// Bytes that the caller has not taken yet.
    pending: Vec<u8>,
}

/// The streams that are carried on: none, one or two.
#[derive(Debug, Default)]
pub(super) struct Streams {
    list: Vec<Stream>,
}

/// Gives this process its own streams back when it is dropped: the program has its ends by then.
#[derive(Debug, Default)]
pub(super) struct Replaced {
    own: Vec<(OwnedFd, i32)>,
}

impl Drop for Replaced {
    fn drop(&mut self) {
        for (own, number) in &self.own {
            // It was open a moment ago; only a full table of descriptors refuses, and this number is taken.
            place_at(own.as_fd(), *number).ok();
        }
    }
}

impl Streams {
    /// Puts pipes in the places of this process's streams, which the next child inherits. A stream for which
    /// the program gets the sandbox's own terminal stays: the terminal's bytes are counted.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub(super) fn replace(terminal: Terminal) -> io::Result<(Streams, Replaced)> {
        let [input_is_terminal, terminals @ ..] = STREAMS.map(sys::terminal::is_terminal);
        let [_, output, error] = STREAMS;
        let own_terminal =
            |is_terminal| terminal == Terminal::Own && (is_terminal || !input_is_terminal);
        let (mut streams, mut replaced) = (Streams::default(), Replaced::default());
        let mut shared: Option<PipeWriter> = None;
        let is_shared = same_file(output, error) && !terminals.map(own_terminal).contains(&true);
        for ((file, number), is_terminal) in [(output, 1), (error, 2)].into_iter().zip(terminals) {
            if own_terminal(is_terminal) {
                continue;
            }
            let own = file.try_clone_to_owned()?;
            let writer = match shared.take() {
                Some(writer) => writer,
                None => streams.add(&own)?,
            };
            place_at(writer.as_fd(), number)?;
            replaced.own.push((own, number));
            shared = is_shared.then_some(writer);
        }
        Ok((streams, replaced))
    }

    fn add(&mut self, to: &OwnedFd) -> io::Result<PipeWriter> {
        let (pipe, writer) = io::pipe()?;
        sys::file::stop_waiting(pipe.as_fd())?;
        self.list.push(Stream {
            pipe: Some(pipe),
            to: unblocked(to.try_clone()?),
            pending: Vec::new(),
        });
        Ok(writer)
    }

    /// What to wait for, of at most two streams.
    pub(super) fn watched(&self) -> [(Option<BorrowedFd<'_>>, i16); 2] {
        [0, 1].map(|place| self.list.get(place).map_or((None, 0), Stream::watched))
    }

    /// Carries on what is there, as far as the caller takes it now.
    pub(super) fn carry_on(&mut self, meter: &mut Meter) {
        for stream in &mut self.list {
            stream.carry_on(meter);
        }
    }

    /// Takes in all that the program has left; whether some still waits for the caller.
    pub(super) fn carry_rest(&mut self, meter: &mut Meter) -> bool {
        for stream in &mut self.list {
            while stream.carry_on(meter) == Progress::Some {}
        }
        self.list.iter().any(|stream| !stream.pending.is_empty())
    }
}

/// Whether a stream went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Some,
    None,
}

impl Stream {
    fn watched(&self) -> (Option<BorrowedFd<'_>>, i16) {
        match (&self.pipe, self.pending.is_empty()) {
            (_, false) => (Some(self.to.as_fd()), libc::POLLOUT),
            (pipe, true) => (pipe.as_ref().map(AsFd::as_fd), libc::POLLIN),
        }
    }

    fn carry_on(&mut self, meter: &mut Meter) -> Progress {
        let read = match self.pending.is_empty() {
            true => self.take(meter),
            false => Progress::None,
        };
        match self.give() {
            Ok(Progress::None) => read,
            Ok(Progress::Some) => Progress::Some,
            // Nobody reads any more: the program's next write says so.
            Err(_) => {
                self.pending.clear();
                self.pipe = None;
                Progress::None
            }
        }
    }

    fn take(&mut self, meter: &mut Meter) -> Progress {
        let Some(pipe) = &self.pipe else {
            return Progress::None;
        };
        let mut chunk = [0; CHUNK];
        match sys::file::read(pipe.as_fd(), &mut chunk) {
            Err(Errno::EAGAIN) => Progress::None,
            Ok(0) | Err(_) => {
                self.pipe = None;
                Progress::None
            }
            Ok(count) => {
                let passes = meter.pass(count);
                let bytes = chunk.get(..passes).unwrap_or_default();
                self.pending.extend_from_slice(bytes);
                Progress::Some
            }
        }
    }

    fn give(&mut self) -> io::Result<Progress> {
        if self.pending.is_empty() || !has_room(self.to.as_fd())? {
            return Ok(Progress::None);
        }
        let count = taken(self.to.write(&self.pending))?;
        self.pending.drain(..count);
        Ok(match count {
            0 => Progress::None,
            _ => Progress::Some,
        })
    }
}

/// Whether two descriptors lead to one file, pipe, socket or terminal.
fn same_file(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    let of = |file| sys::file::status(file).map(|status| (status.st_dev, status.st_ino));
    matches!((of(one), of(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_lets_what_fits_pass_and_tells_what_came_beyond() {
        let mut meter = Meter::new(Some(10));
        assert_eq!((meter.pass(6), meter.is_over()), (6, false));
        assert_eq!((meter.pass(4), meter.is_over()), (4, false));
        assert_eq!((meter.pass(1), meter.is_over()), (0, true));
        let mut without = Meter::new(None);
        assert_eq!((without.pass(1 << 40), without.is_over()), (1 << 40, false));
    }
}
