//! What the caller's signals do: those it ignores, those that stop, and those that it never sees.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{Caller, Lab, finish, finish_started, inside, sandbox, start, within};

/// `sandbox up` with a signal ignored, as whoever starts it may leave it.
fn ignoring(ignored: Signal, lab: &Lab, script: &str) -> Command {
    let name = ignored.as_str().trim_start_matches("SIG");
    let mut command = lab.host("env");
    command.arg(format!("--ignore-signal={name}"));
    let arguments = lab.up_arguments(&lab.profile(""), &["sh", "-c", script]);
    command.arg(sandbox()).args(arguments);
    command
}

/// With SIGCHLD ignored the kernel reaps by itself and keeps no exit status.
#[test]
fn an_ignored_end_of_children_is_no_obstacle() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let ended = finish(&mut ignoring(Signal::SIGCHLD, &lab, "true; exit 7"));
        assert_eq!(ended.code(), 7, "{ended:?}");
    }
}

/// nohup(1) ignores SIGHUP; a shell without job control SIGINT of what runs in the background.
#[test]
fn what_the_caller_ignores_does_not_reach_the_program() {
    for caller in Caller::all() {
        for ignored in [Signal::SIGHUP, Signal::SIGINT] {
            let lab = Lab::new(caller);
            let mut up = ignoring(ignored, &lab, "sleep 1; exit 7");
            let up = start(up.stdin(Stdio::null()));
            inside(&up);
            kill(Pid::from_raw(up.id().cast_signed()), ignored).unwrap();
            let ended = finish_started(up);
            assert_eq!(ended.code(), 7, "{ignored}: {ended:?}");
        }
    }
}

/// SIGTSTP stops the program, not the process that takes in its end.
#[test]
fn a_stop_and_a_continuation_leave_nothing_behind() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let script = "trap 'echo stopped; seen=1' TSTP; until [ \"$seen\" ]; do :; done; echo went on; exit 7";
        let mut up = lab.up(&lab.profile(""), &["sh", "-c", script]);
        let up = start(up.stdin(Stdio::null()).process_group(0));
        inside(&up);
        std::thread::sleep(Duration::from_millis(300));
        kill(Pid::from_raw(up.id().cast_signed()), Signal::SIGTSTP).unwrap();
        let ended = finish_started(up);
        assert_eq!(ended.out, "stopped\nwent on\n");
        assert_eq!(ended.code(), 7, "{ended:?}");
    }
}

/// `sandbox` stops with its program, as a shell expects; others inside go on meanwhile.
#[test]
fn a_program_that_stops_itself_does_not_get_past_the_wall_time() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("[limits]\nwall_time = \"1s\"");
        let script = "sleep 1000 & kill -STOP $$";
        let began = Instant::now();
        // A group of its own in this session: the kernel takes it for one that a shell looks after.
        let mut up = lab.up(&profile, &["sh", "-c", script]);
        let ended = finish(up.process_group(0));
        assert_eq!(ended.code(), 124, "{ended:?}");
        assert!(began.elapsed() < Duration::from_secs(10), "{ended:?}");
    }
}

/// Nor does one that stops the first process, where that is no PID 1 and nothing keeps signals from it.
#[test]
fn a_first_process_that_was_stopped_does_not_get_past_the_wall_time() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let rest = "namespaces.pid = false\nsystem.proc = \"none\"\nsecurity.landlock = false\n[limits]\nwall_time = \"1s\"";
        let script = "kill -STOP $PPID; sleep 1000";
        let ended = lab.run(&lab.profile(rest), &["sh", "-c", script]);
        assert_eq!(ended.code(), 124, "{ended:?}");
    }
}

/// Whoever adopts the orphan is not its caller: that it was left is seen while it still starts too.
#[test]
fn a_caller_that_ends_during_the_start_ends_the_sandbox() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("");
        assert_eq!(lab.run(&profile, &["true"]).code(), 0);
        let state = lab.state_file();
        let turn = std::fs::File::open(state.parent().unwrap()).unwrap();
        let turn = Flock::lock(turn, FlockArg::LockExclusive).unwrap();
        let mut shell = lab.host("sh");
        shell.args(["-c", "\"$@\" >/dev/null 2>&1 & sleep 0.3; echo $!", "sh"]);
        let line = lab.up_arguments(&profile, &["sleep", "1000"]);
        let ended = finish(shell.arg(sandbox()).args(line));
        let supervisor = Pid::from_raw(ended.out.trim().parse().unwrap());
        // The start waits for its turn to take a name.
        assert_eq!(kill(supervisor, None), Ok(()));
        drop(turn);
        let gone = within(Duration::from_secs(5), || kill(supervisor, None).is_err());
        if !gone {
            kill(supervisor, Signal::SIGKILL).unwrap();
        }
        assert!(gone, "it goes on without its caller");
    }
}

/// Without a process id namespace the program can kill the first process, but gains no freedom by it.
#[test]
fn killing_the_first_process_frees_nobody() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab
            .profile("namespaces.pid = false\nsystem.proc = \"none\"\nsecurity.landlock = false");
        let script = "sleep 1000 & echo $$ $!; kill -9 $PPID; sleep 1000";
        let ended = lab.run(&profile, &["sh", "-c", script]);
        assert_eq!(ended.code(), 137, "{ended:?}");
        let pids = ended.out.split_whitespace();
        let pids: Vec<i32> = pids.map(|pid| pid.parse().unwrap()).collect();
        assert_eq!(pids.len(), 2, "{ended:?}");
        for pid in pids {
            assert!(kill(Pid::from_raw(pid), None).is_err(), "{pid} lives");
        }
    }
}
