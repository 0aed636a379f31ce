//! Kills what lives in groups, and removes them.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, fstatfs};

use super::file;
use super::names::{NEST, Role, role_of};
use crate::sys::pidfd;

/// How long killed processes may take to be gone. A process in the middle of a large core of page
/// tables takes tens of milliseconds; longer than this means one that cannot be killed.
const PATIENCE: Duration = Duration::from_secs(2);
/// The first wait; each further one is twice as long, up to the longest.
const FIRST_WAIT: Duration = Duration::from_micros(100);
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// Kills and removes groups that an earlier run left behind.
///
/// The caller must know that no living supervisor has them: a group says nothing of that. Groups
/// that are gone already are fine; a supervisor's own leaf is removed when it is empty, and its
/// processes are let live.
///
/// # Errors
/// A path that no run of ours could have made (nothing of it is touched), or one that cannot be
/// removed. The others are swept all the same; the error is the first.
pub fn sweep(paths: &[PathBuf]) -> io::Result<()> {
    let mut outcome = Ok(());
    let mut left = Vec::new();
    for path in paths {
        match recognise(path) {
            Ok(role) => left.extend(role.map(|role| (role, path.as_path()))),
            Err(error) => outcome = outcome.and(Err(error)),
        }
    }
    // All of them are killed before the first is removed: one that is about to enter a second
    // group must not find it gone and go on without.
    let inhabited = left.iter().filter(|(role, _)| *role == Role::Sandbox);
    outcome = outcome.and(kill(inhabited.map(|(_, path)| *path)));
    for (role, path) in left {
        let removed = clear(role, path);
        outcome = outcome.and(removed);
        remove_nest_around(path);
    }
    outcome
}

/// What a path is for; nothing when it is gone.
fn recognise(path: &Path) -> io::Result<Option<Role>> {
    let role = role_of(path).ok_or_else(|| foreign(path, "its name is not that of a sandbox"))?;
    let directory = match file::open_directory(path) {
        Ok(directory) => directory,
        Err(Errno::ENOENT) => return Ok(None),
        Err(errno) => return Err(at(path, errno)),
    };
    let kind = fstatfs(&directory)?.filesystem_type();
    if kind == CGROUP_SUPER_MAGIC || kind == CGROUP2_SUPER_MAGIC {
        Ok(Some(role))
    } else {
        Err(foreign(path, "it is no control group"))
    }
}

fn clear(role: Role, path: &Path) -> io::Result<()> {
    match (role, rmdir(path)) {
        (_, Ok(())) | (Role::Supervisor, Err(Errno::EBUSY)) => Ok(()),
        (Role::Sandbox, Err(_)) => group(path),
        (Role::Supervisor, Err(errno)) => Err(at(path, errno)),
    }
}

/// Busy while another sandbox has a group in it, which then removes it.
fn remove_nest_around(path: &Path) {
    let nest = path
        .parent()
        .filter(|parent| parent.file_name().is_some_and(|name| name == NEST));
    if let Some(nest) = nest {
        rmdir(nest).ok();
    }
}

fn foreign(path: &Path, why: &str) -> io::Error {
    let text = format!("`{}` is not swept: {why}", path.display());
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn at(path: &Path, errno: Errno) -> io::Error {
    let kind = io::Error::from(errno).kind();
    io::Error::new(kind, format!("`{}`: {errno}", path.display()))
}

/// rmdir(2), a group that is gone counting as removed.
pub(super) fn rmdir(path: &Path) -> Result<(), Errno> {
    match std::fs::remove_dir(path) {
        Ok(()) => Ok(()),
        Err(error) => match file::errno(&error) {
            Errno::ENOENT => Ok(()),
            errno => Err(errno),
        },
    }
}

/// Removes a group and those below it, waiting for killed processes to be gone.
pub(super) fn group(path: &Path) -> io::Result<()> {
    let mut waiting = Waiting::new();
    loop {
        match rmdir(path) {
            Ok(()) => return Ok(()),
            Err(Errno::EBUSY | Errno::ENOTEMPTY) if waiting.go_on() => {
                for child in children(path)? {
                    group(&child)?;
                }
            }
            Err(errno) => return Err(at(path, errno)),
        }
    }
}

/// Groups below a group. A program that got at the control files may have made some.
fn children(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// Kills all that lives in groups of one sandbox.
///
/// `cgroup.kill` of one group in the unified hierarchy kills it all at once, forks in flight
/// included. Without it (v1, Linux before 5.14) no more forks are let through where a pids
/// controller is there, and each process is signalled until none is left.
pub(super) fn kill<'a>(dirs: impl IntoIterator<Item = &'a Path>) -> io::Result<()> {
    let survives = |dir: &&Path| file::write(&dir.join("cgroup.kill"), "1").is_err();
    let rest: Vec<&Path> = dirs.into_iter().filter(survives).collect();
    let mut inhabited = false;
    for dir in &rest {
        inhabited |= !members(dir)?.is_empty();
    }
    if !inhabited {
        return Ok(());
    }
    for dir in &rest {
        // Only the group of the pids controller has the file.
        file::write(&dir.join("pids.max"), "0").ok();
    }
    // A process that v1 has frozen takes its SIGKILL when it is thawed: then it runs nothing any more.
    for dir in &rest {
        signal(dir, &members(dir)?)?;
    }
    for dir in &rest {
        // Only the group of the freezer has the file.
        file::write(&dir.join("freezer.state"), "THAWED").ok();
    }
    rest.into_iter().try_for_each(kill_each)
}

fn kill_each(dir: &Path) -> io::Result<()> {
    let mut waiting = Waiting::new();
    loop {
        let members = members(dir)?;
        if members.is_empty() {
            return Ok(());
        }
        signal(dir, &members)?;
        if !waiting.go_on() {
            let text = format!("`{}` still holds processes {members:?}", dir.display());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
    }
}

/// Kills those of `members` that are still in the group once a descriptor holds them: an id that
/// was taken over by a process elsewhere meanwhile is not in the second list.
fn signal(dir: &Path, members: &[i32]) -> io::Result<()> {
    let held: Vec<(i32, OwnedFd)> = members
        .iter()
        .filter_map(|pid| Some((*pid, pidfd::open(*pid).ok()?)))
        .collect();
    let still = self::members(dir)?;
    for (pid, process) in held {
        if still.contains(&pid) {
            match pidfd::send_signal(process.as_fd(), nix::libc::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(at(dir, errno)),
            }
        }
    }
    Ok(())
}

/// Processes in a group and below it; 0 stands for one outside this PID namespace.
fn members(dir: &Path) -> io::Result<Vec<i32>> {
    let text = match file::read(&dir.join("cgroup.procs")) {
        Err(error) if is_gone(&error) => return Ok(Vec::new()),
        text => text?,
    };
    let mut pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    for child in children(dir)? {
        pids.extend(members(&child)?);
    }
    Ok(pids)
}

/// The group was removed, before or after its file was opened.
fn is_gone(error: &io::Error) -> bool {
    matches!(file::errno(error), Errno::ENOENT | Errno::ENODEV)
}

/// Waits that grow, until the patience is over.
struct Waiting {
    end: Instant,
    next: Duration,
}

impl Waiting {
    fn new() -> Waiting {
        Waiting {
            end: Instant::now() + PATIENCE,
            next: FIRST_WAIT,
        }
    }

    /// Waits once more; `false`, at once, when it was long enough.
    fn go_on(&mut self) -> bool {
        if Instant::now() >= self.end {
            return false;
        }
        sleep(self.next);
        self.next = (self.next * 2).min(LONGEST_WAIT);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_is_refused_untouched() {
        let dir = std::env::temp_dir().join(format!("sandbox-plain-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let error = sweep(std::slice::from_ref(&dir)).unwrap_err();
        assert!(error.to_string().contains("no control group"), "{error}");
        assert!(dir.is_dir());
        std::fs::remove_dir(&dir).unwrap();
        assert!(sweep(&[dir]).is_ok(), "what is gone needs no sweep");
        let foreign = sweep(&["/sys/fs/cgroup/memory".into()]).unwrap_err();
        assert_eq!(foreign.kind(), io::ErrorKind::InvalidInput);
    }
}
