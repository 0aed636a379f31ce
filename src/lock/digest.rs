//! SHA-256 and build-ids of many files at once.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::num::NonZero;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest as _, Sha256};

use crate::elf::build_id;

/// Read at once: large enough that calls cost nothing, small enough for the cache of a core.
const BLOCK: usize = 256 << 10;

/// More threads than these wait for the disk.
const MOST_THREADS: usize = 8;

/// What is told of a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Digest {
    pub size: u64,
    pub sha256: [u8; 32],
    pub build_id: Option<Vec<u8>>,
}

/// Reads all of `files`, paths inside the tree at `root`; the answers are in their order.
///
/// All threads have ended when it returns: a process with several must not be forked.
pub(super) fn digests(root: &Path, files: &[&Path]) -> Vec<io::Result<Digest>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut buffer = vec![0; BLOCK];
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(index) else {
                return done;
            };
            done.push((index, digest(root, file, &mut buffer)));
        }
    };
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    // The caller is one of them, and the only one where no other can be started.
    let others = processors
        .min(MOST_THREADS)
        .min(files.len())
        .saturating_sub(1);
    let done = thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (0..others).filter_map(spawn).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_default());
        }
        done
    });
    let unread = || Err(io::Error::other("it was not read"));
    let mut answers: Vec<io::Result<Digest>> = files.iter().map(|_| unread()).collect();
    for (index, digest) in done {
        answers[index] = digest;
    }
    answers
}

/// The digest of a text.
pub(super) fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn digest(root: &Path, file: &Path, buffer: &mut [u8]) -> io::Result<Digest> {
    let path = root.join(file.strip_prefix("/").unwrap_or(file));
    let mut file = open(&path)?;
    let mut hasher = Sha256::new();
    let mut size = 0;
    loop {
        match file.read(buffer) {
            Ok(0) => break,
            Ok(count) => {
                hasher.update(&buffer[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Digest {
        size,
        sha256: hasher.finalize().into(),
        build_id: build_id(&file),
    })
}

/// Follows no link, waits for nothing: a tree that was tampered with may hold a pipe.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is not a regular file")),
    }
}
