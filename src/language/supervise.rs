//! `[supervise]`.

use super::shape::{Absent, Form, Key, Shape};

pub(super) const SUPERVISE: &[Key] = &[
    Key {
        name: "kill_on_parent_exit",
        shape: Shape::Flag,
        absent: Absent::Value("true"),
        example: "false",
        meaning: "Whether the sandbox ends when the process that started `sandbox` does.",
        kernel: "a pidfd of that process in the loop of the supervisor",
    },
    Key {
        name: "stop_signal",
        shape: Shape::Text(Form::Signal),
        absent: Absent::Value("\"TERM\""),
        example: "\"INT\"",
        meaning: "What asks the program to end when `sandbox` itself is asked to, or its caller has ended.",
        kernel: "pidfd_send_signal(2)",
    },
    Key {
        name: "stop_timeout",
        shape: Shape::Text(Form::Time),
        absent: Absent::Value("\"10s\""),
        example: "\"2s\"",
        meaning: "How long to wait then before everything is killed.",
        kernel: "SIGKILL to the first process, cgroup.kill",
    },
];
