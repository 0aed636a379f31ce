//! The state directory: which sandboxes run, what a killed supervisor left, how the detached ones ended.
//!
//! One directory a sandbox, under its name:
//!
//! | file | what it is | written |
//! | --- | --- | --- |
//! | `lock` | locked by the supervisor while it lives; `VERSION PID START`, then `lost BYTES` where the log lost some, at the end `ended CODE` | at the claim, when the log's disk is full, and at the end |
//! | `groups` | the control groups that the next command removes should the supervisor be killed | before the first of them is made |
//! | `run` | [`Record`]: the processes, the command, the profile | when the first process is started |
//! | `desk` | the socket where other commands ask | when the first process is started |
//! | `log`, `log.1` | what a detached program wrote | while it runs |
//! | `outcome` | the report of a detached run that ended | at the end |
//!
//! A lock that is free belongs to a supervisor that has ended. Where it wrote `ended`, the sandbox was
//! detached, and its outcome and its log stay until `wait` or `down` took them or the name runs again. Where
//! it did not, it was killed: whoever comes next kills and removes what it left, and the directory.
//!
//! The files but the log are small, and all but the lock come about by a rename, so that nobody reads half of
//! one. What is added to the lock fits into the block that the claim has written, and the room for the outcome of a
//! detached run is taken before it starts, so that no full disk loses them. Nothing here goes by the clock of the day.

mod claim;
mod entry;
mod files;
mod lock;
mod losses;
mod record;

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::Flock;

use crate::model::guard::{self, Guard};

use super::desk::SOCKET;
pub use claim::{After, Claim};
pub use entry::{Entry, Standing, Waited};
use files::{at, clear, clear_all_but, noted_groups, remove_if_there, write_whole};
use lock::{Lock, Missing, lock, no_links, take_lock, turn};
pub(super) use losses::Losses;
pub use record::{Record, Runner};
pub(super) use record::{now_ms, unix_now};

/// Where the runs of one user are noted.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
}

/// Names of the files of one sandbox.
const LOCK: &str = "lock";
const GROUPS: &str = "groups";
const RUN: &str = "run";
const OUTCOME: &str = "outcome";
/// The plan that ran, and how it ended in words.
const ENDED: &str = "ended";
/// What a detached program wrote last, and what it wrote before.
pub const LOGS: [&str; 2] = ["log", "log.1"];
const FILES: [&str; 8] = [LOCK, GROUPS, RUN, OUTCOME, ENDED, SOCKET, LOGS[0], LOGS[1]];

/// Behind the name of a file that is not whole yet.
const UNFINISHED: &str = ".new";

/// More runs of one name than any host has processes for.
const MOST_RUNS: u32 = 100_000;

/// What removes control groups that nobody has any more (`cgroup::sweep`).
pub type End<'a> = &'a dyn Fn(&[PathBuf]) -> io::Result<()>;

impl StateDirectory {
    /// Opens the directory at `path`, and makes it, with mode 0700, where there is none.
    ///
    /// # Errors
    /// When it cannot be made, belongs to another user, or is open to others.
    pub fn open(path: PathBuf) -> io::Result<StateDirectory> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&path)?;
        if !is_private(&path)? && guard::holds(Guard::StateOwner) {
            return Err(foreign(&path));
        }
        Ok(StateDirectory { path })
    }

    /// Held while directories come and go: else one who sweeps could lock the file that another has just
    /// made, and that one would think its name taken.
    fn turn(&self) -> io::Result<Flock<File>> {
        turn(&self.path)
    }

    /// Takes a name: `NAME`, or `NAME-2` and so on while it runs already. What a detached run of that name
    /// left when it ended goes. Names in `taken` are not tried: of a thousand runs of one name the last would
    /// ask for all others.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn claim(&self, name: &str, taken: &Taken) -> io::Result<Claim> {
        let _turn = self.turn()?;
        for number in 1..MOST_RUNS {
            let candidate = match number {
                1 => name.to_owned(),
                _ => format!("{name}-{number}"),
            };
            if taken.0.contains(&candidate) {
                continue;
            }
            let place = self.path.join(&candidate);
            match DirBuilder::new().mode(0o700).create(&place) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
            let lock = match lock(&place, Missing::Made) {
                Ok(Lock::Free(lock)) => lock,
                Ok(Lock::Held | Lock::Nothing) => continue,
                Err(error) => {
                    // Of a full disk; one that is not empty stays.
                    fs::remove_dir(&place).ok();
                    return Err(error);
                }
            };
            // What a sweep could not undo stays noted.
            if !noted_groups(&place)?.is_empty() {
                continue;
            }
            return Claim::begin(candidate, place, lock).map_err(|error| at(&error, &self.path));
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Undoes what killed supervisors left, and tells of all others, sorted by name.
    ///
    /// # Errors
    /// When the directory cannot be read. What cannot be undone stays noted for the next time.
    pub fn sweep(&self, end: End<'_>) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        self.undo(end, |name, place, state| {
            match state {
                Found::Nothing => {}
                Found::Held if !is_sandbox(place)? => {}
                Found::Held | Found::Ended => found.push(Entry::read(name, place)?),
                Found::Lost(reason) => found.push(Entry::lost(name, place, &reason)?),
            }
            Ok(())
        })?;
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// Undoes what killed supervisors left, and reads nothing of all others: a start has no use for it, and
    /// looks at each sandbox that runs.
    ///
    /// # Errors
    /// As [`StateDirectory::sweep`].
    pub fn clean(&self, end: End<'_>) -> io::Result<Taken> {
        let mut taken = Taken::default();
        self.undo(end, |name, _, state| {
            if matches!(state, Found::Held) {
                taken.0.insert(name.to_owned());
            }
            Ok(())
        })?;
        Ok(taken)
    }

    /// Undoes what killed supervisors left, and tells the names alone of all that run, and with `ended` of those that
    /// have ended too, sorted: for completions, which are asked for at every key.
    ///
    /// # Errors
    /// As [`StateDirectory::sweep`].
    pub fn names(&self, ended: bool, end: End<'_>) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        self.undo(end, |name, _, state| {
            match state {
                Found::Ended if !ended => {}
                Found::Nothing => {}
                Found::Held | Found::Ended | Found::Lost(_) => names.push(name.to_owned()),
            }
            Ok(())
        })?;
        names.sort();
        Ok(names)
    }

    /// Undoes what killed supervisors left; `tell` is called for every directory, in no order, with what it
    /// turned out to be.
    fn undo(
        &self,
        end: End<'_>,
        mut tell: impl FnMut(&str, &Path, Found) -> io::Result<()>,
    ) -> io::Result<()> {
        let _turn = self.turn()?;
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let (place, name) = (entry.path(), entry.file_name());
            // Whatever else lies here is no sandbox.
            let Some(name) = name.to_str().filter(|_| is_directory(&entry)) else {
                continue;
            };
            let state = look(&place, end)?;
            tell(name, &place, state)?;
        }
        Ok(())
    }

    /// Takes away what a run left that has ended, whoever may have done it meanwhile.
    ///
    /// # Errors
    /// When it cannot be removed, or not all that it stands for could be undone.
    pub fn forget(&self, entry: &Entry) -> io::Result<()> {
        if let Some(reason) = &entry.left {
            return Err(io::Error::other(reason.clone()));
        }
        let until = Instant::now() + LAST_NOTES;
        // Its supervisor notes the end first, and then what is shown of it.
        while self.try_to_forget(entry)? == Forgotten::NotYet && Instant::now() < until {
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn try_to_forget(&self, entry: &Entry) -> io::Result<Forgotten> {
        let _turn = self.turn()?;
        match lock(&entry.place, Missing::Refused)? {
            Lock::Free(lock) if Standing::read(&lock)? == entry.standing => {
                clear(&entry.place).map(|()| Forgotten::Done)
            }
            Lock::Held
                if entry
                    .again()
                    .is_ok_and(|now| now.standing == entry.standing) =>
            {
                Ok(Forgotten::NotYet)
            }
            // A later run may have the name.
            Lock::Free(_) | Lock::Held | Lock::Nothing => Ok(Forgotten::Done),
        }
    }
}

/// Whether there is anything left to wait for.
#[derive(PartialEq)]
enum Forgotten {
    Done,
    NotYet,
}

/// So long a supervisor that has noted the end may take for what it notes last.
const LAST_NOTES: Duration = Duration::from_secs(5);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Names whose lock was held a moment ago.
#[derive(Debug, Default)]
pub struct Taken(HashSet<String>);

/// What a directory in the state directory is.
#[derive(Debug)]
enum Found {
    /// Its lock is held: a sandbox that runs. Nothing else was looked at.
    Held,
    /// A detached sandbox that has ended.
    Ended,
    /// What a killed supervisor left and could not be undone.
    Lost(io::Error),
    /// Not ours, or swept.
    Nothing,
}

/// Sweeps one sandbox where its supervisor was killed. Of one that lives it asks for nothing but the lock, which
/// nobody else could hold: a start pays for all that run.
fn look(place: &Path, end: End<'_>) -> io::Result<Found> {
    let lock = match take_lock(place, Missing::Refused) {
        Ok(Lock::Held) => return Ok(Found::Held),
        lock => lock,
    };
    // No other command stops for what is not ours, or was never one.
    if !is_sandbox(place)? {
        return Ok(Found::Nothing);
    }
    match lock? {
        Lock::Held => Ok(Found::Held),
        Lock::Nothing => cleared(place),
        Lock::Free(lock) => {
            let groups = noted_groups(place)?;
            if !groups.is_empty() {
                if let Err(reason) = end(&groups) {
                    return Ok(Found::Lost(reason));
                }
                remove_if_there(&place.join(GROUPS))?;
            }
            match Standing::read(&lock)? {
                Standing::Ended { .. } => Ok(Found::Ended),
                Standing::Lives(_) | Standing::Unknown => cleared(place),
            }
        }
    }
}

/// Whether it is this user's alone, and its lock, where there is one, a file.
fn is_sandbox(place: &Path) -> io::Result<bool> {
    let is_lock = |found: fs::Metadata| found.is_file();
    Ok(is_private(place)? && fs::symlink_metadata(place.join(LOCK)).map_or(true, is_lock))
}

/// A directory in it is nobody's of this program: it stays, and stops nobody.
fn cleared(place: &Path) -> io::Result<Found> {
    use io::ErrorKind::{DirectoryNotEmpty, IsADirectory};
    match clear(place) {
        Err(error) if ![DirectoryNotEmpty, IsADirectory].contains(&error.kind()) => Err(error),
        _ => Ok(Found::Nothing),
    }
}

fn is_directory(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

/// Whether it is a directory, and this user's alone.
fn is_private(path: &Path) -> io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    let is_own = found.uid() == nix::unistd::geteuid().as_raw();
    Ok(found.is_dir() && found.mode() & 0o077 == 0 && is_own)
}

fn foreign(path: &Path) -> io::Error {
    let reason = format!("`{}` is not a directory of yours alone", path.display());
    io::Error::new(io::ErrorKind::PermissionDenied, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(place: &tempfile::TempDir) -> StateDirectory {
        StateDirectory::open(place.path().join("run")).unwrap()
    }

    #[test]
    fn a_name_whose_groups_could_not_be_removed_is_not_taken() {
        let place = tempfile::tempdir().unwrap();
        let state = state(&place);
        let left = place.path().join("run/dev");
        DirBuilder::new().mode(0o700).create(&left).unwrap();
        fs::write(left.join(LOCK), "1 7 7\n").unwrap();
        fs::write(left.join(GROUPS), "/cg/sandbox-dev-1\n").unwrap();
        let found = state.sweep(&|_| Err(io::ErrorKind::TimedOut.into()));
        let found = found.unwrap();
        assert!(found[0].left.is_some() && !found[0].runs(), "{found:?}");
        // It is not forgotten while something of it is there.
        state.forget(&found[0]).unwrap_err();
        assert_eq!(state.claim("dev", &Taken::default()).unwrap().name, "dev-2");
        let noted = fs::read_to_string(left.join(GROUPS)).unwrap();
        assert_eq!(noted, "/cg/sandbox-dev-1\n");
        assert!(state.sweep(&|_| Ok(())).unwrap().is_empty());
        assert_eq!(state.claim("dev", &Taken::default()).unwrap().name, "dev");
    }

    #[test]
    fn a_start_sweeps_as_completely_as_a_list_and_leaves_what_runs() {
        let place = tempfile::tempdir().unwrap();
        let state = state(&place);
        let living = state.claim("dev", &Taken::default()).unwrap();
        let path = place.path().join("run");
        for (name, lock) in [("killed", Some("1 7 7\n")), ("unlocked", None)] {
            let left = path.join(name);
            DirBuilder::new().mode(0o700).create(&left).unwrap();
            fs::write(left.join(GROUPS), format!("/cg/sandbox-{name}-1\n")).unwrap();
            if let Some(lock) = lock {
                fs::write(left.join(LOCK), lock).unwrap();
            }
        }
        let ended = std::cell::RefCell::new(Vec::new());
        let end = |groups: &[PathBuf]| {
            ended.borrow_mut().extend_from_slice(groups);
            Ok(())
        };
        state.clean(&end).unwrap();
        let ended = ended.into_inner();
        assert_eq!(ended, [PathBuf::from("/cg/sandbox-killed-1")]);
        let left = fs::read_dir(&path).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["dev"]);
        assert!(path.join("dev").join(LOCK).exists());
        living.release().unwrap();
    }

    /// Whoever takes the end of one that still has the name would leave it there.
    #[test]
    fn an_end_is_not_taken_before_its_supervisor_has_left() {
        let place = tempfile::tempdir().unwrap();
        let state = state(&place);
        let mut claim = state.claim("dev", &Taken::default()).unwrap();
        claim.end(7, After::Keep).unwrap();
        let ending = state.sweep(&|_| Ok(())).unwrap().remove(0);
        assert_eq!(ending.standing, Standing::Ended { code: 7 });
        // This very process.
        let waited = ending.wait(Some(std::time::Duration::ZERO)).unwrap();
        assert_eq!(waited, Waited::StillRuns);
        claim.release().unwrap();
    }

    #[test]
    fn an_end_stays_until_the_name_runs_again() {
        let place = tempfile::tempdir().unwrap();
        let state = state(&place);
        let mut claim = state.claim("dev", &Taken::default()).unwrap();
        let living = state.sweep(&|_| Ok(())).unwrap();
        assert!(
            matches!(living[0].standing, Standing::Lives(_)),
            "{living:?}"
        );
        claim.end(7, After::Keep).unwrap();
        claim.release().unwrap();
        let ended = state.sweep(&|_| Ok(())).unwrap();
        assert_eq!(ended[0].standing, Standing::Ended { code: 7 });
        let second = state.claim("dev", &Taken::default()).unwrap();
        assert_eq!(second.name, "dev");
        state.forget(&ended[0]).unwrap();
        assert_eq!(state.sweep(&|_| Ok(())).unwrap().len(), 1);
        second.release().unwrap();
        assert_eq!(fs::read_dir(place.path().join("run")).unwrap().count(), 0);
    }

    #[test]
    fn names_are_those_of_a_list() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("run");
        let state = StateDirectory::open(path.clone()).unwrap();
        let none: Vec<String> = Vec::new();
        assert_eq!(state.names(true, &|_| Ok(())).unwrap(), none);
        let runs = state.claim("one", &Taken::default()).unwrap();
        let mut ended = state.claim("two", &Taken::default()).unwrap();
        ended.end(7, After::Keep).unwrap();
        ended.release().unwrap();
        fs::write(path.join("file"), "").unwrap();
        let all = |ended| state.names(ended, &|_| Ok(())).unwrap();
        assert_eq!(all(false), ["one"]);
        assert_eq!(all(true), ["one", "two"]);
        // One whose supervisor was killed is undone, as by who lists.
        DirBuilder::new()
            .mode(0o700)
            .create(path.join("killed"))
            .unwrap();
        fs::write(path.join("killed").join(LOCK), "1 7 7\n").unwrap();
        assert_eq!(all(false), ["one"]);
        assert!(!path.join("killed").exists());
        // And told where it cannot be.
        DirBuilder::new()
            .mode(0o700)
            .create(path.join("lost"))
            .unwrap();
        fs::write(path.join("lost").join(LOCK), "1 7 7\n").unwrap();
        fs::write(path.join("lost").join(GROUPS), "/cg/sandbox-lost-1\n").unwrap();
        let busy = state.names(false, &|_| Err(io::ErrorKind::TimedOut.into()));
        assert_eq!(busy.unwrap(), ["lost", "one"]);
        runs.release().unwrap();
    }
}
