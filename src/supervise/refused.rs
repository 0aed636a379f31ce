//! Answers for calls that the program's filter refuses, names and counts them.
//!
//! The kernel asks nobody twice: when this side is gone, such calls fail with ENOSYS, so the filter stays shut.
//! Reading cannot block: it happens only when the kernel says that a call waits, and one whose process has
//! ended meanwhile is told as such.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::launch::Listened;
use crate::model::RefusedCall;
use crate::sys;

/// How many calls are answered at once. A program that makes more gets [`PER_TICK`] answers each [`TICK`]: it
/// slows itself down, and takes neither the supervisor's time for others nor the host's beyond its limits.
const BURST: u32 = 1000;
const TICK: Duration = Duration::from_millis(10);
const PER_TICK: u32 = 10;

/// What is known of refused calls.
#[derive(Debug)]
pub(super) struct Refusals {
    source: Source,
    listened: Option<Listened>,
    /// By architecture and number. Only calls of the policy's table come here, so it stays short.
    counts: BTreeMap<(u32, i32), u64>,
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

impl Refusals {
    pub(super) fn new(socket: Option<UnixStream>, listened: Option<Listened>) -> Refusals {
        Refusals {
            source: socket.map_or(Source::None, Source::Awaited),
            listened,
            counts: BTreeMap::new(),
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

    /// How long at most, where answers are rationed.
    pub(super) fn pause(&self) -> Option<Duration> {
        (matches!(self.source, Source::Open(_)) && self.left == 0).then_some(TICK)
    }

    /// Gives new answers for the time that has passed.
    pub(super) fn refill(&mut self) {
        let ticks = self.refilled.elapsed().as_nanos() / TICK.as_nanos();
        if ticks > 0 {
            let more = u32::try_from(ticks)
                .unwrap_or(BURST)
                .saturating_mul(PER_TICK);
            self.left = self.left.saturating_add(more).min(BURST);
            self.refilled = Instant::now();
        }
    }

    /// Takes what the last wait said was there.
    pub(super) fn take(&mut self, events: i16) -> io::Result<()> {
        match &self.source {
            Source::Awaited(socket) => {
                // Closed without one: the filter is loaded without a listener, or not at all.
                let listener = sys::network::receive_descriptor(socket.as_fd())?;
                self.source = listener.map_or(Source::None, Source::Open);
            }
            Source::Open(_) if events & libc::POLLIN == 0 => self.source = Source::Over,
            Source::Open(listener) => {
                let errno = self
                    .listened
                    .as_ref()
                    .map_or(libc::EPERM, |told| told.errno);
                if let Some(call) = sys::seccomp::receive(listener.as_fd())? {
                    sys::seccomp::refuse(listener.as_fd(), call, errno)?;
                    self.left = self.left.saturating_sub(1);
                    let count = self.counts.entry((call.architecture, call.number));
                    let count = count.or_insert(0);
                    *count = count.saturating_add(1);
                }
            }
            Source::None | Source::Over => {}
        }
        Ok(())
    }

    /// Every refused call, the most frequent first; none where nobody listened.
    pub(super) fn told(&self) -> Option<Vec<RefusedCall>> {
        if matches!(self.source, Source::None | Source::Awaited(_)) {
            return None;
        }
        let name = self.listened.as_ref()?.name;
        let mut by_name: BTreeMap<String, u64> = BTreeMap::new();
        for ((architecture, number), count) in &self.counts {
            let name = name(*architecture, *number);
            let name = name.map_or_else(|| number.to_string(), str::to_owned);
            *by_name.entry(name).or_insert(0) += count;
        }
        let calls = by_name.into_iter();
        let mut calls: Vec<_> = calls
            .map(|(name, count)| RefusedCall { name, count })
            .collect();
        calls.sort_by_key(|call| std::cmp::Reverse(call.count));
        Some(calls)
    }
}
