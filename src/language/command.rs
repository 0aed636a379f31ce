//! `[command]`.

use super::shape::{Absent, Form, Key, Shape, Words};
use crate::model::{ExtraArguments, TerminalMode};

const IMAGE: Words = Words {
    known: &["image"],
    meanings: &["What the image says, with its environment, user and working directory."],
};

pub(super) const COMMAND: &[Key] = &[
    Key {
        name: "args",
        shape: Shape::Either(&[Shape::List(&Shape::Text(Form::Text)), Shape::Words(IMAGE)]),
        absent: Absent::Means("a command must stand behind `--`"),
        example: "[\"/bin/bash\", \"-l\"]",
        meaning: "The program and its arguments. A name without a slash is searched in the PATH of `env`, inside the \
                  tree. `\"image\"` takes what the image of `rootfs.source` says.",
        kernel: "execve(2)",
    },
    Key {
        name: "extra",
        shape: Shape::Words(Words {
            known: ExtraArguments::WORDS,
            meanings: ExtraArguments::MEANINGS,
        }),
        absent: Absent::Value("\"replace\""),
        example: "\"append\"",
        meaning: "What a command behind `--` does to `args`.",
        kernel: "",
    },
    Key {
        name: "workdir",
        shape: Shape::Text(Form::InsidePath),
        absent: Absent::Value("\"/\""),
        example: "\"/home/user/project\"",
        meaning: "The working directory. It must be there.",
        kernel: "chdir(2), inside the new root",
    },
    Key {
        name: "user",
        shape: Shape::Text(Form::User),
        absent: Absent::Value("\"caller\""),
        example: "\"1000:1000\"",
        meaning: "Who the program is, inside: `caller`, `root`, a name of the tree's /etc/passwd, or ids as USER:GROUP. \
                  On the host it is the caller, or an unused id where root starts the sandbox.",
        kernel: "setresuid(2), setresgid(2), in a user namespace",
    },
    Key {
        name: "groups",
        shape: Shape::List(&Shape::Text(Form::Group)),
        absent: Absent::Value("[]"),
        example: "[\"video\"]",
        meaning: "Supplementary groups of the host that stay. With `map_users = \"single\"` an unprivileged caller keeps all of its \
                  groups, whatever is said here: the report says so.",
        kernel: "setgroups(2), gid_map",
    },
    Key {
        name: "umask",
        shape: Shape::Text(Form::Mode),
        absent: Absent::Value("\"022\""),
        example: "\"077\"",
        meaning: "Which permissions new files do not get.",
        kernel: "umask(2)",
    },
    Key {
        name: "terminal",
        shape: Shape::Words(Words {
            known: TerminalMode::WORDS,
            meanings: TerminalMode::MEANINGS,
        }),
        absent: Absent::Value("\"auto\""),
        example: "\"never\"",
        meaning: "Whether the program gets a pseudo-terminal of the sandbox's own, so that it never holds the caller's.",
        kernel: "a devpts instance of its own, TIOCSCTTY",
    },
    Key {
        name: "fds",
        shape: Shape::List(&Shape::Number {
            least: 3,
            most: 0x3fff_ffc0,
        }),
        absent: Absent::Value("[]"),
        example: "[3]",
        meaning: "Descriptors above 2 that pass to the program; all others are closed. One that is not open is an error.",
        kernel: "close_range(2) for all others",
    },
];
