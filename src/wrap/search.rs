//! The real program behind a wrapper.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::Own;

/// So much of a script tells its interpreter: the kernel reads no more.
const HEAD: usize = 256;

/// Why there is no program to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// PATH is not set.
    NoPath,
    /// No directory of PATH holds it beside the wrapper.
    Nowhere,
    /// It is a script that names the wrapper as its interpreter.
    Circle(PathBuf),
}

/// The first program of this name in PATH that is not this binary under another name.
///
/// Only absolute directories count: an empty or relative entry means another program in every directory
/// that the caller stands in.
///
/// # Errors
/// When there is none.
pub fn program(name: &OsStr, path: Option<&OsStr>, own: &Own) -> Result<PathBuf, Missing> {
    let path = path.ok_or(Missing::NoPath)?;
    let found = places(name, path).find(|file| is_program(file) && !own.is_at(file));
    let found = found.ok_or(Missing::Nowhere)?;
    match interpreter(&found).is_some_and(|interpreter| own.is_at(&interpreter)) {
        true => Err(Missing::Circle(found)),
        false => Ok(found),
    }
}

/// Whether the wrapper at `link` is what its name starts: nothing of the name stands before it.
pub fn is_first(link: &Path, path: &OsStr) -> bool {
    let name = link.file_name().unwrap_or_default();
    let first = places(name, path).find(|file| is_program(file));
    first.is_some_and(|first| first == link)
}

fn places(name: &OsStr, path: &OsStr) -> impl Iterator<Item = PathBuf> {
    let directories: Vec<PathBuf> = std::env::split_paths(path).collect();
    let name: OsString = name.to_owned();
    let directories = directories.into_iter().filter(|path| path.is_absolute());
    directories.map(move |directory| directory.join(&name))
}

/// A file that the caller may run; a link that leads in a circle is none.
fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file()) && access(file, AccessFlags::X_OK).is_ok()
}

/// What stands behind `#!`.
fn interpreter(program: &Path) -> Option<PathBuf> {
    let mut head = Vec::new();
    // What cannot be read is no script that could be started either.
    let file = File::open(program).ok()?;
    file.take(HEAD as u64).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?;
    let line = line.split(|byte| *byte == b'\n').next()?.trim_ascii_start();
    let word = line.split(|byte| byte.is_ascii_whitespace()).next()?;
    Some(PathBuf::from(OsStr::from_bytes(word)))
}
