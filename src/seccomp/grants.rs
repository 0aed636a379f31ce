//! What a profile grants beyond the default policy.

/// What the profile grants that opens system calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grants<'a> {
    /// The capabilities that the program keeps, in the kernel's spelling (`CAP_SYS_CHROOT`).
    pub capabilities: &'a [&'a str],
    /// Whether the program may make namespaces and mounts of its own.
    pub nested_user_namespaces: NestedUserNamespaces,
}

/// Whether the program may make user namespaces, and with them mounts, of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NestedUserNamespaces {
    /// No.
    Forbidden,
    /// Yes.
    Allowed,
}

impl Grants<'_> {
    /// Nothing.
    pub const NONE: Grants<'static> = Grants {
        capabilities: &[],
        nested_user_namespaces: NestedUserNamespaces::Forbidden,
    };

    pub(super) fn has(&self, capability: &str) -> bool {
        self.capabilities.contains(&capability)
    }
}

/// What opens calls that are refused otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A capability that the program keeps, over the sandbox's own namespaces.
    Capability(&'static str),
    /// Namespaces of the program's own.
    NestedUserNamespaces,
}

/// Calls that a grant opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// The grant.
    pub key: Key,
    /// What it opens.
    pub calls: &'static [&'static str],
    /// Why these and no others.
    pub reason: &'static str,
}

impl Opening {
    /// Whether the grants hold its key.
    pub(super) fn is_granted(&self, grants: &Grants<'_>) -> bool {
        match self.key {
            Key::Capability(name) => grants.has(name),
            Key::NestedUserNamespaces => {
                grants.nested_user_namespaces == NestedUserNamespaces::Allowed
            }
        }
    }
}

/// Every opening of whole calls; CAP_NET_RAW opens raw sockets, which is a matter of arguments. A
/// capability that is not listed opens nothing: either its calls are allowed and the kernel checks
/// (CAP_IPC_LOCK for mlock), or it counts only on the host (CAP_SYS_TIME).
pub fn openings() -> &'static [Opening] {
    OPENINGS
}

const OPENINGS: &[Opening] = &[
    Opening {
        key: Key::Capability("CAP_SYS_PTRACE"),
        calls: &[
            "kcmp",
            "pidfd_getfd",
            "process_vm_readv",
            "process_vm_writev",
            "ptrace",
        ],
        reason: "debuggers; the processes are the sandbox's own",
    },
    Opening {
        key: Key::Capability("CAP_SYS_CHROOT"),
        calls: &["chroot"],
        reason: "what the capability is for",
    },
    Opening {
        key: Key::Capability("CAP_SYS_ADMIN"),
        calls: &["setdomainname", "sethostname"],
        reason: "the names are the sandbox's own; mounts are not opened by a capability",
    },
    Opening {
        key: Key::Capability("CAP_SYS_BOOT"),
        calls: &["reboot"],
        reason: "within a PID namespace it ends the namespace, not the machine",
    },
    Opening {
        key: Key::Capability("CAP_SYS_NICE"),
        calls: &[
            "ioprio_set",
            "migrate_pages",
            "move_pages",
            "sched_setattr",
            "sched_setparam",
            "sched_setscheduler",
        ],
        reason: "what the capability is for; the processes are the sandbox's own",
    },
    Opening {
        key: Key::Capability("CAP_SETUID"),
        calls: &["setfsuid", "setresuid", "setreuid", "setuid"],
        reason: "what the capability is for; the ids are the sandbox's own",
    },
    Opening {
        key: Key::Capability("CAP_SETGID"),
        calls: &["setfsgid", "setgid", "setgroups", "setregid", "setresgid"],
        reason: "what the capability is for; the ids are the sandbox's own",
    },
    Opening {
        key: Key::Capability("CAP_SETPCAP"),
        calls: &["capset"],
        reason: "what the capability is for",
    },
    Opening {
        key: Key::Capability("CAP_SYS_TTY_CONFIG"),
        calls: &["vhangup"],
        reason: "what the capability is for; the terminal is the sandbox's own",
    },
    Opening {
        key: Key::NestedUserNamespaces,
        calls: &[
            "capset",
            "chroot",
            "clone3",
            "fsconfig",
            "fsmount",
            "fsopen",
            "fspick",
            "mount",
            "mount_setattr",
            "move_mount",
            "open_tree",
            "open_tree_attr",
            "pivot_root",
            "setdomainname",
            "setfsgid",
            "setfsuid",
            "setgid",
            "setgroups",
            "sethostname",
            "setns",
            "setregid",
            "setresgid",
            "setresuid",
            "setreuid",
            "setuid",
            "umount2",
            "unshare",
        ],
        reason: "what building a sandbox inside the sandbox takes",
    },
];
