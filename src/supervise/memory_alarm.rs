//! `limits.memory` on cgroup v1: who is out of memory ends as a whole, as the kernel of v2 has it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::cgroup::Groups;
use crate::sys;

/// Between two looks at the count.
const SHORT: Duration = Duration::from_millis(2);
/// How long after the alarm a process may be ended for it. Longer, and memory was found after all.
const LONG: Duration = Duration::from_secs(1);

/// Rings when a group is out of memory, which does not mean that a process has to end.
#[derive(Debug)]
pub(super) struct MemoryAlarm<'a> {
    groups: &'a Groups,
    alarm: OwnedFd,
    rang: Option<Instant>,
}

impl<'a> MemoryAlarm<'a> {
    /// None where the kernel ends all by itself, or tells nobody.
    pub(super) fn set(groups: &'a Groups) -> Option<MemoryAlarm<'a>> {
        let alarm = groups.memory_alarm()?;
        Some(MemoryAlarm {
            groups,
            alarm,
            rang: None,
        })
    }

    /// What to wait for.
    pub(super) fn watched(&self) -> BorrowedFd<'_> {
        self.alarm.as_fd()
    }

    /// How long it need not be looked at.
    pub(super) fn pause(&self) -> Option<Duration> {
        self.rang.map(|_| SHORT)
    }

    /// Whether a process was ended for memory, so that all have to.
    ///
    /// # Errors
    /// As read(2).
    pub(super) fn look(&mut self, rang: bool) -> io::Result<bool> {
        if rang {
            match sys::file::read(self.alarm.as_fd(), &mut [0; 8]) {
                Ok(_) | Err(Errno::EAGAIN) => self.rang = Some(Instant::now()),
                Err(errno) => return Err(errno.into()),
            }
        }
        let Some(since) = self.rang else {
            return Ok(false);
        };
        if self.groups.oom_kills().is_some_and(|kills| kills > 0) {
            return Ok(true);
        }
        if since.elapsed() > LONG {
            self.rang = None;
        }
        Ok(false)
    }
}
