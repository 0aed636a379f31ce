//! The top of a profile, and its sections in the order in which a profile has them.

use super::shape::{Absent, Form, Key, Shape};
use super::{
    command, env, expect, files, limits, mount, namespaces, rootfs, security, supervise, system,
};

const fn section(name: &'static str, keys: &'static [Key], meaning: &'static str) -> Key {
    Key {
        name,
        shape: Shape::Table(keys),
        absent: Absent::Means("every key as if left out"),
        example: "",
        meaning,
        kernel: "",
    }
}

/// Every key of the language.
pub const PROFILE: &[Key] = &[
    Key {
        name: "version",
        shape: Shape::Version,
        absent: Absent::Required,
        example: "1",
        meaning: "The version of the language. Another one is an error: what keys mean may differ.",
        kernel: "",
    },
    Key {
        name: "name",
        shape: Shape::Text(Form::Name),
        absent: Absent::Means("the stem of the file's name"),
        example: "\"dev\"",
        meaning: "What the sandbox is called: in commands, in its control groups, and under which it keeps data. \
                  A second run under a name that runs gets NAME-2, and so on.",
        kernel: "the last part of each control group's path",
    },
    Key {
        name: "description",
        shape: Shape::Text(Form::Plain),
        absent: Absent::Means("none"),
        example: "\"A shell in this checkout with the host's tools and no network.\"",
        meaning: "What the sandbox is for, for whoever reads the profile.",
        kernel: "",
    },
    files::EXTENDS,
    files::PARAMS,
    section(
        "command",
        command::COMMAND,
        "What runs, where, and as whom.",
    ),
    section(
        "env",
        env::ENV,
        "The environment of the program: the caller's does not enter but by this list.",
    ),
    section(
        "rootfs",
        rootfs::ROOTFS,
        "The root tree: what it is made of, and what becomes of writes to it.",
    ),
    section(
        "system",
        system::SYSTEM,
        "The kernel's file systems and devices.",
    ),
    Key {
        name: "mount",
        shape: Shape::List(&Shape::Kinds(mount::KINDS)),
        absent: Absent::Means("nothing of the host shows"),
        example: "",
        meaning: "What of the host, or of memory, shows inside. Each entry has exactly one of `bind`, `tmpfs`, \
                  `volume`, `socket`. Parents are mounted before children, whatever their order in the file; two \
                  entries on one target are an error, and none lies at or below /proc, /sys or /dev.",
        kernel: "open_tree(2), mount_setattr(2), move_mount(2); nosuid and nodev always hold",
    },
    section(
        "namespaces",
        namespaces::NAMESPACES,
        "Which views of the system are the sandbox's own: all of them unless a key says otherwise.",
    ),
    section("network", namespaces::NETWORK, "The network."),
    section(
        "limits",
        limits::LIMITS,
        "What all processes of the sandbox may use together. They stand before the program's first instruction; one \
         that cannot be enforced is an error unless `security.allow_degraded` names it.",
    ),
    section(
        "security",
        security::SECURITY,
        "What the program may still ask of the kernel.",
    ),
    section("supervise", supervise::SUPERVISE, "How a run ends."),
    Key {
        name: "expect",
        shape: Shape::List(&Shape::Kinds(expect::KINDS)),
        absent: Absent::Means("`sandbox test` has nothing to try"),
        example: "",
        meaning: "What must and must not be possible. `sandbox test` builds the very sandbox and tries each from inside, \
                  without any tool in the tree.",
        kernel: "",
    },
    files::REMOVE,
];
