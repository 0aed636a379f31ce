//! Whether two files are the same.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use super::entry::{Entry, attributes, open_file};

/// In what two files differ.
pub(super) struct Difference {
    /// Their bytes.
    pub content: bool,
    /// Their extended attributes.
    pub marks: bool,
    /// Their permission bits: the older ones, then the newer ones.
    pub mode: Option<(u32, u32)>,
}

/// Compares what is open, and was looked at, on both sides.
pub(super) fn difference(
    (new, above): (&File, &Entry),
    (old, under): (&File, &Entry),
) -> nix::Result<Difference> {
    Ok(Difference {
        content: above.size != under.size || !same_content(new, old)?,
        marks: attributes(new.as_fd())? != attributes(old.as_fd())?,
        mode: (under.mode != above.mode).then_some((under.mode, above.mode)),
    })
}

/// Whether two files of one name differ in nothing; what cannot be read differs.
pub(super) fn same_file(
    (upper, above): (BorrowedFd<'_>, &Entry),
    (lower, under): (BorrowedFd<'_>, &Entry),
    name: &OsStr,
) -> nix::Result<bool> {
    let (Ok(new), Ok(old)) = (open_file(upper, name), open_file(lower, name)) else {
        return Ok(false);
    };
    let Difference {
        content,
        marks,
        mode,
    } = difference((&new, above), (&old, under))?;
    Ok(!content && !marks && mode.is_none())
}

/// Compares two files of one size, without a look at what is a hole in both: a file of a terabyte may
/// hold nothing.
fn same_content(a: &File, b: &File) -> nix::Result<bool> {
    let (mut left, mut right) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut at = 0;
    while let Some(start) = data_from(a, at)?.into_iter().chain(data_from(b, at)?).min() {
        let (first, second) = (fill(a, &mut left, start)?, fill(b, &mut right, start)?);
        if left[..first] != right[..second] {
            return Ok(false);
        }
        match first {
            0 => break,
            first => at = start + first as u64,
        }
    }
    Ok(true)
}

/// Where content begins, from `at` on; nothing where the rest is a hole.
fn data_from(file: &File, at: u64) -> nix::Result<Option<u64>> {
    let from = i64::try_from(at).map_err(|_| Errno::EOVERFLOW)?;
    match lseek(file, from, Whence::SeekData) {
        Ok(start) => Ok(u64::try_from(start).ok()),
        Err(Errno::ENXIO) => Ok(None),
        // A file system that does not tell.
        Err(Errno::EINVAL) => Ok(Some(at)),
        Err(errno) => Err(errno),
    }
}

/// Reads from `at` until the buffer is full or the file ends.
fn fill(file: &File, buffer: &mut [u8], at: u64) -> nix::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(super::record::errno(&error)),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_skipped_and_what_stands_behind_them_is_not() {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let options = File::options().read(true).write(true).create(true).clone();
            let file = options.open(place.path().join(name)).unwrap();
            file.set_len(1 << 40).unwrap();
            file
        };
        let (a, b) = (file("a"), file("b"));
        assert!(same_content(&a, &b).unwrap());
        b.write_all_at(b"x", 1 << 39).unwrap();
        assert!(!same_content(&a, &b).unwrap() && !same_content(&b, &a).unwrap());
        a.write_all_at(b"x", 1 << 39).unwrap();
        assert!(same_content(&a, &b).unwrap());
        // Zeros that are written are what a hole reads as.
        a.write_all_at(&[0; 9000], 1 << 20).unwrap();
        assert!(same_content(&a, &b).unwrap());
    }
}
