//! An archive file: opened once, checked, and read through the one descriptor.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use sha2::{Digest, Sha256 as Hasher};

use super::error::{ArchiveError, Reason, WalkError};
use super::member::Receiver;
use super::tape::Input;
use super::walk::{Names, Walk, about};
use crate::model::Sha256;

/// A regular file that stays open, as it was when it was opened.
#[derive(Debug)]
pub(crate) struct Held {
    file: File,
    stat: FileStat,
}

impl Held {
    /// Opens the file at `path`. A pipe or a device without anybody at its other end holds nothing up.
    pub fn open(path: &Path) -> Result<Held, Reason> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let fd = open(path, flags, Mode::empty()).map_err(io::Error::from);
        match fd {
            Ok(fd) => Held::new(fd.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Reason::Missing),
            Err(error) => Err(error.into()),
        }
    }

    /// Holds a file that is open.
    pub fn new(file: File) -> Result<Held, Reason> {
        let stat = fstat(file.as_fd()).map_err(io::Error::from)?;
        match SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) {
            SFlag::S_IFREG => Ok(Held { file, stat }),
            _ => Err(Reason::NoFile),
        }
    }

    /// The file as it was when it was opened.
    pub fn stat(&self) -> &FileStat {
        &self.stat
    }

    /// Its bytes.
    pub fn size(&self) -> u64 {
        self.stat.st_size.cast_unsigned()
    }

    /// All of it.
    pub fn whole(&self) -> Slice<'_> {
        self.slice(0, self.size())
    }

    /// A part of it.
    pub fn slice(&self, start: u64, size: u64) -> Slice<'_> {
        Slice {
            file: &self.file,
            at: start,
            end: start.saturating_add(size),
        }
    }

    /// Whether nobody wrote it since it was opened, as far as its times tell.
    pub fn unchanged(&self) -> Result<(), Reason> {
        let now = fstat(self.file.as_fd()).map_err(io::Error::from)?;
        let seen = |stat: &FileStat| {
            let modified = (stat.st_mtime, stat.st_mtime_nsec);
            (stat.st_size, modified, (stat.st_ctime, stat.st_ctime_nsec))
        };
        match seen(&now) == seen(&self.stat) {
            true => Ok(()),
            false => Err(Reason::Changed),
        }
    }
}

/// A part of a file, read by offset.
#[derive(Debug)]
pub(crate) struct Slice<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl<'a> Slice<'a> {
    /// The same part, from its start on, when nothing of it was read.
    pub fn again(&self) -> Slice<'a> {
        Slice {
            file: self.file,
            at: self.at,
            end: self.end,
        }
    }

    /// Bytes that are still to be read.
    pub fn size(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }

    /// Where it is read next.
    pub fn position(&self) -> u64 {
        self.at
    }
}

impl Read for Slice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        let read = self.file.read_at(&mut buffer[..most], self.at)?;
        if read == 0 && most > 0 {
            // It was longer when it was opened.
            return Err(Reason::Changed.into());
        }
        self.at += read as u64;
        Ok(read)
    }
}

impl Input for Slice<'_> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        if bytes > self.end.saturating_sub(self.at) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += bytes;
        Ok(())
    }
}

/// Hashes what is read of a file on the way.
pub(crate) struct Hashed<R> {
    input: R,
    hasher: Hasher,
}

impl<R: Read> Hashed<R> {
    pub fn new(input: R) -> Hashed<R> {
        Hashed {
            input,
            hasher: Hasher::new(),
        }
    }

    /// The hash of everything up to the end.
    pub fn finish(mut self) -> io::Result<Sha256> {
        let mut buffer = vec![0; 128 << 10];
        while self.read(&mut buffer)? > 0 {}
        Ok(Sha256(self.hasher.finalize().into()))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// A tar archive in a file: plain, or packed with gzip, zstd or xz.
#[derive(Debug)]
pub struct Archive {
    subject: String,
    held: Held,
    checked: Option<Sha256>,
}

impl Archive {
    /// Opens the archive at `path`, and reads it once whole where a hash is given.
    ///
    /// # Errors
    /// When it is no file that can be read, or another one than the hash says.
    pub fn open(path: &Path, sha256: Option<&Sha256>) -> Result<Archive, ArchiveError> {
        let subject = format!("archive `{}`", path.display());
        let open = || {
            let held = Held::open(path)?;
            if let Some(wanted) = sha256 {
                check(&held, wanted)?;
            }
            Ok(held)
        };
        match open() {
            Ok(held) => Ok(Archive {
                subject,
                held,
                checked: sha256.copied(),
            }),
            Err(reason) => Err(about(&subject, None, reason)),
        }
    }

    /// The file as it was when it was opened.
    pub fn stat(&self) -> &FileStat {
        self.held.stat()
    }

    /// Gives all members to `receiver` as one layer, and returns how many devices and pipes were left
    /// out. What was hashed at the opening is hashed again on the way: other bytes are an error, and
    /// then nothing that the receiver took in may be used.
    ///
    /// # Errors
    /// When the archive holds what no tree may, is damaged, or was changed since it was opened; and
    /// whatever the receiver says.
    pub fn walk<R: Receiver>(&self, receiver: &mut R) -> Result<u64, WalkError<R::Error>> {
        let about = |reason| about(&self.subject, None, reason);
        let mut walk = Walk::default();
        match &self.checked {
            None => walk.layer(
                &self.subject,
                self.held.whole(),
                Names::Plain,
                None,
                receiver,
            )?,
            Some(wanted) => {
                let mut input = Hashed::new(self.held.whole());
                walk.layer(&self.subject, &mut input, Names::Plain, None, receiver)?;
                let found = input.finish().map_err(|error| about(error.into()))?;
                if found != *wanted {
                    return Err(about(Reason::Changed).into());
                }
            }
        }
        self.held.unchanged().map_err(about)?;
        Ok(walk.skipped())
    }
}

fn check(held: &Held, wanted: &Sha256) -> Result<(), Reason> {
    let found = Hashed::new(held.whole()).finish()?;
    match found == *wanted {
        true => Ok(()),
        false => Err(Reason::Digest {
            wanted: *wanted,
            found,
        }),
    }
}
