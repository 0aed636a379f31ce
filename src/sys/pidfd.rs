//! Processes held by a descriptor: no other process can take their id over.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::str::FromStr;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Result, descriptor, done};

/// A process that no later one of the same id is taken for; as text `PID START`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Its id in the caller's PID namespace.
    pid: i32,
    /// When it started, in ticks since the machine did (proc_pid_stat(5)).
    start: u64,
}

impl Identity {
    /// That of a process which has not been waited for.
    ///
    /// # Errors
    /// When /proc does not show it.
    pub fn of(pid: i32) -> Result<Identity> {
        Identity::read(pid, &format!("/proc/{pid}/stat"))
    }

    /// That of this process.
    ///
    /// # Errors
    /// When /proc does not show it.
    pub fn own() -> Result<Identity> {
        Identity::read(super::process::own_id(), "/proc/self/stat")
    }

    /// That of a process that is held otherwise and that /proc may hide (`hidepid`): its id alone then.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn of_hidden(pid: i32) -> Result<Identity> {
        match Identity::of(pid) {
            Err(Errno::ENOENT) => Ok(Identity { pid, start: 0 }),
            identity => identity,
        }
    }

    fn read(pid: i32, path: &str) -> Result<Identity> {
        // A name may be cut within a character.
        let stat = std::fs::read(path);
        let stat =
            stat.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
        let stat = String::from_utf8_lossy(&stat);
        // Its name, in parentheses, may hold anything; the start is the 20th field behind it.
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields);
        let start = fields.and_then(|fields| fields.split_ascii_whitespace().nth(19));
        let start = start.and_then(|start| start.parse().ok());
        start.map(|start| Identity { pid, start }).ok_or(Errno::EIO)
    }

    /// Its id in the caller's PID namespace.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The process behind a descriptor; nothing when it has ended and been waited for. No later process
    /// of the same id is taken for it: once it is held, its start is looked at again. One that /proc hides
    /// counts as the same.
    ///
    /// # Errors
    /// What pidfd_open(2) says; `EIO` and the like where /proc does not show a living process.
    pub fn hold(&self) -> Result<Option<OwnedFd>> {
        let process = match open(self.pid) {
            Err(Errno::ESRCH | Errno::EINVAL | Errno::ENOENT) => return Ok(None),
            process => process?,
        };
        let is_same = match Identity::of(self.pid) {
            Ok(now) => now == *self || self.start == 0,
            // Hidden, or it has ended meanwhile.
            Err(Errno::ENOENT | Errno::ESRCH) => {
                let mut watched = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
                poll(&mut watched, PollTimeout::ZERO)? == 0
            }
            Err(errno) => return Err(errno),
        };
        Ok(is_same.then_some(process))
    }

    /// Whether it has ended, and with the first process of a PID namespace all others in there: before
    /// that the kernel does not call it ended, though its descriptors have been closed already.
    ///
    /// # Errors
    /// What pidfd_open(2) and poll(2) say.
    pub fn is_over(&self) -> Result<bool> {
        let process = match open(self.pid) {
            // The id is nobody's, or that of a thread.
            Err(Errno::ESRCH | Errno::EINVAL | Errno::ENOENT) => return Ok(true),
            process => process?,
        };
        let mut watched = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
        if poll(&mut watched, PollTimeout::ZERO)? > 0 {
            return Ok(true);
        }
        // One that is hidden counts as the same.
        Ok(Identity::of(self.pid).is_ok_and(|now| now != *self))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Identity { pid, start } = self;
        write!(f, "{pid} {start}")
    }
}

impl FromStr for Identity {
    type Err = Errno;

    fn from_str(text: &str) -> Result<Identity> {
        let parsed = text.trim_end().split_once(' ').and_then(|(pid, start)| {
            let (pid, start) = (pid.parse().ok()?, start.parse().ok()?);
            Some(Identity { pid, start })
        });
        parsed.ok_or(Errno::EINVAL)
    }
}

/// pidfd_open(2) without flags; the descriptor is close-on-exec.
///
/// # Errors
/// `ESRCH` when there is no such process; `EINVAL` for a process id below 1.
pub fn open(pid: i32) -> Result<OwnedFd> {
    // SAFETY: two integers, no pointer.
    descriptor(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// pidfd_send_signal(2) as kill(2) would send it.
///
/// # Errors
/// `ESRCH` when the process was reaped; `EPERM` when it is another's.
pub fn send_signal(process: BorrowedFd<'_>, signal: i32) -> Result<()> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    let fd = process.as_raw_fd();
    // SAFETY: a null `info` is allowed, and nothing else is a pointer.
    done(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, no_info, 0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_from_a_later_one_and_its_end_is_seen() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let child_id = i32::try_from(child.id()).unwrap();
        let identity = Identity::of(child_id).unwrap();
        assert_eq!(identity.to_string().parse(), Ok(identity));
        assert_eq!(identity.is_over(), Ok(false));
        let earlier = Identity {
            start: identity.start - 1,
            ..identity
        };
        assert_eq!(earlier.is_over(), Ok(true));
        child.kill().unwrap();
        // Also before somebody has waited for it.
        while !identity.is_over().unwrap() {}
        child.wait().unwrap();
        assert_eq!(identity.is_over(), Ok(true));
        assert_eq!("1".parse::<Identity>(), Err(Errno::EINVAL));
    }
}
