//! The file of `--report`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::diag::Problem;
use crate::model::guard::{self, Guard};

use super::profile::general;

/// The rule about one that cannot be written.
pub const RULE: &str = "command-line.report";

/// The report of one run: one at most is written.
#[derive(Debug, Default)]
pub enum ReportFile {
    /// Nobody has opened it.
    #[default]
    Closed,
    /// It is open, and empty.
    Open(File),
    /// It is written.
    Written,
}

impl ReportFile {
    /// Opens it (see [`create`]).
    ///
    /// # Errors
    /// As open(2).
    pub fn open(&mut self, path: &Path) -> Result<(), Problem> {
        *self = ReportFile::Open(create(path)?);
        Ok(())
    }

    /// Writes it whole where it is open.
    ///
    /// # Errors
    /// As write(2).
    pub fn write(&mut self, text: &str) -> Result<(), Problem> {
        match std::mem::take(self) {
            ReportFile::Open(mut file) => {
                *self = ReportFile::Written;
                write(&mut file, text)
            }
            other => {
                *self = other;
                Ok(())
            }
        }
    }
}

/// Opens it, empty: no link, and no pipe without a reader, since an earlier run may have laid one there. Those of
/// /dev are the system's own (/dev/stdout).
///
/// # Errors
/// As open(2).
fn create(path: &Path) -> Result<File, Problem> {
    let mut options = OpenOptions::new();
    if !path.starts_with("/dev") && guard::holds(Guard::ReportLinks) {
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o666)
        .open(path);
    let what = || format!("write the report `{}`", path.display());
    file.map_err(|error| failed(&what(), &error))
}

/// Writes it whole.
///
/// # Errors
/// As write(2).
fn write(file: &mut File, text: &str) -> Result<(), Problem> {
    let written = file.write_all(text.as_bytes());
    written.map_err(|error| failed("write the report", &error))
}

fn failed(what: &str, error: &io::Error) -> Problem {
    general(RULE, format!("cannot {what}: {error}"))
}
