//! The bytes of one file.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::fcntl::copy_file_range;
use nix::sys::stat::FileStat;
use nix::unistd::{Whence, ftruncate, lseek};

use crate::sys::copy::share_blocks;

/// How much is read at once where bytes pass through memory.
pub(super) const BUFFER: usize = 256 << 10;

/// How much is asked of one copy_file_range(2).
const MOST_AT_ONCE: i64 = 1 << 30;

/// Copies contents in the cheapest way that the two file systems know: shared blocks, a copy
/// inside the kernel, a copy through memory.
#[derive(Default)]
pub(super) struct Content {
    /// File systems that do not share blocks with the store.
    unshared: HashSet<u64>,
    buffer: Vec<u8>,
}

impl Content {
    /// Copies all of `from` to the empty file `into`; holes stay holes.
    ///
    /// A file that shrinks meanwhile gives a short copy, which the caller finds by its times.
    pub(super) fn transfer(
        &mut self,
        from: &File,
        into: &File,
        stat: &FileStat,
    ) -> nix::Result<()> {
        let size = stat.st_size;
        if size == 0 || self.share(from, into, stat.st_dev)? {
            return Ok(());
        }
        if stat.st_blocks.saturating_mul(512) < size {
            return self.sparse(from, into, size);
        }
        self.range(from, into, 0, size)
    }

    fn share(&mut self, from: &File, into: &File, device: u64) -> nix::Result<bool> {
        if self.unshared.contains(&device) {
            return Ok(false);
        }
        match share_blocks(from.as_fd(), into.as_fd()) {
            Ok(()) => Ok(true),
            Err(errno @ (Errno::ENOSPC | Errno::EDQUOT | Errno::EROFS)) => Err(errno),
            Err(Errno::EOPNOTSUPP | Errno::EXDEV | Errno::ENOTTY | Errno::ENOSYS) => {
                self.unshared.insert(device);
                Ok(false)
            }
            Err(_) => Ok(false),
        }
    }

    fn sparse(&mut self, from: &File, into: &File, size: i64) -> nix::Result<()> {
        let mut at = 0;
        while at < size {
            match lseek(from, at, Whence::SeekData) {
                Ok(start) => {
                    at = lseek(from, start, Whence::SeekHole)?;
                    self.range(from, into, start, at.min(size))?;
                }
                Err(Errno::ENXIO) => break,
                Err(Errno::EINVAL) => return self.range(from, into, at, size),
                Err(errno) => return Err(errno),
            }
        }
        ftruncate(into, size)
    }

    fn range(&mut self, from: &File, into: &File, start: i64, end: i64) -> nix::Result<()> {
        let mut at = start;
        while at < end {
            let (mut read, mut write) = (at, at);
            let length = usize::try_from((end - at).min(MOST_AT_ONCE)).unwrap_or(usize::MAX);
            match copy_file_range(from, Some(&mut read), into, Some(&mut write), length) {
                // Shrunk; or a file system that says nothing where it cannot (before 5.19).
                Ok(0) => return self.through_memory(from, into, at, end),
                Ok(_) => at = read,
                Err(Errno::EINTR) => {}
                Err(
                    Errno::EXDEV
                    | Errno::EINVAL
                    | Errno::EOPNOTSUPP
                    | Errno::ENOSYS
                    | Errno::EPERM
                    | Errno::ETXTBSY,
                ) => return self.through_memory(from, into, at, end),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn through_memory(
        &mut self,
        from: &File,
        into: &File,
        start: i64,
        end: i64,
    ) -> nix::Result<()> {
        self.buffer.resize(BUFFER, 0);
        let (mut at, end) = (start.cast_unsigned(), end.cast_unsigned());
        while at < end {
            let room = usize::try_from(end - at)
                .unwrap_or(usize::MAX)
                .min(self.buffer.len());
            let got = from.read_at(&mut self.buffer[..room], at).map_err(errno)?;
            if got == 0 {
                break;
            }
            into.write_all_at(&self.buffer[..got], at).map_err(errno)?;
            at += got as u64;
        }
        Ok(())
    }
}

/// The errno of an error of the standard library; a write that wrote nothing counts as EIO.
pub(super) fn errno(error: io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
