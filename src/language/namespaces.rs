//! `[namespaces]` and `[network]`.

use super::shape::{Absent, Form, Key, Shape, Words};
use crate::model::NetworkMode;

const MAP: Words = Words {
    known: &["single", "subordinate"],
    meanings: &[
        "One user and one group.",
        "65536 ids: the caller's subordinate ones, or unused ones where root starts the sandbox.",
    ],
};

const LAST_ID: u64 = u32::MAX as u64 - 1;

const fn id(name: &'static str, least: u64, example: &'static str, meaning: &'static str) -> Key {
    Key {
        name,
        shape: Shape::Number {
            least,
            most: LAST_ID,
        },
        absent: Absent::Required,
        example,
        meaning,
        kernel: "",
    }
}

const EXTENT: &[Key] = &[
    id("inside", 0, "0", "The first id inside."),
    id("outside", 0, "100000", "The first id on the host."),
    id("count", 1, "65536", "How many ids follow each other."),
];

const EXTENTS: Shape = Shape::List(&Shape::Table(EXTENT));

const EXPLICIT: &[Key] = &[
    Key {
        name: "users",
        shape: EXTENTS,
        absent: Absent::Required,
        example: "[{ inside = 0, outside = 100000, count = 65536 }]",
        meaning: "Extents of user ids. Root of the host cannot be among them.",
        kernel: "uid_map",
    },
    Key {
        name: "groups",
        shape: EXTENTS,
        absent: Absent::Means("like `users`"),
        example: "[{ inside = 0, outside = 100000, count = 65536 }]",
        meaning: "Extents of group ids.",
        kernel: "gid_map",
    },
];

const fn clock(name: &'static str, meaning: &'static str, kernel: &'static str) -> Key {
    Key {
        name,
        shape: Shape::Text(Form::Offset),
        absent: Absent::Value("\"0s\""),
        example: "\"-1h\"",
        meaning,
        kernel,
    }
}

const TIME: &[Key] = &[
    clock(
        "boottime",
        "What is added to the time since boot.",
        "timens_offsets: CLOCK_BOOTTIME",
    ),
    clock(
        "monotonic",
        "What is added to the monotonic clock.",
        "timens_offsets: CLOCK_MONOTONIC",
    ),
];

const fn own(name: &'static str, meaning: &'static str, kernel: &'static str) -> Key {
    Key {
        name,
        shape: Shape::Flag,
        absent: Absent::Value("true"),
        example: "true",
        meaning,
        kernel,
    }
}

pub(super) const NAMESPACES: &[Key] = &[
    own(
        "user",
        "Own user ids and capabilities. `false` only as root, and with a warning: the program is the host's root then.",
        "CLONE_NEWUSER",
    ),
    own(
        "pid",
        "Own process ids. Without it processes of the host are seen by number.",
        "CLONE_NEWPID",
    ),
    own(
        "ipc",
        "Own System V objects and message queues.",
        "CLONE_NEWIPC",
    ),
    own("uts", "Own host name.", "CLONE_NEWUTS"),
    own(
        "cgroup",
        "Own view of the control groups.",
        "CLONE_NEWCGROUP",
    ),
    Key {
        name: "time",
        shape: Shape::Table(TIME),
        absent: Absent::Means("the host's clocks"),
        example: "{ boottime = \"-1h\", monotonic = \"0s\" }",
        meaning: "Offsets of clocks inside.",
        kernel: "CLONE_NEWTIME, timens_offsets",
    },
    Key {
        name: "hostname",
        shape: Shape::Text(Form::Text),
        absent: Absent::Means("the sandbox's name"),
        example: "\"dev\"",
        meaning: "The host name inside.",
        kernel: "sethostname(2)",
    },
    Key {
        name: "map_users",
        shape: Shape::Either(&[Shape::Words(MAP), Shape::Table(EXPLICIT)]),
        absent: Absent::Value("\"single\""),
        example: "\"subordinate\"",
        meaning: "Which ids there are inside, and what they are on the host.",
        kernel: "uid_map and gid_map of the user namespace, written as root or by newuidmap(1)",
    },
];

pub(super) const NETWORK: &[Key] = &[Key {
    name: "mode",
    shape: Shape::Words(Words {
        known: NetworkMode::WORDS,
        meanings: NetworkMode::MEANINGS,
    }),
    absent: Absent::Value("\"none\""),
    example: "\"host\"",
    meaning: "What network the sandbox sees.",
    kernel: "CLONE_NEWNET, and its loopback device brought up",
}];
