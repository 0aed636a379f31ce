//! What is judged: a wider profile never lower, a place however it is written, a secret by its looks.

use sandbox::report::audit::{json, sarif};

use super::Case;
use crate::errors::resolved::By;

/// What a profile says, and what is wider: neither may score lower than what it widens.
const WIDER: &[(&str, &str)] = &[
    ("", "security.seccomp = \"none\"\n"),
    (
        "",
        "security.seccomp = { base = \"default\", on_deny = \"log\" }\n",
    ),
    (
        "",
        "security.seccomp = { base = \"default\", allow = [\"@mount\"] }\n",
    ),
    (
        "",
        "security.seccomp = { base = \"default\", allow = [\"bpf\", \"@debug\"] }\n",
    ),
    (
        "security.seccomp = { base = \"default\", on_deny = \"log\" }\n",
        "security.seccomp = \"none\"\n",
    ),
    (
        "security.seccomp = { base = \"default\", allow = [\"@mount\"] }\n",
        "security.seccomp = { base = \"default\", allow = [\"@mount\"], on_deny = \"log\" }\n",
    ),
    (
        "security.seccomp = { base = \"default\", allow = [\"@mount\"], on_deny = \"log\" }\n",
        "security.seccomp = \"none\"\n",
    ),
    (
        "security.seccomp = { base = \"default\", allow = [\"@mount\"] }\n",
        "security.seccomp = \"none\"\n",
    ),
    ("", "network.mode = \"host\"\n"),
    ("", "security.landlock = false\n"),
    ("", "system.sys = \"read-only\"\n"),
    ("", "env.inherit = [\"GITHUB_TOKEN\"]\n"),
    (
        "env.inherit = [\"GITHUB_TOKEN\"]\n",
        "env.inherit = [\"GITHUB_*\"]\n",
    ),
    ("limits.memory = \"1G\"\n", ""),
    ("limits.pids = 9\n", ""),
    (
        "limits.memory = \"1G\"\nlimits.swap = \"0\"\n",
        "limits.memory = \"1G\"\n",
    ),
    (
        "limits.cpus = 1\nsecurity.allow_degraded = [\"limits\"]\n",
        "",
    ),
    (
        "limits.pids = 9\nsecurity.allow_degraded = [\"limits\"]\n",
        "",
    ),
    (
        "limits.pids = 9\n",
        "limits.pids = 9\nsecurity.allow_degraded = [\"limits\"]\n",
    ),
    (
        "[[mount]]\nbind = \"/usr\"\n",
        "[[mount]]\nbind = \"/usr\"\naccess = \"rw\"\n",
    ),
    (
        "[[mount]]\nbind = \"${HOME}\"\n",
        "[[mount]]\nbind = \"${HOME}\"\naccess = \"rw\"\n",
    ),
    (
        "[[mount]]\nbind = \"${HOME}/.ssh\"\n",
        "[[mount]]\nbind = \"${HOME}\"\n",
    ),
    (
        "[[mount]]\nbind = \"${GIT_ROOT}\"\naccess = \"rw\"\nread_only = [\".git\"]\n",
        "[[mount]]\nbind = \"${GIT_ROOT}\"\naccess = \"rw\"\n",
    ),
    (
        "[[mount]]\ntmpfs = \"/x\"\noptions = [\"noexec\"]\n",
        "[[mount]]\ntmpfs = \"/x\"\n",
    ),
];

#[test]
fn what_is_wider_never_scores_lower() {
    let score = |rest: &str| {
        let text = format!("version = 1\ncommand.args = [\"bash\"]\n{rest}");
        Case::of("test.toml", &text, By::Text)
            .audit()
            .score()
            .value()
    };
    for (narrow, wide) in WIDER {
        let scores = (score(narrow), score(wide));
        assert!(scores.0 <= scores.1, "{narrow:?} {wide:?}: {scores:?}");
    }
}

#[test]
fn a_place_is_judged_however_it_is_written() {
    for (bind, code) in [
        ("${HOME}/..", "audit.readable-home"),
        ("${HOME}/x/../.ssh", "audit.readable-secret"),
        ("${env:KEYS:-${HOME}/.ssh}", "audit.readable-secret"),
        ("/home/me/./.ssh", "audit.readable-secret"),
    ] {
        let text = format!(
            "version = 1\ncommand.args = [\"bash\"]\n[[mount]]\nbind = \"{bind}\"\ntarget = \"/x\"\n"
        );
        let case = Case::of("test.toml", &text, By::Text);
        assert!(case.codes().contains(code), "{bind}: {}", case.text());
    }
    let text = "version = 1\ncommand.args = [\"bash\"]\n[[mount]]\nbind = \"${GIT_ROOT}/.git\"\naccess = \"rw\"\n";
    let case = Case::of("test.toml", text, By::Text);
    assert!(
        case.codes().contains("audit.writable-checkout"),
        "{}",
        case.text()
    );
}

#[test]
fn a_secret_is_found_by_its_looks_and_never_shown() {
    let secret = format!("ghp_{}", "a1B2".repeat(9));
    let text = format!(
        "version = 1\ncommand.args = [\"bash\", \"--auth={secret}\"]\nenv.set.PLAIN = \"{secret}\"\nenv.inherit = [\"TOKENIZERS_PARALLELISM\"]\n"
    );
    let case = Case::of("test.toml", &text, By::Text);
    for code in ["audit.set-secret", "audit.secret-in-arguments"] {
        assert!(case.codes().contains(code), "{}", case.text());
    }
    assert!(!case.codes().contains("audit.inherited-secret"));
    for shown in [case.text(), case.shown(json), case.shown(sarif)] {
        assert!(!shown.contains(&secret[4..]), "{shown}");
    }
}
