//! The times that the store's file system can hold: some know whole seconds only, and each has an earliest and
//! a latest one. The kernel cuts others off without a word, and a file with a time cut off would look altered.

use std::fs::File;
use std::os::fd::BorrowedFd;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fstat, futimens};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::key::time;

/// The file that times are tried on.
const TRIED: &str = "times";

const SECOND: i64 = 1_000_000_000;

/// What becomes of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// Seconds.
    first: i64,
    last: i64,
    /// Nanoseconds.
    grain: i64,
}

impl Times {
    /// Tries on a file in `dir` what its file system keeps.
    pub(super) fn of(dir: BorrowedFd) -> nix::Result<Times> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let file = File::from(openat(dir, TRIED, flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
        // One that refuses a time keeps the others.
        let kept = |modified| {
            let set = futimens(&file, &time(modified), &time(modified));
            let stat = set.and_then(|()| fstat(&file));
            stat.map_or(modified, |stat| (stat.st_mtime, stat.st_mtime_nsec))
        };
        let (first, _) = kept((i64::MIN, 0));
        let (last, _) = kept((i64::MAX, 0));
        let (_, nanos) = kept((0, SECOND - 1));
        unlinkat(dir, TRIED, UnlinkatFlags::NoRemoveDir)?;
        Ok(Times {
            first,
            last,
            grain: (SECOND - nanos).clamp(1, SECOND),
        })
    }

    /// What the file system makes of a time (timestamp_truncate of the kernel).
    pub(super) fn fit(&self, (seconds, nanos): (i64, i64)) -> (i64, i64) {
        match seconds {
            seconds if seconds <= self.first => (self.first, 0),
            seconds if seconds >= self.last => (self.last, 0),
            seconds => (seconds, nanos - nanos % self.grain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_as_the_kernel_cuts_them() {
        let times = |grain| Times {
            first: -5,
            last: 5,
            grain,
        };
        assert_eq!(times(1).fit((3, 999_999_999)), (3, 999_999_999));
        assert_eq!(times(100).fit((3, 999_999_999)), (3, 999_999_900));
        assert_eq!(times(SECOND).fit((3, 999_999_999)), (3, 0));
        assert_eq!(times(1).fit((-6, 7)), (-5, 0));
        assert_eq!(times(1).fit((6, 7)), (5, 0));
    }
}
