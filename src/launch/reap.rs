//! The first process after the fork: it reaps, passes signals on, and ends with the program.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use crate::model::guard::{self, Guard};
use crate::sys;
use crate::sys::file::{Closing, HERE, How};
use crate::sys::process::Change;

use super::init::Inside;
use super::record::Record;

/// Watches until the program ends.
pub(super) fn run(inside: &Inside<'_>) -> ! {
    let code = match watch(inside) {
        Ok(()) => 0,
        // The supervisor sees that no end was told, and says so.
        Err(_) => 1,
    };
    sys::process::exit(code)
}

fn watch(inside: &Inside<'_>) -> sys::Result<()> {
    let records = inside.records.as_fd();
    sys::allocation::tell(|count| Record::Allocations { count }.send(records))?;
    if guard::holds(Guard::InitDescriptors) {
        keep_only(records, inside.children.as_ref())?;
    }
    if guard::holds(Guard::InitCapabilities) {
        sys::credentials::clear_ambient_set()?;
        sys::credentials::set_capabilities(0)?;
    }
    if inside.children.is_some() && guard::holds(Guard::DieWithoutNamespace) {
        // Without a PID namespace it has to live on to end the others: told of the supervisor's death, not killed.
        sys::process::die_with_parent(super::KILL_ALL)?;
    }
    loop {
        let signal = sys::signal::wait()?;
        match signal {
            libc::SIGCHLD => {}
            super::KILL_ALL => pass_on(inside.program, libc::SIGKILL)?,
            // A key of the terminal reaches the whole group, and it goes on as a whole. The program may
            // catch it, as it may outside.
            libc::SIGTSTP => pass_on(-inside.program, libc::SIGTSTP)?,
            libc::SIGCONT => pass_on(-inside.program, libc::SIGCONT)?,
            signal => pass_on(inside.program, signal)?,
        }
        if let Some(status) = reap(inside.program, records)? {
            end_orphans(inside.children.as_ref())?;
            return Record::Ended { status }.send(records);
        }
    }
}

/// Standard streams too: a pipe of the caller's ends when the program closes it.
fn keep_only(records: BorrowedFd<'_>, children: Option<&OwnedFd>) -> sys::Result<()> {
    let number = |file: BorrowedFd<'_>| u32::try_from(file.as_raw_fd()).map_err(|_| Errno::EBADF);
    let first = number(records)?;
    let second = children.map_or(Ok(first), |file| number(file.as_fd()))?;
    let (low, high) = (first.min(second), first.max(second));
    if low > 0 {
        sys::file::close_range(0, low - 1, Closing::Now)?;
    }
    if high > low + 1 {
        sys::file::close_range(low + 1, high - 1, Closing::Now)?;
    }
    sys::file::close_range(high + 1, u32::MAX, Closing::Now)
}

fn pass_on(program: i32, signal: i32) -> sys::Result<()> {
    match sys::signal::send(program, signal) {
        // It has ended: SIGCHLD is on its way.
        Err(Errno::ESRCH) => Ok(()),
        result => result,
    }
}

/// Takes in all that changed; the program's wait status when it ended.
fn reap(program: i32, records: BorrowedFd<'_>) -> sys::Result<Option<i32>> {
    loop {
        let change = match sys::process::next_change() {
            Ok(Some(change)) => change,
            Ok(None) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        let Change { pid, status } = change;
        if pid != program || libc::WIFCONTINUED(status) {
            continue;
        }
        if libc::WIFSTOPPED(status) {
            let signal = libc::WSTOPSIG(status);
            Record::Stopped { signal }.send(records)?;
            continue;
        }
        return Ok(Some(status));
    }
}

/// Kills what a first process that is no PID 1 left behind when it was killed itself, by the program
/// perhaps. The caller has to be a subreaper, with every signal blocked and no other children.
///
/// # Errors
/// ENOENT where the kernel lists no children (CONFIG_PROC_CHILDREN).
pub fn end_left_behind() -> sys::Result<()> {
    let how = How::existing(libc::O_RDONLY, 0);
    let children = sys::file::open(HERE, c"/proc/thread-self/children", how)?;
    end_orphans(Some(&children))
}

/// Without a PID namespace orphans come to this process: each is killed until none is left.
fn end_orphans(children: Option<&OwnedFd>) -> sys::Result<()> {
    let Some(children) = children.filter(|_| guard::holds(Guard::EndOrphans)) else {
        return Ok(());
    };
    loop {
        kill_listed(children.as_fd())?;
        match sys::process::next_change() {
            Err(Errno::ECHILD) => return Ok(()),
            Err(errno) => return Err(errno),
            Ok(Some(_)) => {}
            Ok(None) => {
                // Killed, but not ended yet: its SIGCHLD comes.
                sys::signal::wait()?;
            }
        }
    }
}

/// Kills every process of a list of decimal ids (/proc/PID/task/TID/children).
fn kill_listed(children: BorrowedFd<'_>) -> sys::Result<()> {
    let mut buffer = [0; 4096];
    let count = sys::file::read_at_start(children, &mut buffer)?;
    let list = buffer.get(..count).unwrap_or_default();
    // A number that the buffer cut is taken in the next round.
    let whole = list.iter().rposition(|byte| *byte == b' ').unwrap_or(0);
    for word in list
        .get(..whole)
        .unwrap_or_default()
        .split(|byte| *byte == b' ')
    {
        let digits = word.iter().filter(|byte| byte.is_ascii_digit());
        let pid = digits.fold(0i32, |pid, digit| {
            pid.saturating_mul(10)
                .saturating_add(i32::from(digit - b'0'))
        });
        // Never 0 or 1: these would reach a group, or another's init.
        if pid > 1 {
            pass_on(pid, libc::SIGKILL)?;
        }
    }
    Ok(())
}
