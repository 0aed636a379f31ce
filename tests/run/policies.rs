//! `security.seccomp` as a table, `strict`, and programs of 32-bit x86, in the real kernel.

use std::process::Command;

use crate::skip::{Lack, skip};

use super::support::{Caller, Ended, Lab, attack, finish, kept};

/// SIGSYS, and how a shell tells it.
const BAD_CALL: i32 = 128 + 31;

fn with(table: &str) -> String {
    format!("[security]\nseccomp = {{ {table} }}")
}

fn run(lab: &Lab, rest: &str, words: &[&str]) -> Ended {
    lab.run(&lab.profile(rest), words)
}

#[test]
fn allow_opens_and_deny_closes() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let made = |rest: &str, name: &str| {
            let ended = run(&lab, rest, &[attack(), name]);
            ended.out.trim_end().to_owned()
        };
        // Whatever the host's own kernel says to it.
        let uring = lab.unguarded(&["io_uring_setup"]).trim_end().to_owned();
        assert_eq!(made("", "io_uring_setup"), "EPERM");
        let opened = with("allow = [\"io_uring_setup\"]");
        assert_eq!(made(&opened, "io_uring_setup"), uring);
        let group = with("base = \"strict\", allow = [\"@debug\"]");
        assert_eq!(made(&group, "attach-child"), "worked");
        assert_eq!(made(&with("base = \"strict\""), "attach-child"), "EPERM");
        let both = with("allow = [\"@debug\"], deny = [\"ptrace\"]");
        assert_eq!(made(&both, "attach-child"), "EPERM");
        assert_eq!(made("", "euid"), made(&with("deny = [\"@clock\"]"), "euid"));
        let closed = with(
            "deny = [\"setgroups\", \"sendmsg\", \"kill\", \"wait4\"], on_deny = \"errno:EXDEV\"",
        );
        assert_eq!(made(&closed, "setgroups"), "EXDEV");
        // What no filter may open.
        let widest = with("allow = [\"@mount\", \"@privileged\"]");
        assert_eq!(made(&widest, "int80"), "");
    }
}

#[test]
fn on_deny_kills_or_logs() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let kill = with("on_deny = \"kill\"");
        let ended = run(&lab, &kill, &[attack(), "io_uring_setup"]);
        assert_eq!(ended.code(), BAD_CALL, "{ended:?}");
        let named = "killed for calling `io_uring_setup`, which `security.seccomp` refuses";
        assert!(ended.err.contains(named), "{ended:?}");
        // A child that is killed leaves its parent.
        let script = format!("{} io_uring_setup; echo $?", attack());
        let ended = run(&lab, &kill, &["bash", "-c", &script]);
        assert_eq!(
            (ended.code(), ended.out.trim_end()),
            (0, "159"),
            "{ended:?}"
        );
        let log = with("on_deny = \"log\"");
        let logged = run(&lab, &log, &[attack(), "attach-child"]);
        assert_eq!(logged.out, "worked\n", "{logged:?}");
        assert!(logged.err.contains("refused calls run"), "{logged:?}");
        let int80 = run(&lab, &log, &[attack(), "int80"]);
        assert_eq!(int80.out, "");
    }
}

#[test]
fn ordinary_programs_run_under_strict() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let tools = ", { programs = [\"cp\", \"mv\", \"ln\", \"sort\", \"wc\", \"mkdir\", \"rm\", \"head\"] }";
        let strict = lab.profile_with(tools, "security.seccomp = \"strict\"");
        let script = "set -e; cd /tmp; echo one > a; cp a b; mv b c; ln -s c d; cat d | sort > e; \
            test $(wc -l < e) = 1; mkdir f; rm -r f; (sleep 0.01 & wait); head -c 10 /dev/zero | wc -c";
        let mounts = "\n[[mount]]\ntmpfs = \"/tmp\"\n";
        let ended = lab.run(&format!("{strict}{mounts}"), &["bash", "-c", script]);
        assert_eq!((ended.code(), ended.out.trim_end()), (0, "10"), "{ended:?}");
        for (words, expected) in [
            (["socket", "2", "0"], "EAFNOSUPPORT"),
            (["unshare", "user", ""], "EPERM"),
        ] {
            let mut command = vec![attack()];
            command.extend(words);
            assert_eq!(lab.run(&strict, &command).out.trim_end(), expected);
        }
    }
}

fn compile_compat(draft: &std::path::Path) -> bool {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/run/compat.c");
    let status = Command::new("cc")
        .args(["-m32", "-static", "-o"])
        .arg(draft)
        .arg(source)
        .status();
    status.is_ok_and(|status| status.success())
}

/// 32-bit programs meet the same policy, and so does `int 0x80` of 64-bit ones.
#[test]
#[cfg(target_arch = "x86_64")]
fn programs_of_x86_run_under_the_same_policy() {
    let probe = tempfile::tempdir().unwrap();
    if !compile_compat(&probe.path().join("compat")) {
        let lack = Lack::Tool("the C compiler makes no 32-bit programs");
        return skip("programs_of_x86_run_under_the_same_policy", &lack);
    }
    let compat = kept("compat", |draft| assert!(compile_compat(draft)));
    let compat = compat.to_str().unwrap();
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let file = lab.text("work/compat-file");
        let unguarded = finish(lab.host(compat).arg(&file));
        if unguarded.out.is_empty() {
            let lack = Lack::Layout("this kernel runs no 32-bit programs");
            return skip("programs_of_x86_run_under_the_same_policy", &lack);
        }
        assert!(unguarded.out.contains("set-id worked"), "{unguarded:?}");
        let sources = format!(", {{ programs = [\"{compat}\"] }}");
        let mount = "[[mount]]\ntmpfs = \"/tmp\"\n";
        let native = lab.profile_with(&sources, mount);
        let run = |profile: &str| lab.run(profile, &[compat, "/tmp/file"]);
        assert_eq!(run(&native).code(), BAD_CALL);
        let both = format!("security.architectures = [\"native\", \"x86\"]\n{mount}");
        let both = lab.profile_with(&sources, &both);
        let ended = run(&both);
        let expected = "open worked\nchmod worked\nset-id EPERM\nunix worked\nalg EAFNOSUPPORT\n\
            alg-by-socketcall ENOSYS\nunshare EPERM\numount EPERM\n";
        assert_eq!(ended.out, expected, "{ended:?}");
        assert_eq!(lab.run(&both, &[attack(), "int80"]).out, "worked\n");
        let x32 = lab.run(&both, &[attack(), "x32"]);
        assert_eq!(x32.code(), BAD_CALL, "{x32:?}");
    }
}

/// Rule 23: what the filter refuses is named and counted.
#[test]
fn refused_calls_stand_in_the_report() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let attack = attack();
        let script = format!(
            "for i in 1 2 3; do {attack} io_uring_setup; done; {attack} keyctl; {attack} clone3 user; exit 3"
        );
        let ended = run(&lab, "", &["bash", "-c", &script]);
        assert!(
            ended
                .out
                .starts_with("EPERM\nEPERM\nEPERM\nEPERM\nENOSYS\n"),
            "{ended:?}"
        );
        let expected = "sandbox: `security.seccomp` refused `io_uring_setup`, `keyctl`\n";
        assert_eq!(ended.err, expected);
        // What a kernel without the call would answer is no refusal.
        let arch = std::env::consts::ARCH;
        let counted = serde_json::json!([
            { "name": "io_uring_setup", "architecture": arch, "count": 3, "killed": 0 },
            { "name": "keyctl", "architecture": arch, "count": 1, "killed": 0 },
        ]);
        assert_eq!(lab.report()["refused_calls"], counted);
        run(&lab, "", &["true"]);
        assert_eq!(lab.report()["refused_calls"], serde_json::json!([]));
        // Nobody listens: the answer is the same, and nobody counts.
        let uncounted = with("deny = [\"sendmsg\"]");
        let ended = run(&lab, &uncounted, &[attack, "keyctl"]);
        assert_eq!(ended.out, "EPERM\n");
        assert_eq!(lab.report()["refused_calls"], serde_json::Value::Null);
        let other = with("on_deny = \"errno:EXDEV\"");
        assert_eq!(run(&lab, &other, &[attack, "keyctl"]).out, "EXDEV\n");
        assert_eq!(lab.report()["refused_calls"][0]["name"], "keyctl");
    }
}

/// A program that makes refused calls without end keeps the supervisor from nothing else.
#[test]
fn a_flood_of_refused_calls_hinders_only_itself() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("limits.wall_time = \"1s\"");
        let ended = lab.run(&profile, &[attack(), "flood-refused", "4"]);
        assert_eq!(ended.code(), 124, "{ended:?}");
        let count = lab.report()["refused_calls"][0]["count"].as_u64().unwrap();
        // The burst, and a thousand each second.
        assert!((1000..10_000).contains(&count), "{count}");
    }
}
