//! Pseudo-terminals.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::{Result, descriptor, done};

/// The size of a terminal's window.
pub type WindowSize = libc::winsize;

/// Lets the other end of a master be opened (TIOCSPTLCK, ioctl_tty(2)).
///
/// # Errors
/// ENOTTY when it is no master.
pub fn unlock(master: BorrowedFd<'_>) -> Result<()> {
    let unlocked = 0i32;
    // SAFETY: TIOCSPTLCK reads one int.
    done(libc::c_long::from(unsafe {
        libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked)
    }))
}

/// Opens the other end without a path (TIOCGPTPEER).
///
/// # Errors
/// ENOTTY when it is no master.
pub fn open_peer(master: BorrowedFd<'_>) -> Result<OwnedFd> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: TIOCGPTPEER takes flags by value.
    descriptor(libc::c_long::from(unsafe {
        libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags)
    }))
}

/// Makes `terminal` the controlling one of the caller's session (TIOCSCTTY).
///
/// # Errors
/// EPERM when the caller leads no session or another has it.
pub fn take_control(terminal: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: TIOCSCTTY takes a number; 0 steals from nobody.
    done(libc::c_long::from(unsafe {
        libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0)
    }))
}

/// Makes `group` the one that the terminal's keys reach (tcsetpgrp(3)).
///
/// # Errors
/// As tcsetpgrp(3).
pub fn set_foreground(terminal: BorrowedFd<'_>, group: i32) -> Result<()> {
    // SAFETY: TIOCSPGRP reads one pid.
    done(libc::c_long::from(unsafe {
        libc::ioctl(terminal.as_raw_fd(), libc::TIOCSPGRP, &raw const group)
    }))
}

/// Whether `file` is a terminal.
pub fn is_terminal(file: BorrowedFd<'_>) -> bool {
    // SAFETY: only a descriptor is passed.
    unsafe { libc::isatty(file.as_raw_fd()) == 1 }
}

/// The size of a terminal's window (TIOCGWINSZ).
///
/// # Errors
/// ENOTTY when it is no terminal.
pub fn window_size(terminal: BorrowedFd<'_>) -> Result<WindowSize> {
    let mut size = WindowSize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCGWINSZ fills one winsize.
    done(libc::c_long::from(unsafe {
        libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size)
    }))?;
    Ok(size)
}

/// Sets the size of a terminal's window (TIOCSWINSZ), which sends SIGWINCH inside.
///
/// # Errors
/// ENOTTY when it is no terminal.
pub fn set_window_size(terminal: BorrowedFd<'_>, size: &WindowSize) -> Result<()> {
    // SAFETY: TIOCSWINSZ reads one winsize.
    done(libc::c_long::from(unsafe {
        libc::ioctl(
            terminal.as_raw_fd(),
            libc::TIOCSWINSZ,
            std::ptr::from_ref(size),
        )
    }))
}

/// Gives `to` the modes of `from`: echo, UTF-8, the erase key (TCGETS, TCSETS).
///
/// # Errors
/// ENOTTY when one is no terminal.
pub fn copy_modes(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<()> {
    let mut modes = MaybeUninit::<libc::termios>::uninit();
    // SAFETY: tcgetattr fills one termios.
    let read = unsafe { libc::tcgetattr(from.as_raw_fd(), modes.as_mut_ptr()) };
    done(libc::c_long::from(read))?;
    // SAFETY: filled above; tcsetattr reads one termios.
    done(libc::c_long::from(unsafe {
        libc::tcsetattr(to.as_raw_fd(), libc::TCSANOW, modes.as_ptr())
    }))
}
