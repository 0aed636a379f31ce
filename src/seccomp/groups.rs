//! The policy as data: every system call that Linux has stands in exactly one group.

/// What the default policy answers to the calls of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They run; some of them only with harmless arguments (see [`super::argument_rules`]).
    Allowed,
    /// EPERM: the program is told that it may not.
    Refused,
    /// ENOSYS: the program is told that this kernel lacks them, and falls back to an older call.
    Absent,
}

/// System calls that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// `@` and a name, like systemd's where that has one.
    pub name: &'static str,
    /// Why it stands where it stands.
    pub reason: &'static str,
    /// What the default policy answers.
    pub standing: Standing,
    calls: &'static str,
}

impl Group {
    /// Its calls in the kernel's spelling, those that some architecture lacks among them.
    pub fn calls(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.calls.split_ascii_whitespace()
    }
}

/// Several groups by one name, which opens and closes them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bundle {
    /// `@` and a name, as systemd has it.
    pub name: &'static str,
    /// The groups.
    pub groups: &'static [&'static str],
}

/// Every name for several groups.
pub fn bundles() -> &'static [Bundle] {
    BUNDLES
}

const BUNDLES: &[Bundle] = &[Bundle {
    name: "@privileged",
    groups: &[
        "@administration",
        "@clock",
        "@file-handle",
        "@keyring",
        "@kernel-program",
        "@module",
        "@mount",
        "@namespace",
        "@raw-io",
        "@reboot",
        "@security-module",
        "@swap",
        "@watch-all",
    ],
}];

/// Every group: first what is allowed, then what is not.
pub fn groups() -> &'static [Group] {
    GROUPS
}

const GROUPS: &[Group] = &[
    Group {
        name: "@basic-io",
        reason: "reading and writing descriptors that the program already has",
        standing: Standing::Allowed,
        calls: "close close_range copy_file_range dup dup2 dup3 fcntl ioctl lseek pipe pipe2 \
            pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readv sendfile splice tee \
            write writev",
    },
    Group {
        name: "@io-event",
        reason: "waiting for descriptors",
        standing: Standing::Allowed,
        calls: "epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd \
            eventfd2 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch poll \
            ppoll pselect6 select",
    },
    Group {
        name: "@file-system",
        reason: "files within the mounts that the profile names; the kernel checks each access",
        standing: Standing::Allowed,
        calls: "access cachestat chdir chmod chown creat faccessat faccessat2 fadvise64 \
            fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fgetxattr \
            file_getattr file_setattr flistxattr flock fremovexattr fsetxattr fstat fstatfs \
            ftruncate futimesat getcwd getdents getdents64 getxattr getxattrat lchown \
            lgetxattr link linkat listmount listxattr listxattrat llistxattr lremovexattr \
            lsetxattr lstat mkdir mkdirat mknod mknodat newfstatat open openat readahead \
            readlink readlinkat removexattr removexattrat rename renameat renameat2 rmdir \
            setxattr setxattrat stat statfs statmount statx symlink symlinkat truncate umask \
            unlink unlinkat utime utimensat utimes",
    },
    Group {
        name: "@sync",
        reason: "writing data back to the disk",
        standing: Standing::Allowed,
        calls: "fdatasync fsync msync sync sync_file_range syncfs",
    },
    Group {
        name: "@aio",
        reason: "the older asynchronous reads and writes, which databases use",
        standing: Standing::Allowed,
        calls: "io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit",
    },
    Group {
        name: "@network-io",
        reason: "sockets of the usual families; the network namespace is the boundary",
        standing: Standing::Allowed,
        calls: "accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom \
            recvmmsg recvmsg sendmmsg sendmsg sendto setsockopt shutdown socket socketpair",
    },
    Group {
        name: "@process",
        reason: "making, running and waiting for processes and threads of the sandbox",
        standing: Standing::Allowed,
        calls: "arch_prctl clone execve execveat exit exit_group fork get_robust_list getcpu \
            getpgid getpgrp getpid getppid getrusage getsid gettid personality pidfd_open \
            pidfd_send_signal prctl process_mrelease rseq rseq_slice_yield set_robust_list \
            set_tid_address setpgid setsid unshare vfork wait4 waitid",
    },
    Group {
        name: "@lock",
        reason: "what mutexes and condition variables are built of",
        standing: Standing::Allowed,
        calls: "futex futex_requeue futex_wait futex_waitv futex_wake membarrier",
    },
    Group {
        name: "@signal",
        reason: "signals among the processes of the sandbox",
        standing: Standing::Allowed,
        calls: "kill pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask \
            rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo \
            sigaltstack signalfd signalfd4 tgkill tkill",
    },
    Group {
        name: "@memory",
        reason: "the program's own memory",
        standing: Standing::Allowed,
        calls: "brk get_mempolicy madvise map_shadow_stack mbind memfd_create memfd_secret \
            mincore mlock mlock2 mlockall mmap mprotect mremap mseal munlock munlockall \
            munmap pkey_alloc pkey_free pkey_mprotect process_madvise remap_file_pages \
            set_mempolicy set_mempolicy_home_node",
    },
    Group {
        name: "@timer",
        reason: "reading clocks and sleeping; setting a clock is refused",
        standing: Standing::Allowed,
        calls: "alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday \
            nanosleep setitimer time timer_create timer_delete timer_getoverrun \
            timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times",
    },
    Group {
        name: "@ipc",
        reason: "System V and POSIX objects of the sandbox's own IPC namespace",
        standing: Standing::Allowed,
        calls: "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl \
            msgget msgrcv msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget",
    },
    Group {
        name: "@resources",
        reason: "priorities and limits, which the program may only lower",
        standing: Standing::Allowed,
        calls: "getpriority getrlimit ioprio_get ioprio_set prlimit64 sched_get_priority_max \
            sched_get_priority_min sched_getaffinity sched_getattr sched_getparam \
            sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr \
            sched_setparam sched_setscheduler sched_yield setpriority setrlimit",
    },
    Group {
        name: "@credentials",
        reason: "ids and capabilities, which the user namespace and no_new_privs hold down",
        standing: Standing::Allowed,
        calls: "capget capset getegid geteuid getgid getgroups getresgid getresuid getuid \
            setfsgid setfsuid setgid setgroups setregid setresgid setresuid setreuid setuid",
    },
    Group {
        name: "@system-info",
        reason: "what any program asks of the machine at its start",
        standing: Standing::Allowed,
        calls: "getrandom sysinfo uname",
    },
    Group {
        name: "@sandbox",
        reason: "a program may confine itself further",
        standing: Standing::Allowed,
        calls: "landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp",
    },
    Group {
        name: "@uprobe",
        reason: "made by the kernel on behalf of a tracer outside, never by the program",
        standing: Standing::Allowed,
        calls: "uprobe uretprobe",
    },
    Group {
        name: "@memory-arguments",
        reason: "their flags stand in memory, where no filter sees them; callers have a fallback",
        standing: Standing::Absent,
        calls: "clone3 openat2",
    },
    Group {
        name: "@obsolete",
        reason: "no current kernel or no current program has them",
        standing: Standing::Absent,
        calls: "_sysctl afs_syscall create_module epoll_ctl_old epoll_wait_old get_kernel_syms \
            get_thread_area getpmsg lookup_dcookie nfsservctl putpmsg query_module security \
            set_thread_area sysfs tuxcall uselib ustat vserver",
    },
    Group {
        name: "@mount",
        reason: "the root tree is the profile's; the parsers of file systems are a wide target",
        standing: Standing::Refused,
        calls: "chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree \
            open_tree_attr pivot_root umount2",
    },
    Group {
        name: "@namespace",
        reason: "joining, listing and naming namespaces, which the launcher has done",
        standing: Standing::Refused,
        calls: "listns setdomainname sethostname setns",
    },
    Group {
        name: "@debug",
        reason: "reading and steering other processes, the launcher's among them",
        standing: Standing::Refused,
        calls: "kcmp pidfd_getfd process_vm_readv process_vm_writev ptrace",
    },
    Group {
        name: "@io-uring",
        reason: "does its work past this filter, and has a long list of flaws (CVE-2022-29582, \
            CVE-2023-2598)",
        standing: Standing::Refused,
        calls: "io_uring_enter io_uring_register io_uring_setup",
    },
    Group {
        name: "@kernel-program",
        reason: "programs, probes and page faults inside the kernel (CVE-2020-8835, CVE-2021-3490)",
        standing: Standing::Refused,
        calls: "bpf perf_event_open userfaultfd",
    },
    Group {
        name: "@keyring",
        reason: "keys have no namespace of their own (CVE-2016-0728)",
        standing: Standing::Refused,
        calls: "add_key keyctl request_key",
    },
    Group {
        name: "@file-handle",
        reason: "a handle reaches files outside every mount (the shocker attack)",
        standing: Standing::Refused,
        calls: "name_to_handle_at open_by_handle_at",
    },
    Group {
        name: "@watch-all",
        reason: "watches whole file systems, beyond the sandbox's part of them",
        standing: Standing::Refused,
        calls: "fanotify_init fanotify_mark",
    },
    Group {
        name: "@page-placement",
        reason: "moving the pages of any process, and lending pages that both sides may change",
        standing: Standing::Refused,
        calls: "migrate_pages move_pages vmsplice",
    },
    Group {
        name: "@security-module",
        reason: "labels are the host's; the program has no part in them",
        standing: Standing::Refused,
        calls: "lsm_get_self_attr lsm_list_modules lsm_set_self_attr",
    },
    Group {
        name: "@clock",
        reason: "the clock is the host's",
        standing: Standing::Refused,
        calls: "adjtimex clock_adjtime clock_settime settimeofday",
    },
    Group {
        name: "@module",
        reason: "code for the kernel",
        standing: Standing::Refused,
        calls: "delete_module finit_module init_module",
    },
    Group {
        name: "@reboot",
        reason: "the machine is the host's",
        standing: Standing::Refused,
        calls: "kexec_file_load kexec_load reboot",
    },
    Group {
        name: "@raw-io",
        reason: "the processor's ports and segments",
        standing: Standing::Refused,
        calls: "ioperm iopl modify_ldt",
    },
    Group {
        name: "@swap",
        reason: "the memory is the host's",
        standing: Standing::Refused,
        calls: "swapoff swapon",
    },
    Group {
        name: "@administration",
        reason: "quotas, accounting, the kernel's log and hanging up terminals",
        standing: Standing::Refused,
        calls: "acct quotactl quotactl_fd syslog vhangup",
    },
];

#[cfg(test)]
mod tests {
    use super::super::table::TABLE;
    use super::*;

    #[test]
    fn every_call_stands_in_exactly_one_group() {
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(Group::calls).collect();
        grouped.sort_unstable();
        let known: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
        assert_eq!(grouped, known);
    }

    #[test]
    fn names_are_unique_and_calls_are_in_order() {
        let mut names: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
        for group in GROUPS {
            assert!(group.name.starts_with('@') && !group.reason.is_empty());
            assert!(group.calls().is_sorted(), "{}", group.name);
        }
        for bundle in BUNDLES {
            assert!(names.binary_search(&bundle.name).is_err());
            let mut members = bundle.groups.iter();
            assert!(members.all(|name| names.binary_search(name).is_ok()));
        }
    }
}
