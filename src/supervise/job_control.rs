//! Job control: `sandbox` stops when its program does, so that the caller's shell has the terminal.

use std::io;
use std::time::Instant;

use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;

use crate::sys;

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
