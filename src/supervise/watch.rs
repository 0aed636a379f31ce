//! The loop around a running sandbox: signals, time, terminal, records, the end.

mod outside;
mod seen;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};

use crate::launch::{self, KILL_ALL, Listened, Record, Running};
use crate::sys;
use crate::sys::process::Watched;

use super::desk::Desk;
use super::job_control;
use super::refused::Refusals;
use super::relay::{Output, Relay};

pub(super) use outside::Outside;
use seen::Records;
pub use seen::{Killed, Seen};

/// What the loop needs to know of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// When everything is killed.
    pub wall_time: Option<Duration>,
    /// What asks the program to end.
    pub stop_signal: i32,
    /// How long to wait before SIGKILL.
    pub stop_timeout: Duration,
    /// Whether SIGKILL to the first process ends all others.
    pub first_process: FirstProcess,
}

/// How far the kernel's own clean-up reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstProcess {
    /// It is PID 1: with it everything ends.
    Init,
    /// No PID namespace: it has to end the others itself.
    Subreaper,
    /// It has joined a sandbox: its program is one of many there, and the end of it alone.
    Beside,
}

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

/// Watches until the first process has ended; `note` takes down what runs as soon as it does.
///
/// # Errors
/// When the kernel refuses what every host allows (poll, signalfd, the modes of a terminal), and what `note`
/// says.
pub(super) fn watch(
    running: Running,
    rules: Rules,
    outside: &mut Outside<'_>,
    listened: Option<Listened>,
    note: impl FnOnce(&Running) -> io::Result<()>,
) -> io::Result<Seen> {
    let mut watch = Watch::new(running, rules, outside, listened)?;
    note(&watch.running)?;
    while !watch.turn()? {}
    watch.finish()
}

struct Watch<'a, 'r> {
    running: Running,
    rules: Rules,
    signals: SignalFd,
    outside: &'a mut Outside<'r>,
    relay: Option<Relay>,
    refusals: Refusals,
    started: Instant,
    kill_at: Option<(Instant, Killed)>,
    seen: Seen,
}

fn entry(file: Option<BorrowedFd<'_>>, events: i16) -> Watched {
    Watched {
        // poll(2) passes over a negative number.
        fd: file.map_or(-1, |file| file.as_raw_fd()),
        events,
        revents: 0,
    }
}

/// The process that started `sandbox`, to be asked for before anything takes time: whoever adopts the
/// orphan of a caller that has ended tells nothing. None where it is outside this PID namespace.
///
/// # Errors
/// As pidfd_open(2).
pub fn caller() -> io::Result<Option<OwnedFd>> {
    match nix::unistd::getppid().as_raw() {
        0 => Ok(None),
        parent => match sys::pidfd::open(parent) {
            Ok(pidfd) => Ok(Some(pidfd)),
            // It has ended already.
            Err(Errno::ESRCH) => Ok(None),
            Err(errno) => Err(errno.into()),
        },
    }
}

/// What the caller ignores stays ignored (nohup(1)): a blocked signal would come all the same.
fn taken_signals() -> io::Result<SigSet> {
    let mut set = SigSet::empty();
    for signal in PASSED_ON {
        if !sys::signal::is_ignored(signal as i32)? {
            set.add(signal);
        }
    }
    set.add(Signal::SIGWINCH);
    Ok(set)
}

/// Places in the list of what is polled.
const FIRST_PROCESS: usize = 0;
const SIGNALS: usize = 1;
const RECORDS: usize = 2;
const CALLER: usize = 3;
const TERMINAL_SOCKET: usize = 4;
const MASTER: usize = 5;
const INPUT: usize = 6;
const OUTPUT: usize = 7;
const REFUSALS: usize = 8;
const GATE: usize = 9;
const LOG: usize = 10;
const SANDBOX: usize = 11;
const DESK: usize = 12;

/// How often to look whether the caller's shell has given its terminal to this job.
const LOOK_FOR_TERMINAL: Duration = Duration::from_millis(250);

impl<'a, 'r> Watch<'a, 'r> {
    fn new(
        mut running: Running,
        rules: Rules,
        outside: &'a mut Outside<'r>,
        listened: Option<Listened>,
    ) -> io::Result<Watch<'a, 'r>> {
        let started = Instant::now();
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let wall = rules.wall_time.and_then(|time| started.checked_add(time));
        Ok(Watch {
            refusals: Refusals::new(running.listener.take(), listened),
            running,
            rules,
            signals: SignalFd::with_flags(&taken_signals()?, flags)?,
            outside,
            relay: None,
            started,
            kill_at: wall.map(|at| (at, Killed::WallTime)),
            seen: Seen::nothing(),
        })
    }

    /// Waits once and deals with all that came; whether the first process has ended.
    fn turn(&mut self) -> io::Result<bool> {
        self.refusals.refill();
        let mut watched = self.watched();
        sys::process::poll(&mut watched, self.time_left())?;
        let ready = |place: usize| watched.get(place).is_some_and(|file| file.revents != 0);
        if ready(RECORDS) {
            self.take_record()?;
        }
        if ready(TERMINAL_SOCKET) {
            self.take_terminal()?;
        }
        if ready(MASTER) || ready(INPUT) || ready(OUTPUT) {
            self.relay(ready(INPUT))?;
        }
        self.with_relay(Relay::resume)?;
        if ready(SIGNALS) {
            self.take_signals()?;
        }
        if ready(CALLER) {
            self.outside.caller = None;
            self.stop(self.rules.stop_signal)?;
        }
        if ready(SANDBOX) {
            self.outside.sandbox = None;
            self.send(KILL_ALL)?;
        }
        if ready(GATE) {
            self.leave_caller()?;
        }
        if let Some(desk) = self.outside.desk.as_ref().filter(|_| ready(DESK)) {
            desk.serve();
        }
        if ready(LOG)
            && let Some(away) = &mut self.outside.away
        {
            away.log.take();
        }
        self.kill_when_due()?;
        // Last, and one at a time: whoever makes many such calls waits for all of the above.
        if ready(REFUSALS) {
            let events = watched.get(REFUSALS).map_or(0, |file| file.revents);
            self.refusals.take(events)?;
        }
        Ok(ready(FIRST_PROCESS))
    }

    fn watched(&self) -> [Watched; 13] {
        let master = self.relay.as_ref().map(Relay::master);
        let events = master.map_or(0, |(_, events)| events);
        let records = self
            .seen
            .records_open()
            .then(|| self.running.records.as_fd());
        let socket = self.running.terminal.as_ref().map(AsFd::as_fd);
        let read = libc::POLLIN;
        let away = self.outside.away.as_ref();
        let awaited = away.filter(|away| away.is_awaited() && self.seen.failure.is_none());
        [
            entry(Some(self.running.child.pidfd.as_fd()), read),
            entry(Some(self.signals.as_fd()), read),
            entry(records, read),
            entry(self.outside.caller.as_ref().map(AsFd::as_fd), read),
            entry(socket, read),
            entry(master.map(|(file, _)| file), events),
            entry(self.relay.as_ref().and_then(Relay::input), read),
            entry(self.relay.as_ref().and_then(Relay::output), libc::POLLOUT),
            entry(self.refusals.watched(), read),
            // Its other ends are gone when the program was executed, or will not be.
            entry(awaited.map(|_| self.running.gate.as_fd()), 0),
            entry(away.and_then(|away| away.log.watched()), read),
            entry(self.outside.sandbox.as_ref().map(AsFd::as_fd), read),
            entry(self.outside.desk.as_ref().map(Desk::watched), read),
        ]
    }

    /// Milliseconds until there is something to do, rounded up.
    fn time_left(&self) -> Option<i32> {
        let kill = self.kill_at.map(|(at, _)| at);
        let kill = kill.map(|at| at.saturating_duration_since(Instant::now()));
        let waits = self.relay.as_ref().is_some_and(Relay::is_waiting);
        let look = waits.then_some(LOOK_FOR_TERMINAL);
        let pause = self.refusals.pause();
        let left = kill.into_iter().chain(look).chain(pause).min()?;
        let left = left.as_nanos().div_ceil(1_000_000);
        Some(i32::try_from(left).unwrap_or(i32::MAX))
    }

    fn take_record(&mut self) -> io::Result<()> {
        match Record::receive(self.running.records.as_fd())? {
            None => self.seen.records = Records::Ended,
            Some(Record::Executing) => self.seen.executing = true,
            Some(Record::Ended { status }) => self.seen.program = Some(status),
            Some(Record::Allocations { count }) => {
                let reason = format!("{count} allocations after the clone");
                return Err(io::Error::other(reason));
            }
            Some(Record::Probed { place, found }) => self.seen.found.push((place, found)),
            Some(Record::Stopped { .. }) => self.stop_with_program()?,
            Some(failure @ (Record::Failed { .. } | Record::NoInterpreter { .. })) => {
                self.seen.failure.get_or_insert(failure);
            }
        }
        Ok(())
    }

    fn take_terminal(&mut self) -> io::Result<()> {
        let Some(socket) = self.running.terminal.take() else {
            return Ok(());
        };
        // Closed without a master: the set-up failed before, and a record says why.
        if let Some(master) = sys::network::receive_descriptor(socket.as_fd())? {
            self.relay = Some(Relay::start(master)?);
        }
        Ok(())
    }

    fn relay(&mut self, has_input: bool) -> io::Result<()> {
        let Some(relay) = &mut self.relay else {
            return Ok(());
        };
        if has_input {
            relay.take_input();
        }
        let relayed = relay.give_input().and_then(|()| relay.hand_output_on());
        self.or_hang_up(relayed.map(drop))
    }

    /// A caller's terminal that is gone is a hang-up.
    fn or_hang_up(&mut self, relayed: io::Result<()>) -> io::Result<()> {
        match relayed {
            Ok(()) => Ok(()),
            Err(_) => {
                self.relay = None;
                self.stop(libc::SIGHUP)
            }
        }
    }

    fn with_relay(&mut self, work: impl Fn(&mut Relay) -> io::Result<()>) -> io::Result<()> {
        let worked = self.relay.as_mut().map_or(Ok(()), work);
        self.or_hang_up(worked)
    }

    fn take_signals(&mut self) -> io::Result<()> {
        while let Some(signal) = self.signals.read_signal()? {
            let number = i32::try_from(signal.ssi_signo).unwrap_or(0);
            match number {
                libc::SIGWINCH => self.with_relay(|relay| relay.resize())?,
                libc::SIGTERM => self.stop(self.rules.stop_signal)?,
                libc::SIGHUP => self.stop(libc::SIGHUP)?,
                number => self.send(number)?,
            }
        }
        Ok(())
    }

    /// Asks the program to end, and kills it when it does not in time.
    fn stop(&mut self, signal: i32) -> io::Result<()> {
        self.send(signal)?;
        // One that is stopped cannot end.
        self.send(libc::SIGCONT)?;
        let at = Instant::now().checked_add(self.rules.stop_timeout);
        if let Some(at) = at
            && self.kill_at.is_none_or(|(earlier, _)| at < earlier)
        {
            self.kill_at = Some((at, Killed::StopTimeout));
        }
        Ok(())
    }

    /// The program was stopped: so is `sandbox`, and both go on together.
    fn stop_with_program(&mut self) -> io::Result<()> {
        // No shell would continue a supervisor without a caller.
        if self.outside.away.is_some() {
            return Ok(());
        }
        self.with_relay(Relay::pause)?;
        job_control::stop(self.kill_at.map(|(at, _)| at))?;
        self.send(libc::SIGCONT)
    }

    fn kill_when_due(&mut self) -> io::Result<()> {
        let Some((at, why)) = self.kill_at else {
            return Ok(());
        };
        if Instant::now() < at {
            return Ok(());
        }
        self.kill_at = None;
        self.seen.killed = Some(why);
        self.send(match self.rules.first_process {
            FirstProcess::Init => libc::SIGKILL,
            FirstProcess::Subreaper | FirstProcess::Beside => KILL_ALL,
        })
    }

    fn send(&self, signal: i32) -> io::Result<()> {
        match sys::pidfd::send_signal(self.running.child.pidfd.as_fd(), signal) {
            Err(Errno::ESRCH) | Ok(()) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes in the first process, and what it said last.
    fn finish(mut self) -> io::Result<Seen> {
        let (status, usage) = sys::process::wait_for(self.running.child.pid)?;
        self.end_left_behind()?;
        self.seen.ended = true;
        self.seen.wall = self.started.elapsed();
        self.seen.refused_calls = self.refusals.told();
        (self.seen.init, self.seen.usage) = (status, usage);
        while self.seen.records_open() {
            self.take_record()?;
        }
        self.hand_last_output_on()?;
        if self.seen.failure.is_none() && self.seen.executing {
            self.leave_caller()?;
        }
        if let Some(away) = &mut self.outside.away {
            away.log.take_rest();
        }
        if self.seen.is_lost() {
            let reason = "the first process failed, and how the program ended is lost";
            return Err(io::Error::other(reason));
        }
        Ok(self.seen.clone())
    }

    /// The program can kill a first process that is no PID 1: the rest comes to this process then.
    fn end_left_behind(&self) -> io::Result<()> {
        match self.rules.first_process {
            FirstProcess::Init | FirstProcess::Beside => Ok(()),
            FirstProcess::Subreaper => Ok(launch::end_left_behind()?),
        }
    }

    /// All that the sandbox's terminal still holds; a caller who takes none of it can leave by a signal.
    fn hand_last_output_on(&mut self) -> io::Result<()> {
        let Some(relay) = &mut self.relay else {
            return Ok(());
        };
        // A caller who is gone misses nothing.
        while let Ok(Output::More) = relay.hand_output_on() {
            let Some(output) = relay.output() else {
                continue;
            };
            let mut watched = [
                entry(Some(output), libc::POLLOUT),
                entry(Some(self.signals.as_fd()), libc::POLLIN),
            ];
            let patience = self.seen.killed.map(|_| 0);
            sys::process::poll(&mut watched, patience)?;
            let [room, _] = watched;
            let leaves = |signal: siginfo| i32::try_from(signal.ssi_signo) != Ok(libc::SIGWINCH);
            if self.signals.read_signal()?.is_some_and(leaves)
                || (room.revents == 0 && patience.is_some())
            {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Drop for Watch<'_, '_> {
    /// An error of the loop must not leave a sandbox behind.
    fn drop(&mut self) {
        if !self.seen.ended {
            // It may have ended by itself meanwhile; there is nothing else to do about a failure.
            let killed = self.send(libc::SIGKILL).is_ok();
            if killed {
                sys::process::wait_for(self.running.child.pid).ok();
                self.end_left_behind().ok();
            }
        }
    }
}
