//! What a host says of itself after it refused a step.

use std::path::{Path, PathBuf};

use super::{ProgramFact, Switch};

/// Everything that tells one refusal from another with the same errno; `None` where the host does not
/// say. It is read after a step failed: it explains, and nothing depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostState {
    /// Whether the kernel has user namespaces (/proc/self/ns/user).
    pub user_namespaces: Option<Switch>,
    /// Whether the kernel has time namespaces (/proc/self/ns/time).
    pub time_namespaces: Option<Switch>,
    /// How many namespaces of each kind a user may have: the names and numbers of /proc/sys/user.
    pub namespace_limits: Vec<(&'static str, u64)>,
    /// `kernel.unprivileged_userns_clone`, which Debian's kernels have.
    pub unprivileged_user_namespaces: Option<Switch>,
    /// `kernel.apparmor_restrict_unprivileged_userns`.
    pub apparmor_restricts_user_namespaces: Option<Switch>,
    /// The AppArmor profile of this process; `unconfined` is none.
    pub apparmor_profile: Option<String>,
    /// Whether SELinux enforces its policy (/sys/fs/selinux/enforce).
    pub selinux: Option<Switch>,
    /// Whether this process is under a system-call filter (`Seccomp: 2` in /proc/self/status).
    pub filtered: Option<Switch>,
    /// Whether another process traces this one, as proot and strace do.
    pub traced: Option<Switch>,
    /// Whether this process runs in a chroot: no mount of mountinfo lies at `/`.
    pub chroot: Option<Switch>,
    /// What the root of this mount namespace is made of: `rootfs` cannot be pivoted away from.
    pub root_type: Option<String>,
    /// Whether the user and the group of this process are mapped in its user namespace.
    pub ids_mapped: Option<Switch>,
    /// Whether this process holds CAP_SYS_ADMIN.
    pub administers: Option<Switch>,
    /// What is mounted below /proc: a container hides parts of it so.
    pub mounts_below_proc: Vec<PathBuf>,
    /// What is mounted below /sys, beside the kernel's own file systems there.
    pub mounts_below_sys: Vec<PathBuf>,
    /// Whether /proc is mounted read-only.
    pub proc_read_only: Option<Switch>,
    /// The kernel's release, as far as it is a number: 6.18.
    pub kernel: Option<(u32, u32)>,
    /// Whether the root tree lies on a file system from which no program runs.
    pub tree_noexec: Option<Switch>,
    /// Where the root tree lies.
    pub tree: Option<PathBuf>,
    /// Where this host has the program, when it is not in the tree.
    pub program: Option<ProgramFact>,
    /// Every mount point of this mount namespace with the type of its file system, in their order.
    pub mounts: Vec<(PathBuf, String)>,
}

impl HostState {
    /// The limit of one kind of namespace, by its name below /proc/sys/user.
    pub fn namespace_limit(&self, name: &str) -> Option<u64> {
        let found = self.namespace_limits.iter().find(|(kind, _)| *kind == name);
        found.map(|(_, limit)| *limit)
    }

    /// The type of the file system that a path without links lies on.
    pub fn file_system_of(&self, path: &Path) -> Option<&str> {
        let above = self
            .mounts
            .iter()
            .filter(|(point, _)| path.starts_with(point));
        // Of two at one point the later one covers the earlier.
        let nearest = above.max_by_key(|(point, _)| point.components().count());
        nearest.map(|(_, kind)| kind.as_str())
    }

    /// Whether the kernel is known to be older than this release.
    pub fn is_older_than(&self, release: (u32, u32)) -> bool {
        self.kernel.is_some_and(|kernel| kernel < release)
    }

    /// Whether an AppArmor profile confines this process.
    pub fn is_confined(&self) -> bool {
        let profile = self.apparmor_profile.as_deref();
        profile.is_some_and(|profile| profile != "unconfined")
    }
}
