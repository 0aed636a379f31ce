//! Why a limit cannot be enforced, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use nix::errno::Errno;

use crate::diag::Origin;
use crate::model::CgroupVersion;
use crate::plan::GroupLimit;

/// A limit that the host does not let us enforce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupError {
    /// Index in [`GroupLimits::list`](crate::plan::GroupLimits).
    pub limit: usize,
    /// The key in the profile: `limits.memory`.
    pub key: &'static str,
    /// The line that asked for it.
    pub origin: Origin,
    /// What went wrong.
    pub failure: Failure,
}

impl CgroupError {
    pub(super) fn new(index: usize, limit: &GroupLimit, failure: Failure) -> CgroupError {
        CgroupError {
            limit: index,
            key: limit.amount.key(),
            origin: limit.origin.clone(),
            failure,
        }
    }

    /// What to do, as an imperative; nothing where only the errno is known.
    pub fn fix(&self) -> Option<String> {
        self.failure.cause.fix()
    }
}

impl fmt::Display for CgroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be enforced: {}", self.key, self.failure)
    }
}

impl std::error::Error for CgroupError {}

/// One step that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why, as far as it is known.
    pub cause: Cause,
    /// The file or directory that it was about.
    pub path: Option<PathBuf>,
    /// What the kernel said.
    pub errno: Option<Errno>,
}

impl Failure {
    /// Something that was known before the kernel was asked.
    pub(super) fn known(cause: Cause) -> Failure {
        Failure {
            cause,
            path: None,
            errno: None,
        }
    }

    /// The own group cannot be divided, and there is no scope; why (see [`scope::enter`](super::scope::enter)).
    pub fn no_scope(reason: String) -> Failure {
        Failure::known(Cause::NoManager(reason))
    }

    /// A call that failed on `path`, the cause read off the errno.
    pub(super) fn call(version: CgroupVersion, path: PathBuf, errno: Errno) -> Failure {
        Failure {
            cause: Cause::of(version, errno),
            path: Some(path),
            errno: Some(errno),
        }
    }

    /// The same with a cause that the place of the call tells.
    pub(super) fn because(mut self, cause: Cause) -> Failure {
        self.cause = cause;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        match (&self.path, self.errno) {
            (Some(path), Some(errno)) => write!(f, " (`{}`: {errno})", path.display()),
            (Some(path), None) => write!(f, " (`{}`)", path.display()),
            (None, _) => Ok(()),
        }
    }
}

/// The known reasons; see the rows on cgroups in the table of host failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// No hierarchy is mounted where the caller's group can be seen.
    NotMounted,
    /// No hierarchy has the controller.
    ControllerOff(&'static str),
    /// The host has the controller, the caller's group does not.
    ControllerNotDelegated(&'static str),
    /// v1: only root may make groups.
    NeedsRoot,
    /// v2: the caller's group belongs to somebody else.
    NotDelegated,
    /// v2: it belongs to somebody else, and no service manager gives another one; why.
    NoManager(String),
    /// v2: other processes live in the group that would have to hand controllers on.
    OthersInGroup,
    /// The file system is mounted read-only.
    ReadOnly,
    /// The kernel has no room for a further group.
    TooManyGroups,
    /// v1 has no limit of this kind.
    NotOnV1,
    /// Another group, above or beside, does not leave these CPUs or memory nodes to this one.
    NotInCpuset,
    /// The kernel does not know the disk.
    NoDisk,
    /// v1 limits swap together with memory only.
    SwapNeedsMemory,
    /// The kernel does not count swap a group.
    SwapNotCounted,
    /// The kernel was built without this limit, or the directory is no control group.
    FileMissing,
    /// Only root may say which devices a group opens.
    DevicesNeedRoot,
    /// The errno says it all.
    Refused,
}

impl Cause {
    fn of(version: CgroupVersion, errno: Errno) -> Cause {
        match (errno, version) {
            (Errno::EACCES | Errno::EPERM, CgroupVersion::V1) => Cause::NeedsRoot,
            (Errno::EACCES | Errno::EPERM, CgroupVersion::V2) => Cause::NotDelegated,
            (Errno::EROFS, _) => Cause::ReadOnly,
            (Errno::EAGAIN | Errno::ENOSPC | Errno::ENOMEM, _) => Cause::TooManyGroups,
            (Errno::ENOENT, _) => Cause::FileMissing,
            _ => Cause::Refused,
        }
    }

    /// The controller whose absence it is, where it is one.
    pub(super) fn controller(&self) -> Option<&'static str> {
        match self {
            Cause::ControllerOff(name) | Cause::ControllerNotDelegated(name) => Some(name),
            _ => None,
        }
    }

    fn fix(&self) -> Option<String> {
        const DELEGATE: &str = "start it in a group of its own that you may divide: \
             `systemd-run --user --scope -p Delegate=yes sandbox up …`";
        let fix = match self {
            Cause::NotMounted => {
                "mount cgroup2 at /sys/fs/cgroup, or let the container runtime show it"
            }
            Cause::ControllerOff(name) => return Some(controller_fix(name)),
            Cause::ControllerNotDelegated(name) => {
                return Some(format!(
                    "let the service manager hand `{name}` on to users: as root `systemctl edit user@.service`, \
                     there `[Service]` and `Delegate=cpu cpuset io memory pids`, then `systemctl daemon-reload`, and log in anew"
                ));
            }
            Cause::NoManager(_) => {
                "log in with a session of systemd's (`loginctl`), run it as root, or let limits be missing: \
                 `allow_degraded = [\"limits\"]` under `[security]`"
            }
            Cause::NeedsRoot => "run it as root, or boot the host with cgroup v2 only",
            Cause::NotDelegated | Cause::OthersInGroup => DELEGATE,
            Cause::ReadOnly => {
                "let the container runtime mount /sys/fs/cgroup writable, in a cgroup namespace"
            }
            Cause::TooManyGroups => {
                "remove groups, or raise `cgroup.max.descendants` and `cgroup.max.depth` above"
            }
            Cause::NotOnV1 => "boot the host with cgroup v2 only, or leave the key out",
            Cause::NotInCpuset => "write numbers that the caller's own group has",
            Cause::NoDisk => "name a disk that `lsblk` lists",
            Cause::SwapNeedsMemory => "set `limits.memory` too",
            Cause::SwapNotCounted => "boot the kernel with `swapaccount=1`, or switch swap off",
            Cause::FileMissing => "use a kernel that has this limit, or leave the key out",
            Cause::DevicesNeedRoot => "run it as root",
            Cause::Refused => return None,
        };
        Some(fix.to_owned())
    }
}

fn controller_fix(name: &str) -> String {
    format!(
        "boot the kernel without `cgroup_disable={name}` (for `memory`, some also need \
         `cgroup_enable=memory`), and with the controller mounted"
    )
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Cause::NotMounted => {
                "no mounted control group hierarchy shows this process's own group"
            }
            Cause::ControllerOff(name) => {
                return write!(
                    f,
                    "the controller `{name}` is off or not mounted on this host"
                );
            }
            Cause::ControllerNotDelegated(name) => {
                return write!(f, "the controller `{name}` is not handed on to this group");
            }
            Cause::NeedsRoot => "on cgroup v1 only root may make groups",
            Cause::NotDelegated => "this control group is not delegated to you",
            Cause::NoManager(reason) => {
                return write!(
                    f,
                    "this control group is not delegated to you, and no service manager gives another: {reason}"
                );
            }
            Cause::OthersInGroup => {
                "other processes live in this control group, so it cannot hand controllers on"
            }
            Cause::ReadOnly => "the control group file system is read-only",
            Cause::TooManyGroups => "the kernel makes no further control group here",
            Cause::NotOnV1 => "cgroup v1 has no such limit",
            Cause::NotInCpuset => "the groups above do not have all of these",
            Cause::NoDisk => "the kernel knows no such disk",
            Cause::SwapNeedsMemory => "cgroup v1 limits swap only together with memory",
            Cause::SwapNotCounted => "this kernel does not count the swap of a group",
            Cause::FileMissing => "the kernel does not offer it here",
            Cause::DevicesNeedRoot => "only root may say which devices a group opens",
            Cause::Refused => "the kernel refuses it",
        };
        f.write_str(text)
    }
}
