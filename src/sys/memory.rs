//! The process's own arguments and environment in memory.

use std::fs;
use std::ops::Range;

/// Where the kernel put the arguments and the environment: what /proc/PID/cmdline and environ show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialStrings {
    ranges: [Range<usize>; 2],
}

impl InitialStrings {
    /// Reads their addresses from /proc/self/stat (fields 48 to 51, proc_pid_stat(5)).
    ///
    /// # Errors
    /// When /proc is not there or does not tell.
    pub fn find() -> std::io::Result<InitialStrings> {
        // The name in it is cut after 15 bytes, perhaps within a character.
        let stat = fs::read("/proc/self/stat")?;
        InitialStrings::parse(&String::from_utf8_lossy(&stat))
            .ok_or_else(|| std::io::ErrorKind::InvalidData.into())
    }

    fn parse(stat: &str) -> Option<InitialStrings> {
        // The second field is a name that may hold spaces and brackets: count behind its end.
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace().skip(48 - 3);
        let mut address = || fields.next()?.parse::<usize>().ok().filter(|it| *it > 0);
        let ranges = [address()?..address()?, address()?..address()?];
        Some(InitialStrings { ranges })
    }

    /// Overwrites them with zeros in this process; nothing may ask for arguments or variables after.
    pub fn wipe(&self) {
        for range in &self.ranges {
            let length = range.end.saturating_sub(range.start);
            // SAFETY: the kernel mapped this range for these strings at exec and keeps it writable;
            // no reference into it lives in the process that calls this, and zeros are valid text.
            unsafe { std::ptr::write_bytes(range.start as *mut u8, 0, length) };
        }
    }
}
