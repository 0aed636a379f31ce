//! `limits.cpu_time`: the clock of all processes together.
//!
//! The kernel counts and nobody is told, so the supervisor looks when the limit can be met at the earliest: when all
//! processors had run for nothing else since the last look.

use std::io;
use std::time::{Duration, Instant};

use nix::unistd::{SysconfVar, sysconf};

use crate::cgroup::Groups;

/// Between two looks at least: what is counted beyond the limit is less than this by the number of processors.
const SHORTEST: Duration = Duration::from_millis(5);

/// The limit, and when to look again.
#[derive(Debug)]
pub(super) struct CpuClock<'a> {
    groups: &'a Groups,
    limit: Duration,
    processors: u32,
    next: Instant,
}

/// Whether the time is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CpuTime {
    Left,
    UsedUp,
}

impl<'a> CpuClock<'a> {
    /// A clock that is first looked at when the limit can be met.
    pub(super) fn start(groups: &'a Groups, limit: Duration) -> CpuClock<'a> {
        // One of which the kernel knows nothing still runs.
        let online = sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten();
        let processors = online.and_then(|count| u32::try_from(count).ok());
        let mut clock = CpuClock {
            groups,
            limit,
            processors: processors.unwrap_or(1).max(1),
            next: Instant::now(),
        };
        clock.wait_for(limit);
        clock
    }

    /// How long it need not be looked at.
    pub(super) fn pause(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Looks, when that is due.
    ///
    /// # Errors
    /// When the kernel does not tell: a limit that nobody watches is none.
    pub(super) fn look(&mut self) -> io::Result<CpuTime> {
        if !self.pause().is_zero() {
            return Ok(CpuTime::Left);
        }
        let unknown = || io::Error::other("the control group does not tell its CPU time");
        let used = self.groups.cpu_used().ok_or_else(unknown)?;
        match self.limit.checked_sub(used) {
            None | Some(Duration::ZERO) => Ok(CpuTime::UsedUp),
            Some(left) => {
                self.wait_for(left);
                Ok(CpuTime::Left)
            }
        }
    }

    fn wait_for(&mut self, left: Duration) {
        let earliest = (left / self.processors).max(SHORTEST);
        let now = Instant::now();
        // Beyond what an instant can be, it is never met.
        self.next = now
            .checked_add(earliest)
            .unwrap_or(now + Duration::from_secs(3600));
    }
}
