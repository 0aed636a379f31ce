//! What a program of BPF answers.

use crate::model::Errno;

/// The answer to one system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The call runs.
    Allow,
    /// The call runs, and the kernel logs it.
    Log,
    /// The call waits for the answer of who listens: the supervisor, which refuses and counts it, and may end
    /// the process.
    Notify,
    /// The call fails with this errno.
    Errno(Errno),
    /// The process ends with SIGSYS.
    Kill,
}

impl Answer {
    /// What is refused, before the policy says what becomes of that.
    pub(super) const EPERM: Answer = Answer::Errno(Errno::EPERM);
    pub(super) const ENOSYS: Answer = Answer::Errno(Errno::ENOSYS);

    /// The kernel's `SECCOMP_RET_*` (include/uapi/linux/seccomp.h).
    pub fn action(self) -> u32 {
        match self {
            Answer::Allow => 0x7fff_0000,
            Answer::Log => 0x7ffc_0000,
            Answer::Notify => 0x7fc0_0000,
            Answer::Errno(errno) => 0x0005_0000 | u32::from(errno.number()),
            Answer::Kill => 0x8000_0000,
        }
    }
}
