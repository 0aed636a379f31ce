//! Values in the words of the kernel.

use std::ffi::CString;
use std::fmt::Write as _;

use crate::model::{ByteSize, Capability, FileMode};
use crate::plan::{Clock, ClockOffset, Namespace};

/// The flag by which clone3(2), unshare(2) and setns(2) know a kind of namespace.
pub fn clone_flag(namespace: Namespace) -> i32 {
    match namespace {
        Namespace::User => libc::CLONE_NEWUSER,
        Namespace::Mount => libc::CLONE_NEWNS,
        Namespace::Pid => libc::CLONE_NEWPID,
        Namespace::Ipc => libc::CLONE_NEWIPC,
        Namespace::Uts => libc::CLONE_NEWUTS,
        Namespace::Network => libc::CLONE_NEWNET,
        Namespace::Cgroup => libc::CLONE_NEWCGROUP,
        Namespace::Time => libc::CLONE_NEWTIME,
    }
}

pub(super) fn mask(capabilities: &[Capability]) -> u64 {
    capabilities
        .iter()
        .fold(0, |mask, capability| mask | 1 << capability.number())
}

/// As /proc/PID/timens_offsets wants them (time_namespaces(7)).
pub(super) fn clock_offsets(clocks: &[ClockOffset]) -> Vec<u8> {
    let mut text = String::new();
    for ClockOffset { clock, offset } in clocks {
        let name = match clock {
            Clock::Monotonic => "monotonic",
            Clock::Boottime => "boottime",
        };
        let nanoseconds = offset.nanoseconds;
        let seconds = nanoseconds.div_euclid(1_000_000_000);
        let rest = nanoseconds.rem_euclid(1_000_000_000);
        // Writing to a String cannot fail.
        if writeln!(text, "{name} {seconds} {rest}").is_err() {
            return Vec::new();
        }
    }
    text.into_bytes()
}

pub(super) fn bytes(size: ByteSize) -> CString {
    CString::new(size.0.to_string()).unwrap_or_default()
}

pub(super) fn octal(mode: FileMode) -> CString {
    CString::new(format!("{:o}", mode.0)).unwrap_or_default()
}
