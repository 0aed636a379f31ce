//! What a sandbox used and which limits it hit, read from its groups.

use std::path::Path;
use std::time::Duration;

use super::counts::{cpu_used, memory_peak, number, pressure, throttled, transferred};
use super::file::{keyed, read};
use super::groups::{Group, Groups};
use super::table::CPU_ACCOUNTING;
use crate::model::{CgroupVersion, Usage};

impl Groups {
    /// What the sandbox used until now; `None` where no group of it counts that.
    ///
    /// Killed processes count like others. Read it before [`Groups::remove`].
    pub fn usage(&self) -> Usage {
        let pids = self.with("pids");
        let throttling = self.find(throttled);
        let io = self.find(transferred);
        Usage {
            user_seconds: self.cpu_time(CpuTime::User),
            system_seconds: self.cpu_time(CpuTime::System),
            throttled_periods: throttling.map(|(periods, _)| periods),
            throttled_seconds: throttling.map(|(_, time)| time),
            memory_peak_bytes: self.find(memory_peak),
            pids_peak: pids.and_then(|group| group.number("pids.peak")),
            pids_refused: pids.and_then(|group| group.keyed("pids.events", "max")),
            oom_kills: self.oom_kills(),
            read_bytes: io.map(|(read, _)| read),
            written_bytes: io.map(|(_, written)| written),
            pressure: self.find(pressure),
            // Of processes, not of groups.
            max_rss_bytes: None,
            major_faults: None,
            voluntary_switches: None,
            involuntary_switches: None,
        }
    }

    /// What the first group tells that has the file.
    fn find<T>(&self, count: impl Fn(&Path) -> Option<T>) -> Option<T> {
        self.list.iter().find_map(|group| count(&group.dir))
    }

    /// CPU time of all processes until now, those that have ended too; none where no group counts it.
    pub fn cpu_used(&self) -> Option<Duration> {
        let group = self.unified().or_else(|| self.with(CPU_ACCOUNTING))?;
        cpu_used(&group.dir)
    }

    /// The unified hierarchy counts CPU time in each group, with or without controllers.
    fn cpu_time(&self, kind: CpuTime) -> Option<Duration> {
        if let Some(unified) = self.unified() {
            let key = match kind {
                CpuTime::User => "user_usec",
                CpuTime::System => "system_usec",
            };
            return unified.keyed("cpu.stat", key).map(Duration::from_micros);
        }
        let file = match kind {
            CpuTime::User => "cpuacct.usage_user",
            CpuTime::System => "cpuacct.usage_sys",
        };
        let group = self.with(CPU_ACCOUNTING)?;
        group.number(file).map(Duration::from_nanos)
    }
}

#[derive(Debug, Clone, Copy)]
enum CpuTime {
    User,
    System,
}

impl Group {
    pub(super) fn oom_kills(&self) -> Option<u64> {
        let file = match self.version {
            CgroupVersion::V1 => "memory.oom_control",
            CgroupVersion::V2 => "memory.events",
        };
        self.keyed(file, "oom_kill")
    }

    fn number(&self, file: &str) -> Option<u64> {
        number(&self.dir, file)
    }

    fn keyed(&self, file: &str, key: &str) -> Option<u64> {
        keyed(&read(&self.dir.join(file)).ok()?, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_whole_words() {
        let events = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n";
        assert_eq!(keyed(events, "oom_kill"), Some(2));
        assert_eq!(keyed(events, "oom"), Some(3));
        assert_eq!(keyed(events, "kill"), None);
        let control = "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n";
        assert_eq!(keyed(control, "oom_kill"), Some(7));
        assert_eq!(keyed("max many\n", "max"), None);
    }

    #[test]
    fn without_groups_nothing_is_known() {
        assert_eq!(Groups::default().usage(), Usage::default());
    }
}
