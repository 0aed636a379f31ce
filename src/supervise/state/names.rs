//! Names alone: three system calls a sandbox that runs, for completions, which are asked for at every key.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, openat};
use nix::sys::stat::Mode;

use super::{LOCK, Standing, StateDirectory, turn};

/// How a name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// Its supervisor lives.
    Runs,
    /// It was detached, and has ended.
    Ended,
    /// Its supervisor was killed, or it is nobody's.
    Left,
}

impl StateDirectory {
    /// The names of those that run, and with `ended` also of those that have ended, sorted; nothing where something
    /// is there that [`StateDirectory::sweep`] has to look at.
    ///
    /// # Errors
    /// When the directory or a lock cannot be read.
    pub fn names(&self, ended: bool) -> io::Result<Option<Vec<String>>> {
        // A lock that is tried must not look taken to a start.
        let _turn = turn(&self.path)?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut directory = Dir::open(&self.path, flags, Mode::empty())?;
        let mut found = Vec::new();
        for entry in directory.iter() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            let is_directory = matches!(entry.file_type(), Some(Type::Directory) | None);
            if is_directory && ![b".".as_slice(), b".."].contains(&name) {
                found.extend(std::str::from_utf8(name).ok().map(str::to_owned));
            }
        }
        let mut names = Vec::new();
        for name in found {
            match stands(&directory, &name)? {
                Named::Runs => names.push(name),
                Named::Ended if ended => names.push(name),
                Named::Ended => {}
                Named::Left => return Ok(None),
            }
        }
        names.sort();
        Ok(Some(names))
    }
}

/// A lock that is held says all.
fn stands(directory: &Dir, name: &str) -> io::Result<Named> {
    // Whatever else has the name is not waited for.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let lock = openat(
        directory.as_fd(),
        format!("{name}/{LOCK}").as_str(),
        flags,
        Mode::empty(),
    );
    let lock: File = match lock {
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => return Ok(Named::Left),
        lock => lock?.into(),
    };
    let lock = match Flock::lock(lock, FlockArg::LockSharedNonblock) {
        Err((_, Errno::EWOULDBLOCK)) => return Ok(Named::Runs),
        Err((_, errno)) => return Err(errno.into()),
        Ok(lock) => lock,
    };
    let mut text = String::new();
    // A directory or a pipe of that name is not ours.
    if (&*lock).take(4096).read_to_string(&mut text).is_err() {
        return Ok(Named::Left);
    }
    Ok(match Standing::parse(&text) {
        Standing::Ended { .. } => Named::Ended,
        Standing::Lives(_) | Standing::Unknown => Named::Left,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{After, Taken};
    use super::*;

    #[test]
    fn names_are_those_of_a_list() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("run");
        let state = StateDirectory::open(path.clone()).unwrap();
        let none: Vec<String> = Vec::new();
        assert_eq!(state.names(true).unwrap(), Some(none));
        let runs = state.claim("one", &Taken::default()).unwrap();
        let mut ended = state.claim("two", &Taken::default()).unwrap();
        ended.end(7, After::Keep).unwrap();
        ended.release().unwrap();
        fs::write(path.join("file"), "").unwrap();
        let names = |list: &[&str]| Some(list.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(state.names(false).unwrap(), names(&["one"]));
        assert_eq!(state.names(true).unwrap(), names(&["one", "two"]));
        // One whose supervisor was killed: who lists has to undo it.
        fs::create_dir(path.join("killed")).unwrap();
        assert_eq!(state.names(true).unwrap(), None);
        fs::write(path.join("killed").join(LOCK), "1 7 7\n").unwrap();
        assert_eq!(state.names(false).unwrap(), None);
        runs.release().unwrap();
    }
}
