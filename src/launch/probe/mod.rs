//! In place of the program: each expectation is tried by a process of its own. Nothing here allocates.
//!
//! Such a process is a copy of the launcher that never executes anything, so that the tree needs no
//! tools and no file of the host's shows inside. It is not dumpable, as the first process, and no path is
//! tried that leads through a link of /proc to what it holds. Were it dumpable, whoever shares the program's
//! user could look into a copy of the launcher; so what /proc refuses it of its own is no answer instead.

mod limits;
mod paths;

use std::ffi::CString;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use nix::errno::Errno;

use crate::model::{Finding, PathUse};
use crate::sys;
use crate::sys::probe::Shared;
use crate::sys::process::{Side, StringArray, Watched};
use crate::sys::seccomp::Instruction;

use super::init::Inside;
use super::program::reset_signals;
use super::record::Record;

/// An expectation, ready to be tried.
#[derive(Debug)]
pub(super) struct ArmedProbe {
    /// Its place in the profile.
    pub place: u32,
    pub trial: Trial,
}

/// What is tried.
#[derive(Debug)]
pub(super) enum Trial {
    Path {
        using: PathUse,
        path: CString,
        /// The directories above it, the nearest first.
        above: Vec<CString>,
        arguments: StringArray,
        environment: StringArray,
    },
    Tcp(SocketAddr),
    Unix {
        /// As connect(2) takes it.
        name: Vec<u8>,
        /// The same, where it is a path.
        path: Option<CString>,
    },
    SystemCall {
        number: u32,
        /// Refuses what bears the mark, where no filter that is loaded later does.
        filter: Vec<Instruction>,
    },
    Memory(u64),
    Processes(u32),
    OpenFiles(i32),
    /// What needs no trial.
    Known(Finding),
}

/// What [`Trial::SystemCall`]'s own filter answers: no call of the kernel gives it.
pub(super) const LET_THROUGH: u16 = 4000;

/// How long a connection may take, in milliseconds.
const CONNECT: i32 = 3_000;

/// How long any trial may take, in milliseconds: a machine may be very busy.
const PATIENCE: i32 = 60_000;

/// The same for those that use up what there is.
const LONG_PATIENCE: i32 = 300_000;

/// One trial under way.
pub(super) struct Trying<'a> {
    probe: &'a ArmedProbe,
    shared: Shared,
    magic: bool,
}

/// Makes a process for each, one after the other; it comes back in these alone.
pub(super) fn fork_each<'a>(
    inside: &Inside<'_>,
    probes: &'a [ArmedProbe],
) -> sys::Result<Trying<'a>> {
    let records = inside.records.as_fd();
    reset_signals()?;
    // What a trial leaves behind counts until it has been waited for.
    sys::process::become_subreaper()?;
    sys::allocation::tell(|count| Record::Allocations { count }.send(records))?;
    Record::Executing.send(records)?;
    let shared = Shared::new()?;
    for probe in probes {
        shared.clear();
        match sys::process::fork()? {
            Side::Child => return prepare(probe, shared),
            Side::Parent(pid) => {
                let found = wait(pid, probe, shared)?;
                let place = probe.place;
                Record::Probed { place, found }.send(records)?;
            }
        }
    }
    sys::process::exit(0)
}

/// What has to be done before any restriction of the program.
fn prepare(probe: &ArmedProbe, shared: Shared) -> sys::Result<Trying<'_>> {
    let magic = match &probe.trial {
        Trial::Path { path, .. }
        | Trial::Unix {
            path: Some(path), ..
        } => paths::is_magic(path),
        Trial::SystemCall { filter, .. } => {
            sys::seccomp::load(filter)?;
            false
        }
        _ => false,
    };
    Ok(Trying {
        probe,
        shared,
        magic,
    })
}

/// Waits for one trial, and for all that it left behind.
fn wait(pid: i32, probe: &ArmedProbe, shared: Shared) -> sys::Result<Finding> {
    let process = sys::pidfd::open(pid)?;
    let mut watched = [Watched {
        fd: std::os::fd::AsRawFd::as_raw_fd(&process),
        events: libc::POLLIN,
        revents: 0,
    }];
    let patience = match probe.trial {
        Trial::Memory(_) | Trial::Processes(_) => LONG_PATIENCE,
        _ => PATIENCE,
    };
    let late = sys::process::poll(&mut watched, Some(patience))? == 0;
    // One that has ended and not been waited for keeps its id and its group's.
    for target in [pid, -pid] {
        match sys::signal::send(target, libc::SIGKILL) {
            // Nobody is left, or it did not come to a group of its own.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(errno),
        }
    }
    let (status, _) = sys::process::wait_for(pid)?;
    while sys::process::wait_for(-1).is_ok() {}
    Ok(match unpacked(shared.answer().load(Ordering::SeqCst)) {
        Some(finding) => finding,
        None if late => Finding::Late,
        None if libc::WIFSIGNALED(status) => Finding::Killed {
            signal: libc::WTERMSIG(status),
        },
        None => Finding::Silent,
    })
}

/// Tries, and leaves the answer in the memory that both share: no filter stops it there.
pub(super) fn answer(inside: &Inside<'_>, trying: &Trying<'_>) -> ! {
    let found = match trying.magic {
        true => Finding::Magic,
        false => find(inside, trying),
    };
    leave(inside, trying.shared, found)
}

fn leave(inside: &Inside<'_>, shared: Shared, found: Finding) -> ! {
    shared.answer().store(packed(found), Ordering::SeqCst);
    let records = inside.records.as_fd();
    let told = sys::allocation::tell(|count| Record::Allocations { count }.send(records));
    sys::process::exit(i32::from(told.is_err()))
}

fn find(inside: &Inside<'_>, trying: &Trying<'_>) -> Finding {
    match &trying.probe.trial {
        Trial::Path {
            using,
            path,
            above,
            arguments,
            environment,
        } => {
            let found = match using {
                PathUse::Read => paths::read(path, above),
                PathUse::Write => paths::write(path, above),
                PathUse::Execute => paths::execute(path, above, arguments, environment),
            };
            match paths::is_own_refusal(path, found) {
                true => Finding::Magic,
                false => found,
            }
        }
        Trial::Tcp(to) => connected(sys::probe::connect_tcp(to, CONNECT)),
        Trial::Unix { name, .. } => connected(sys::probe::connect_unix(name)),
        Trial::SystemCall { number, .. } => called(sys::probe::call_marked(*number)),
        Trial::Memory(bytes) => limits::memory(*bytes, trying.shared),
        Trial::Processes(most) => limits::processes(*most),
        Trial::OpenFiles(most) => limits::open_files(inside.records.as_fd(), *most),
        Trial::Known(finding) => *finding,
    }
}

/// What a call came to.
pub(super) fn outcome(result: sys::Result<()>) -> Finding {
    match result {
        Ok(()) => Finding::Done,
        Err(errno) => Finding::Refused {
            errno: errno as i32,
        },
    }
}

fn connected(result: sys::Result<()>) -> Finding {
    match result {
        Err(Errno::ETIME) => Finding::TimedOut,
        result => outcome(result),
    }
}

fn called(result: sys::Result<()>) -> Finding {
    match result {
        // errno of our own filter, which no name stands for.
        Err(_) if Errno::last_raw() == i32::from(LET_THROUGH) => Finding::Done,
        // A filter may refuse with 0, which looks like success.
        Ok(()) => Finding::Refused { errno: 0 },
        Err(_) => Finding::Refused {
            errno: Errno::last_raw(),
        },
    }
}

fn packed(finding: Finding) -> u64 {
    let (code, value) = finding.encode();
    u64::from(code) << 32 | u64::from(value.cast_unsigned())
}

fn unpacked(word: u64) -> Option<Finding> {
    let code = u8::try_from(word >> 32).ok()?;
    let value = u32::try_from(word & u64::from(u32::MAX)).ok()?;
    Finding::decode(code, value.cast_signed())
}
