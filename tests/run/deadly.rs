//! What is killed for a system call: all of the process, whatever it does about it, and with the call's name.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::support::{Caller, Ended, Lab, attack, kept, within};

/// SIGSYS, as a shell tells it.
const BAD_CALL: i32 = 128 + 31;
const KILL: &str = "security.seccomp = { on_deny = \"kill\" }\n";

fn compile(draft: &Path) {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/run/deadly.c");
    let flags = [
        "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", source, "-o",
    ];
    let status = Command::new("cc").args(flags).arg(draft).status();
    assert!(status.unwrap().success(), "the deadly calls do not compile");
}

/// One that was made from another text has another name.
fn deadly() -> String {
    let mut hasher = DefaultHasher::new();
    include_str!("deadly.c").hash(&mut hasher);
    let name = format!("deadly-{:x}", hasher.finish());
    kept(&name, compile).to_str().unwrap().to_owned()
}

fn profile(lab: &Lab, rest: &str) -> String {
    let sources = format!(", {{ programs = [\"{}\"] }}", deadly());
    lab.profile_with(&sources, &format!("{KILL}{rest}"))
}

fn run(lab: &Lab, words: &[&str]) -> Ended {
    let program = deadly();
    let mut command = vec![program.as_str()];
    command.extend(words);
    lab.run(&profile(lab, ""), &command)
}

fn ending(signal: i32) -> Value {
    json!({
        "kind": "seccomp",
        "name": "keyctl",
        "number": libc::SYS_keyctl,
        "architecture": std::env::consts::ARCH,
        "reason": "refused",
        "signal": signal,
        "signal_name": if signal == libc::SIGSYS { "SYS" } else { "KILL" },
    })
}

fn counted(count: u64, killed: u64) -> Value {
    let architecture = std::env::consts::ARCH;
    json!([{ "name": "keyctl", "architecture": architecture, "count": count, "killed": killed }])
}

/// The program works where nothing forbids it: it says so, and lives.
#[test]
fn without_a_sandbox_they_live() {
    let lab = Lab::new(Caller::all()[0]);
    let ended = super::support::finish(&mut lab.host(deadly()));
    assert!(ended.out.ends_with("after\n"), "{ended:?}");
}

#[test]
fn the_call_is_named_with_its_own_kind_of_ending() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        // Also where it has other threads, makes the call in one of them, or became what it is by exec.
        for how in ["plain", "thread", "beside-threads", "exec"] {
            let ended = run(&lab, &[how]);
            assert_eq!((ended.code(), ended.out.as_str()), (BAD_CALL, ""), "{how}");
            let line = "sandbox: killed for calling `keyctl`, which `security.seccomp` refuses\n";
            assert_eq!(ended.err, line, "{how}");
            let report = lab.report();
            assert_eq!(report["ending"], ending(libc::SIGSYS), "{how}");
            assert_eq!(report["exit_code"], BAD_CALL);
            assert_eq!(report["refused_calls"], counted(1, 1), "{how}");
            assert_eq!(report["stopped_by"], Value::Null);
        }
    }
}

/// The kernel's own kill cannot be caught either.
#[test]
fn nothing_that_a_program_does_with_the_signal_lets_it_live() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for how in ["caught", "ignored", "blocked"] {
            let ended = run(&lab, &[how]);
            assert_eq!((ended.code(), ended.out.as_str()), (BAD_CALL, ""), "{how}");
            assert_eq!(lab.report()["ending"], ending(libc::SIGKILL), "{how}");
        }
    }
}

#[test]
fn a_child_that_is_killed_is_told_beside_an_ordinary_ending() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for (how, told) in [
            ("child", "signal 31\n"),
            ("vfork", "signal 31\n"),
            ("child-ignores", "signal 9\n"),
        ] {
            let ended = run(&lab, &[how]);
            assert_eq!((ended.code(), ended.out.as_str()), (0, told), "{how}");
            let report = lab.report();
            assert_eq!(report["ending"], json!({ "kind": "exited", "code": 0 }));
            assert_eq!(report["refused_calls"], counted(1, 1), "{how}");
        }
        let script = format!("{} child; {} plain; exit 3", deadly(), deadly());
        let ended = lab.run(&profile(&lab, ""), &["sh", "-c", &script]);
        let line = "sandbox: `security.seccomp` killed who called `keyctl`\n";
        assert!(ended.err.ends_with(line), "{ended:?}");
        assert_eq!(lab.report()["refused_calls"], counted(2, 2));
    }
}

/// Who may trace can keep signals from its child, but none that ends it at once.
#[test]
fn neither_a_tracer_nor_a_stop_lets_it_live() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let program = deadly();
        let traced = "security.seccomp = { on_deny = \"kill\", allow = [\"@debug\"] }\n";
        let traced = profile(&lab, "").replace(KILL, traced);
        let ended = lab.run(&traced, &[&program, "traced"]);
        assert_eq!(
            (ended.code(), ended.out.as_str()),
            (0, "signal 9\n"),
            "{ended:?}"
        );
        let ended = run(&lab, &["stopped"]);
        let killed = ["signal 31\n", "signal 9\n"].contains(&ended.out.as_str());
        assert!(ended.code() == 0 && killed, "{ended:?}");
    }
}

/// Without a PID namespace the program is told from its children all the same.
#[test]
fn without_a_pid_namespace_the_program_is_known_too() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let program = deadly();
        let open = profile(&lab, "namespaces.pid = false\nsystem.proc = \"none\"\n");
        let ended = lab.run(&open, &[&program, "plain"]);
        assert_eq!(ended.code(), BAD_CALL, "{ended:?}");
        assert_eq!(lab.report()["ending"], ending(libc::SIGSYS));
        let ended = lab.run(&open, &[&program, "child"]);
        assert_eq!((ended.code(), ended.out.as_str()), (0, "signal 31\n"));
        assert_eq!(lab.report()["ending"]["kind"], "exited");
    }
}

#[test]
fn many_threads_that_ignore_the_signal_end_at_once() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let ended = run(&lab, &["flood", "30"]);
        assert_eq!(
            (ended.code(), ended.out.as_str()),
            (BAD_CALL, ""),
            "{ended:?}"
        );
        assert_eq!(lab.report()["ending"], ending(libc::SIGKILL));
    }
}

/// What `on_deny = "kill"` has not, told in `supervise::deadly`: a call that the program's own signals interrupt fails
/// without an end. It never runs.
#[test]
fn a_call_that_signals_interrupt_does_not_run_either() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let ended = run(&lab, &["storm", "1000"]);
        assert!(!ended.out.contains("worked"), "{ended:?}");
        match ended.code() {
            0 => assert_eq!(ended.out, "after\n"),
            code => assert_eq!((code, ended.out.as_str()), (BAD_CALL, "")),
        }
    }
}

/// Also under the default policy, and where nothing else is counted.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_call_of_another_architecture_is_named_too() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for (call, number, architecture, line) in [
            (
                "int80",
                20,
                "x86",
                "killed for calling `getpid` of x86, which `security.architectures` leaves out",
            ),
            (
                "x32",
                0x4000_0027,
                "x32",
                "killed for calling `getpid` of x32, whose calls never run",
            ),
        ] {
            for rest in ["", KILL] {
                let ended = lab.run(&lab.profile(rest), &[attack(), call]);
                assert_eq!(ended.code(), BAD_CALL, "{ended:?}");
                assert_eq!(ended.err, format!("sandbox: {line}\n"));
                let report = lab.report();
                let expected = json!({
                    "kind": "seccomp",
                    "name": "getpid",
                    "number": number,
                    "architecture": architecture,
                    "reason": "architecture",
                    "signal": libc::SIGSYS,
                    "signal_name": "SYS",
                });
                assert_eq!(report["ending"], expected);
                let refused = &report["refused_calls"][0];
                assert_eq!(
                    (&refused["architecture"], &refused["killed"]),
                    (&json!(architecture), &json!(1))
                );
            }
        }
    }
}

/// Where nobody can listen the kernel kills, and nobody can tell for what.
#[test]
fn without_a_listener_the_kernel_kills() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let program = deadly();
        for how in ["plain", "caught", "ignored", "storm"] {
            let alone = profile(&lab, "").replace(
                KILL,
                "security.seccomp = { on_deny = \"kill\", deny = [\"sendmsg\"] }\n",
            );
            let ended = lab.run(&alone, &[&program, how, "1"]);
            assert_eq!((ended.code(), ended.out.as_str()), (BAD_CALL, ""), "{how}");
            let report = lab.report();
            assert_eq!(report["ending"]["kind"], "signalled");
            assert_eq!(report["refused_calls"], Value::Null);
        }
    }
}

/// A directory that is shown inside as `/NAME`, a name that no other test has.
fn shared(lab: &Lab) -> (String, String) {
    let work = lab.directory("shared");
    let inside = format!("/{}", lab.name);
    let work = work.display();
    let mount = format!("[[mount]]\nbind = \"{work}\"\ntarget = \"{inside}\"\naccess = \"rw\"\n");
    (mount, inside)
}

/// Its listener goes with `exec`, and nobody would end what it leaves: there the kernel does.
#[test]
fn what_a_further_program_leaves_behind_is_killed_too() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let (mount, inside) = shared(&lab);
        let run = lab.detach(&profile(&lab, &mount), &["sleep", "1000"]);
        let program = deadly();
        let plain = lab.finished(&["exec", &run.name, "--", &program, "plain"]);
        assert_eq!((plain.code(), plain.out.as_str()), (BAD_CALL, ""));
        let (go, lived) = (format!("{inside}/go"), format!("{inside}/lived"));
        let left = ["left-behind", &go, &lived];
        let mut command = vec!["exec", run.name.as_str(), "--", &program];
        command.extend(left);
        assert_eq!(lab.finished(&command).code(), 0);
        assert!(within(Duration::from_secs(15), || runs(&go)));
        std::fs::write(lab.path("shared/go"), "").unwrap();
        assert!(within(Duration::from_secs(15), || !runs(&go)));
        assert!(!lab.path("shared/lived").exists());
    }
}

/// Whether a process of this machine was started with this argument for itself.
fn runs(argument: &str) -> bool {
    let listed = std::fs::read_dir("/proc").unwrap().flatten();
    let mut lines = listed.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let own = format!("left-behind\0{argument}\0");
    lines.any(|line| String::from_utf8_lossy(&line).contains(&own))
}

/// With its supervisor everything ends, and a call that comes meanwhile does not run.
#[test]
fn a_supervisor_that_is_killed_lets_no_call_run() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let (mount, inside) = shared(&lab);
        let program = deadly();
        let script = format!("while :; do {program} child; done > {inside}/said");
        let run = lab.detach(&profile(&lab, &mount), &["sh", "-c", &script]);
        let said = lab.path("shared/said");
        let speaks = || std::fs::read_to_string(&said).is_ok_and(|text| text.lines().count() > 3);
        assert!(within(Duration::from_secs(30), speaks));
        let (first, supervisor) = (run.first(), run.supervisor());
        kill(Pid::from_raw(supervisor), Signal::SIGKILL).unwrap();
        let gone = || !super::lifecycle::lives(first);
        assert!(within(Duration::from_secs(15), gone));
        let text = std::fs::read_to_string(&said).unwrap();
        assert!(!text.contains("worked"), "{text}");
    }
}

/// Other commands tell of it as the report does.
#[test]
fn a_detached_run_is_told_with_the_call() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let run = lab.detach(&profile(&lab, ""), &[&deadly(), "plain"]);
        let ended = || run.told()["state"] == "ended";
        assert!(within(Duration::from_secs(15), ended));
        assert_eq!(run.told()["exit_code"], BAD_CALL);
        let told: Value =
            serde_json::from_str(&lab.done(&["inspect", "--json", &run.name])).unwrap();
        assert_eq!(told["report"]["ending"], ending(libc::SIGSYS));
        assert_eq!(lab.finished(&["wait", &run.name]).code(), BAD_CALL);
    }
}
