//! The links of wrappers: made where nothing is, taken away where they are ours.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{Own, entries, is_own_name};

/// What lies where the link of a wrapper belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lies {
    /// Nothing.
    Nothing,
    /// A link to this binary.
    Link,
    /// Anything else.
    Other,
}

/// Looks at it.
///
/// # Errors
/// Where it cannot be looked at.
pub fn look(link: &Path, own: &Own) -> io::Result<Lies> {
    match fs::symlink_metadata(link) {
        Ok(found) if found.is_symlink() && own.is_at(link) => Ok(Lies::Link),
        Ok(_) => Ok(Lies::Other),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Lies::Nothing),
        Err(error) => Err(error),
    }
}

/// Makes a link to this binary, with the directory that it lies in.
///
/// One call makes it, and fails where anything is: nothing is ever overwritten.
///
/// # Errors
/// `AlreadyExists` where something is, and what else the system says.
pub fn make(link: &Path, own: &Own) -> io::Result<()> {
    if let Some(directory) = link.parent() {
        fs::create_dir_all(directory)?;
    }
    symlink(own.path(), link)
}

/// Takes a link away that [`look`] found to be ours.
///
/// # Errors
/// What the system says.
pub fn remove(link: &Path) -> io::Result<()> {
    fs::remove_file(link)
}

/// The wrappers of a directory, sorted.
///
/// # Errors
/// Where it is there and cannot be read.
pub fn all(directory: &Path, own: &Own) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(directory)? {
        let name = path.file_name().unwrap_or(OsStr::new(""));
        if !is_own_name(name) && look(&path, own)? == Lies::Link {
            found.push(path);
        }
    }
    Ok(found)
}
