//! Files that were opened, each read once in a build.

use std::collections::HashMap;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::error::{Chain, Defect, ResolveError};
use super::machine::Machine;
use super::object::{self, Bytes, HEAD, Object};

/// How much of a script the kernel reads (`BINPRM_BUF_SIZE`).
pub(super) const SCRIPT_HEAD: usize = 256;

/// What makes two names one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

/// What a file holds.
#[derive(Debug)]
pub(super) enum Content {
    /// An ELF file for this machine; the loader may step over it without looking further.
    Elf(Machine, Result<Rc<Object>, Defect>),
    /// The ELF magic, and then nothing that tells the machine.
    Malformed(Defect),
    /// Starts with `#!`: its first bytes, padded with NUL as the kernel does.
    Script(Box<[u8; SCRIPT_HEAD]>),
    /// Anything else.
    Other,
}

/// A file that could be opened and read.
#[derive(Debug)]
pub(super) struct Opened {
    pub id: FileId,
    pub content: Content,
    /// The permission bits.
    pub mode: u32,
}

/// Why a file could not be opened.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// It does not exist.
    Absent,
    /// It, or a directory above it, may not be read; a search goes on.
    Denied(String),
    /// Not a regular file.
    NotAFile,
    /// Its links lead in a circle.
    LinkLoop,
    /// Anything else.
    Failed(String),
}

type Outcome = Result<Rc<Opened>, Fault>;

/// Files and directories that were looked at.
#[derive(Default)]
pub(super) struct Store {
    files: HashMap<PathBuf, Outcome>,
    directories: HashMap<PathBuf, bool>,
}

impl Store {
    /// The file at `path`, read at the first call.
    pub fn open(&mut self, path: &Path) -> Outcome {
        if let Some(known) = self.files.get(path) {
            return known.clone();
        }
        let outcome = open(path).map(Rc::new);
        self.files.insert(path.to_owned(), outcome.clone());
        outcome
    }

    /// Whether there is a directory at `path`.
    pub fn is_directory(&mut self, path: &Path) -> bool {
        if let Some(known) = self.directories.get(path) {
            return *known;
        }
        let found = path.is_dir();
        self.directories.insert(path.to_owned(), found);
        found
    }
}

impl Fault {
    /// This fault as an error at `path`.
    pub fn at(self, path: &Path, chain: Chain) -> ResolveError {
        let path = path.to_owned();
        match self {
            Fault::Absent => ResolveError::NotFound { path },
            Fault::NotAFile => ResolveError::NotAFile { path, chain },
            Fault::LinkLoop => ResolveError::LinkLoop { path, chain },
            Fault::Denied(reason) | Fault::Failed(reason) => ResolveError::Unreadable {
                path,
                reason,
                chain,
            },
        }
    }
}

fn open(path: &Path) -> Result<Opened, Fault> {
    let (file, metadata) = open_regular(path)?;
    let mut buffer = [0; HEAD];
    let count = read_head(&file, &mut buffer).map_err(fault)?;
    Ok(Opened {
        id: FileId {
            device: metadata.dev(),
            inode: metadata.ino(),
        },
        content: classify(&file, &buffer[..count]),
        mode: metadata.mode(),
    })
}

/// Opens a regular file without waiting: a pipe or a device would block or act.
pub(super) fn open_regular(path: &Path) -> Result<(File, Metadata), Fault> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(fault)?;
    let metadata = file.metadata().map_err(fault)?;
    match metadata.is_file() {
        true => Ok((file, metadata)),
        false => Err(Fault::NotAFile),
    }
}

fn fault(error: io::Error) -> Fault {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) => Fault::Absent,
        Some(libc::EACCES) => Fault::Denied(error.to_string()),
        Some(libc::ELOOP) => Fault::LinkLoop,
        // A socket, or a device without a driver.
        Some(libc::ENXIO | libc::ENODEV) => Fault::NotAFile,
        _ => Fault::Failed(error.to_string()),
    }
}

pub(super) fn read_head(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn classify(file: &File, head: &[u8]) -> Content {
    if head.starts_with(b"#!") {
        let mut script = [0; SCRIPT_HEAD];
        let count = head.len().min(SCRIPT_HEAD);
        script[..count].copy_from_slice(&head[..count]);
        return Content::Script(Box::new(script));
    }
    if !head.starts_with(&::object::elf::ELFMAG) {
        return Content::Other;
    }
    match object::read(&Bytes { file, head }) {
        Ok((machine, object)) => Content::Elf(machine, object.map(Rc::new)),
        Err(defect) => Content::Malformed(defect),
    }
}
