//! The files of one sandbox: how they come about whole, and how they go.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::lock::no_links;
use super::{ENDED, FILES, GROUPS, LOGS, OUTCOME, RUN, UNFINISHED};

/// The same error with the place where it happened: a full disk may be one of many.
pub(super) fn at(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

/// Writes a file aside and renames it. A draft that is there already is written over: its blocks are had.
pub(super) fn write_whole(place: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let draft = place.join(format!("{name}{UNFINISHED}"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.custom_flags(no_links()).open(&draft)?;
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    let written = io::Write::write_all(&mut file, content).and_then(|()| file.set_len(length));
    let placed = written.and_then(|()| fs::rename(&draft, place.join(name)));
    if placed.is_err() {
        // Half of it is nobody's; the directory's end takes it along where this fails.
        fs::remove_file(&draft).ok();
    }
    placed
}

pub(super) fn noted_groups(place: &Path) -> io::Result<Vec<PathBuf>> {
    let text = match fs::read(place.join(GROUPS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        text => text?,
    };
    let lines = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let paths = lines.map(|line| PathBuf::from(std::ffi::OsStr::from_bytes(line)));
    Ok(paths.collect())
}

/// Removes a directory with all files in it, those that another version of this program wrote too.
pub(super) fn clear(place: &Path) -> io::Result<()> {
    clear_all_but(place, &[])?;
    let left = match fs::read_dir(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        left => left.map_err(|error| at(&error, place))?,
    };
    for entry in left {
        remove_if_there(&entry.map_err(|error| at(&error, place))?.path())?;
    }
    match fs::remove_dir(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(&error, place)),
        _ => Ok(()),
    }
}

pub(super) fn clear_all_but(place: &Path, kept: &[&str]) -> io::Result<()> {
    for name in FILES.iter().rev().filter(|name| !kept.contains(name)) {
        remove_if_there(&place.join(name))?;
    }
    for name in [GROUPS, RUN, OUTCOME, ENDED, LOGS[0]] {
        remove_if_there(&place.join(format!("{name}{UNFINISHED}")))?;
    }
    Ok(())
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(&error, path)),
        _ => Ok(()),
    }
}
