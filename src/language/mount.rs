//! `[[mount]]`.

use super::shape::{Absent, Form, Key, Kind, Shape, Words};
use crate::model::{Access, MountOption, Owner};

const fn target(absent: Absent, meaning: &'static str) -> Key {
    Key {
        name: "target",
        shape: Shape::Text(Form::InsidePath),
        absent,
        example: "\"/srv/data\"",
        meaning,
        kernel: "move_mount(2)",
    }
}

const OPTIONS: Key = Key {
    name: "options",
    shape: Shape::List(&Shape::Words(Words {
        known: MountOption::WORDS,
        meanings: MountOption::MEANINGS,
    })),
    absent: Absent::Value("[]"),
    example: "[\"noexec\"]",
    meaning: "What holds beside nosuid and nodev.",
    kernel: "mount_setattr(2): MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_NOATIME",
};

const OPTIONAL: Key = Key {
    name: "optional",
    shape: Shape::Flag,
    absent: Absent::Value("false"),
    example: "true",
    meaning: "Whether the host may lack it: then the entry is left out, and the report says so.",
    kernel: "",
};

const OWNER: Key = Key {
    name: "owner",
    shape: Shape::Words(Words {
        known: Owner::WORDS,
        meanings: Owner::MEANINGS,
    }),
    absent: Absent::Value("\"map\""),
    example: "\"keep\"",
    meaning: "How owners show. With `map` files of the directory's owner show as the sandbox's user, and new ones belong to \
              that owner.",
    kernel: "MOUNT_ATTR_IDMAP, where root starts the sandbox",
};

const fn parts(name: &'static str, example: &'static str, meaning: &'static str) -> Key {
    Key {
        name,
        shape: Shape::List(&Shape::Text(Form::Part)),
        absent: Absent::Value("[]"),
        example,
        meaning,
        kernel: "a mount on the part, and one on each directory on the way, so that none can be moved away",
    }
}

const BIND: &[Key] = &[
    Key {
        name: "bind",
        shape: Shape::Text(Form::HostPath),
        absent: Absent::Required,
        example: "\"${GIT_ROOT}\"",
        meaning: "A file or directory of the host, with all that is mounted below it.",
        kernel: "open_tree(2) with OPEN_TREE_CLONE and AT_RECURSIVE",
    },
    target(
        Absent::Means("the same path as `bind`"),
        "Where it shows inside.",
    ),
    Key {
        name: "access",
        shape: Shape::Words(Words {
            known: Access::WORDS,
            meanings: Access::MEANINGS,
        }),
        absent: Absent::Value("\"ro\""),
        example: "\"rw\"",
        meaning: "What the program may do with it. What it writes to an overlay shows in `sandbox changes` and comes to the host \
                  by `sandbox apply`.",
        kernel: "MOUNT_ATTR_RDONLY, or overlayfs",
    },
    OPTIONS,
    OPTIONAL,
    OWNER,
    parts(
        "read_only",
        "[\"?.git\"]",
        "Paths below it that cannot be written. `?` before one: it may be missing, and then it is not protected.",
    ),
    parts(
        "hide",
        "[\"?.env\"]",
        "Paths below it that show nothing: an empty file or directory.",
    ),
];

const TMPFS: &[Key] = &[
    Key {
        name: "tmpfs",
        shape: Shape::Text(Form::InsidePath),
        absent: Absent::Required,
        example: "\"/tmp\"",
        meaning: "Where a file system in memory shows; its pages count to `limits.memory`.",
        kernel: "fsopen(2) of tmpfs",
    },
    Key {
        name: "size",
        shape: Shape::Text(Form::Size),
        absent: Absent::Value("\"256M\""),
        example: "\"64M\"",
        meaning: "The most that it holds.",
        kernel: "the option size",
    },
    Key {
        name: "mode",
        shape: Shape::Text(Form::Mode),
        absent: Absent::Value("\"1777\""),
        example: "\"0755\"",
        meaning: "The mode of its root.",
        kernel: "the option mode",
    },
    OPTIONS,
];

const VOLUME: &[Key] = &[
    Key {
        name: "volume",
        shape: Shape::Text(Form::Name),
        absent: Absent::Required,
        example: "\"data\"",
        meaning: "A directory that is kept under the sandbox's name, made at the first use. While a run has it, no other \
                  run of that name starts.",
        kernel: "a bind of that directory, nosuid and nodev",
    },
    target(Absent::Required, "Where it shows inside."),
    OPTIONS,
];

const SOCKET: &[Key] = &[
    Key {
        name: "socket",
        shape: Shape::Text(Form::HostPath),
        absent: Absent::Required,
        example: "\"${WAYLAND_SOCKET}\"",
        meaning: "One Unix socket of the host. Whoever listens there decides what the program can do with it.",
        kernel: "a bind of that file",
    },
    target(
        Absent::Means("the same path as `socket`"),
        "Where it shows inside.",
    ),
    OPTIONAL,
    OWNER,
    Key {
        name: "dangerous",
        shape: Shape::Text(Form::Plain),
        absent: Absent::Means("a socket that leads out of any sandbox is an error"),
        example: "\"the program makes containers\"",
        meaning: "Why a socket is granted through which the program can leave the sandbox: those of docker, containerd, D-Bus, \
                  systemd, X11.",
        kernel: "",
    },
];

pub(super) const KINDS: &[Kind] = &[
    Kind { keys: BIND },
    Kind { keys: TMPFS },
    Kind { keys: VOLUME },
    Kind { keys: SOCKET },
];
