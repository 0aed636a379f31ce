//! Word of a group of v1 that is out of memory.
//!
//! The kernel of v2 ends all of a group then (`memory.oom.group`). That of v1 ends one process, but tells whoever
//! asks (Documentation/admin-guide/cgroup-v1/memory.rst, 9 and 10): before it chooses one, and without saying whether
//! it did, which the group's count says.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};

use super::groups::{Group, Groups};
use crate::model::CgroupVersion;
use crate::sys;

impl Groups {
    /// A descriptor that can be read when the group of v1 that limits memory is out of it. None on v2, and where the
    /// kernel tells nobody: the limit holds there too, and processes end one by one.
    pub fn memory_alarm(&self) -> Option<OwnedFd> {
        let group = self.with("memory")?;
        if group.version == CgroupVersion::V2 {
            return None;
        }
        let control = File::open(group.dir.join("memory.oom_control")).ok()?;
        let alarm = sys::event::counter().ok()?;
        let pair = format!("{} {}", alarm.as_raw_fd(), control.as_raw_fd());
        super::file::write(&group.dir.join("cgroup.event_control"), &pair).ok()?;
        Some(alarm)
    }

    /// How many processes the kernel has ended for memory; none where no group counts that.
    pub fn oom_kills(&self) -> Option<u64> {
        self.with("memory").and_then(Group::oom_kills)
    }
}
