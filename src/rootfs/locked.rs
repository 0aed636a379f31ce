//! The text of a tree's lock, kept beside the tree: a tree never changes, so it is made once.
//!
//! `blake3 of the rest in hexadecimal | newline | text`. What is cut short or altered is not there.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;

use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;

use super::content::errno;
use super::error::{StoreError, SystemProblem};
use super::store::Tree;

/// Beside a tree's root.
const LOCKED: &str = "locked";

/// Letters of a digest.
const DIGEST: usize = 2 * blake3::OUT_LEN;

/// Read at once.
const BLOCK: usize = 256 << 10;

impl Tree {
    /// The text that [`Tree::keep_locked`] kept.
    pub fn locked(&self) -> Option<String> {
        let mut kept = String::new();
        self.open_locked()?.read_to_string(&mut kept).ok()?;
        let (digest, text) = kept.split_at_checked(DIGEST)?;
        let text = text.strip_prefix('\n')?;
        let sound = *blake3::hash(text.as_bytes()).to_hex() == *digest;
        sound.then(|| text.to_owned())
    }

    /// Whether `text` is the one that was kept. It is not compared with that but by its digest, because
    /// a start waits for the answer and the text of a large tree has 20 MB.
    pub fn has_locked(&self, mut text: impl Read) -> bool {
        let mut kept = [0; DIGEST];
        let known = self
            .open_locked()
            .and_then(|mut file| file.read_exact(&mut kept).ok());
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; BLOCK];
        loop {
            match text.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => drop(hasher.update(&buffer[..count])),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        known.is_some() && hasher.finalize().to_hex().as_bytes() == kept
    }

    fn open_locked(&self) -> Option<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let opened = openat(&self.lock, LOCKED, flags, Mode::empty());
        opened.ok().map(File::from)
    }

    /// Keeps a text beside the tree, until the tree is removed.
    ///
    /// # Errors
    /// When it cannot be written; the text before, if any, is still there.
    pub fn keep_locked(&self, text: &str) -> Result<(), StoreError> {
        let dir = self.lock.as_fd();
        // Two processes may do this at once, with equal texts.
        let new = format!("{LOCKED}.{}", std::process::id());
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let kept = openat(dir, new.as_str(), flags, mode)
            .and_then(|file| {
                let digest = blake3::hash(text.as_bytes()).to_hex();
                let mut file = File::from(file);
                write!(file, "{digest}\n{text}").map_err(errno)
            })
            .and_then(|()| renameat(dir, new.as_str(), dir, LOCKED));
        let path = self.root.with_file_name(LOCKED);
        Ok(kept.map_err(SystemProblem::at("write", &path))?)
    }
}
