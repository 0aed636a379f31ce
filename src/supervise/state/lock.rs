//! The lock of one sandbox, and the turn of those who make and remove directories.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::model::guard::{self, Guard};

use super::files::at;
use super::{LOCK, foreign, is_private};

pub(super) fn turn(path: &Path) -> io::Result<Flock<File>> {
    let directory = File::open(path)?;
    Flock::lock(directory, FlockArg::LockExclusive).map_err(|(_, errno)| errno.into())
}

/// What becomes of a lock that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Made,
    Refused,
}

/// The lock of one sandbox.
pub(super) enum Lock {
    /// Nobody's: it is held by this process now.
    Free(Flock<File>),
    /// Its supervisor lives.
    Held,
    /// There is none: its supervisor was killed before it had one.
    Nothing,
}

/// Takes the lock of the sandbox at `place`, which no other user and no link may have laid there.
pub(super) fn lock(place: &Path, missing: Missing) -> io::Result<Lock> {
    if guard::holds(Guard::StateLinks) && !is_private(place)? {
        return Err(foreign(place));
    }
    take_lock(place, missing)
}

/// The same where the directory is known to be private.
pub(super) fn take_lock(place: &Path, missing: Missing) -> io::Result<Lock> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options.create(missing == Missing::Made).truncate(false);
    // It may be anything until it was looked at: a pipe without a writer must not stop us.
    let flags = no_links() | libc::O_NONBLOCK;
    let file = match options.custom_flags(flags).open(place.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lock::Nothing),
        file => file.map_err(|error| at(&error, place))?,
    };
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(file) => Ok(Lock::Free(file)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(Lock::Held),
        // A file system without locks, or a kernel out of them: no name would ever be free.
        Err((_, errno)) => Err(errno.into()),
    }
}

pub(super) fn no_links() -> i32 {
    match guard::holds(Guard::StateLinks) {
        true => libc::O_NOFOLLOW,
        false => 0,
    }
}
