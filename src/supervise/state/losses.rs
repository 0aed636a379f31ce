//! How many bytes a log lost, in the lock: its first block is there before the disk is full.
//!
//! A line of one width, written over at each loss. The supervisor writes it by a descriptor of its own; the lock is
//! not touched by it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::{LOCK, no_links};

/// What the line begins with.
const LOST: &str = "lost ";

/// The line in the lock of one run.
#[derive(Debug)]
pub struct Losses {
    lock: File,
    place: Option<u64>,
    bytes: u64,
}

impl Losses {
    /// None yet of the run at `place`.
    ///
    /// # Errors
    /// When its lock cannot be opened.
    pub fn begin(place: &Path) -> io::Result<Losses> {
        let mut options = OpenOptions::new();
        options.write(true).custom_flags(no_links());
        Ok(Losses {
            lock: options.open(place.join(LOCK))?,
            place: None,
            bytes: 0,
        })
    }

    /// How many there were.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds some. The report tells them also where they cannot be written here.
    pub fn add(&mut self, count: u64) {
        self.bytes = self.bytes.saturating_add(count);
        self.note().ok();
    }

    fn note(&mut self) -> io::Result<()> {
        let place = match self.place {
            Some(place) => place,
            None => self.lock.metadata()?.len(),
        };
        let line = format!("{LOST}{:020}\n", self.bytes);
        self.lock.write_all_at(line.as_bytes(), place)?;
        self.place = Some(place);
        Ok(())
    }
}

/// The bytes by the text of a lock.
pub(super) fn parse(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(LOST));
    line.and_then(|count| count.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::{After, Standing, StateDirectory, Taken};
    use super::*;

    #[test]
    fn losses_stand_in_the_lock_beside_the_end() {
        let place = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(place.path().join("run")).unwrap();
        let mut claim = state.claim("dev", &Taken::default()).unwrap();
        let mut losses = Losses::begin(claim.place().unwrap()).unwrap();
        let found = || state.sweep(&|_| Ok(())).unwrap().remove(0);
        assert_eq!(found().log_lost().unwrap(), 0);
        losses.add(7);
        losses.add(5);
        assert_eq!(found().log_lost().unwrap(), 12);
        assert!(matches!(found().standing, Standing::Lives(_)));
        claim.end(3, After::Keep).unwrap();
        assert_eq!(found().standing, Standing::Ended { code: 3 });
        losses.add(1);
        assert_eq!(found().log_lost().unwrap(), 13);
        assert_eq!(found().standing, Standing::Ended { code: 3 });
        claim.release().unwrap();
    }
}
