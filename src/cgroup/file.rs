//! Control files: one value in, one text out.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::libc;

/// No control file that is read here is longer, but for a list of processes.
const LONGEST_TEXT: u64 = 4 << 20;

/// Writes a value in one call, as control files need it.
///
/// Never creates the file: below a directory that is no control group this fails with ENOENT
/// instead of leaving a plain file behind that limits nothing.
pub(super) fn write(path: &Path, value: &str) -> Result<(), Errno> {
    let mut file = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(|error| errno(&error))?;
    let written = file
        .write(value.as_bytes())
        .map_err(|error| errno(&error))?;
    if written == value.len() {
        Ok(())
    } else {
        Err(Errno::EIO)
    }
}

/// The whole text, without the stat and seek of `std::fs::read_to_string`.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::with_capacity(4 << 10);
    File::open(path)?
        .take(LONGEST_TEXT)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// Opens a file to write to later, by whoever holds the descriptor then.
pub(super) fn open_for_writing(path: &Path) -> Result<OwnedFd, Errno> {
    let file = OpenOptions::new().write(true).open(path);
    file.map(OwnedFd::from).map_err(|error| errno(&error))
}

/// Opens a directory itself, never what a link points to.
pub(super) fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
        .open(path);
    file.map(OwnedFd::from).map_err(|error| errno(&error))
}

/// The errno of a call that failed.
pub(super) fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// The number behind `key` in a file of `key number` lines.
pub(super) fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(name, _)| *name == key)
        .and_then(|(_, number)| number.trim().parse().ok())
}
