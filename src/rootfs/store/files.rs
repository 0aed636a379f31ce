//! Small files of the store.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::rootfs::content::errno;

/// Opens a file of the store for reading.
pub(super) fn open_file(dir: impl AsFd, path: &str) -> nix::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(dir, path, flags, Mode::empty()).map(File::from)
}

pub(super) fn read(dir: impl AsFd, path: &str) -> nix::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = open_file(dir, path)?;
    file.read_to_end(&mut bytes).map_err(errno)?;
    Ok(bytes)
}

pub(super) fn write(dir: impl AsFd, path: &str, bytes: &[u8]) -> nix::Result<()> {
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = openat(dir, path, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    File::from(file).write_all(bytes).map_err(errno)
}

/// Writes a file aside, then gives it its name: nobody reads half of it.
pub(super) fn replace(dir: impl AsFd + Copy, path: &str, bytes: &[u8]) -> nix::Result<()> {
    let new = format!("{path}.new.{}", std::process::id());
    write(dir, &new, bytes).and_then(|()| renameat(dir, new.as_str(), dir, path))
}

/// Removes a file that may be gone.
pub(super) fn remove_file(dir: impl AsFd, path: &str) -> nix::Result<()> {
    match unlinkat(dir, path, UnlinkatFlags::NoRemoveDir) {
        Err(Errno::ENOENT) => Ok(()),
        done => done,
    }
}
