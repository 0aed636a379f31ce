//! What a key is in the kernel, where the steps of a plan do not say it.

/// The words for a key; nothing where its steps tell it, or where the kernel has no part in it.
pub(super) fn words(key: &str, value: &str) -> Option<&'static str> {
    if let Some(words) = of_value(key, value) {
        return Some(words);
    }
    Some(match key {
        "command.args" => "argv of execve(2)",
        "command.umask" => "umask(2)",
        "command.workdir" => "chdir(2) before the program starts",
        "command.terminal" => "a pseudo-terminal of the sandbox's own devpts",
        "command.fds" => "stays open over execve(2)",
        "command.user" => "setresuid(2) and setresgid(2), mapped in /proc/PID/uid_map and gid_map",
        "command.groups" => "setgroups(2)",
        "env.inherit" | "env.set" => "envp of execve(2)",
        "rootfs.writes" => {
            "the flags of the root mount: read-only, or an overlay with a tmpfs or a kept directory above"
        }
        "rootfs.writes_size" => "size= of the tmpfs that takes what is written",
        "system.shm" => "size= of the tmpfs at /dev/shm",
        "namespaces.user" => "CLONE_NEWUSER of clone3(2)",
        "namespaces.pid" => "CLONE_NEWPID of clone3(2)",
        "namespaces.ipc" => "CLONE_NEWIPC of clone3(2)",
        "namespaces.uts" => "CLONE_NEWUTS of clone3(2)",
        "namespaces.cgroup" => "CLONE_NEWCGROUP of clone3(2)",
        "namespaces.hostname" => "sethostname(2)",
        "namespaces.time.monotonic" | "namespaces.time.boottime" => {
            "CLONE_NEWTIME, and /proc/self/timens_offsets"
        }
        "network.mode" => "CLONE_NEWNET of clone3(2)",
        "limits.memory" => "memory.max (version 1: memory.limit_in_bytes) of the sandbox's cgroup",
        "limits.swap" => {
            "memory.swap.max (version 1: memory.memsw.limit_in_bytes) of the sandbox's cgroup"
        }
        "limits.cpus" => "cpu.max (version 1: cpu.cfs_quota_us) of the sandbox's cgroup",
        "limits.pids" => "pids.max of the sandbox's cgroup",
        "limits.cpu_time" => {
            "cpu.stat (version 1: cpuacct.usage) of the sandbox's cgroup, and SIGKILL when it is used up"
        }
        "limits.output" => "bytes through the pipes of stdout and stderr, and SIGKILL beyond",
        "limits.wall_time" => "SIGKILL to the whole sandbox when it is over",
        "security.capabilities" => {
            "stays in all five sets of capset(2) and prctl(PR_CAPBSET_DROP); all others leave them"
        }
        "security.seccomp" => "seccomp(SECCOMP_SET_MODE_FILTER), the last step before execve(2)",
        "security.seccomp.allow" | "security.seccomp.deny" | "security.seccomp.on_deny" => {
            "rules of that filter; `sandbox explain PROFILE seccomp` lists every call"
        }
        "security.architectures" => "calls of that ABI pass the filter's first rule",
        "security.landlock" => "landlock_restrict_self(2) behind the mounts",
        "security.nested_userns" => {
            "clone3(2), unshare(2) and mount(2) with new user namespaces pass the filter"
        }
        "supervise.kill_on_parent_exit" => "a pidfd of the caller, and SIGKILL when it is gone",
        "supervise.stop_signal" => "kill(2) to the program when `sandbox` is asked to end",
        "supervise.stop_timeout" => "SIGKILL when the program has not ended by then",
        key if key.starts_with("limits.process.") => "prlimit(2) before the program starts",
        _ => return None,
    })
}

/// Where a value takes something away that another one of its key has.
fn of_value(key: &str, value: &str) -> Option<&'static str> {
    Some(match (key, value) {
        ("command.terminal", "the caller's streams") => "descriptors 0 to 2 as they are",
        ("system.proc", "private") => {
            "a procfs of its own, host-wide files of it hidden, /proc/sys read-only"
        }
        ("system.proc", "pids") => "a procfs of its own with subset=pid",
        ("system.proc", "none") => "no procfs",
        ("system.sys" | "system.cgroup", "none") | ("system.mqueue", "false") => "nothing mounted",
        ("namespaces.user" | "namespaces.pid" | "namespaces.ipc", "false")
        | ("namespaces.uts" | "namespaces.cgroup", "false")
        | ("network.mode", "host") => "not among the flags of clone3(2): the host's",
        ("security.seccomp", "none") => "no filter",
        ("security.landlock", "false") => "no Landlock domain",
        ("security.nested_userns", "false") => "the filter refuses new user namespaces",
        ("supervise.kill_on_parent_exit", "false") => "it goes on when its caller is gone",
        _ => return None,
    })
}
