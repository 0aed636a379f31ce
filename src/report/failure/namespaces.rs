//! Why namespaces, ids, groups or rights were refused.

use nix::errno::Errno;

use crate::model::Switch;
use crate::plan::{Action, Amount, HostIds, Lane, MapWriter, Namespace};

use super::{Cause, Failed};

impl Failed<'_> {
    /// clone3 with new namespaces, straight into a group where there is one.
    pub(super) fn clone(&self, namespaces: &[Namespace]) -> Option<Cause> {
        let asks_user = namespaces.contains(&Namespace::User);
        match self.errno {
            Errno::ENOSPC | Errno::EUSERS => Some(self.namespace_limit(namespaces)),
            Errno::EPERM if asks_user => self.user_namespace_denied(),
            Errno::EACCES if asks_user && self.host.selinux == Some(Switch::On) => {
                Some(self.selinux_denied())
            }
            Errno::EPERM if self.host.administers == Some(Switch::Off) => Some(
                self.refused("host.not-privileged", "it needs CAP_SYS_ADMIN on the host")
                    .help("set `namespaces.user = true`, or run it as root"),
            ),
            Errno::EINVAL if self.host.user_namespaces == Some(Switch::Off) && asks_user => Some(
                self.refused("host.no-user-namespaces", "this kernel has no user namespaces")
                    .help("use a kernel with CONFIG_USER_NS, or run it as root with `namespaces.user = false`"),
            ),
            Errno::EAGAIN => self.process_limit(),
            Errno::EACCES | Errno::EBUSY | Errno::EOPNOTSUPP | Errno::ENODEV => self.group_entry(),
            _ => None,
        }
    }

    /// ENOSPC of namespaces is about counts: the disk has nothing to do with it.
    fn namespace_limit(&self, namespaces: &[Namespace]) -> Cause {
        let off = namespaces.iter().map(|kind| sysctl(*kind));
        let off = off
            .into_iter()
            .find(|name| self.host.namespace_limit(name) == Some(0));
        let Some(name) = off else {
            let reason = "the limit of namespaces is reached, or they are nested more than 32 deep; \
                 this is not about the disk";
            return self
                .refused("host.namespace-limit", reason)
                .help("raise the limits below `/proc/sys/user`, or nest fewer sandboxes");
        };
        let code = if name == "max_user_namespaces" {
            "host.user-namespaces-off"
        } else {
            "host.namespace-limit"
        };
        let reason = format!("`user.{name}` is 0 on this host; this is not about the disk");
        self.refused(code, &reason)
            .help(format!("run `sysctl user.{name}=10000` as root"))
    }

    /// The reasons for EPERM, the surest first.
    fn user_namespace_denied(&self) -> Option<Cause> {
        let host = self.host;
        if host.chroot == Some(Switch::On) {
            let reason = "in a chroot no user namespace can be made";
            return Some(self.refused("host.chroot", reason).help(
                "let the outer tool use pivot_root instead of chroot, or run it as root with \
                 `namespaces.user = false`",
            ));
        }
        if host.ids_mapped == Some(Switch::Off) {
            return Some(self.own_ids_unmapped());
        }
        if host.unprivileged_user_namespaces == Some(Switch::Off) {
            let reason = "this host lets no unprivileged user make a user namespace \
                 (`kernel.unprivileged_userns_clone` is 0)";
            return Some(
                self.refused("host.user-namespaces-off", reason)
                    .help("run `sysctl kernel.unprivileged_userns_clone=1` as root"),
            );
        }
        self.denied().or_else(|| self.denied_by_something_else())
    }

    /// What is left when everything that tells of itself was asked. A chroot into a mount point looks
    /// like no chroot.
    fn denied_by_something_else(&self) -> Option<Cause> {
        let host = self.host;
        let asked = [host.ids_mapped, host.chroot, host.filtered];
        (asked == [Some(Switch::On), Some(Switch::Off), Some(Switch::Off)]).then(|| {
            let reason = "a chroot above this process or a rule of a security module forbids it; \
                 nothing else on this host does";
            self.refused("host.user-namespaces-denied", reason).help(
                "start it outside of any chroot, and look for the security module's words in `dmesg`",
            )
        })
    }

    /// SELinux has a permission of its own for user namespaces since Linux 6.1.
    fn selinux_denied(&self) -> Cause {
        let reason = "SELinux does not let this program make a user namespace";
        self.refused("host.selinux-userns", reason).help(
            "see what was denied with `ausearch -m avc -ts recent`, and allow the caller's domain \
             `user_namespace create`",
        )
    }

    fn own_ids_unmapped(&self) -> Cause {
        let reason = "the ids of this process are not mapped in the user namespace that it runs in";
        self.refused("host.ids-not-mapped", reason)
            .help("let the outer tool map the user and the group that start `sandbox`")
    }

    pub(super) fn id_maps(&self) -> Option<Cause> {
        if let MapWriter::Helpers(_) = self.plan.settings.identity.maps.value.writer {
            return Some(self.helper_refused());
        }
        match self.errno {
            Errno::EPERM | Errno::EACCES if self.host.ids_mapped == Some(Switch::Off) => {
                Some(self.own_ids_unmapped())
            }
            Errno::EPERM if self.step.lane == Lane::Parent => Some(self.range_unmapped()),
            _ => self.write_to_proc(),
        }
    }

    /// It says so itself, in words of its own.
    fn helper_refused(&self) -> Cause {
        let reason = match self.errno {
            Errno::EPERM => "`newuidmap` or `newgidmap` refused the map",
            _ => "`newuidmap` or `newgidmap` cannot be run",
        };
        self.refused("host.map-helper", reason).help(
            "see that the two are setuid, on a file system without nosuid, and started without \
             no_new_privs; and that `/etc/subuid` and `/etc/subgid` are as they were",
        )
    }

    /// Root of a container has some ids only, and the sandbox wants one that is not among them.
    fn range_unmapped(&self) -> Cause {
        let uid = match self.plan.settings.identity.host {
            HostIds::Caller(ids) | HostIds::Range(ids) => ids.uid,
            HostIds::Same => self.plan.settings.identity.user.value.uid,
        };
        let reason = format!("the id {uid} is not mapped in the user namespace that this runs in");
        self.refused("host.ids-not-mapped", &reason).help(
            "let the container map more ids, or start `sandbox` in it as another user than root",
        )
    }

    /// Writes to /proc that set-up makes.
    fn write_to_proc(&self) -> Option<Cause> {
        match self.errno {
            Errno::EROFS => Some(self.proc_read_only()),
            Errno::EXDEV => Some(
                self.refused(
                    "host.proc-masked",
                    "a part of /proc is covered by another mount",
                )
                .help(super::mounts::UNMASK),
            ),
            _ => self.foreign_proc(),
        }
    }

    fn proc_read_only(&self) -> Cause {
        self.refused(
            "host.proc-read-only",
            "/proc is read-only in the container that this runs in",
        )
        .help(super::mounts::UNMASK)
    }

    /// /proc is looked for and checked by the first step that needs it.
    pub(super) fn foreign_proc(&self) -> Option<Cause> {
        match self.errno {
            Errno::EMEDIUMTYPE => Some(
                self.refused(
                    "host.proc-foreign",
                    "what lies at /proc is no proc file system",
                )
                .help("mount proc at /proc: `mount -t proc proc /proc`"),
            ),
            Errno::ENOENT | Errno::ENOTDIR => Some(
                self.refused("host.proc-missing", "proc is not mounted at /proc")
                    .help("mount it: `mount -t proc proc /proc`"),
            ),
            _ => None,
        }
    }

    pub(super) fn become_user(&self) -> Option<Cause> {
        match self.errno {
            Errno::EINVAL => Some(self.range_unmapped()),
            Errno::EAGAIN => self.process_limit(),
            _ => None,
        }
    }

    pub(super) fn group_entry(&self) -> Option<Cause> {
        const DELEGATE: &str = "start it in a group of its own: `systemd-run --user --scope -p Delegate=yes sandbox up …`";
        let limit = self.plan.settings.group_limits.list.first()?;
        let (reason, help) = match self.errno {
            Errno::ENODEV | Errno::ENOENT => ("somebody removed the group", "start it again"),
            Errno::EBUSY | Errno::EOPNOTSUPP => ("the group takes no processes in", DELEGATE),
            Errno::EACCES | Errno::EPERM => (
                "the group that this runs in is not delegated to you",
                DELEGATE,
            ),
            _ => return None,
        };
        let reason = format!("the limits would not hold, since {reason}");
        let cause = self.refused("host.group-entry", &reason);
        Some(cause.at(&limit.origin).help(help))
    }

    pub(super) fn cgroup_namespace(&self) -> Option<Cause> {
        match self.errno {
            Errno::EINVAL => Some(
                self.refused(
                    "host.no-cgroup-namespaces",
                    "this kernel has no cgroup namespaces",
                )
                .help("set `namespaces.cgroup = false`, or use a kernel with CONFIG_CGROUPS"),
            ),
            Errno::ENOSPC => Some(self.limit_of("max_cgroup_namespaces")),
            _ => None,
        }
    }

    pub(super) fn clocks(&self) -> Option<Cause> {
        match self.errno {
            Errno::EINVAL if self.host.time_namespaces != Some(Switch::On) => Some(
                self.refused(
                    "host.no-time-namespaces",
                    "this kernel has no time namespaces",
                )
                .help("leave `namespaces.time` out, or use a kernel with CONFIG_TIME_NS"),
            ),
            Errno::ERANGE | Errno::EINVAL => Some(
                self.refused(
                    "namespaces.time-range",
                    "a clock would stand before zero or too far ahead",
                )
                .help("choose offsets by which neither clock gets below zero"),
            ),
            Errno::ENOSPC => Some(self.limit_of("max_time_namespaces")),
            _ => self.write_to_proc(),
        }
    }

    fn limit_of(&self, name: &str) -> Cause {
        let reason = format!("the limit `user.{name}` is reached; this is not about the disk");
        self.refused("host.namespace-limit", &reason)
            .help(format!("run `sysctl user.{name}=10000` as root"))
    }

    /// The guard against new user namespaces is tried, and here it does not hold.
    pub(super) fn forbid_user_namespaces(&self) -> Option<Cause> {
        match self.errno {
            Errno::ENOTRECOVERABLE => Some(
                self.refused(
                    "host.user-namespaces-open",
                    "the program could still make user namespaces, although their limit is 0",
                )
                .help("use Linux 4.9 or newer, and no emulation of it"),
            ),
            _ => self.write_to_proc(),
        }
    }

    pub(super) fn capabilities(&self) -> Option<Cause> {
        let kept = &self.plan.settings.capabilities;
        let first = kept.first()?;
        let own_users = self.plan.settings.namespaces.user.value.is_on();
        if self.errno != Errno::EPERM || own_users {
            return None;
        }
        Some(
            self.refused(
                "security.capability-missing",
                "`sandbox` does not hold every capability that the program is to keep",
            )
            .at(&first.origin)
            .help("remove it from `security.capabilities`, or let the caller hold it"),
        )
    }

    /// EAGAIN of a new process.
    pub(super) fn process_limit(&self) -> Option<Cause> {
        if self.errno != Errno::EAGAIN {
            return None;
        }
        let pids = self.plan.settings.group_limits.list.iter();
        let own = pids
            .filter_map(|limit| match limit.amount {
                Amount::Pids(count) => Some((count, &limit.origin)),
                _ => None,
            })
            .find(|(count, _)| *count < 2);
        if let (Some((count, origin)), Action::Fork | Action::Clone { .. }) =
            (own, &self.step.action)
        {
            let reason = format!("`limits.pids` = {count} leaves no room for the program");
            return Some(
                self.refused("limits.pids-too-few", &reason)
                    .at(origin)
                    .help("write 2 or more: the first process of the sandbox counts too"),
            );
        }
        Some(
            self.refused(
                "host.process-limit",
                "the caller may have no more processes",
            )
            .help(
                "raise `ulimit -u`, which counts all processes of the user, or `pids.max` of the \
                     group that this runs in",
            ),
        )
    }

    /// A session has a keyring, which counts as a key of the caller's.
    pub(super) fn keys(&self) -> Option<Cause> {
        (self.errno == Errno::EDQUOT).then(|| {
            self.refused("host.keys", "this user holds as many keys as it may")
                .help("run `sysctl kernel.keys.maxkeys=2000` as root (for root itself `kernel.keys.root_maxkeys`)")
        })
    }

    pub(super) fn filter(&self) -> Option<Cause> {
        match self.errno {
            Errno::EINVAL | Errno::ENOSYS => Some(
                self.refused("host.no-seccomp", "this kernel has no system-call filters")
                    .help("use a kernel with CONFIG_SECCOMP_FILTER"),
            ),
            _ => None,
        }
    }
}

/// Its name below /proc/sys/user.
fn sysctl(namespace: Namespace) -> &'static str {
    match namespace {
        Namespace::User => "max_user_namespaces",
        Namespace::Mount => "max_mnt_namespaces",
        Namespace::Pid => "max_pid_namespaces",
        Namespace::Ipc => "max_ipc_namespaces",
        Namespace::Uts => "max_uts_namespaces",
        Namespace::Network => "max_net_namespaces",
        Namespace::Cgroup => "max_cgroup_namespaces",
        Namespace::Time => "max_time_namespaces",
    }
}
