//! What a program of BPF answers.

/// The answer to one system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The call runs.
    Allow,
    /// The call fails with this errno.
    Errno(Errno),
    /// The process ends with SIGSYS.
    Kill,
}

/// The errors that the policy answers with; the numbers are the same on both architectures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Errno {
    /// It may not.
    Eperm = 1,
    /// This kernel has no such option.
    Einval = 22,
    /// This kernel has no such call.
    Enosys = 38,
    /// This kernel has no such protocol.
    Eprotonosupport = 93,
    /// This kernel has no such family of addresses.
    Eafnosupport = 97,
}

impl Answer {
    pub(super) const EPERM: Answer = Answer::Errno(Errno::Eperm);
    pub(super) const ENOSYS: Answer = Answer::Errno(Errno::Enosys);

    /// The kernel's `SECCOMP_RET_*` (include/uapi/linux/seccomp.h).
    pub fn action(self) -> u32 {
        match self {
            Answer::Allow => 0x7fff_0000,
            Answer::Errno(errno) => 0x0005_0000 | errno as u32,
            Answer::Kill => 0x8000_0000,
        }
    }
}
