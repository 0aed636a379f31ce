//! Job control: `sandbox` stops when its program does, so that the caller's shell has the terminal.
//!
//! Only where a shell looks after this very process: one that stops while nobody does takes no signal, sees no end of
//! its caller, and would never go on.

use std::io;
use std::time::Instant;

use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use nix::unistd::{getpgid, getpgrp, getppid, getsid};

use crate::sys;

/// Whether a shell with job control started this process: it has put it into a process group of its own, in its
/// session, and the session has a terminal. A script's or make(1)'s children are in their group.
pub fn has_shell() -> bool {
    let parent = getppid();
    let own_session = getsid(None).ok();
    let same_session = own_session.is_some() && getsid(Some(parent)).ok() == own_session;
    let other_group = getpgid(Some(parent)).is_ok_and(|group| group != getpgrp());
    // It opens only for who has one.
    same_session && other_group && std::fs::File::open("/dev/tty").is_ok()
}

/// Stops this process until its shell continues it, or until `due`: a program that stops itself while
/// others of the sandbox go on must not get past a time limit.
///
/// # Errors
/// When the kernel has no timer left (RLIMIT_SIGPENDING); then it has not stopped.
pub fn stop(due: Option<Instant>) -> io::Result<()> {
    let alarm = due.map(wake_at).transpose()?;
    sys::signal::stop_self()?;
    drop(alarm);
    Ok(())
}

/// SIGCONT is the one signal that a stopped process needs not take to go on.
fn wake_at(due: Instant) -> io::Result<Timer> {
    let si_value = 0;
    let signal = Signal::SIGCONT;
    let event = SigEvent::new(SigevNotify::SigevSignal { signal, si_value });
    let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, event)?;
    // Zero would never come.
    let left = due.saturating_duration_since(Instant::now());
    let left = TimeSpec::from_duration(left.max(std::time::Duration::from_nanos(1)));
    timer.set(Expiration::OneShot(left), TimerSetTimeFlags::empty())?;
    Ok(timer)
}
