//! The lane of the process that becomes the program. Nothing here allocates.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;

use crate::model::guard::{self, Guard};
use crate::sys;
use crate::sys::file::{Closing, HERE, How, STREAMS};

use super::arm::{Armed, ArmedFilter, ArmedProgram, ArmedStep};
use super::init::{Inside, fail};
use super::magic;
use super::probe;
use super::record::Record;

/// Performs the lane; ends in the program or in a record that says which step failed.
pub(super) fn run(inside: &Inside<'_>, steps: &[ArmedStep]) -> ! {
    let records = inside.records.as_fd();
    if let Err(errno) = die_with_first(inside) {
        fail(records, steps.first().map_or(0, |step| step.index), errno);
    }
    let mut trying = None;
    for ArmedStep { index, action } in steps {
        let result = match action {
            Armed::Probe(probes) => probe::fork_each(inside, probes).map(|one| trying = Some(one)),
            Armed::Answer => match &trying {
                Some(trying) => probe::answer(inside, trying),
                None => Err(Errno::ENOTSUP),
            },
            Armed::Execute(program) => execute(records, *index, program),
            action => perform(inside, action),
        };
        if let Err(errno) = result {
            fail(records, *index, errno);
        }
    }
    sys::process::exit(1)
}

/// Without a PID namespace a killed first process would leave it behind; exec keeps this.
fn die_with_first(inside: &Inside<'_>) -> sys::Result<()> {
    if inside.children.is_none() || !guard::holds(Guard::DieWithoutNamespace) {
        return Ok(());
    }
    sys::process::die_with_parent(libc::SIGKILL)?;
    match sys::process::parent_id() == inside.first {
        true => Ok(()),
        false => Err(Errno::EOWNERDEAD),
    }
}

fn perform(inside: &Inside<'_>, action: &Armed) -> sys::Result<()> {
    match action {
        Armed::DieWithParent => inside.die_with_parent(),
        Armed::OwnProcessGroup => own_process_group(inside),
        Armed::LimitProcess {
            resource,
            soft,
            hard,
        } => sys::process::set_limit(*resource, *soft, *hard),
        Armed::SetUmask(mask) => {
            sys::file::set_umask(*mask);
            Ok(())
        }
        Armed::ResetSignals => reset_signals(),
        Armed::ChangeDirectory(path) => change_directory(path),
        Armed::RefuseMagicLinks(candidates) => {
            let mut candidates = candidates.iter();
            candidates.try_for_each(|program| magic::refuse(program))
        }
        Armed::CloseDescriptors(keep) => close_descriptors(keep),
        Armed::Landlock(rules) => super::landlock::restrict(rules),
        Armed::Filter(filter) => load_filter(inside, filter),
        // A step of another lane: the plan is wrong, and nothing runs.
        _ => Err(Errno::ENOTSUP),
    }
}

/// The first process leads the session: Ctrl-Z then stops the program, and the first process sees it.
fn own_process_group(inside: &Inside<'_>) -> sys::Result<()> {
    sys::process::own_group(0)?;
    let Some(terminal) = &inside.terminal else {
        return Ok(());
    };
    // SIGTTOU is blocked, so that a background process may do this.
    sys::terminal::set_foreground(terminal.as_fd(), sys::process::own_id())?;
    let are_terminals = STREAMS.map(sys::terminal::is_terminal);
    let [input_is_terminal, ..] = are_terminals;
    for (number, is_terminal) in (0..).zip(are_terminals) {
        // Without a caller's terminal the profile asked for one: then it is all three.
        if is_terminal || !input_is_terminal {
            sys::file::place_at(terminal.as_fd(), number)?;
        }
    }
    Ok(())
}

/// Ignored signals pass exec: none that the caller ignored does.
pub(super) fn reset_signals() -> sys::Result<()> {
    /// SIGRTMAX of the kernel.
    const LAST: i32 = 64;
    let fixed = |signal: &i32| matches!(*signal, libc::SIGKILL | libc::SIGSTOP);
    for signal in (1..=LAST).filter(|signal| !fixed(signal)) {
        sys::signal::restore_default(signal)?;
    }
    sys::signal::block(0)
}

fn change_directory(path: &CStr) -> sys::Result<()> {
    let resolve = match guard::holds(Guard::WorkdirMagic) {
        true => libc::RESOLVE_NO_MAGICLINKS,
        false => 0,
    };
    let how = How::existing(libc::O_PATH | libc::O_DIRECTORY, resolve);
    let directory = sys::file::open(HERE, path, how)?;
    sys::file::change_directory(directory.as_fd())
}

fn close_descriptors(keep: &[i32]) -> sys::Result<()> {
    sys::file::close_range(3, u32::MAX, Closing::AtExec)?;
    keep.iter()
        .try_for_each(|number| sys::file::keep_open(*number))
}

/// Under a listener where there can be one. Without it refused calls fail in the same way, but nobody counts
/// them: another one may stand above already (EBUSY), and older kernels have none.
fn load_filter(inside: &Inside<'_>, filter: &ArmedFilter) -> sys::Result<()> {
    if let (Some(listened), Some(socket)) = (&filter.listened, &inside.listener_socket)
        && let Ok(listener) = sys::seccomp::load_listened(listened)
    {
        return sys::network::send_descriptor(socket.as_fd(), listener.as_fd());
    }
    sys::seccomp::load(&filter.plain)
}

/// As execvp(3) tries the places of PATH: what is there but may not be run counts only when no other is.
fn execute(records: BorrowedFd<'_>, index: usize, program: &ArmedProgram) -> sys::Result<()> {
    sys::allocation::tell(|count| Record::Allocations { count }.send(records))?;
    Record::Executing.send(records)?;
    let mut answer = Errno::ENOENT;
    for candidate in &program.candidates {
        let errno = sys::process::execute(candidate, &program.arguments, &program.environment);
        match errno {
            Errno::ENOENT if sys::file::executable(candidate).is_ok() => {
                let step = u32::try_from(index).unwrap_or(u32::MAX);
                Record::NoInterpreter { step }.send(records)?;
                sys::process::exit(1)
            }
            Errno::ENOENT | Errno::ENOTDIR => {}
            Errno::EACCES => answer = Errno::EACCES,
            errno => return Err(errno),
        }
    }
    Err(answer)
}
