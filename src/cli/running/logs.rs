//! `sandbox logs`: what did a detached program write?

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::diag::Problem;
use crate::supervise::{Entry, LOGS, Runner, Waited};

use super::super::exit::Exit;
use super::super::output;
use super::super::profile::{failed, general};
use super::{Named, Running, finish, warn_of_losses};

/// Print what the program of a detached sandbox wrote
///
/// Both of its streams, in the order in which it wrote, byte for byte. The last 8 to 16 MiB are kept, until the end
/// of the sandbox was taken by `sandbox wait` or `sandbox down`, or its name runs again. What a full disk did not take
/// is counted, and told here, by `sandbox wait` and in the report.
#[derive(Debug, Args)]
pub struct Logs {
    /// Go on with what it writes until it ends
    #[arg(long, short)]
    follow: bool,
    /// Begin with the last N lines
    #[arg(long, short = 'n', value_name = "N")]
    tail: Option<usize>,
    #[command(flatten)]
    sandbox: Named,
}

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(100);

impl Logs {
    /// Runs the command.
    pub fn run(self) -> Exit {
        finish(self.show())
    }

    fn show(&self) -> Result<(), Problem> {
        let running = Running::find()?;
        let entry = running.named(&self.sandbox.name)?;
        let noted = entry.record.as_ref();
        if noted.is_some_and(|record| record.runner == Runner::Attached) {
            let message = format!(
                "the sandbox `{}` has no log: what its program writes goes to its caller",
                entry.name
            );
            let problem = general("running.no-log", message);
            return Err(problem.help("start it with `sandbox up --detach`"));
        }
        let what = format!("read the log of `{}`", entry.name);
        let shown = match self.copy(entry) {
            // A reader that has left has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            shown => shown,
        };
        warn_of_losses(entry);
        shown.map_err(|error| failed("running.log", &what, &error))
    }

    fn copy(&self, entry: &Entry) -> io::Result<()> {
        let [now, before] = LOGS.map(|name| entry.place.join(name));
        let mut bytes = Vec::new();
        if let Some(mut file) = open(&before)? {
            file.read_to_end(&mut bytes)?;
        }
        let mut current = open(&now)?;
        if let Some(file) = &mut current {
            file.read_to_end(&mut bytes)?;
        }
        output::bytes(self.tail.map_or(&bytes[..], |lines| last(&bytes, lines)))?;
        match self.follow {
            true => follow(entry, &now, current),
            false => Ok(()),
        }
    }
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => file.map(Some),
    }
}

/// The last lines of a text; one without an end counts too.
fn last(bytes: &[u8], lines: usize) -> &[u8] {
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let ends = whole.iter().enumerate().rev();
    let mut ends = ends.filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    match lines.checked_sub(1) {
        None => &[],
        Some(before) => ends.nth(before).map_or(bytes, |at| &bytes[at + 1..]),
    }
}

/// Until the supervisor has ended: then all is written.
fn follow(entry: &Entry, path: &Path, mut current: Option<File>) -> io::Result<()> {
    loop {
        let waited = entry.wait(Some(LOOK))?;
        if let Some(file) = &mut current {
            copy_rest(file)?;
        }
        // A full file gets another name, and a new one its own.
        let next = open(path)?;
        if let Some(mut next) = next.filter(|next| !is_same(current.as_ref(), next)) {
            copy_rest(&mut next)?;
            current = Some(next);
        }
        if waited != Waited::StillRuns || is_unread() {
            return Ok(());
        }
    }
}

fn is_same(one: Option<&File>, other: &File) -> bool {
    let inode = |file: &File| file.metadata().map(|found| found.ino()).ok();
    one.is_some_and(|one| inode(one) == inode(other))
}

fn copy_rest(file: &mut File) -> io::Result<()> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut output = io::stdout();
    output.write_all(&bytes)?;
    output.flush()
}

/// Whether nobody reads standard output any more: a reader that has left gets no more lines, and ends the wait.
fn is_unread() -> bool {
    let output = io::stdout();
    let mut watched = [PollFd::new(output.as_fd(), PollFlags::empty())];
    let polled = poll(&mut watched, PollTimeout::ZERO);
    let [output] = watched;
    polled.is_ok()
        && output
            .revents()
            .is_some_and(|events| events.contains(PollFlags::POLLERR))
}

#[cfg(test)]
mod tests {
    use super::last;

    #[test]
    fn the_last_lines_are_counted_from_the_end() {
        let text = b"one\ntwo\nthree\n";
        assert_eq!(last(text, 0), b"");
        assert_eq!(last(text, 1), b"three\n");
        assert_eq!(last(text, 2), b"two\nthree\n");
        assert_eq!(last(text, 9), text);
        assert_eq!(last(b"one\ntw", 1), b"tw");
        assert_eq!(last(b"", 3), b"");
    }
}
