//! A name that one run has, from the claim to its end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::Flock;

use crate::supervise::Ended;
use crate::sys::pidfd::Identity;

use super::super::desk::SOCKET;
use super::{
    ENDED, GROUPS, LOCK, OUTCOME, RUN, Record, UNFINISHED, clear, clear_all_but, no_links,
    remove_if_there, turn, write_whole,
};

/// What the files of this version begin with.
pub(super) const VERSION: u32 = 1;

/// Bytes that a report may come to and surely find room.
const LONGEST_OUTCOME: usize = 16 << 10;

/// What becomes of the directory when the run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It goes: whoever started it knows the outcome.
    Remove,
    /// The outcome and the log stay: it was detached.
    Keep,
}

/// A name of this run alone.
#[derive(Debug)]
pub struct Claim {
    /// The name, with its number.
    pub name: String,
    lock: Flock<File>,
    /// Taken when the directory has been given back: another run may have the name then.
    place: Option<PathBuf>,
    groups: Vec<PathBuf>,
    after: After,
}

impl Claim {
    /// Takes a directory over whose lock this process holds, in its turn.
    pub(super) fn begin(name: String, place: PathBuf, mut lock: Flock<File>) -> io::Result<Claim> {
        if let Err(error) = write_head(&place, &mut lock) {
            // A full disk. Whoever sweeps takes it along where this fails.
            clear(&place).ok();
            return Err(error);
        }
        Ok(Claim {
            name,
            lock,
            place: Some(place),
            groups: Vec::new(),
            after: After::Remove,
        })
    }

    /// Where the files of this run lie.
    pub fn place(&self) -> Option<&Path> {
        self.place.as_deref()
    }

    /// Notes the groups that the next command removes should this process be killed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note_groups(&mut self, groups: &[PathBuf]) -> io::Result<()> {
        let mut text = Vec::new();
        for group in groups {
            text.extend_from_slice(group.as_os_str().as_bytes());
            text.push(b'\n');
        }
        self.write(GROUPS, &text)?;
        self.groups = groups.to_vec();
        Ok(())
    }

    /// Notes what runs, for the other commands.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note_run(&self, record: &Record) -> io::Result<()> {
        self.write(RUN, &record.encode()?)
    }

    /// Takes the room for the report of a run whose log may fill the disk.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn reserve_outcome(&self) -> io::Result<()> {
        let place = self.place.as_deref().ok_or(io::ErrorKind::NotFound)?;
        let draft = place.join(format!("{OUTCOME}{UNFINISHED}"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.custom_flags(no_links()).open(draft)?;
        file.write_all(&[0; LONGEST_OUTCOME])
    }

    /// Notes the report of a run that has ended.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note_outcome(&self, report: &str) -> io::Result<()> {
        self.write(OUTCOME, report.as_bytes())
    }

    /// Notes what is shown of a run that has ended.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note_end(&self, ended: &Ended) -> io::Result<()> {
        let bytes = serde_json::to_vec(ended).map_err(io::Error::other)?;
        self.write(ENDED, &bytes)
    }

    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let place = self.place.as_deref().ok_or(io::ErrorKind::NotFound)?;
        write_whole(place, name, content)
    }

    /// Notes how the run ended: whoever waits for it reads it, also where the directory goes.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn end(&mut self, code: u8, after: After) -> io::Result<()> {
        self.after = after;
        self.lock.seek(SeekFrom::End(0))?;
        self.lock.write_all(format!("ended {code}\n").as_bytes())
    }

    /// Gives the name back; dropping the claim does it too. While one of the noted groups is there the
    /// directory stays, so that the next command sweeps it.
    ///
    /// # Errors
    /// When the directory cannot be removed.
    pub fn release(mut self) -> io::Result<()> {
        self.give_back()
    }

    /// A run with a caller has written these alone, so that nothing else is asked for.
    fn clear(&self, place: &Path) -> io::Result<()> {
        let groups = Some(GROUPS).filter(|_| !self.groups.is_empty());
        for name in [SOCKET, RUN].into_iter().chain(groups).chain([LOCK]) {
            remove_if_there(&place.join(name))?;
        }
        match fs::remove_dir(place) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => clear(place),
            removed => removed,
        }
    }

    fn give_back(&mut self) -> io::Result<()> {
        let Some(place) = self.place.take() else {
            return Ok(());
        };
        if self.groups.iter().any(|group| group.exists()) {
            return Ok(());
        }
        let _turn = place.parent().map(turn).transpose()?;
        match self.after {
            After::Keep => {
                remove_if_there(&place.join(SOCKET))?;
                remove_if_there(&place.join(GROUPS))
            }
            After::Remove => self.clear(&place),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Somebody who sweeps removes it then.
        self.give_back().ok();
    }
}

fn write_head(place: &Path, lock: &mut File) -> io::Result<()> {
    // An earlier run may have left something.
    if lock.metadata()?.len() > 0 {
        clear_all_but(place, &[LOCK])?;
    }
    let identity = Identity::own()?;
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(format!("{VERSION} {identity}\n").as_bytes())
}

/// Reads a small file of a sandbox; nothing where there is none.
pub(super) fn read(place: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    match fs::read(place.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}
