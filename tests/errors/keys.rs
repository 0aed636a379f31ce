//! Every key of the language is read, or refused as not built yet: none is ignored.

use super::check;

/// Every key that the language's description shows, as a dotted path.
pub const DOCUMENTED: &[&str] = &[
    "version",
    "name",
    "description",
    "extends",
    "params",
    "command.args",
    "command.extra",
    "command.workdir",
    "command.user",
    "command.groups",
    "command.umask",
    "command.terminal",
    "command.fds",
    "env.inherit",
    "env.set",
    "rootfs.writes",
    "rootfs.writes_size",
    "rootfs.source",
    "rootfs.etc",
    "rootfs.etc.hosts",
    "rootfs.etc.resolv_conf",
    "rootfs.etc.passwd",
    "rootfs.etc.mtab",
    "rootfs.etc.hostname",
    "rootfs.etc.localtime",
    "system.proc",
    "system.sys",
    "system.dev",
    "system.shm",
    "system.mqueue",
    "system.cgroup",
    "mount",
    "namespaces.user",
    "namespaces.pid",
    "namespaces.ipc",
    "namespaces.uts",
    "namespaces.cgroup",
    "namespaces.time",
    "namespaces.time.boottime",
    "namespaces.time.monotonic",
    "namespaces.hostname",
    "namespaces.join",
    "namespaces.map_users",
    "network.mode",
    "network.allow",
    "network.publish",
    "limits.memory",
    "limits.memory_high",
    "limits.swap",
    "limits.cpus",
    "limits.cpu_weight",
    "limits.cpuset",
    "limits.memory_nodes",
    "limits.pids",
    "limits.io",
    "limits.io_weight",
    "limits.hugetlb",
    "limits.wall_time",
    "limits.cpu_time",
    "limits.output",
    "limits.process",
    "limits.process.nofile",
    "limits.process.core",
    "limits.process.stack",
    "security.capabilities",
    "security.seccomp",
    "security.architectures",
    "security.landlock",
    "security.nested_userns",
    "security.allow_degraded",
    "security.aslr",
    "security.reproducible_timing",
    "supervise.kill_on_parent_exit",
    "supervise.stop_signal",
    "supervise.stop_timeout",
    "expect",
    "remove",
];

/// Keys of entries, each in the kind of entry that has it.
const OF_ENTRIES: &[&str] = &[
    "rootfs.source = [{ copy = 7 }]",
    "rootfs.source = [{ copy = \"/a\", to = 7 }]",
    "rootfs.source = [{ copy = \"/a\", exclude = 7 }]",
    "rootfs.source = [{ copy = \"/a\", optional = 7 }]",
    "rootfs.source = [{ programs = 7 }]",
    "rootfs.source = [{ programs = [], extra = 7 }]",
    "rootfs.source = [{ bundle = 7 }]",
    "rootfs.source = [{ archive = 7 }]",
    "rootfs.source = [{ archive = \"a\", sha256 = 7 }]",
    "rootfs.source = [{ archive = \"a\", to = 7 }]",
    "rootfs.source = [{ image = 7 }]",
    "rootfs.source = [{ image = \"a\", platform = 7 }]",
    "rootfs.source = [{ host = 7 }]",
    "rootfs.source = [{ file = 7, text = \"\" }]",
    "rootfs.source = [{ file = \"/a\", text = 7 }]",
    "rootfs.source = [{ file = \"/a\", text = \"\", mode = 7 }]",
    "rootfs.source = [{ dir = 7 }]",
    "rootfs.source = [{ dir = \"/a\", mode = 7 }]",
    "rootfs.source = [{ symlink = 7, target = \"b\" }]",
    "rootfs.source = [{ symlink = \"/a\", target = 7 }]",
    "system.dev = [7]",
    "system.dev = [{ path = 7 }]",
    "system.dev = [{ path = \"/dev/a\", optional = 7 }]",
    "mount = [{ bind = 7 }]",
    "mount = [{ bind = \"/a\", target = 7 }]",
    "mount = [{ bind = \"/a\", access = 7 }]",
    "mount = [{ bind = \"/a\", read_only = 7 }]",
    "mount = [{ bind = \"/a\", hide = 7 }]",
    "mount = [{ bind = \"/a\", options = 7 }]",
    "mount = [{ bind = \"/a\", optional = 7 }]",
    "mount = [{ bind = \"/a\", owner = 7 }]",
    "mount = [{ tmpfs = 7 }]",
    "mount = [{ tmpfs = \"/a\", size = true }]",
    "mount = [{ tmpfs = \"/a\", mode = 7 }]",
    "mount = [{ tmpfs = \"/a\", options = 7 }]",
    "mount = [{ volume = 7, target = \"/a\" }]",
    "mount = [{ volume = \"a\", target = 7 }]",
    "mount = [{ volume = \"a\", target = \"/a\", options = 7 }]",
    "mount = [{ socket = 7 }]",
    "env.set = { A = 7 }",
    "limits.process = { nofile = { soft = true, hard = 7 } }",
    "limits.process = { nofile = { soft = 7, hard = true } }",
];

/// The rules that a profile breaks.
fn codes(text: &str) -> Vec<&'static str> {
    let (_, problems, _) = check("x.toml", text);
    problems.iter().map(|problem| problem.code).collect()
}

/// A date is right for no key, so whoever reads a key refuses it; nobody reads an unknown one.
#[test]
fn every_documented_key_is_read_or_refused() {
    for key in DOCUMENTED {
        let text = match *key {
            "version" => "version = 1979-05-27".to_owned(),
            key => format!("version = 1\n{key} = 1979-05-27"),
        };
        let found = codes(&text);
        let fits = matches!(
            found.as_slice(),
            ["profile.type" | "profile.not-supported-yet"]
        );
        assert!(fits, "{key}: {found:?}");
    }
}

#[test]
fn every_key_of_an_entry_is_read_or_refused() {
    for entry in OF_ENTRIES {
        let found = codes(&format!("version = 1\n{entry}"));
        let fits = matches!(
            found.as_slice(),
            ["profile.type" | "profile.not-supported-yet"]
        );
        assert!(fits, "{entry}: {found:?}");
    }
}

#[test]
fn a_key_that_is_not_documented_is_unknown_in_every_section() {
    let sections = DOCUMENTED.iter().filter_map(|key| key.rsplit_once('.'));
    for (section, _) in sections {
        let found = codes(&format!(
            "version = 1\n[{section}]\nnothing_such = 1979-05-27"
        ));
        assert_eq!(found, ["profile.unknown-key"], "{section}");
    }
}
