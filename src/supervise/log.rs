//! What a detached program writes, in files of the state directory.
//!
//! The bytes are the program's own, in the order in which it wrote them, both streams together. There are at
//! most two files of [`LONGEST`] bytes: when one is full it becomes the older one, and the older one goes. A
//! file system that is full costs the older one first, and then what the program writes: it does not wait. What is
//! lost so is counted, for all who read the log or the report.

use std::fs::{self, File, OpenOptions};
use std::io::{self, PipeReader, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::sys;

use super::state::{LOGS, Losses};
use super::streams::Meter;

/// A file that is to be the log when the one before is full.
const NEXT: &str = "log.new";

/// Bytes of one file.
const LONGEST: u64 = 8 << 20;

/// Bytes of one read: what a pipe holds.
const CHUNK: usize = 64 << 10;

/// The files, and where their bytes come from.
#[derive(Debug)]
pub(super) struct Log {
    pipe: Option<PipeReader>,
    place: PathBuf,
    file: File,
    length: u64,
    losses: Losses,
}

impl Log {
    /// Begins a log in the directory of a sandbox.
    pub(super) fn begin(place: &Path, pipe: PipeReader) -> io::Result<Log> {
        sys::file::stop_waiting(pipe.as_fd())?;
        Ok(Log {
            pipe: Some(pipe),
            file: create(&place.join(LOGS[0]))?,
            losses: Losses::begin(place)?,
            place: place.to_owned(),
            length: 0,
        })
    }

    /// What to wait for; nothing when every writer is gone.
    pub(super) fn watched(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Takes what is there, without waiting.
    pub(super) fn take(&mut self, meter: &mut Meter) {
        let Some(pipe) = &self.pipe else {
            return;
        };
        let mut chunk = vec![0; CHUNK];
        match sys::file::read(pipe.as_fd(), &mut chunk) {
            Ok(0) => self.pipe = None,
            Ok(count) => {
                let passes = meter.pass(count);
                self.write(chunk.get(..passes).unwrap_or_default());
            }
            Err(nix::errno::Errno::EAGAIN) => {}
            // No pipe refuses to be read.
            Err(_) => self.pipe = None,
        }
    }

    /// Takes all that is left: no program is there any more, and nobody outside is waited for.
    pub(super) fn take_rest(&mut self, meter: &mut Meter) {
        loop {
            let before = (self.length, self.pipe.is_some());
            self.take(meter);
            if before == (self.length, self.pipe.is_some()) {
                return;
            }
        }
    }

    /// Bytes that found no room.
    pub(super) fn lost(&self) -> u64 {
        self.losses.bytes()
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.length >= LONGEST {
            self.turn_over();
        }
        let rest = put(&mut self.file, bytes);
        if !rest.is_empty() {
            // Room for what comes next, where the full disk is this one.
            self.drop_older();
            let lost = put(&mut self.file, rest);
            if !lost.is_empty() {
                let count = u64::try_from(lost.len()).unwrap_or(u64::MAX);
                self.losses.add(count);
            }
        }
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.length = self.length.saturating_add(count);
    }

    /// The successor is made before anything has another name: without one the full file goes on under its own.
    fn turn_over(&mut self) {
        let [now, before] = LOGS.map(|name| self.place.join(name));
        let next = self.place.join(NEXT);
        let made = create(&next).or_else(|_| {
            self.drop_older();
            create(&next)
        });
        if let Ok(file) = made
            && fs::rename(&now, before).is_ok()
            && fs::rename(next, now).is_ok()
        {
            (self.file, self.length) = (file, 0);
        }
    }

    /// Takes the older file away before its time.
    fn drop_older(&mut self) {
        let older = self.place.join(LOGS[1]);
        let length = fs::metadata(&older).map_or(0, |found| found.len());
        if fs::remove_file(older).is_ok() {
            self.losses.add(length);
        }
    }
}

/// Writes as much as there is room for; what is left.
fn put<'b>(file: &mut File, mut bytes: &'b [u8]) -> &'b [u8] {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(count) if count > 0 => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    bytes
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true).mode(0o600);
    options.open(path)
}
