//! Signals to the supervisor, and other demands that its program end.

use std::io;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::siginfo;

use crate::model::{self, Stop, StopAnswer, StopSource};
use crate::sys;

use super::seen::{Killed, Seen};

/// Signals that go on to the program. All others keep blocked, and so do nothing.
const PASSED_ON: [Signal; 8] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGTERM,
    Signal::SIGTSTP,
];

/// What the caller ignores stays ignored: a blocked signal would come all the same.
///
/// So nohup(1) keeps SIGHUP away, and a shell without job control SIGINT and SIGQUIT from what it started in the
/// background: the keys are meant for what is in front, in whose process group both are. The program itself is in
/// another one and ignores nothing by inheritance, so that only what passes here reaches it. SIGTERM, which no such
/// convention ignores, ends a sandbox wherever it was started.
///
/// # Errors
/// As sigaction(2).
pub(super) fn taken_signals() -> io::Result<SigSet> {
    let mut set = SigSet::empty();
    for signal in PASSED_ON {
        if !sys::signal::is_ignored(signal as i32)? {
            set.add(signal);
        }
    }
    set.add(Signal::SIGWINCH);
    Ok(set)
}

/// Who wanted the program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A signal that was passed on or translated.
    Signal(Sent),
    /// The caller has ended.
    CallerEnded,
    /// The caller's terminal is gone.
    TerminalClosed,
}

/// A signal and its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub signal: i32,
    pub pid: Option<i32>,
    pub uid: Option<u32>,
}

impl Asked {
    /// Nobody's where the kernel itself sent it, as a terminal does for its keys; a sender in a PID namespace that
    /// cannot be seen from here is 0 (signal(7), pid_namespaces(7)).
    pub(super) fn by_signal(info: &siginfo) -> Asked {
        let is_process = info.ssi_code <= 0;
        let pid = i32::try_from(info.ssi_pid).ok().filter(|pid| *pid > 0);
        Asked::Signal(Sent {
            signal: i32::try_from(info.ssi_signo).unwrap_or(0),
            pid: pid.filter(|_| is_process),
            uid: is_process.then_some(info.ssi_uid),
        })
    }

    /// Whether the program has to follow, and is killed else: keys such as Ctrl-C are only passed on.
    fn must_be_obeyed(self) -> bool {
        match self {
            Asked::Signal(sent) => matches!(sent.signal, libc::SIGTERM | libc::SIGHUP),
            Asked::CallerEnded | Asked::TerminalClosed => true,
        }
    }
}

/// Notes a demand: the first that must be obeyed stays, before it the latest one that was passed on.
pub(super) fn note(seen: &mut Seen, asked: Asked) {
    if !seen.asked.is_some_and(Asked::must_be_obeyed) {
        seen.asked = Some(asked);
    }
}

/// The demand that may have ended the program; nothing where it went on after it was passed one on.
pub(super) fn stop(seen: &Seen) -> Option<Stop> {
    let asked = seen.asked?;
    let sent = match asked {
        Asked::Signal(sent) => Some(sent),
        Asked::CallerEnded | Asked::TerminalClosed => None,
    };
    let followed = sent.is_some_and(|sent| ended_by(seen, sent.signal));
    if !asked.must_be_obeyed() && !followed {
        return None;
    }
    Some(Stop {
        by: match asked {
            Asked::Signal(_) => StopSource::Signal,
            Asked::CallerEnded => StopSource::CallerEnded,
            Asked::TerminalClosed => StopSource::TerminalClosed,
        },
        signal: sent.map(|sent| sent.signal),
        signal_name: sent.map(|sent| model::Signal::name_of(sent.signal)),
        sender_pid: sent.and_then(|sent| sent.pid),
        sender_uid: sent.and_then(|sent| sent.uid),
        answer: match seen.killed {
            Some(Killed::StopTimeout) => StopAnswer::Killed,
            _ => StopAnswer::Ended,
        },
    })
}

/// By the signal itself, or as a shell tells of it.
fn ended_by(seen: &Seen, signal: i32) -> bool {
    let status = seen.program.unwrap_or(seen.init);
    match libc::WIFEXITED(status) {
        true => libc::WEXITSTATUS(status) == 128 + signal,
        false => libc::WTERMSIG(status) == signal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(signal: i32) -> Asked {
        Asked::Signal(Sent {
            signal,
            pid: Some(7),
            uid: Some(0),
        })
    }

    fn told(asked: &[Asked], status: i32) -> Option<(StopSource, Option<i32>)> {
        let mut seen = Seen::nothing();
        for asked in asked {
            note(&mut seen, *asked);
        }
        seen.program = Some(status);
        stop(&seen).map(|stop| (stop.by, stop.signal))
    }

    #[test]
    fn a_key_that_did_not_end_the_program_is_not_told() {
        let interrupt = sent(libc::SIGINT);
        assert_eq!(told(&[interrupt], 0), None);
        let by_signal = Some((StopSource::Signal, Some(libc::SIGINT)));
        assert_eq!(told(&[interrupt], libc::SIGINT), by_signal);
        assert_eq!(told(&[interrupt], 130 << 8), by_signal);
    }

    #[test]
    fn the_first_demand_that_must_be_obeyed_is_told() {
        let asked = [sent(libc::SIGINT), Asked::CallerEnded, sent(libc::SIGTERM)];
        assert_eq!(told(&asked, 0), Some((StopSource::CallerEnded, None)));
        let asked = [sent(libc::SIGTERM), sent(libc::SIGINT)];
        let by_term = Some((StopSource::Signal, Some(libc::SIGTERM)));
        assert_eq!(told(&asked, 0), by_term);
    }
}
