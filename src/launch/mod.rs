//! Performs the steps of a plan: one clone3, everything mounted by descriptor, then the program.
//!
//! `arm` turns steps into C strings and numbers, the last code that allocates. `parent` performs the
//! parent's lane, `init` that of the first process, `program` that of the process that becomes the
//! program. What fails there comes back as one fixed-size record.

mod arm;
mod id_map;
mod init;
mod landlock;
mod magic;
mod mounts;
mod overlay;
mod parent;
mod parts;
mod probe;
mod procfs;
mod program;
mod reap;
mod record;
mod rehearse;
mod sealed;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::model::{Call, Deadly, KeptPlace};
use crate::plan::Plan;
use crate::sys::process::Child;
use crate::sys::seccomp::Instruction;

pub use arm::clone_flag;
pub use parent::launch;
pub use reap::end_left_behind;
pub use record::Record;
pub use rehearse::{Came, rehearse};
pub use sealed::run_sealed;

/// Asks a first process that is no PID 1 to kill everything; Linux sends the last real-time signal for
/// nothing else.
pub const KILL_ALL: i32 = 64;

/// What the steps need beside the plan: what was built for them.
#[derive(Debug)]
pub struct Resources<'a> {
    /// The built root tree.
    pub tree: &'a Path,
    /// What is kept under the sandbox's name, in the order of the plan; nothing where the host has not
    /// what it belongs to.
    pub kept: &'a [Option<KeptPlace>],
    /// Where the first process is noted before it passes the gate, as [`sys::pidfd::Identity`](crate::sys::pidfd::Identity)
    /// writes itself.
    pub note: Option<BorrowedFd<'a>>,
    /// The system-call filters.
    pub filters: &'a Filters,
    /// The control groups.
    pub groups: Groups<'a>,
    /// What stands for the namespaces that are joined, with their flags, as setns(2) takes both.
    pub joined: &'a [(OwnedFd, i32)],
}

/// The programs of the system-call filters.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    /// For the first process.
    pub first_process: Vec<Instruction>,
    /// For the program.
    pub program: Vec<Instruction>,
    /// The same with a listener for what is refused; none where nobody is to listen.
    pub listened: Option<Listened>,
}

/// A filter whose refusals the supervisor answers, so that it can name and count them.
#[derive(Debug, Clone)]
pub struct Listened {
    /// The program.
    pub program: Vec<Instruction>,
    /// What becomes of a refused call.
    pub refused: Refused,
    /// Whose calls the policy judges ([`Call::architecture`]); those of others end the process.
    pub judged: Vec<&'static str>,
    /// A call by the kernel's `AUDIT_ARCH_*` and its number.
    pub call: fn(u32, i32) -> Call,
}

/// What becomes of a call that does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It fails with this error.
    Fails(i32),
    /// Its process ends.
    Ends(Deadly),
}

impl Listened {
    /// What becomes of `call`, which the filter does not let run.
    pub fn becomes(&self, call: &Call) -> Refused {
        match self.judged.contains(&call.architecture) {
            true => self.refused,
            false => Refused::Ends(Deadly::Architecture),
        }
    }
}

/// The way into the control groups that were made.
#[derive(Debug, Default)]
pub struct Groups<'a> {
    /// The v2 group that clone3 starts in.
    pub unified: Option<BorrowedFd<'a>>,
    /// `tasks` of each v1 group, opened for writing by the parent, whose rights count.
    pub tasks: &'a [OwnedFd],
    /// Each group's directory and its name below /sys/fs/cgroup; an empty name is the whole of it.
    pub shown: Vec<(String, PathBuf)>,
    /// Keys of limits that this host lacks and the profile allows to miss.
    pub missing: Vec<&'static str>,
}

/// A started sandbox: its first process runs.
#[derive(Debug)]
pub struct Running {
    /// The first process.
    pub child: Child,
    /// Where [`Record`]s come from.
    pub records: OwnedFd,
    /// Held as long as the sandbox may run: its end is seen inside as the supervisor's.
    pub gate: OwnedFd,
    /// Where the master of the sandbox's own terminal comes from.
    pub terminal: Option<UnixStream>,
    /// Where the listener of the program's filter comes from.
    pub listener: Option<UnixStream>,
}

/// Why nothing was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaunchError {
    /// A step of the parent failed.
    Step {
        /// Its place in the plan's list.
        index: usize,
        /// The kernel's answer.
        errno: Errno,
    },
    /// A text of the plan holds a NUL byte.
    Nul {
        /// The step's place in the plan's list.
        index: usize,
    },
    /// Something around the steps failed.
    Setup {
        /// What.
        what: &'static str,
        /// The kernel's answer.
        errno: Errno,
    },
}

impl LaunchError {
    fn setup(what: &'static str) -> impl Fn(std::io::Error) -> LaunchError {
        move |error| LaunchError::Setup {
            what,
            errno: Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)),
        }
    }
}

/// Whether the plan has a terminal of its own, and so a socket for its master.
fn has_terminal(plan: &Plan) -> bool {
    plan.settings.command.terminal.value == crate::plan::Terminal::Own
}
