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
        "[[mount]]\nbind = \"${HOME}/.docker\"\n",
        "[[mount]]\nbind = \"${HOME}\"\n",
    ),
    ("", "[[mount]]\nbind = \"${HOME}/.colima\"\n"),
    (
        "[[mount]]\nbind = \"${HOME}/.docker\"\nhide = [\"run\", \"desktop\"]\n",
        "[[mount]]\nbind = \"${HOME}/.docker\"\n",
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

#[test]
fn a_host_shows_links_checkouts_and_submodules() {
    let scratch = tempfile::tempdir().unwrap();
    let top = scratch.path().canonicalize().unwrap();
    let made = ["tree/.git/hooks", "tree/lib", "secret", "home/.ssh"];
    for directory in made {
        std::fs::create_dir_all(top.join(directory)).unwrap();
    }
    std::fs::write(
        top.join("tree/.gitmodules"),
        "[submodule \"x\"]\n\tpath = lib\n",
    )
    .unwrap();
    std::fs::write(top.join("home/.ssh/id"), "key").unwrap();
    std::os::unix::fs::symlink("../home/.ssh", top.join("secret/link")).unwrap();
    let tree = top.join("tree");
    let link = top.join("secret/link");
    std::fs::write(top.join("tree/lib/.git"), "gitdir: ../.git/modules/x\n").unwrap();
    let text = format!(
        "version = 1\nname = \"x\"\ncommand.args = [\"/bin/true\"]\nrootfs.source = [{{ copy = \"{1}\" }}, {{ programs = [], extra = [\"{1}/id\"] }}]\n[[mount]]\nbind = \"{0}\"\naccess = \"rw\"\n[[mount]]\nbind = \"{1}\"\ntarget = \"/bound\"\n",
        tree.display(),
        link.display()
    );
    std::fs::create_dir(top.join("profiles")).unwrap();
    let profile = top.join("profiles/x.toml");
    std::fs::write(&profile, &text).unwrap();
    let found = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sandbox"));
        command.args(["audit", "--format", "json"]).args(arguments);
        command.arg(&profile).env("HOME", top.join("home"));
        let ended = command.output().unwrap();
        let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
        let found: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
        let list = found["findings"].as_array();
        let list = list.unwrap_or_else(|| panic!("{errors}"));
        let count = |code: &str| list.iter().filter(|one| one["code"] == code).count();
        [
            count("audit.writable-checkout"),
            count("audit.writable-submodule"),
            count("audit.readable-secret"),
        ]
    };
    // The text shows nothing of all that.
    assert_eq!(found(&[]), [0, 0, 0]);
    // The copy, the file and the bind.
    assert_eq!(found(&["--host"]), [1, 1, 3]);
    let protected = text.replace(
        "access = \"rw\"\n",
        "access = \"rw\"\nread_only = [\".git\", \"lib/.git\"]\n",
    );
    assert_ne!(protected, text);
    std::fs::write(&profile, protected).unwrap();
    assert_eq!(found(&["--host"]), [1, 0, 3]);
}

/// What is copied from a directory has no sockets, and a copy of one would lead nowhere.
#[test]
fn a_copy_brings_no_socket() {
    let codes = |source: &str| {
        let text = format!(
            "version = 1\ncommand.args = [\"bash\"]\nrootfs.source = [{{ copy = \"{source}\" }}]\n"
        );
        Case::of("test.toml", &text, By::Text).codes()
    };
    for source in ["/run/docker.sock", "/tmp/.X11-unix", "${HOME}/.colima"] {
        let found = codes(source);
        let of_sockets = ["audit.control-socket", "audit.x11"];
        assert!(
            !of_sockets.iter().any(|code| found.contains(code)),
            "{source}"
        );
    }
}
