//! What a key is in the kernel, where the steps of a plan do not say it.

use crate::language;

/// Keys whose steps tell more than the language's reference does.
const TOLD_BY_STEPS: &[&str] = &[
    "mount",
    "namespaces.map_users",
    "rootfs.source",
    "system.cgroup",
    "system.dev",
    "system.mqueue",
    "system.proc",
    "system.sys",
];

/// The words for a key; nothing where its steps tell it, or where the kernel has no part in it.
pub(super) fn words(key: &str, value: &str) -> Option<&'static str> {
    if let Some(words) = of_value(key, value) {
        return Some(words);
    }
    if key.starts_with("expect.") {
        return Some("nothing at a start; `sandbox test` tries it inside");
    }
    let told = language::find(key).filter(|_| !TOLD_BY_STEPS.contains(&key));
    told.map(|key| key.kernel).filter(|words| !words.is_empty())
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
        ("security.seccomp", "none") => "a filter that refuses set-id modes alone",
        ("security.landlock", "false") => "no Landlock domain",
        ("security.nested_userns", "false") => "the filter refuses new user namespaces",
        ("supervise.kill_on_parent_exit", "false") => "it goes on when its caller is gone",
        _ => return None,
    })
}
