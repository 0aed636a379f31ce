//! How our groups are called, so that no other group is ever taken for one.

use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::Mode;

use super::error::Failure;
use crate::model::CgroupVersion;

/// Begins the name of each group that holds a sandbox.
const PREFIX: &str = "sandbox-";
/// Begins the name of the group that a supervisor moved itself to; no sandbox's group begins so.
const SUPERVISOR_PREFIX: &str = "sandbox.supervisor-";
/// The group that keeps the controllers for the groups below it (v2).
pub(super) const NEST: &str = "sandbox";
/// A longer part of a sandbox's name is cut: a file name holds 255 bytes.
const LONGEST_NAME: usize = 100;
/// Groups of one name and process id that are stepped over before giving up.
const TRIES: u32 = 100;

/// What a group of ours is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It holds a sandbox: whatever lives in it may be killed.
    Sandbox,
    /// It holds a supervisor, which must never be killed by a sweep.
    Supervisor,
}

/// Makes a group that was not there before: `sandbox-NAME-PID`, with a number when that exists.
///
/// A group that exists is never taken over: it may be another's of an equal process id in another
/// PID namespace, and its limits and counters are not ours.
pub(super) fn make_group(
    version: CgroupVersion,
    parent: &Path,
    role: Role,
    name: &str,
) -> Result<PathBuf, Failure> {
    let stem = stem(role, name, std::process::id());
    for number in 1..=TRIES {
        let dir = match number {
            1 => parent.join(&stem),
            _ => parent.join(format!("{stem}-{number}")),
        };
        match nix::unistd::mkdir(&dir, Mode::from_bits_truncate(0o755)) {
            Ok(()) => return Ok(dir),
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(Failure::call(version, dir, errno)),
        }
    }
    let last = parent.join(stem);
    Err(Failure::call(version, last, Errno::EEXIST))
}

/// Where [`make_group`] makes a group of this process, unless something is there already.
pub(super) fn free_place(parent: &Path, role: Role, name: &str) -> Option<PathBuf> {
    let dir = parent.join(stem(role, name, std::process::id()));
    let is_free = std::fs::symlink_metadata(&dir).is_err();
    is_free.then_some(dir)
}

fn stem(role: Role, name: &str, pid: u32) -> String {
    match role {
        Role::Supervisor => format!("{SUPERVISOR_PREFIX}{pid}"),
        Role::Sandbox => format!("{PREFIX}{}-{pid}", plain(name)),
    }
}

/// The name of a unit of the service manager for a sandbox of this process.
pub(super) fn scope_name(name: &str) -> String {
    // Of a unit's name the kind is what follows the last dot.
    format!("{}.scope", stem(Role::Sandbox, name, std::process::id()))
}

/// The name with only what every file system and every parser of /proc/self/cgroup takes.
fn plain(name: &str) -> String {
    let plain = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => c,
        _ => '_',
    };
    name.chars().take(LONGEST_NAME).map(plain).collect()
}

/// Whether a path is one that [`make_group`] could have made, and for what.
pub(super) fn role_of(path: &Path) -> Option<Role> {
    let plain = |component| matches!(component, Component::Normal(_) | Component::RootDir);
    let name = path.file_name()?.to_str()?;
    let numbered = name
        .rsplit('-')
        .next()
        .is_some_and(|last| !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()));
    if !path.is_absolute() || !path.components().all(plain) || !numbered {
        return None;
    }
    if name.starts_with(SUPERVISOR_PREFIX) {
        Some(Role::Supervisor)
    } else {
        name.starts_with(PREFIX).then_some(Role::Sandbox)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_recognised_and_others_are_not() {
        let role = |path: &str| role_of(Path::new(path));
        let name = stem(Role::Sandbox, "supervisor", 7);
        assert_eq!(
            role(&format!("/sys/fs/cgroup/{name}")),
            Some(Role::Sandbox),
            "no name of a sandbox makes it look like a supervisor's group"
        );
        let leaf = stem(Role::Supervisor, "ignored", 7);
        assert_eq!(role(&format!("/a/{leaf}")), Some(Role::Supervisor));
        assert_eq!(role("/a/sandbox-dev-12-2"), Some(Role::Sandbox));
        for other in [
            "/",
            "/sys/fs/cgroup",
            "/sys/fs/cgroup/system.slice",
            "/sys/fs/cgroup/sandbox",
            "/sys/fs/cgroup/sandbox-dev",
            "/sys/fs/cgroup/sandbox-dev-",
            "sandbox-dev-1",
            "/a/../sandbox-dev-1",
            "/a/sandbox-dev-1/..",
        ] {
            assert_eq!(role(other), None, "{other}");
        }
    }

    #[test]
    fn hostile_names_stay_one_plain_component() {
        let name = stem(Role::Sandbox, "../../x\n:é", 3);
        assert_eq!(name, "sandbox-.._.._x___-3");
        assert!(stem(Role::Sandbox, &"ä".repeat(5000), 3).len() < 200);
    }
}
