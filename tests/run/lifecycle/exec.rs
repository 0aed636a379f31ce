//! `exec`: a further program is like the first, and ends with it.

use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::super::pty::Terminal;
use super::super::support::{Caller, Lab, attack, finish, finish_started, start, within};
use super::super::terminal::as_caller;
use super::{limited, lives};

/// Everything about a process that a program can see of itself.
const SELF: &str = r#"
for name in user mnt pid ipc uts net cgroup time; do readlink /proc/self/ns/$name; done
cat /proc/self/cgroup /proc/self/limits; umask; pwd; readlink /proc/self/root; cat /proc/self/oom_score_adj
while read -r line; do
  case $line in Cap*|NoNew*|Seccomp*|Groups*|Uid*|Gid*|Sig[IBC]*|Umask*|Speculation*) echo "$line";; esac
done < /proc/self/status
env | while read -r line; do case $line in _=*) ;; *) echo "$line";; esac; done
"#;

#[test]
fn a_further_program_is_like_the_first() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let strict = "security.seccomp = \"strict\"\nrootfs.writes = \"deny\"\ncommand.umask = \"027\"\ncommand.workdir = \"/etc\"\n";
        let kept =
            "security.capabilities = [\"CAP_NET_RAW\", \"CAP_CHOWN\"]\nenv.inherit = [\"LANG\"]\n";
        let clocks = "namespaces.time = { boottime = \"-1h\", monotonic = \"0s\" }\n";
        let own = "command.user = \"1234:1235\"\n[limits.process]\nnofile = { soft = 77, hard = 99 }\ncore = 0\n";
        for rest in [strict, kept, clocks, own, "security.landlock = false\n"] {
            let profile = lab.profile(&format!("{rest}{}", limited(caller)));
            let script = format!("{SELF}\necho ready; exec sleep 1000");
            let mut up = lab.up_detached(&profile, &["sh", "-c", &script]);
            assert_eq!(finish(up.env("LANG", "C.UTF-8")).code(), 0);
            let run = super::Detached {
                lab: &lab,
                name: lab.name.clone(),
            };
            run.expect("ready\n");
            let first = lab.done(&["logs", &run.name]);
            let second = lab.finished(&["exec", &run.name, "--", "sh", "-c", SELF]);
            assert_eq!(second.code(), 0, "{caller:?}: {rest}: {second:?}");
            assert_eq!(
                second.out,
                first.strip_suffix("ready\n").unwrap(),
                "{caller:?}: {rest}"
            );
        }
    }
}

/// What the profile does not limit is limited as for the first program, from wherever a further one is asked for; a
/// caller who may have less than that gives less.
#[test]
fn a_further_program_has_the_first_ones_limits_and_none_above_its_callers() {
    const SHOW: &str = "ulimit -Sn; ulimit -Hn; ulimit -Hc; ulimit -Ss";
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let limited = |limits: &str, command: &Command| {
            let mut shell = lab.host("bash");
            let script = format!("{limits}; exec \"$@\"");
            shell
                .args(["-c", &script, "bash"])
                .arg(command.get_program());
            finish(shell.args(command.get_args()))
        };
        let profile = lab.profile("[limits.process]\nstack = \"4M\"\n");
        let up = lab.up_detached(&profile, &["sleep", "1000"]);
        let ended = limited("ulimit -Sn 200; ulimit -Hn 300; ulimit -c 0", &up);
        assert_eq!(ended.code(), 0, "{caller:?}: {ended:?}");
        let run = super::Detached {
            lab: &lab,
            name: lab.name.clone(),
        };
        let exec = lab.command(&["exec", &run.name, "--", "bash", "-c", SHOW]);
        for (limits, expected) in [
            ("true", "200\n300\n0\n4096\n"),
            ("ulimit -Sn 100", "200\n300\n0\n4096\n"),
            ("ulimit -n 250", "200\n250\n0\n4096\n"),
            ("ulimit -n 100", "100\n100\n0\n4096\n"),
        ] {
            let shown = limited(limits, &exec);
            assert_eq!(shown.out, expected, "{caller:?}: {limits}: {shown:?}");
        }
        // What the profile asks for is not made less: nothing runs then.
        let refused = limited("ulimit -s 2048", &exec);
        assert_eq!(refused.code(), 125, "{caller:?}: {refused:?}");
        let said = refused.err.contains("limits.process-above-host");
        assert!(said, "{caller:?}: {refused:?}");
    }
}

/// What runs inside could change what is at a path between the look at it and the execution, and then write the file
/// of the process that runs there (CVE-2019-5736). Landlock forbids to run it; without, nobody can write it.
#[test]
fn a_further_program_comes_from_a_file_that_nobody_can_write() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("security.landlock = false\n");
        let run = lab.detach(&profile, &["sleep", "1000"]);
        let mut exec = lab.host(super::super::support::sandbox());
        let mut exec = start(exec.args(["exec", &run.name, "--", "sleep", "1000"]));
        let file = || std::fs::read_link(format!("/proc/{}/exe", exec.id())).unwrap_or_default();
        let sealed = || file().to_string_lossy().starts_with("/memfd:");
        assert!(within(Duration::from_secs(10), sealed), "{:?}", file());
        exec.kill().unwrap();
        exec.wait().unwrap();
    }
}

#[test]
fn exit_codes_are_those_of_up() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let run = lab.detach(&lab.profile(limited(caller)), &["sleep", "1000"]);
        let code = |command: &[&str]| {
            let arguments = [&["exec", &run.name, "--"], command].concat();
            lab.finished(&arguments).code()
        };
        assert_eq!(code(&["true"]), 0);
        assert_eq!(code(&["sh", "-c", "exit 3"]), 3);
        assert_eq!(code(&["sh", "-c", "kill -SEGV $$"]), 139);
        assert_eq!(code(&["/etc/passwd"]), 126);
        assert_eq!(code(&["not-there"]), 127);
        let elsewhere = lab.done(&["exec", "-w", "/etc", &run.name, "--", "sh", "-c", "pwd"]);
        assert_eq!(elsewhere, "/etc\n");
        let nowhere = lab.finished(&["exec", "-w", "/nowhere", &run.name, "--", "true"]);
        assert_eq!(nowhere.code(), 125, "{nowhere:?}");
        let steps = lab.done(&["exec", "--dry-run", &run.name, "--", "true"]);
        assert!(
            steps.contains("setns ") && steps.contains("execve true"),
            "{steps}"
        );
        assert_eq!(run.told()["state"], "running");
    }
}

#[test]
fn nothing_of_the_caller_passes_but_its_streams() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let run = lab.detach(&lab.profile(""), &["sleep", "1000"]);
        let sandbox = super::super::support::sandbox().to_str().unwrap();
        let exec = |open: &str, command: &[&str]| {
            let script = format!("{open}; exec \"$@\"");
            let mut shell = lab.host("bash");
            shell.args(["-c", &script, "bash", sandbox, "exec", &run.name, "--"]);
            finish(shell.args(command).env("HOST_SECRET", "do-not-tell"))
        };
        let listed = exec(
            "exec 9</ 10</etc/hostname 251<.",
            &[attack(), "descriptors"],
        );
        assert_eq!(listed.out, "0 1 2 \n", "{listed:?}");
        assert!(!exec("true", &["env"]).out.contains("HOST_SECRET"));
        let directory = exec("exec 0</", &["ls", "/proc/self/fd/0/"]);
        assert_eq!(directory.code(), 125, "{directory:?}");
        for (attack_name, argument, refusal) in [
            ("unshare", "user", "EPERM"),
            ("unshare", "mount", "EPERM"),
            ("mount-tmpfs", "/etc", "EPERM"),
            ("keyctl", "", "EPERM"),
        ] {
            let tried = exec("true", &[attack(), attack_name, argument, "0"]);
            assert_eq!(tried.out.trim_end(), refusal, "{attack_name}: {tried:?}");
        }
        // Neither the process that joined nor anything else of the host is seen.
        let seen = exec("true", &["sh", "-c", "cd /proc; echo [0-9]*"]);
        let most = seen.out.split_whitespace().count();
        assert!(most <= 3, "{seen:?}");
    }
}

#[test]
fn a_further_program_ends_with_the_sandbox() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for rest in ["", "namespaces.pid = false\nsystem.proc = \"none\"\n"] {
            let run = lab.detach(&lab.profile(rest), &["sleep", "1000"]);
            let script = "setsid sleep 1000 & echo ready; trap '' TERM; while :; do sleep 1; done";
            let mut exec = lab.command(&["exec", &run.name, "--", "bash", "-c", script]);
            let mut exec = start(&mut exec);
            assert_eq!(first_line(&mut exec), "ready\n");
            let joiner = super::super::support::children(exec.id())[0];
            let inside = super::super::support::children(joiner.try_into().unwrap());
            lab.done(&["down", "--time", "0s", &run.name]);
            assert_eq!(finish_started(exec).code(), 137, "{rest}");
            let gone = || !inside.iter().any(|pid| lives(*pid));
            assert!(within(Duration::from_secs(5), gone), "{rest}");
            super::leaves_nothing(&lab, &run.name, &inside);
        }
    }
}

fn first_line(child: &mut std::process::Child) -> String {
    let mut line = String::new();
    let mut byte = [0];
    let out = child.stdout.as_mut().unwrap();
    while !line.ends_with('\n') && std::io::Read::read(out, &mut byte).unwrap() > 0 {
        line.push(char::from(byte[0]));
    }
    line
}

/// The sandbox itself goes on.
#[test]
fn a_further_program_ends_with_its_caller_or_by_its_signals() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let run = lab.detach(&lab.profile(limited(caller)), &["sleep", "1000"]);
        let signals = [
            (nix::sys::signal::Signal::SIGKILL, None),
            (nix::sys::signal::Signal::SIGINT, Some(5)),
            (nix::sys::signal::Signal::SIGTERM, Some(6)),
        ];
        for (signal, code) in signals {
            // No child in the foreground: bash 5 that gets SIGINT while it forks one may send it to itself for ever.
            let script = "trap 'exit 5' INT; trap 'exit 6' TERM; echo ready; while :; do :; done";
            let mut exec = lab.command(&["exec", &run.name, "--", "bash", "-c", script]);
            let mut exec = start(&mut exec);
            assert_eq!(first_line(&mut exec), "ready\n");
            let joiner = super::super::support::children(exec.id())[0];
            let program = super::super::support::children(joiner.try_into().unwrap())[0];
            let id = nix::unistd::Pid::from_raw(exec.id().try_into().unwrap());
            nix::sys::signal::kill(id, signal).unwrap();
            assert_eq!(exec.wait().unwrap().code(), code);
            let gone = || !lives(joiner) && !lives(program);
            assert!(within(Duration::from_secs(5), gone), "{signal}");
        }
        assert_eq!(run.told()["state"], "running");
    }
}

#[test]
fn a_further_program_has_a_terminal_of_its_own_where_the_caller_has_one() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let run = lab.detach(&lab.profile(""), &["sleep", "1000"]);
        let exec = lab.command(&[
            "exec",
            &run.name,
            "--",
            "bash",
            "-c",
            "readlink /proc/self/fd/0; read line; echo \"got $line\"; exit 4",
        ]);
        let mut terminal = Terminal::new();
        let mut child = terminal.start(&as_caller(&lab, &exec));
        terminal.expect("/dev/pts/0");
        terminal.press("hello\n");
        terminal.expect("got hello");
        assert_eq!(terminal.end(&mut child).code(), Some(4));
        // Piped, there is none.
        let piped = lab.done(&["exec", &run.name, "--", "readlink", "/proc/self/fd/0"]);
        assert_eq!(piped, "/dev/null\n");
    }
}

#[test]
fn input_and_output_pass_through_pipes() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let run = lab.detach(&lab.profile(""), &["sleep", "1000"]);
        let mut exec = lab.command(&["exec", &run.name, "--", "cat"]);
        exec.stdin(Stdio::piped());
        let mut child = start(&mut exec);
        let mut input = child.stdin.take().unwrap();
        assert!(input.as_raw_fd() > 2);
        std::io::Write::write_all(&mut input, b"through\n").unwrap();
        drop(input);
        assert_eq!(finish_started(child).out, "through\n");
    }
}

/// A program with namespaces of its own shows an unprivileged caller no way in that is surely the sandbox's.
#[test]
fn a_program_that_may_leave_its_namespaces_is_no_way_in() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let run = lab.detach(
            &lab.profile("security.nested_userns = true\n"),
            &["sleep", "1000"],
        );
        let ended = lab.finished(&["exec", &run.name, "--", "true"]);
        match caller {
            Caller::Root => assert_eq!(ended.code(), 0, "{ended:?}"),
            Caller::Unprivileged => {
                assert_eq!(ended.code(), 125, "{ended:?}");
                assert!(ended.err.contains("security.nested_userns"), "{ended:?}");
            }
        }
    }
}
