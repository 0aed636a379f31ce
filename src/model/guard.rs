//! Guards that a test takes out one at a time, to see that an attack is noticed.
//!
//! Every place that guards asks [`holds`]. In a release build that is a constant, so that nothing of the
//! switch is left in the program. With `debug_assertions`, which is what `cargo test` makes, the variable
//! `SANDBOX_GUARD_OFF` of the caller names guards that are left out; the profile and the program inside have
//! no way to it, and a line on standard error says so. A Cargo feature would do the same, but could be turned
//! on for a release, and would want the tests built twice.

/// The enum, and in debug builds its names, from one list.
macro_rules! guards {
    ($($(#[doc = $doc:literal])+ $guard:ident, $name:literal, $rule:literal;)+) => {
        /// One guard. Those that are steps of the plan go from its list, the others are asked where they stand.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[cfg_attr(debug_assertions, derive(Debug))]
        pub enum Guard {
            $($(#[doc = $doc])+ $guard,)+
        }

        #[cfg(debug_assertions)]
        impl Guard {
            /// All of them.
            pub const ALL: &'static [Guard] = &[$(Guard::$guard,)+];

            /// Its name in `SANDBOX_GUARD_OFF`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Guard::$guard => $name,)+
                }
            }

            /// The rule of hardening that it belongs to.
            pub fn rule(self) -> u8 {
                match self {
                    $(Guard::$guard => $rule,)+
                }
            }
        }
    };
}

guards! {
    // Steps of the plan.
    /// PR_SET_NO_NEW_PRIVS.
    NoNewPrivileges, "no-new-privileges", 1;
    /// The user namespace.
    UserNamespace, "user-namespace", 2;
    /// Root's sandbox is an unprivileged id of the host, not 0.
    UnprivilegedId, "unprivileged-id", 2;
    /// Root's supplementary groups are left.
    LeaveGroups, "leave-groups", 3;
    /// The bounding set is emptied.
    BoundingSet, "bounding-set", 4;
    /// All other sets of capabilities are emptied.
    Capabilities, "capabilities", 4;
    /// No further user namespace: the limit and the try together.
    ForbidUserNamespaces, "forbid-user-namespaces", 5;
    /// A session of its own.
    NewSession, "new-session", 6;
    /// The file mode creation mask is a known one.
    Umask, "umask", 6;
    /// Dispositions and the mask of signals are known ones.
    ResetSignals, "reset-signals", 6;
    /// Limits of the process.
    ProcessLimits, "process-limits", 6;
    /// The new root becomes the only one.
    PivotRoot, "pivot-root", 9;
    /// Parts of /proc that tell of the host are covered.
    MaskProc, "mask-proc", 12;
    /// Parts of /proc that change the host are read-only.
    SealProc, "seal-proc", 12;
    /// Parts of /sys that tell of the host are covered.
    MaskSys, "mask-sys", 13;
    /// /dev is read-only.
    SealDev, "seal-dev", 13;
    /// Descriptors above 2 end at exec.
    CloseDescriptors, "close-descriptors", 15;
    /// No program through a magic link.
    RefuseMagicLinks, "refuse-magic-links", 16;
    /// The PID namespace.
    PidNamespace, "pid-namespace", 18;
    /// The IPC namespace.
    IpcNamespace, "ipc-namespace", 18;
    /// The UTS namespace.
    UtsNamespace, "uts-namespace", 18;
    /// The system-call filter of the program and of the first process.
    Filter, "filter", 21;
    /// The system-call filter of the first process.
    FilterOfInit, "filter-of-init", 21;
    /// Without a list of system calls set-id modes are filtered all the same.
    SetIdWithoutList, "set-id-without-list", 11;
    /// The network namespace.
    NetworkNamespace, "network-namespace", 24;
    /// The control groups are entered.
    EnterGroups, "enter-groups", 25;
    /// The cgroup namespace.
    CgroupNamespace, "cgroup-namespace", 25;
    /// PDEATHSIG.
    DieWithParent, "die-with-parent", 27;
    /// PDEATHSIG again, after a change of ids.
    DieWithParentAgain, "die-with-parent-again", 27;

    /// What Landlock forbids behind the mounts.
    Landlock, "landlock", 18;
    /// Directories on the way to a part of a bind stay where they are.
    PinParts, "pin-parts", 8;
    /// Parts of a bind that are read-only are.
    ReadOnlyParts, "read-only-parts", 7;
    /// Parts of a bind that are hidden are.
    HideParts, "hide-parts", 7;

    // Within a step.
    /// Mounts are private before the first one.
    PrivateMounts, "private-mounts", 9;
    /// setgroups is denied before the map of groups.
    DenySetgroups, "deny-setgroups", 3;
    /// The limit of user namespaces is 0.
    UserNamespaceLimit, "user-namespace-limit", 5;
    /// The limit is verified by a try.
    UserNamespaceTry, "user-namespace-try", 5;
    /// Binds that are read-only are.
    ReadOnly, "read-only", 7;
    /// Attributes reach every mount below a bind.
    EveryMountBelow, "every-mount-below", 7;
    /// Binds have no set-id files.
    NoSuid, "nosuid", 7;
    /// Binds have no devices.
    NoDev, "nodev", 7;
    /// A link on the way to a bind's source, which the plan does not have, is refused.
    SourceLinks, "source-links", 7;
    /// Copies of mounts do not travel.
    PrivateCopies, "private-copies", 9;
    /// Targets are found within the new root.
    TargetsInRoot, "targets-in-root", 8;
    /// /proc, /sys and /dev of the tree are no links.
    KernelPlaces, "kernel-places", 8;
    /// A report is not written through a link.
    ReportLinks, "report-links", 8;
    /// A base and a profile of a name are files that no other user can write.
    KeptProfiles, "kept-profiles", 8;
    /// The old root is detached.
    DetachOldRoot, "detach-old-root", 9;
    /// The store and the state are covered below a bind.
    CoverStore, "cover-store", 9;
    /// What holds the store below a bind cannot be moved.
    PinStore, "pin-store", 9;
    /// The state directory is the caller's alone.
    StateOwner, "state-owner", 9;
    /// Files of the state directory are no links.
    StateLinks, "state-links", 9;
    /// A supervisor tells its terms to its own user alone.
    DeskPeer, "desk-peer", 9;
    /// Mount points are made in the sandbox's own layers.
    OwnPoints, "own-points", 10;
    /// Set-id modes are filtered.
    SetIdModes, "set-id-modes", 11;
    /// No set-id file is bound to be written.
    SetIdSources, "set-id-sources", 11;
    /// Set-id bits are not copied into a tree.
    StripSetId, "strip-set-id", 11;
    /// Capabilities of files are not copied into a tree.
    StripCapabilities, "strip-capabilities", 11;
    /// Members of archives do not lead upwards.
    ArchiveParents, "archive-parents", 11;
    /// Members of archives are relative.
    ArchiveAbsolute, "archive-absolute", 11;
    /// A profile's bind that a writable place leads elsewhere is refused.
    LedOut, "led-out", 8;
    /// Processes of others are hidden, the first one too.
    HidePid, "hidepid", 12;
    /// No mount is led onto /proc, /sys or /dev.
    KernelTrees, "kernel-trees", 12;
    /// /dev/null and its like are the very devices.
    DeviceNumbers, "device-numbers", 13;
    /// /sys is read-only.
    ReadOnlySys, "read-only-sys", 13;
    /// The host's /proc is one.
    ProcMagic, "proc-magic", 14;
    /// Writes to /proc do not leave it.
    ProcResolve, "proc-resolve", 14;
    /// The working directory is not found through a magic link.
    WorkdirMagic, "workdir-magic", 15;
    /// No standard stream is a directory.
    StreamDirectories, "stream-directories", 15;
    /// No descriptor that passes is a directory.
    PassedDirectories, "passed-directories", 15;
    /// The first process closes what it does not need.
    InitDescriptors, "init-descriptors", 15;
    /// Nobody looks into the first process.
    InitUndumpable, "init-undumpable", 16;
    /// Without Landlock the launcher runs from a copy that nobody can write.
    SealedCopy, "sealed-copy", 16;
    /// The first process's arguments and environment are wiped.
    InitWiped, "init-wiped", 16;
    /// The first process has no capability.
    InitCapabilities, "init-capabilities", 4;
    /// The environment is the allow-list.
    Environment, "environment", 17;
    /// The session keyring is a new one.
    NewKeyring, "new-keyring", 18;
    /// Nothing types into a terminal.
    TerminalCalls, "terminal-calls", 19;
    /// What comes from the sandbox does not act on the terminal.
    Printable, "printable", 20;
    /// The filter looks at the architecture first.
    Architecture, "architecture", 21;
    /// The filter looks at x32 first.
    X32, "x32", 21;
    /// clone and unshare make no namespaces.
    NamespaceFlags, "namespace-flags", 5;
    /// Calls whose arguments no filter sees are absent.
    MemoryArguments, "memory-arguments", 22;
    /// Families of sockets.
    Sockets, "sockets", 22;
    /// Pairs of sockets.
    SocketPairs, "socket-pairs", 22;
    /// Personalities.
    Personality, "personality", 22;
    /// Options of prctl.
    ProcessControl, "process-control", 22;
    /// Refused groups of calls answer EPERM.
    RefusedCalls, "refused-calls", 22;
    /// The shown control groups are read-only.
    ReadOnlyGroups, "read-only-groups", 25;
    /// The first process closes its own copy of the gate's end.
    GateOwnEnd, "gate-own-end", 27;
    /// The end of the gate is seen.
    GateEnd, "gate-end", 27;
    /// All ends with the supervisor, where there is no PID namespace.
    DieWithoutNamespace, "die-without-namespace", 27;
    /// Orphans end with the program, where there is no PID namespace.
    EndOrphans, "end-orphans", 28;
}

/// Whether a guard stands.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn holds(_guard: Guard) -> bool {
    true
}

#[cfg(debug_assertions)]
pub use switch::{VARIABLE, holds, switch_off};

#[cfg(debug_assertions)]
mod switch {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Guard;

    /// The variable of the environment.
    pub const VARIABLE: &str = "SANDBOX_GUARD_OFF";

    /// A bit for each guard that is off; written once, before anything else is done.
    static OFF: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

    fn bit(guard: Guard) -> (&'static AtomicU64, u64) {
        let number = guard as usize;
        let [low, high] = &OFF;
        match number < 64 {
            true => (low, 1 << number),
            false => (high, 1 << (number - 64)),
        }
    }

    /// Whether a guard stands.
    #[inline]
    pub fn holds(guard: Guard) -> bool {
        let (word, bit) = bit(guard);
        word.load(Ordering::Relaxed) & bit == 0
    }

    /// Switches off what the list names, separated by commas; the first name that no guard has otherwise.
    ///
    /// # Errors
    /// That name.
    pub fn switch_off(list: &str) -> Result<(), String> {
        for name in list.split(',').filter(|name| !name.is_empty()) {
            let found = Guard::ALL.iter().find(|guard| guard.name() == name);
            let (word, bit) = bit(*found.ok_or(name)?);
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn every_guard_has_a_name_and_a_bit_of_its_own() {
        let mut names: Vec<&str> = Guard::ALL.iter().map(|guard| guard.name()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(names.len() <= 128);
        assert!(Guard::ALL.iter().all(|guard| holds(*guard)));
        assert_eq!(switch_off("no-such"), Err("no-such".to_owned()));
    }
}
