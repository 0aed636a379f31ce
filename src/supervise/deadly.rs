//! Ends a process for a system call that it made, in the kernel's place, so that the call has a name.
//!
//! The kernel's own SECCOMP_RET_KILL_PROCESS leaves a wait status of SIGSYS and nothing else: neither the status,
//! nor what /proc shows of a process that has ended, holds the call, and the kernel's log is not everybody's. Its
//! answer also wins over every other filter's, so that nobody can be told beforehand. So the filter asks its
//! listener instead, and the listener does what the kernel would have done:
//!
//! - The call never runs: it waits while this happens, fails with EPERM then, and with ENOSYS where nobody listens
//!   any more. With the supervisor all processes of a sandbox end; those that `sandbox exec` starts do not, and are
//!   left to the kernel.
//! - The whole process ends, by SIGSYS to the thread that made the call: it has no instruction left between the call
//!   and its end, and a parent inside sees the status that the kernel's kill has. Where SIGSYS would not end it
//!   (caught, ignored or blocked) it is SIGKILL at once, and where the thread took it and lives (a handler that
//!   another one set up meanwhile, a tracer) or takes it not at all (a stop) somewhat later.
//!
//! What the kernel's kill has and this has not: a process can have its own signals interrupt a call before the
//! supervisor has heard of it. Such a call fails with EINTR, as little done as ever, and its process lives until it
//! makes one that is heard. It gains no more than every process has under `on_deny = "errno:EPERM"`, the default.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::sys;
use crate::sys::seccomp::Waiting;

/// How long a thread that has taken SIGSYS may still be there. A dump of the memory takes longer, and is waited for.
const PATIENCE: Duration = Duration::from_millis(10);
/// How long it may take until then, on a machine that is busy.
const BUSY: Duration = Duration::from_secs(1);
/// How many are waited for at once, each by a descriptor; more are ended by SIGKILL, which needs no second look.
const MOST: usize = 64;

/// A process whose end is due.
#[derive(Debug)]
struct Doomed {
    process: OwnedFd,
    id: i32,
    thread: i32,
    sent: Instant,
    due: Instant,
    /// Whether the thread was seen without the signal.
    has_taken: bool,
}

/// The processes that were sent SIGSYS and may not have ended yet.
#[derive(Debug, Default)]
pub(super) struct Executioner {
    doomed: Vec<Doomed>,
}

/// What became of a process that made a deadly call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// This is its id, or where /proc does not show it, that of its thread.
    Sent(i32),
    /// Somebody else has ended it.
    Elsewhere,
}

impl Executioner {
    /// Ends the process of a call that waits; whoever calls this still has to answer it.
    pub(super) fn end(&mut self, listener: BorrowedFd<'_>, call: Waiting) -> io::Result<End> {
        // Zero is all processes of the caller's group.
        if call.thread <= 0 {
            return Err(Errno::ESRCH.into());
        }
        let thread = Thread::read(call.thread);
        let process = thread
            .as_ref()
            .and_then(|thread| sys::pidfd::open(thread.process).ok());
        // Now both are known to be of this call: as long as it waits, its thread is there.
        if !sys::seccomp::still_waits(listener, call)? {
            return Ok(End::Elsewhere);
        }
        let id = thread.as_ref().map_or(call.thread, |thread| thread.process);
        match (thread, process) {
            (Some(thread), Some(process)) if thread.takes_signal && self.doomed.len() < MOST => {
                let sent = sys::signal::send_to_thread(id, call.thread, libc::SIGSYS);
                sent_or_gone(sent)?;
                let now = Instant::now();
                self.doomed.push(Doomed {
                    process,
                    id,
                    thread: call.thread,
                    sent: now,
                    due: now + PATIENCE,
                    has_taken: false,
                });
            }
            // By the thread's id, which kill(2) takes for its process.
            _ => sent_or_gone(sys::signal::send(call.thread, libc::SIGKILL))?,
        }
        Ok(End::Sent(id))
    }

    /// When [`Executioner::follow_up`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.doomed.iter().map(|doomed| doomed.due).min()
    }

    /// Kills those that have not ended in time.
    pub(super) fn follow_up(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let mut left = Vec::new();
        for mut doomed in std::mem::take(&mut self.doomed) {
            if doomed.due > now || doomed.may_wait(now) {
                left.push(doomed);
                continue;
            }
            let process = doomed.process.as_fd();
            sent_or_gone(sys::pidfd::send_signal(process, libc::SIGKILL))?;
        }
        self.doomed = left;
        Ok(())
    }
}

impl Doomed {
    /// Whether SIGSYS may be left to do its work for another while.
    fn may_wait(&mut self, now: Instant) -> bool {
        self.due = now + PATIENCE;
        if Thread::read(self.id).is_some_and(|leader| leader.is_dumped) {
            return true;
        }
        let is_pending = Thread::read(self.thread).is_some_and(|thread| thread.is_pending);
        if is_pending {
            return now < self.sent + BUSY;
        }
        // What is on its way out gets the time for it: SIGKILL would hide what it ended by.
        !std::mem::replace(&mut self.has_taken, true)
    }
}

fn sent_or_gone(sent: sys::Result<()>) -> io::Result<()> {
    match sent {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// What /proc tells of a thread (proc_pid_status(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Thread {
    process: i32,
    /// Whether SIGSYS would end it: neither caught nor ignored, nor blocked by this thread.
    takes_signal: bool,
    /// Whether SIGSYS waits for this thread alone.
    is_pending: bool,
    /// Whether its memory is being written to a file, since it has ended.
    is_dumped: bool,
}

impl Thread {
    /// None where it has ended, or /proc hides it.
    fn read(thread: i32) -> Option<Thread> {
        // A name may be cut within a character.
        let status = std::fs::read(format!("/proc/{thread}/status")).ok()?;
        Thread::parse(&String::from_utf8_lossy(&status))
    }

    fn parse(status: &str) -> Option<Thread> {
        let value = |key: &str| {
            let mut lines = status.lines();
            lines.find_map(|line| line.strip_prefix(key)).map(str::trim)
        };
        let holds = |key: &str| {
            let set = u64::from_str_radix(value(key)?, 16).ok()?;
            Some(set & (1 << (libc::SIGSYS - 1)) != 0)
        };
        let held_back = [holds("SigBlk:")?, holds("SigIgn:")?, holds("SigCgt:")?];
        Some(Thread {
            process: value("Tgid:")?.parse().ok()?,
            takes_signal: !held_back.contains(&true),
            is_pending: holds("SigPnd:")?,
            is_dumped: value("CoreDumping:") == Some("1"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(masks: [&str; 3], pending: &str, dumping: &str) -> String {
        let [blocked, ignored, caught] = masks;
        format!(
            "Name:\ta\\nSigBlk:\nTgid:\t7\nCoreDumping:\t{dumping}\nSigPnd:\t{pending}\nSigBlk:\t{blocked}\nSigIgn:\t{ignored}\nSigCgt:\t{caught}\n"
        )
    }

    #[test]
    fn a_signal_that_is_held_back_in_any_way_does_not_end_a_process() {
        let none = "0000000000000000";
        let others = "ffffffffbfffffff";
        let own = "0000000040000000";
        let takes = |masks| {
            let thread = Thread::parse(&status(masks, others, "0")).unwrap();
            assert_eq!((thread.process, thread.is_dumped), (7, false));
            assert!(!thread.is_pending);
            thread.takes_signal
        };
        assert!(takes([none, none, none]));
        assert!(takes([others, others, others]));
        assert!(!takes([own, none, none]));
        assert!(!takes([none, own, none]));
        assert!(!takes([none, none, own]));
        let dumped = Thread::parse(&status([none; 3], own, "1")).unwrap();
        assert!(dumped.is_dumped && dumped.is_pending);
        assert_eq!(Thread::parse("Tgid:\t7\n"), None);
    }
}
