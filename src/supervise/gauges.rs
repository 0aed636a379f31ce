//! Limits of the groups that the kernel only counts, or does not carry out as a whole: this process does.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::cgroup::Groups;
use crate::plan::{Amount, Plan};

use super::cpu_clock::{CpuClock, CpuTime};
use super::memory_alarm::MemoryAlarm;
use super::seen::Killed;

/// What is looked at while a sandbox runs.
#[derive(Debug, Default)]
pub(super) struct Gauges<'a> {
    cpu: Option<CpuClock<'a>>,
    memory: Option<MemoryAlarm<'a>>,
}

impl<'a> Gauges<'a> {
    /// Those that the plan's limits need. What is asked for has to be counted from the program's first instruction, so
    /// this comes before it.
    pub(super) fn start(plan: &Plan, groups: &'a Groups) -> Gauges<'a> {
        let limits = plan.settings.group_limits.list.iter();
        let mut gauges = Gauges::default();
        // Where the host cannot, the profile allows to miss it: it would not have come so far.
        let is_missing = |key| groups.missing().iter().any(|missed| missed.key == key);
        for amount in limits.map(|limit| &limit.amount) {
            match amount {
                _ if is_missing(amount.key()) => {}
                Amount::CpuTime(time) => gauges.cpu = Some(CpuClock::start(groups, time.0)),
                Amount::Memory(_) => gauges.memory = MemoryAlarm::set(groups),
                _ => {}
            }
        }
        gauges
    }

    /// What to wait for.
    pub(super) fn watched(&self) -> Option<BorrowedFd<'_>> {
        self.memory.as_ref().map(MemoryAlarm::watched)
    }

    /// How long nothing need be looked at.
    pub(super) fn pause(&self) -> Option<Duration> {
        let cpu = self.cpu.as_ref().map(CpuClock::pause);
        let memory = self.memory.as_ref().and_then(MemoryAlarm::pause);
        cpu.into_iter().chain(memory).min()
    }

    /// Looks at what is due, and at memory where the alarm `rang`: why all has to end, told once.
    ///
    /// # Errors
    /// When the kernel does not tell: a limit that nobody watches is none.
    pub(super) fn look(&mut self, rang: bool) -> io::Result<Option<Killed>> {
        if let Some(clock) = &mut self.cpu
            && clock.look()? == CpuTime::UsedUp
        {
            self.cpu = None;
            return Ok(Some(Killed::CpuTime));
        }
        if let Some(alarm) = &mut self.memory
            && alarm.look(rang)?
        {
            self.memory = None;
            return Ok(Some(Killed::Memory));
        }
        Ok(None)
    }
}
