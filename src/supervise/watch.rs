//! The loop around a running sandbox: signals, time, terminal, records, the end.

mod outside;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};

use crate::cgroup::thaw;
use crate::launch::{self, KILL_ALL, Listened, Record, Running};
use crate::sys;
use crate::sys::process::Watched;

use super::asked::{self, Asked, taken_signals};
use super::desk::Desk;
use super::gauges::Gauges;
use super::job_control;
use super::refused::Refusals;
use super::relay::{Output, Relay};
use super::seen::{FirstProcess, Killed, Records, Rules, Seen};
use super::state::unix_now;
use super::streams::Meter;

pub(super) use outside::Outside;

/// Watches until the first process has ended; `note` takes down what runs as soon as it does.
///
/// # Errors
/// When the kernel refuses what every host allows (poll, signalfd, the modes of a terminal), and what `note`
/// says.
pub(super) fn watch<'a, 'r>(
    running: Running,
    rules: Rules,
    outside: &'a mut Outside<'r>,
    listened: Option<Listened>,
    gauges: Gauges<'a>,
    note: impl FnOnce(&Running) -> io::Result<()>,
) -> io::Result<Seen> {
    let mut watch = Watch::new(running, rules, outside, listened)?;
    watch.gauges = gauges;
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
    meter: Meter,
    gauges: Gauges<'a>,
    seen: Seen,
    ended: bool,
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
const STREAMS: [usize; 2] = [11, 12];
const SANDBOX: usize = 13;
const DESK: usize = 14;
const MEMORY: usize = 15;

/// How long a first process that is no PID 1 may take to kill all others.
const GRACE: Duration = Duration::from_secs(2);

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
            meter: Meter::new(rules.output),
            gauges: Gauges::default(),
            seen: Seen {
                started_unix: unix_now(),
                ..Seen::nothing()
            },
            ended: false,
        })
    }

    /// Waits once and deals with all that came; whether the first process has ended.
    fn turn(&mut self) -> io::Result<bool> {
        self.refusals.keep_time()?;
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
            self.stop(self.rules.stop_signal, Asked::CallerEnded)?;
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
            away.log.take(&mut self.meter);
        }
        if STREAMS.into_iter().any(ready) {
            self.outside.streams.carry_on(&mut self.meter);
        }
        if self.meter.is_over() && self.seen.killed.is_none() {
            self.kill(Killed::Output)?;
        }
        if let Some(why) = self.gauges.look(ready(MEMORY))? {
            self.kill(why)?;
        }
        self.kill_when_due()?;
        // Last, and one at a time: whoever makes many such calls waits for all of the above.
        if ready(REFUSALS) {
            let events = watched.get(REFUSALS).map_or(0, |file| file.revents);
            self.refusals.take(events)?;
        }
        Ok(ready(FIRST_PROCESS))
    }

    fn watched(&self) -> [Watched; 16] {
        let master = self.relay.as_ref().map(Relay::master);
        let events = master.map_or(0, |(_, events)| events);
        let records = self
            .seen
            .records_open()
            .then(|| self.running.records.as_fd());
        let socket = self.running.terminal.as_ref().map(AsFd::as_fd);
        let read = libc::POLLIN;
        let away = self.outside.away.as_ref();
        let [(one, of_one), (other, of_other)] = self.outside.streams.watched();
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
            entry(one, of_one),
            entry(other, of_other),
            entry(self.outside.sandbox.as_ref().map(AsFd::as_fd), read),
            entry(self.outside.desk.as_ref().map(Desk::watched), read),
            entry(self.gauges.watched(), read),
        ]
    }

    /// Milliseconds until there is something to do, rounded up.
    fn time_left(&self) -> Option<i32> {
        let kill = self.kill_at.map(|(at, _)| at);
        let kill = kill.map(|at| at.saturating_duration_since(Instant::now()));
        let waits = self.relay.as_ref().is_some_and(Relay::is_waiting);
        let look = waits.then_some(LOOK_FOR_TERMINAL);
        let pause = self.refusals.pause();
        let left = [kill, look, pause, self.gauges.pause()]
            .into_iter()
            .flatten()
            .min()?;
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
            Some(Record::Stopped { signal }) => self.stop_with_program(signal)?,
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
        let given = relay.give_input();
        let relayed = given.and_then(|()| relay.hand_output_on(&mut self.meter));
        self.or_hang_up(relayed.map(drop))
    }

    /// A caller's terminal that is gone is a hang-up.
    fn or_hang_up(&mut self, relayed: io::Result<()>) -> io::Result<()> {
        match relayed {
            Ok(()) => Ok(()),
            Err(_) => {
                self.relay = None;
                self.stop(libc::SIGHUP, Asked::TerminalClosed)
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
                libc::SIGTERM => self.stop(self.rules.stop_signal, Asked::by_signal(&signal))?,
                libc::SIGHUP => self.stop(libc::SIGHUP, Asked::by_signal(&signal))?,
                number => {
                    asked::note(&mut self.seen, Asked::by_signal(&signal));
                    self.send(number)?;
                }
            }
        }
        Ok(())
    }

    /// Asks the program to end, and kills it when it does not in time.
    fn stop(&mut self, signal: i32, asked: Asked) -> io::Result<()> {
        asked::note(&mut self.seen, asked);
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

    /// The program was stopped: so is `sandbox`, and both go on together. Where no shell would continue them, keys
    /// and the terminal stop nobody, as in any process group that is orphaned (setpgid(2)); SIGSTOP stops the program
    /// alone.
    fn stop_with_program(&mut self, signal: i32) -> io::Result<()> {
        if self.outside.away.is_some() || !job_control::has_shell() {
            return match signal {
                libc::SIGSTOP => Ok(()),
                _ => self.send(libc::SIGCONT),
            };
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
        self.kill(why)
    }

    /// Ends everything, now: also what is frozen, and a first process that the program has stopped. One that has not
    /// ended then is killed itself, and what it leaves comes to this process.
    fn kill(&mut self, why: Killed) -> io::Result<()> {
        let again = self.seen.killed.is_some();
        self.seen.killed.get_or_insert(why);
        match self.rules.first_process {
            FirstProcess::Init => self.send(libc::SIGKILL)?,
            FirstProcess::Subreaper | FirstProcess::Beside if again => self.send(libc::SIGKILL)?,
            FirstProcess::Subreaper | FirstProcess::Beside => {
                self.send(KILL_ALL)?;
                self.send(libc::SIGCONT)?;
                self.kill_at = Instant::now().checked_add(GRACE).map(|at| (at, why));
            }
        }
        thaw(&self.outside.groups)
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
        self.ended = true;
        self.seen.wall = self.started.elapsed();
        self.seen.refused_calls = self.refusals.told();
        self.seen.killed_for = self.refusals.killed_for();
        (self.seen.init, self.seen.usage) = (status, usage);
        while self.seen.records_open() {
            self.take_record()?;
        }
        self.hand_last_output_on()?;
        if self.seen.failure.is_none() && self.seen.executing {
            self.leave_caller()?;
        }
        if let Some(away) = &mut self.outside.away {
            away.log.take_rest(&mut self.meter);
            self.seen.log_lost = Some(away.log.lost());
        }
        if self.meter.is_over() {
            self.seen.killed.get_or_insert(Killed::Output);
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

    /// All that is still on its way; a caller who takes none of it can leave by a signal.
    fn hand_last_output_on(&mut self) -> io::Result<()> {
        while self.carry_last() {
            if !self.has_room_outside()? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Carries on what the program has left; whether some of it waits for the caller.
    fn carry_last(&mut self) -> bool {
        let mut waits = self.outside.streams.carry_rest(&mut self.meter);
        while let Some(relay) = &mut self.relay
            // A caller who is gone misses nothing.
            && let Ok(Output::More) = relay.hand_output_on(&mut self.meter)
        {
            if relay.output().is_some() {
                waits = true;
                break;
            }
        }
        waits
    }

    /// Waits until the caller takes more; whether it does. Nobody waits for it behind a time limit.
    fn has_room_outside(&self) -> io::Result<bool> {
        let streams = self.outside.streams.watched();
        let [one, other] = streams.map(|(file, events)| file.filter(|_| events == libc::POLLOUT));
        let room = libc::POLLOUT;
        let mut watched = [
            entry(self.relay.as_ref().and_then(Relay::output), room),
            entry(one, room),
            entry(other, room),
            entry(Some(self.signals.as_fd()), libc::POLLIN),
        ];
        let patience = match self.seen.killed {
            None | Some(Killed::Output | Killed::Memory) => None,
            Some(Killed::WallTime | Killed::CpuTime | Killed::StopTimeout) => Some(0),
        };
        sys::process::poll(&mut watched, patience)?;
        let has_room = watched[..3].iter().any(|file| file.revents != 0);
        let leaves = |signal: siginfo| i32::try_from(signal.ssi_signo) != Ok(libc::SIGWINCH);
        let left = self.signals.read_signal()?.is_some_and(leaves);
        Ok(!left && (has_room || patience.is_none()))
    }
}

impl Drop for Watch<'_, '_> {
    /// An error of the loop must not leave a sandbox behind.
    fn drop(&mut self) {
        if !self.ended {
            // It may have ended by itself meanwhile; there is nothing else to do about a failure.
            let killed = self.send(libc::SIGKILL).is_ok();
            if killed {
                sys::process::wait_for(self.running.child.pid).ok();
                self.end_left_behind().ok();
            }
        }
    }
}
