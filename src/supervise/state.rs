//! The state directory: which names run, and what a killed supervisor left.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::model::guard::{self, Guard};

/// Where the runs of one user are noted: a locked file a run, which lists its control groups.
///
/// A file whose lock is free belongs to a supervisor that was killed.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
}

/// Behind the name of a run's file.
const SUFFIX: &str = ".run";

/// More runs of one name than any host has processes for.
const MOST_RUNS: u32 = 100_000;

impl StateDirectory {
    /// Opens the directory at `path`, and makes it, with mode 0700, where there is none.
    ///
    /// # Errors
    /// When it cannot be made, belongs to another user, or is open to others.
    pub fn open(path: PathBuf) -> io::Result<StateDirectory> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)?;
        let found = fs::symlink_metadata(&path)?;
        let private = found.is_dir()
            && found.mode() & 0o077 == 0
            && found.uid() == nix::unistd::geteuid().as_raw();
        if !private && guard::holds(Guard::StateOwner) {
            let reason = format!("`{}` is not a directory of yours alone", path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
        Ok(StateDirectory { path })
    }

    /// Held while files come and go: else one who sweeps could lock the file that another has just made,
    /// and that one would think its name taken.
    fn turn(&self) -> io::Result<Flock<File>> {
        let directory = File::open(&self.path)?;
        Flock::lock(directory, FlockArg::LockExclusive).map_err(|(_, errno)| errno.into())
    }

    /// Takes a name: `NAME`, or `NAME-2` and so on while it runs already.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn claim(&self, name: &str) -> io::Result<Claim> {
        let _turn = self.turn()?;
        for number in 1..MOST_RUNS {
            let candidate = match number {
                1 => name.to_owned(),
                _ => format!("{name}-{number}"),
            };
            let path = self.path.join(format!("{candidate}{SUFFIX}"));
            let mut options = OpenOptions::new();
            options
                .create(true)
                .truncate(false)
                .custom_flags(no_links());
            if let Some(file) = locked(&options, &path)? {
                // What a sweep could not undo stays noted.
                if file.metadata()?.len() > 0 {
                    continue;
                }
                return Ok(Claim {
                    name: candidate,
                    file,
                    path: Some(path),
                    groups: Vec::new(),
                });
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Undoes what killed supervisors left; `end` kills and removes their control groups.
    ///
    /// # Errors
    /// When the directory cannot be read. What cannot be undone stays noted for the next time.
    pub fn sweep(&self, end: impl Fn(&[PathBuf]) -> io::Result<()>) -> io::Result<()> {
        let _turn = self.turn()?;
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let is_run = path.as_os_str().as_bytes().ends_with(SUFFIX.as_bytes());
            let mut options = OpenOptions::new();
            options.custom_flags(no_links());
            if !is_run {
                continue;
            }
            if let Some(mut left) = locked(&options, &path)? {
                let groups = noted_groups(&mut left)?;
                if groups.is_empty() || end(&groups).is_ok() {
                    remove_if_there(&path)?;
                }
            }
        }
        Ok(())
    }
}

/// A name of this run alone.
#[derive(Debug)]
pub struct Claim {
    /// The name, with its number.
    pub name: String,
    file: Flock<File>,
    /// Taken when the file has been removed: another run may have the name then.
    path: Option<PathBuf>,
    groups: Vec<PathBuf>,
}

impl Claim {
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
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&text)?;
        self.groups = groups.to_vec();
        Ok(())
    }

    /// Gives the name back; dropping the claim does it too. While one of the noted groups is there the
    /// file stays, so that the next command sweeps it.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn release(mut self) -> io::Result<()> {
        self.give_back()
    }

    fn give_back(&mut self) -> io::Result<()> {
        let Some(path) = self.path.take() else {
            return Ok(());
        };
        if self.groups.iter().any(|group| group.exists()) {
            return Ok(());
        }
        remove_if_there(&path)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Somebody who sweeps removes it then.
        self.give_back().ok();
    }
}

fn no_links() -> i32 {
    match guard::holds(Guard::StateLinks) {
        true => libc::O_NOFOLLOW,
        false => 0,
    }
}

/// The file, when its lock is free and it still lies at its path.
fn locked(options: &OpenOptions, path: &Path) -> io::Result<Option<Flock<File>>> {
    let mut options = options.clone();
    let file = match options.read(true).write(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Err((_, Errno::EWOULDBLOCK)) => return Ok(None),
        // A file system without locks, or a kernel out of them: no name would ever be free.
        Err((_, errno)) => return Err(errno.into()),
        Ok(file) => file,
    };
    // Its owner may have removed it between the two calls.
    let same = fs::symlink_metadata(path).is_ok_and(|found| {
        file.metadata()
            .is_ok_and(|open| (open.dev(), open.ino()) == (found.dev(), found.ino()))
    });
    Ok(same.then_some(file))
}

fn noted_groups(file: &mut File) -> io::Result<Vec<PathBuf>> {
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let lines = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let paths = lines.map(|line| PathBuf::from(std::ffi::OsStr::from_bytes(line)));
    Ok(paths.collect())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_whose_groups_could_not_be_removed_is_not_taken() {
        let place = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(place.path().join("run")).unwrap();
        let left = place.path().join("run/dev.run");
        fs::write(&left, "/cg/sandbox-dev-1\n").unwrap();
        state
            .sweep(|_| Err(io::ErrorKind::TimedOut.into()))
            .unwrap();
        assert_eq!(state.claim("dev").unwrap().name, "dev-2");
        assert_eq!(fs::read_to_string(&left).unwrap(), "/cg/sandbox-dev-1\n");
        state.sweep(|_| Ok(())).unwrap();
        assert_eq!(state.claim("dev").unwrap().name, "dev");
    }
}
