//! Answers for calls that the program's filter refuses, names and counts them, and ends who may not live after one.
//!
//! The kernel asks nobody twice: when this side is gone, such calls fail with ENOSYS, so the filter stays shut.
//! Reading cannot block: it happens only when the kernel says that a call waits, and one whose process has
//! ended meanwhile is told as such.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::launch::{Listened, Refused};
use crate::model::{Call, Deadly, RefusedCall};
use crate::sys;
use crate::sys::seccomp::Waiting;

use super::deadly::{End, Executioner};

/// How many calls are answered at once. A program that makes more gets [`PER_TICK`] answers each [`TICK`]: it
/// slows itself down, and takes neither the supervisor's time for others nor the host's beyond its limits.
const BURST: u32 = 1000;
const TICK: Duration = Duration::from_millis(10);
const PER_TICK: u32 = 10;

/// How many calls without a name are told one by one: their numbers are the program's to choose.
const UNNAMED: usize = 64;

/// What is known of refused calls.
#[derive(Debug)]
pub(super) struct Refusals {
    source: Source,
    tally: Tally,
    left: u32,
    refilled: Instant,
}

#[derive(Debug)]
enum Source {
    /// Nobody listens.
    None,
    /// The program has yet to load its filter.
    Awaited(UnixStream),
    /// It has.
    Open(OwnedFd),
    /// No process is under the filter any more.
    Over,
}

/// What came, and what became of it.
#[derive(Debug)]
struct Tally {
    listened: Option<Listened>,
    /// By architecture and name.
    counts: BTreeMap<(&'static str, String), Count>,
    executioner: Executioner,
    /// The process that becomes the program, in this one's PID namespace.
    program: Option<i32>,
    /// The call for which it was ended.
    killed_for: Option<(Call, Deadly)>,
}

/// How often a call was made, and how often its process was ended for it.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    made: u64,
    killed: u64,
}

impl Refusals {
    pub(super) fn new(socket: Option<UnixStream>, listened: Option<Listened>) -> Refusals {
        Refusals {
            source: socket.map_or(Source::None, Source::Awaited),
            tally: Tally {
                listened,
                counts: BTreeMap::new(),
                executioner: Executioner::default(),
                program: None,
                killed_for: None,
            },
            left: BURST,
            refilled: Instant::now(),
        }
    }

    /// What to wait for.
    pub(super) fn watched(&self) -> Option<BorrowedFd<'_>> {
        match &self.source {
            Source::Awaited(socket) => Some(socket.as_fd()),
            Source::Open(listener) if self.left > 0 => Some(listener.as_fd()),
            Source::Open(_) | Source::None | Source::Over => None,
        }
    }

    /// How long at most, where answers are rationed or somebody's end is due.
    pub(super) fn pause(&self) -> Option<Duration> {
        let rationed = matches!(self.source, Source::Open(_)) && self.left == 0;
        let due = self.tally.executioner.due();
        let due = due.map(|due| due.saturating_duration_since(Instant::now()));
        rationed.then_some(TICK).into_iter().chain(due).min()
    }

    /// Gives new answers for the time that has passed, and ends those that should have ended in it.
    pub(super) fn keep_time(&mut self) -> io::Result<()> {
        let ticks = self.refilled.elapsed().as_nanos() / TICK.as_nanos();
        if ticks > 0 {
            let more = u32::try_from(ticks)
                .unwrap_or(BURST)
                .saturating_mul(PER_TICK);
            self.left = self.left.saturating_add(more).min(BURST);
            self.refilled = Instant::now();
        }
        self.tally.executioner.follow_up()
    }

    /// Takes what the last wait said was there.
    pub(super) fn take(&mut self, events: i16) -> io::Result<()> {
        match &self.source {
            Source::Awaited(socket) => {
                // Closed without one: the filter is loaded without a listener, or not at all.
                let received = sys::network::receive_from_sender(socket.as_fd())?;
                self.tally.program = received.as_ref().map(|(_, sender)| *sender);
                self.source = received.map_or(Source::None, |(listener, _)| Source::Open(listener));
            }
            Source::Open(_) if events & libc::POLLIN == 0 => self.source = Source::Over,
            Source::Open(listener) => {
                if let Some(call) = sys::seccomp::receive(listener.as_fd())? {
                    self.tally.answer(listener.as_fd(), call)?;
                    self.left = self.left.saturating_sub(1);
                }
            }
            Source::None | Source::Over => {}
        }
        Ok(())
    }

    /// The call for which the program itself was ended, and why it does not run.
    pub(super) fn killed_for(&self) -> Option<(Call, Deadly)> {
        self.tally.killed_for
    }

    /// Every refused call, the most frequent first; none where nobody listened.
    pub(super) fn told(&self) -> Option<Vec<RefusedCall>> {
        if matches!(self.source, Source::None | Source::Awaited(_)) {
            return None;
        }
        let counts = self.tally.counts.iter();
        let calls = counts.map(|((architecture, name), count)| RefusedCall {
            name: name.clone(),
            architecture,
            count: count.made,
            killed: count.killed,
        });
        let mut calls: Vec<_> = calls.collect();
        calls.sort_by_key(|call| std::cmp::Reverse(call.count));
        Some(calls)
    }
}

impl Tally {
    /// Refuses a call, and ends its process where that is what becomes of it.
    fn answer(&mut self, listener: BorrowedFd<'_>, waiting: Waiting) -> io::Result<()> {
        let Some(listened) = &self.listened else {
            return Ok(sys::seccomp::refuse(listener, waiting, libc::EPERM)?);
        };
        let call = (listened.call)(waiting.architecture, waiting.number);
        let killed = match listened.becomes(&call) {
            Refused::Fails(errno) => {
                sys::seccomp::refuse(listener, waiting, errno)?;
                0
            }
            Refused::Ends(reason) => {
                let end = self.executioner.end(listener, waiting)?;
                sys::seccomp::refuse(listener, waiting, libc::EPERM)?;
                self.note_end(end, (call, reason))
            }
        };
        let key = self.key(&call);
        let count = self.counts.entry(key).or_default();
        count.made = count.made.saturating_add(1);
        count.killed = count.killed.saturating_add(killed);
        Ok(())
    }

    /// How many processes were ended.
    fn note_end(&mut self, end: End, why: (Call, Deadly)) -> u64 {
        match end {
            End::Elsewhere => 0,
            End::Sent(process) => {
                if self.program == Some(process) {
                    self.killed_for.get_or_insert(why);
                }
                1
            }
        }
    }

    fn key(&self, call: &Call) -> (&'static str, String) {
        let key = (call.architecture, call.name());
        let is_unnamed = |name: &str| name.parse::<i32>().is_ok();
        if call.name.is_some() || self.counts.contains_key(&key) {
            return key;
        }
        let unnamed = self.counts.keys().filter(|(_, name)| is_unnamed(name));
        match unnamed.count() < UNNAMED {
            true => key,
            false => (call.architecture, "others".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_a_name_are_told_up_to_a_bound() {
        let mut tally = Refusals::new(None, None).tally;
        for number in 0..1000 {
            let call = Call {
                name: None,
                number,
                architecture: "x32",
            };
            let key = tally.key(&call);
            tally.counts.entry(key).or_default().made += 1;
        }
        assert_eq!(tally.counts.len(), UNNAMED + 1);
        let others = tally.counts[&("x32", "others".to_owned())];
        assert_eq!(others.made, 1000 - UNNAMED as u64);
    }
}
