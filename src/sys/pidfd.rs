//! Processes held by a descriptor: no other process can take their id over.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::str::FromStr;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::fstat;
use nix::sys::statfs::{FsType, fstatfs};

use super::{Result, descriptor, done};

/// A process that no later one of the same id is taken for; as text `PID START`.
///
/// /proc hides processes of other users, and those that nobody may trace, where it is mounted with `hidepid`: then
/// the number of its descriptor tells it, where the kernel gives one (Linux 6.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Its id in the caller's PID namespace.
    pid: i32,
    /// When it started, in ticks since the machine did (proc_pid_stat(5)).
    start: u64,
    /// Its number in pidfs, which no other process has until the machine ends; none of an older kernel.
    number: Option<u64>,
}

/// A process that was looked for.
#[derive(Debug)]
pub enum Held {
    /// The one that was meant.
    Same(OwnedFd),
    /// There is none any more.
    Gone,
    /// One of its id, which /proc hides and nothing tells from another.
    Hidden(OwnedFd),
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

    /// That of a process that is held already, with its number where there is one; /proc may hide it, and its start is
    /// 0 then.
    ///
    /// # Errors
    /// When neither the descriptor nor /proc can be read.
    pub fn of_held(pid: i32, process: BorrowedFd<'_>) -> Result<Identity> {
        let identity = match Identity::of(pid) {
            Err(errno) if is_hidden(errno) => Identity {
                pid,
                start: 0,
                number: None,
            },
            identity => identity?,
        };
        Ok(identity.numbered(number(process)?))
    }

    /// The same with its number in pidfs.
    pub fn numbered(self, number: Option<u64>) -> Identity {
        Identity { number, ..self }
    }

    /// Its number in pidfs.
    pub fn number(&self) -> Option<u64> {
        self.number
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
        let identity = start.map(|start| Identity {
            pid,
            start,
            number: None,
        });
        identity.ok_or(Errno::EIO)
    }

    /// When it started, in ticks since the machine did; 0 of one that was hidden.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Its id in the caller's PID namespace.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The process behind a descriptor; nothing when it has ended and been waited for. No later process
    /// of the same id is taken for it: once it is held, its number or its start is looked at again.
    ///
    /// # Errors
    /// What pidfd_open(2) says; `EACCES` for one that /proc hides and that has no number; `EIO` and the like where
    /// /proc does not show a living process.
    pub fn hold(&self) -> Result<Option<OwnedFd>> {
        match self.look()? {
            Held::Same(process) => Ok(Some(process)),
            Held::Gone => Ok(None),
            Held::Hidden(_) => Err(Errno::EACCES),
        }
    }

    /// The same where others may know a process that is hidden.
    ///
    /// # Errors
    /// As [`Identity::hold`], but for hidden ones.
    pub fn look(&self) -> Result<Held> {
        let process = match open(self.pid) {
            Err(Errno::ESRCH | Errno::EINVAL | Errno::ENOENT) => return Ok(Held::Gone),
            process => process?,
        };
        let same = |is_same: bool, process| match is_same {
            true => Held::Same(process),
            false => Held::Gone,
        };
        if self.number.is_some() {
            return Ok(same(number(process.as_fd())? == self.number, process));
        }
        match Identity::of(self.pid) {
            Ok(now) if self.start != 0 => Ok(same(now.start == self.start, process)),
            Err(Errno::ESRCH) => Ok(Held::Gone),
            Err(errno) if !is_hidden(errno) => Err(errno),
            // Hidden now or when it was noted, or it has ended meanwhile.
            Ok(_) | Err(_) => Ok(match has_ended(&process)? {
                true => Held::Gone,
                false => Held::Hidden(process),
            }),
        }
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
        if has_ended(&process)? {
            return Ok(true);
        }
        if self.number.is_some() {
            return Ok(number(process.as_fd())? != self.number);
        }
        // One that is hidden counts as the same: too late is no harm.
        let is_another = |now: Identity| now.start != self.start && self.start != 0;
        Ok(Identity::of(self.pid).is_ok_and(is_another))
    }
}

/// Whether /proc says so of a process that it does not show (`hidepid` 2 and 1).
fn is_hidden(errno: Errno) -> bool {
    matches!(errno, Errno::ENOENT | Errno::EPERM | Errno::EACCES)
}

fn has_ended(process: &OwnedFd) -> Result<bool> {
    let mut watched = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
    Ok(poll(&mut watched, PollTimeout::ZERO)? > 0)
}

/// `PID_FS_MAGIC` of include/uapi/linux/magic.h.
const PID_FS_MAGIC: FsType = FsType(0x5049_4446);

/// The number of a process in pidfs; none where descriptors of processes have no file system of their own, and all
/// the same number.
fn number(process: BorrowedFd<'_>) -> Result<Option<u64>> {
    if fstatfs(process)?.filesystem_type() != PID_FS_MAGIC {
        return Ok(None);
    }
    Ok(Some(fstat(process)?.st_ino))
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Identity {
            pid,
            start,
            number: _,
        } = self;
        write!(f, "{pid} {start}")
    }
}

impl FromStr for Identity {
    type Err = Errno;

    fn from_str(text: &str) -> Result<Identity> {
        let parsed = text.trim_end().split_once(' ').and_then(|(pid, start)| {
            let (pid, start) = (pid.parse().ok()?, start.parse().ok()?);
            Some(Identity {
                pid,
                start,
                number: None,
            })
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
        // The number alone tells it too, whatever /proc says of its start.
        let held = open(child_id).unwrap();
        let numbered = Identity::of_held(child_id, held.as_fd()).unwrap();
        if let Some(number) = numbered.number() {
            let hidden = Identity {
                start: 0,
                ..numbered
            };
            assert!(hidden.hold().unwrap().is_some());
            let another = hidden.numbered(Some(number + 1));
            assert!(another.hold().unwrap().is_none());
            assert_eq!(another.is_over(), Ok(true));
        }
        // Without either nothing tells it from another.
        let unknown = Identity {
            start: 0,
            ..identity
        };
        assert_eq!(unknown.hold().unwrap_err(), Errno::EACCES);
        assert_eq!(unknown.is_over(), Ok(false));
        child.kill().unwrap();
        // Also before somebody has waited for it.
        while !identity.is_over().unwrap() {}
        child.wait().unwrap();
        assert_eq!(identity.is_over(), Ok(true));
        assert_eq!("1".parse::<Identity>(), Err(Errno::EINVAL));
    }
}
