//! `[security]`.

use super::shape::{Absent, Form, Key, Shape, Words};
use crate::model::{Architecture, Degradable, SeccompPolicy};

const POLICY: Words = Words {
    known: SeccompPolicy::WORDS,
    meanings: SeccompPolicy::MEANINGS,
};

const CALLS: Shape = Shape::List(&Shape::Text(Form::SystemCalls));

const SECCOMP: &[Key] = &[
    Key {
        name: "base",
        shape: Shape::Words(POLICY),
        absent: Absent::Value("\"default\""),
        example: "\"default\"",
        meaning: "The policy that the other keys change.",
        kernel: "",
    },
    Key {
        name: "allow",
        shape: CALLS,
        absent: Absent::Value("[]"),
        example: "[\"@debug\", \"io_uring_setup\"]",
        meaning: "Calls and groups that it opens. Arguments that are refused stay refused: set-id modes, TIOCSTI, rare \
                  socket families.",
        kernel: "SECCOMP_RET_ALLOW",
    },
    Key {
        name: "deny",
        shape: CALLS,
        absent: Absent::Value("[]"),
        example: "[\"@clock\"]",
        meaning: "Calls and groups that it closes; they win over `allow`.",
        kernel: "what `on_deny` says",
    },
    Key {
        name: "on_deny",
        shape: Shape::Text(Form::OnDeny),
        absent: Absent::Value("\"errno:EPERM\""),
        example: "\"kill\"",
        meaning: "What becomes of a refused call: it fails with an error, ends the program (and the report names the call), or is \
                  logged and let through.",
        kernel: "SECCOMP_RET_USER_NOTIF, and without a listener SECCOMP_RET_ERRNO and SECCOMP_RET_KILL_PROCESS; SECCOMP_RET_LOG",
    },
];

pub(super) const SECURITY: &[Key] = &[
    Key {
        name: "capabilities",
        shape: Shape::List(&Shape::Text(Form::Capability)),
        absent: Absent::Value("[]"),
        example: "[\"CAP_NET_BIND_SERVICE\"]",
        meaning: "Capabilities that the program keeps, over the sandbox's own namespaces alone. All others leave every set.",
        kernel: "capset(2), PR_CAPBSET_DROP, PR_CAP_AMBIENT",
    },
    Key {
        name: "seccomp",
        shape: Shape::Either(&[Shape::Words(POLICY), Shape::Table(SECCOMP)]),
        absent: Absent::Value("\"default\""),
        example: "{ base = \"default\", allow = [\"@debug\"], deny = [\"@clock\"] }",
        meaning: "Which system calls run. `sandbox explain PROFILE seccomp` prints the list that results, and why.",
        kernel: "seccomp(2), SECCOMP_SET_MODE_FILTER",
    },
    Key {
        name: "architectures",
        shape: Shape::List(&Shape::Words(Words {
            known: Architecture::WORDS,
            meanings: Architecture::MEANINGS,
        })),
        absent: Absent::Value("[\"native\"]"),
        example: "[\"native\", \"x86\"]",
        meaning: "Whose system calls programs may make; x32 never.",
        kernel: "the architecture that each filter checks first",
    },
    Key {
        name: "landlock",
        shape: Shape::Flag,
        absent: Absent::Means("as far as the kernel has it"),
        example: "true",
        meaning: "A second wall behind the mounts. `true` insists on it: a kernel without it is an error.",
        kernel: "landlock_create_ruleset(2), landlock_restrict_self(2)",
    },
    Key {
        name: "nested_userns",
        shape: Shape::Flag,
        absent: Absent::Value("false"),
        example: "true",
        meaning: "Whether the program may make namespaces and mounts of its own, as bubblewrap, unshare and Chromium do. It \
                  turns Landlock and the masks of /proc off.",
        kernel: "user.max_user_namespaces, the system calls of @mount",
    },
    Key {
        name: "allow_degraded",
        shape: Shape::List(&Shape::Words(Words {
            known: Degradable::WORDS,
            meanings: Degradable::MEANINGS,
        })),
        absent: Absent::Value("[]"),
        example: "[\"landlock\", \"limits.swap\"]",
        meaning: "What may be missing on a host that lacks it; the report lists what is.",
        kernel: "",
    },
];
