//! Rules 27 and 28: however a run ends, it says so, and leaves nothing.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::{
    Caller, Ended, Lab, attack, finish, finish_started, inside, root_only, start, wait, within,
};

const SECOND: Duration = Duration::from_secs(1);

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

fn is_alive(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    // One that nobody has waited for runs nothing any more.
    !status.is_empty() && !status.contains("State:\tZ")
}

/// Every cgroup directory of this sandbox, in whatever hierarchy.
pub(super) fn groups(name: &str) -> Vec<String> {
    let found = finish(Command::new("find").args([
        "/sys/fs/cgroup",
        "-type",
        "d",
        "-name",
        &format!("*{name}*"),
    ]));
    found.out.lines().map(str::to_owned).collect()
}

/// Limits where the caller can have them.
fn limited(caller: Caller) -> &'static str {
    match caller {
        Caller::Root => "[limits]\npids = 64\nmemory = \"64M\"",
        Caller::Unprivileged => "",
    }
}

#[track_caller]
fn leaves_nothing(lab: &Lab) {
    assert!(!lab.state_file().exists(), "{:?}", lab.state_file());
    assert_eq!(groups(&lab.name), Vec::<String>::new());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(
        !mounts.contains(&lab.name) && !mounts.contains(lab.path("").to_str().unwrap()),
        "{mounts}"
    );
}

/// Waits for the first line of output.
fn first_line(child: &mut Child) -> (String, BufReader<std::process::ChildStdout>) {
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    (line, reader)
}

#[test]
fn exit_codes_tell_how_it_ended() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("");
        let code = |command: &[&str]| lab.run(&profile, command).code();
        assert_eq!(code(&["true"]), 0);
        assert_eq!(code(&["sh", "-c", "exit 3"]), 3);
        assert_eq!(code(&["sh", "-c", "exit 255"]), 255);
        assert_eq!(code(&["/etc/passwd"]), 126);
        assert_eq!(code(&["/etc"]), 126);
        assert_eq!(code(&["not-there"]), 127);
        assert_eq!(code(&["/not/there"]), 127);
        for (signal, code) in [
            ("KILL", 137),
            ("TERM", 143),
            ("SEGV", 139),
            ("INT", 130),
            ("PIPE", 141),
        ] {
            let ended = lab.run(
                &profile,
                &["sh", "-c", &format!("kill -{signal} $$; sleep 5")],
            );
            assert_eq!(ended.code(), code, "{signal}: {ended:?}");
            assert_eq!(lab.report()["ending"]["kind"], "signalled");
            assert_eq!(lab.report()["exit_code"], code);
        }
        let slow = lab.profile("[limits]\nwall_time = \"300ms\"");
        let ended = lab.run(&slow, &["sleep", "30"]);
        assert_eq!(ended.code(), 124, "{ended:?}");
        assert_eq!(lab.report()["ending"]["limit"], "wall-time");
        let broken = lab.run("version = 1\nnonsense = 2\n", &["true"]);
        assert_eq!(broken.code(), 125, "{broken:?}");
        let usage = finish(
            lab.host(super::support::sandbox())
                .args(["up", "--nonsense"]),
        );
        assert_eq!(usage.code(), 125, "{usage:?}");
        leaves_nothing(&lab);
    }
}

#[test]
fn the_program_is_not_the_first_process() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        assert_eq!(lab.script(&lab.profile(""), "echo $$"), "2\n");
        // As the first one it would survive its own signals.
        let ended = lab.run(&lab.profile(""), &["bash", "-c", "kill -TERM $$; sleep 5"]);
        assert_eq!(ended.code(), 143, "{ended:?}");
        // And it cannot end the first one.
        for signal in ["9", "19", "11"] {
            let after = lab.run(
                &lab.profile(""),
                &[
                    "sh",
                    "-c",
                    &format!("trap '' SEGV; kill -{signal} 1; echo after"),
                ],
            );
            assert_eq!(
                (after.out.as_str(), after.code()),
                ("after\n", 0),
                "{after:?}"
            );
        }
    }
}

#[test]
fn the_first_process_takes_in_orphans_and_ends_with_the_program() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let script = format!(
            "{} leave-orphans 50; sleep 0.2; cat /proc/[0-9]*/status",
            attack()
        );
        let seen = lab.script(&lab.profile(""), &script);
        assert!(!seen.contains("State:\tZ"), "zombies: {seen}");

        // What it leaves behind ends with it, whatever that ignores.
        let stubborn = "trap '' TERM HUP INT; (trap '' TERM HUP; exec sleep 1000) & setsid sleep 1000 & echo left; exit 4";
        let mut up = start(
            lab.up(&lab.profile(""), &["bash", "-c", stubborn])
                .stdin(Stdio::null()),
        );
        let ended_in_time = within(5 * SECOND, || up.try_wait().unwrap().is_some());
        assert!(ended_in_time, "it waits for what the program left");
        let ended = finish_started(up);
        assert_eq!(
            (ended.code(), ended.out.as_str()),
            (4, "left\n"),
            "{ended:?}"
        );
    }
}

#[test]
fn signals_reach_the_program() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let sent = [
            Signal::SIGUSR1,
            Signal::SIGINT,
            Signal::SIGTERM,
            Signal::SIGUSR2,
            Signal::SIGHUP,
        ];
        let numbers = sent.map(|signal| signal as i32);
        let mut up = start(&mut lab.up(&lab.profile(""), &[attack(), "name-signals", "1"]));
        for (place, signal) in sent.into_iter().enumerate() {
            if place > 0 {
                up = start(&mut lab.up(&lab.profile(""), &[attack(), "name-signals", "1"]));
            }
            let (ready, mut rest) = first_line(&mut up);
            assert_eq!(ready, "ready\n");
            send(&up, signal);
            // What asks it to end also continues it, should it be stopped.
            let mut named = String::new();
            rest.read_to_string(&mut named).unwrap();
            assert!(
                named.contains(&format!("signal {:02}\n", numbers[place])),
                "{signal}: {named}"
            );
            assert_eq!(wait(&mut up).unwrap().code(), Some(0), "{signal}");
        }
    }
}

#[test]
fn a_program_that_ignores_the_stop_signal_is_killed_in_time() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("[supervise]\nstop_timeout = \"300ms\"");
        let mut up = start(&mut lab.up(
            &profile,
            &["sh", "-c", "trap '' TERM; echo ready; sleep 100; sleep 100"],
        ));
        let (ready, _rest) = first_line(&mut up);
        assert_eq!(ready, "ready\n");
        send(&up, Signal::SIGTERM);
        assert!(
            within(5 * SECOND, || up.try_wait().unwrap().is_some()),
            "it is not killed"
        );
        assert_eq!(wait(&mut up).unwrap().code(), Some(137));
        leaves_nothing(&lab);
    }
}

#[test]
fn a_killed_supervisor_takes_everything_with_it() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile(limited(caller));
        let script = "trap '' HUP TERM; setsid sleep 1000 & echo ready; sleep 1000";
        let mut up = start(&mut lab.up(&profile, &["bash", "-c", script]));
        let (ready, _rest) = first_line(&mut up);
        assert_eq!(ready, "ready\n");
        let first = super::support::children(up.id())[0];
        let mut all = Vec::new();
        let grown = within(5 * SECOND, || {
            all = descendants(first);
            all.len() >= 3
        });
        assert!(
            grown,
            "the first process, the program, and what it started: {all:?}"
        );
        send(&up, Signal::SIGKILL);
        assert_eq!(wait(&mut up).unwrap().signal(), Some(9));
        assert!(
            within(SECOND, || all.iter().all(|pid| !is_alive(*pid))),
            "{all:?}"
        );

        // What a killed process cannot undo itself, the next command of any kind does.
        // Root's tests share a state directory: any of them may have done it by now.
        if caller == Caller::Unprivileged {
            assert!(lab.state_file().exists());
        }
        let other = Lab::new(caller);
        let mut next = other.up(&other.profile(""), &["true"]);
        next.env("XDG_RUNTIME_DIR", lab.path("runtime"));
        assert_eq!(finish(&mut next).code(), 0);
        leaves_nothing(&lab);
    }
}

fn descendants(pid: i32) -> Vec<i32> {
    let children = super::support::children(pid.try_into().unwrap());
    let mut all = vec![pid];
    all.extend(children.into_iter().flat_map(descendants));
    all
}

#[test]
fn a_supervisor_killed_while_it_starts_leaves_nothing_running() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.directory("work/marks");
        let bind = format!(
            "{}\n[[mount]]\nbind = \"{}\"\ntarget = \"/w\"\naccess = \"rw\"",
            limited(caller),
            lab.text("work")
        );
        let profile = lab.profile(&bind);
        // The tree is there then, and a start takes some milliseconds.
        lab.script(&profile, "true");
        let (mut early, mut late) = (0, 0);
        for delay in (0..40).map(|step| Duration::from_micros(step * 500)) {
            let mark = format!("sleep 0.1; : > /w/marks/{}", delay.as_micros());
            let mut up = start(&mut lab.up(&profile, &["sh", "-c", &mark]));
            std::thread::sleep(delay);
            let started = descendants(up.id().try_into().unwrap());
            send(&up, Signal::SIGKILL);
            wait(&mut up);
            match started.len() {
                1 => early += 1,
                _ => late += 1,
            }
            let left = || started[1..].iter().filter(|pid| is_alive(**pid)).count();
            assert!(within(SECOND, || left() == 0), "{delay:?}: {started:?}");
        }
        assert!(
            early > 0 && late > 0,
            "{early} and {late}: before and after the clone"
        );
        std::thread::sleep(Duration::from_millis(200));
        let marks = fs::read_dir(lab.path("work/marks")).unwrap().count();
        assert_eq!(marks, 0, "a program lived on");
        lab.script(&profile, "true");
        leaves_nothing(&lab);
    }
}

/// The caller's end too, as the profile says.
#[test]
fn the_end_of_the_caller_ends_the_sandbox_where_it_is_needed() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for (setting, survives) in [("true", false), ("false", true)] {
            let profile = lab.profile(&format!("[supervise]\nkill_on_parent_exit = {setting}"));
            let mut shell = lab.host("sh");
            shell.args(["-c", "\"$@\" & echo $!; exec sleep 1000", "sh"]);
            shell
                .arg(super::support::sandbox())
                .args(lab.up_arguments(&profile, &["sleep", "1000"]));
            let mut shell = start(&mut shell);
            let (pid, _rest) = first_line(&mut shell);
            let supervisor: i32 = pid.trim().parse().unwrap();
            let started = || {
                super::support::children(supervisor.try_into().unwrap()).len() == 1
                    && descendants(supervisor).len() == 3
            };
            assert!(within(10 * SECOND, started));
            std::thread::sleep(Duration::from_millis(100));
            send(&shell, Signal::SIGKILL);
            shell.wait().unwrap();
            let gone = within(2 * SECOND, || !is_alive(supervisor));
            assert_eq!(gone, !survives, "kill_on_parent_exit = {setting}");
            if survives {
                kill(Pid::from_raw(supervisor), Signal::SIGKILL).unwrap();
            }
        }
    }
}

#[test]
fn many_short_runs_neither_hang_nor_leave_anything() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile(limited(caller));
        let before = finish(lab.host("sh").args(["-c", "cat /proc/mounts | wc -l"])).out;
        for turn in 0..200 {
            let ended = lab.run(&profile, &["/bin/true"]);
            assert_eq!(ended.code(), 0, "{turn}: {ended:?}");
        }
        leaves_nothing(&lab);
        assert_eq!(
            finish(lab.host("sh").args(["-c", "cat /proc/mounts | wc -l"])).out,
            before
        );
    }
}

#[test]
fn a_start_that_fails_leaves_nothing() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for rest in [
            "command.workdir = \"/not/there\"",
            "[[mount]]\ntmpfs = \"/etc/passwd\"",
            "[limits.process]\nnofile = 0",
        ] {
            let rest = match rest.contains("[limits") {
                true => rest.to_owned(),
                false => format!("{rest}\n{}", limited(caller)),
            };
            let ended: Ended = lab.run(&lab.profile(&rest), &["true"]);
            assert!([125, 126, 127].contains(&ended.code()), "{rest}: {ended:?}");
            assert!(!ended.err.is_empty());
            leaves_nothing(&lab);
        }
    }
    if root_only("a_start_that_fails_leaves_nothing: two processes") {
        let lab = Lab::new(Caller::Root);
        let mut up = start(&mut lab.up(&lab.profile(""), &["sleep", "30"]));
        assert_eq!(inside(&up).len(), 2);
        send(&up, Signal::SIGTERM);
        assert_eq!(wait(&mut up).unwrap().code(), Some(143));
        leaves_nothing(&lab);
    }
}

/// A script waits for `sandbox`, and nobody would continue it: what the program does to itself keeps it from
/// nothing.
#[test]
fn a_program_that_stops_itself_does_not_stop_the_supervisor() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("supervise.stop_timeout = \"1s\"");
        let mut up = lab.up(&profile, &["bash", "-c", "kill -STOP $$; echo went on"]);
        // A group of its own in this session: the kernel takes it for one that a shell looks after.
        let up = start(up.process_group(0));
        let [_, program] = inside(&up)[..] else {
            panic!()
        };
        assert!(within(5 * SECOND, || is_stopped(program)));
        std::thread::sleep(Duration::from_millis(100));
        assert!(!is_stopped(up.id().try_into().unwrap()), "it is stopped");
        send(&up, Signal::SIGTERM);
        let ended = finish_started(up);
        assert_eq!(ended.code(), 143, "{ended:?}");
        leaves_nothing(&lab);
    }
}

fn is_stopped(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    super::support::field(&status, "State").is_some_and(|state| state.starts_with('T'))
}

/// Without a PID namespace the first process is told of it, and ends all that came from the program.
#[test]
fn a_killed_supervisor_leaves_nothing_without_a_namespace_either() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let rest = "namespaces.pid = false\nsystem.proc = \"none\"\n";
        let script = "setsid sleep 1000 & (sleep 1000 & sleep 1000) & echo $!; wait";
        let mut up = lab.up(&lab.profile(rest), &["sh", "-c", script]);
        let mut up = up.stdout(Stdio::piped()).spawn().unwrap();
        first_line(&mut up);
        let init: Vec<i32> = super::support::children(up.id());
        let mut all = init;
        for at in 0.. {
            let Some(pid) = all.get(at) else { break };
            all.extend(super::support::children((*pid).try_into().unwrap()));
        }
        assert!(all.len() >= 4, "{all:?}");
        up.kill().unwrap();
        up.wait().unwrap();
        for pid in all {
            assert!(within(SECOND, || !is_alive(pid)), "{caller:?}: {pid}");
        }
    }
}
