//! `[system]`.

use super::shape::{Absent, Form, Key, Shape, Words};
use crate::model::{CgroupMount, ProcMount, SysMount};

const DEVICE: &[Key] = &[
    Key {
        name: "path",
        shape: Shape::Text(Form::Device),
        absent: Absent::Required,
        example: "\"/dev/nvidia*\"",
        meaning: "A path below /dev; its last name may hold `*`.",
        kernel: "a bind of the host's node, and a device rule of the control group",
    },
    Key::MAY_BE_MISSING,
];

pub(super) const SYSTEM: &[Key] = &[
    Key {
        name: "proc",
        shape: Shape::Words(Words {
            known: ProcMount::WORDS,
            meanings: ProcMount::MEANINGS,
        }),
        absent: Absent::Value("\"private\""),
        example: "\"pids\"",
        meaning: "How /proc is mounted.",
        kernel: "fsopen(2) of proc with hidepid=invisible, and masks; `subset=pid` for `pids`",
    },
    Key {
        name: "sys",
        shape: Shape::Words(Words {
            known: SysMount::WORDS,
            meanings: SysMount::MEANINGS,
        }),
        absent: Absent::Value("\"none\""),
        example: "\"read-only\"",
        meaning: "How /sys is mounted: with a network of its own an own instance, with the host's network a masked bind.",
        kernel: "fsopen(2) of sysfs, or open_tree(2)",
    },
    Key {
        name: "dev",
        shape: Shape::List(&Shape::Either(&[
            Shape::Text(Form::Device),
            Shape::Table(DEVICE),
        ])),
        absent: Absent::Value("[]"),
        example: "[\"/dev/dri\", { path = \"/dev/nvidia*\", optional = true }]",
        meaning: "Devices beside null, zero, full, random, urandom and tty. A directory brings all that it holds.",
        kernel: "a bind of each node, and a device rule of the control group (v1 devices.allow, v2 BPF_CGROUP_DEVICE)",
    },
    Key {
        name: "shm",
        shape: Shape::Text(Form::Size),
        absent: Absent::Value("\"64M\""),
        example: "\"256M\"",
        meaning: "The size of /dev/shm; its pages count to `limits.memory`.",
        kernel: "the option size of a tmpfs",
    },
    Key {
        name: "mqueue",
        shape: Shape::Flag,
        absent: Absent::Value("false"),
        example: "true",
        meaning: "Whether POSIX message queues show at /dev/mqueue.",
        kernel: "fsopen(2) of mqueue",
    },
    Key {
        name: "cgroup",
        shape: Shape::Words(Words {
            known: CgroupMount::WORDS,
            meanings: CgroupMount::MEANINGS,
        }),
        absent: Absent::Value("\"none\""),
        example: "\"read-only\"",
        meaning: "Whether the sandbox sees its control groups at /sys/fs/cgroup.",
        kernel: "read-only binds of the sandbox's own groups",
    },
];
