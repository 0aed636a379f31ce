//! Groups of a sandbox that runs, found by their paths: freezing, and what is used at this moment.
//!
//! What a group offers is told by the files that it has; no more is asked of the host.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, fstatfs};

use super::counts::{cpu_used, memory_peak, number, throttled, transferred};
use super::file::{keyed, open_directory, open_for_writing, read, write};
use super::names::{Role, role_of};
use crate::model::Figures;

/// How long a group may take to freeze: a process in an uninterruptible call holds it up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether processes of a group run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freezer {
    /// None gets any processor time, and none takes a signal.
    Frozen,
    /// All go on.
    Thawed,
}

/// The interface by which a group is frozen.
enum Kind {
    /// `freezer.state` of v1.
    State(PathBuf),
    /// `cgroup.freeze` of v2.
    Freeze(PathBuf),
}

impl Kind {
    fn of(groups: &[PathBuf]) -> Option<Kind> {
        let with = |file: &str| groups.iter().find(|group| group.join(file).exists());
        let unified = with("cgroup.freeze").map(|group| Kind::Freeze(group.clone()));
        unified.or_else(|| with("freezer.state").map(|group| Kind::State(group.clone())))
    }

    fn ask(&self, wanted: Freezer) -> io::Result<()> {
        let (file, value) = match (self, wanted) {
            (Kind::Freeze(group), Freezer::Frozen) => (group.join("cgroup.freeze"), "1"),
            (Kind::Freeze(group), Freezer::Thawed) => (group.join("cgroup.freeze"), "0"),
            (Kind::State(group), Freezer::Frozen) => (group.join("freezer.state"), "FROZEN"),
            (Kind::State(group), Freezer::Thawed) => (group.join("freezer.state"), "THAWED"),
        };
        Ok(write(&file, value)?)
    }

    /// What has come of it; nothing while it is on its way.
    fn state(&self) -> io::Result<Option<Freezer>> {
        Ok(match self {
            Kind::Freeze(group) => {
                let events = read(&group.join("cgroup.events"))?;
                match keyed(&events, "frozen") {
                    Some(1) => Some(Freezer::Frozen),
                    _ => Some(Freezer::Thawed),
                }
            }
            Kind::State(group) => match read(&group.join("freezer.state"))?.trim_end() {
                "FROZEN" => Some(Freezer::Frozen),
                "THAWED" => Some(Freezer::Thawed),
                _ => None,
            },
        })
    }
}

/// Whether the groups of a sandbox are frozen; nothing where none of them can be.
///
/// # Errors
/// When the kernel's files cannot be read.
pub fn freezer(groups: &[PathBuf]) -> io::Result<Option<Freezer>> {
    let Some(kind) = Kind::of(groups) else {
        return Ok(None);
    };
    Ok(Some(kind.state()?.unwrap_or(Freezer::Thawed)))
}

/// Freezes or thaws the groups of a sandbox, and waits until that is done.
///
/// # Errors
/// `Unsupported` where none of the groups can be frozen, `TimedOut` when one does not; then it is thawed again.
pub fn set_freezer(groups: &[PathBuf], wanted: Freezer) -> io::Result<()> {
    let kind = Kind::of(groups).ok_or(io::ErrorKind::Unsupported)?;
    kind.ask(wanted)?;
    let start = Instant::now();
    while kind.state()? != Some(wanted) {
        if start.elapsed() > PATIENCE {
            kind.ask(Freezer::Thawed)?;
            return Err(io::ErrorKind::TimedOut.into());
        }
        sleep(Duration::from_millis(1));
        // v1 takes in who was forked meanwhile only when it is asked again.
        kind.ask(wanted)?;
    }
    Ok(())
}

/// Lets the groups of a sandbox go on where they are frozen: v1 kills nobody there.
///
/// # Errors
/// As [`set_freezer`]. Groups that are gone, or tell nothing, are not frozen.
pub fn thaw(groups: &[PathBuf]) -> io::Result<()> {
    match freezer(groups) {
        Ok(Some(Freezer::Frozen)) => set_freezer(groups, Freezer::Thawed),
        Ok(Some(Freezer::Thawed) | None) | Err(_) => Ok(()),
    }
}

/// How a further process gets into the groups of a sandbox, both ways together.
#[derive(Debug, Default)]
pub struct WaysIn {
    /// A directory of v2 for `CLONE_INTO_CGROUP`.
    pub clone_into: Option<OwnedFd>,
    /// v1: files that the process itself writes `0` to.
    pub tasks: Vec<OwnedFd>,
}

/// The ways into those groups of a list that are there and hold the sandbox.
///
/// # Errors
/// When one cannot be opened: a process outside of it would be without its limits.
pub fn ways_in(groups: &[PathBuf]) -> io::Result<WaysIn> {
    let mut ways = WaysIn::default();
    for group in groups {
        if role_of(group) != Some(Role::Sandbox) {
            continue;
        }
        let directory = match open_directory(group) {
            Err(Errno::ENOENT) => continue,
            directory => directory?,
        };
        match fstatfs(&directory)?.filesystem_type() {
            CGROUP2_SUPER_MAGIC => ways.clone_into = Some(directory),
            _ => ways.tasks.push(open_for_writing(&group.join("tasks"))?),
        }
    }
    Ok(ways)
}

/// What the groups of a sandbox use at this moment; none of what no group counts.
pub fn figures(groups: &[PathBuf]) -> Figures {
    let first = |files: &[&str]| {
        let found = groups
            .iter()
            .flat_map(|group| files.iter().map(|file| number(group, file)));
        found.flatten().next()
    };
    let cpu = groups.iter().find_map(|group| cpu_used(group));
    let io = groups.iter().find_map(|group| transferred(group));
    let throttling = groups.iter().find_map(|group| throttled(group));
    Figures {
        cpu_seconds: cpu.map(|time| time.as_secs_f64()),
        memory_bytes: first(&["memory.current", "memory.usage_in_bytes"]),
        memory_peak_bytes: groups.iter().find_map(|group| memory_peak(group)),
        memory_limit_bytes: first(&["memory.max", "memory.limit_in_bytes"])
            // v1 says "no limit" with the largest number of pages.
            .filter(|limit| *limit < 1 << 62),
        pids: first(&["pids.current"]),
        pids_limit: first(&["pids.max"]),
        read_bytes: io.map(|(read, _)| read),
        written_bytes: io.map(|(_, written)| written),
        throttled_seconds: throttling.map(|(_, time)| time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let place = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(place.path().join(name), text).unwrap();
        }
        let list = vec![place.path().to_owned()];
        (place, list)
    }

    #[test]
    fn both_interfaces_tell_the_same() {
        let (_unified, unified) = group(&[
            (
                "cpu.stat",
                "usage_usec 1500000\nuser_usec 1\nnr_throttled 2\nthrottled_usec 250000\n",
            ),
            ("memory.current", "4096\n"),
            ("memory.peak", "8192\n"),
            ("memory.max", "max\n"),
            ("pids.current", "3\n"),
            ("pids.max", "64\n"),
            (
                "io.stat",
                "8:0 rbytes=10 wbytes=5 rios=1\n8:16 rbytes=1 wbytes=2\n",
            ),
        ]);
        let (_v1, v1) = group(&[
            ("cpuacct.usage", "1500000000\n"),
            ("cpu.stat", "nr_throttled 2\nthrottled_time 250000000\n"),
            ("memory.usage_in_bytes", "4096\n"),
            ("memory.max_usage_in_bytes", "8192\n"),
            ("memory.limit_in_bytes", "9223372036854771712\n"),
            ("pids.current", "3\n"),
            ("pids.max", "64\n"),
            (
                "blkio.throttle.io_service_bytes",
                "8:0 Read 11\n8:0 Write 7\n8:0 Total 18\nTotal 18\n",
            ),
        ]);
        let expected = Figures {
            cpu_seconds: Some(1.5),
            memory_bytes: Some(4096),
            memory_peak_bytes: Some(8192),
            memory_limit_bytes: None,
            pids: Some(3),
            pids_limit: Some(64),
            read_bytes: Some(11),
            written_bytes: Some(7),
            throttled_seconds: Some(0.25),
        };
        assert_eq!(figures(&unified), expected);
        assert_eq!(figures(&v1), expected);
        assert_eq!(figures(&[]), Figures::default());
    }

    #[test]
    fn a_group_without_a_freezer_is_not_frozen() {
        let (_place, groups) = group(&[("pids.current", "3\n")]);
        assert_eq!(freezer(&groups).unwrap(), None);
        let refused = set_freezer(&groups, Freezer::Frozen).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::Unsupported);
    }
}
