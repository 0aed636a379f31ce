//! `[env]`.

use super::shape::{Absent, Form, Key, Shape};

pub(super) const ENV: &[Key] = &[
    Key {
        name: "inherit",
        shape: Shape::List(&Shape::Text(Form::VariablePattern)),
        absent: Absent::Value("[]"),
        example: "[\"TERM\", \"LANG\", \"LC_*\"]",
        meaning: "Variables of the caller's environment that enter, by name or by the start of several names. One that is not set \
                  is left out.",
        kernel: "the environment of execve(2)",
    },
    Key {
        name: "set",
        shape: Shape::Map {
            key: Form::Variable,
            value: &Shape::Text(Form::Text),
        },
        absent: Absent::Value("{}"),
        example: "{ PATH = \"/usr/bin:/bin\", HOME = \"/home/user\" }",
        meaning: "Variables with their values; they win over inherited ones. PATH is where the program is searched, HOME the home of \
                  the user in a generated /etc/passwd.",
        kernel: "the environment of execve(2)",
    },
];
