//! What a host is like, beside what it refuses: read for `sandbox doctor` alone.

use std::path::PathBuf;

use super::{CgroupFacts, LandlockAbi, Resource, Rlimit, Switch};

/// What surrounds a start; `None` where the host does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The kernel's release and the machine: `6.18.5 x86_64`.
    pub kernel: String,
    /// Effective user id of the caller.
    pub uid: u32,
    /// The kernel's Landlock.
    pub landlock: LandlockAbi,
    /// The security modules that are on (/sys/kernel/security/lsm).
    pub security_modules: Option<Vec<String>>,
    /// `kernel.yama.ptrace_scope`.
    pub ptrace_scope: Option<u64>,
    /// `vm.memfd_noexec`.
    pub memfd_noexec: Option<u64>,
    /// The caller's keys (/proc/key-users).
    pub keys: Option<KeyQuota>,
    /// The caller's effective capabilities (`CapEff:`), bit N is capability N.
    pub effective: Option<u64>,
    /// The bounding set (`CapBnd:`).
    pub bounding: Option<u64>,
    /// Whether no program that the caller starts gains rights (`NoNewPrivs:`).
    pub no_new_privileges: Option<Switch>,
    /// The caller's own limits of setrlimit(2).
    pub limits: Vec<(Resource, Rlimit)>,
    /// Control groups.
    pub cgroups: CgroupFacts,
    /// Whether the user's service manager answers where it should (`$XDG_RUNTIME_DIR/systemd/private`).
    pub user_manager: Option<Switch>,
    /// Where `sandbox` keeps its own.
    pub places: Vec<Place>,
    /// Devices that some profiles name, and whether they are there.
    pub devices: Vec<(&'static str, Switch)>,
}

/// How many keys a user has, and may have (keyrings(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyQuota {
    /// Keys that count.
    pub used: u64,
    /// The most.
    pub most: u64,
}

/// A directory of `sandbox` itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What it is for: `store`, `kept data`, `runtime directory`.
    pub role: &'static str,
    /// Where it is, or will be.
    pub path: PathBuf,
    /// The nearest directory above that is there already, or itself.
    pub there: PathBuf,
    /// The type of the file system there.
    pub kind: Option<String>,
    /// Whether the caller may write there.
    pub writable: Switch,
    /// What is free.
    pub room: Option<Room>,
}

/// What a file system has free for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes.
    pub bytes: u64,
    /// Files; none where the file system does not count them.
    pub files: Option<u64>,
}
