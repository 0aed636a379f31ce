//! Between the caller's side and the sandbox's own terminal: nobody waits for ever, nothing is lost.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::support::{Caller, Lab, finish_started, start, wait, within};

const OWN_TERMINAL: &str = "command.terminal = \"always\"\n";

fn profile(lab: &Lab, rest: &str) -> String {
    lab.profile(&format!("{OWN_TERMINAL}{rest}"))
}

fn up(lab: &Lab, rest: &str, script: &str) -> Command {
    lab.up(&profile(lab, rest), &["sh", "-c", script])
}

/// A hostile program can always fill a pipe that its caller does not read.
#[test]
fn the_wall_time_holds_against_output_that_nobody_takes() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let script = "while :; do echo more and more; done";
        let mut up = up(&lab, "[limits]\nwall_time = \"1s\"", script);
        let mut up = start(up.stdin(Stdio::null()));
        let ended = within(Duration::from_secs(5), || up.try_wait().unwrap().is_some());
        let status = wait(&mut up).and_then(|status| status.code());
        assert!(ended, "it waits for its reader");
        assert_eq!(status, Some(124));
    }
}

/// The end of a pipe is an end for the program, in the middle of a line too.
#[test]
fn the_end_of_input_is_seen_behind_a_line_without_end() {
    for text in ["", "abc", "abc\n"] {
        let lab = Lab::new(Caller::Unprivileged);
        let mut up = up(&lab, "", "cat >/dev/null; echo over");
        let mut up = start(up.stdin(Stdio::piped()));
        let mut input = up.stdin.take().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        drop(input);
        let ended = finish_started(up);
        assert!(ended.out.ends_with("over\r\n"), "{text:?}: {ended:?}");
        assert_eq!(ended.code(), 0, "{text:?}: {ended:?}");
    }
}

/// What closes the terminal, as a daemon does, is not hung up by it and may open it again.
#[test]
fn a_program_may_close_its_terminal() {
    let lab = Lab::new(Caller::Unprivileged);
    let script = "exec </dev/null >/dev/null 2>&1; sleep 0.3; echo again >/dev/tty; exit 5";
    let mut up = up(&lab, "", script);
    let ended = finish_started(start(up.stdin(Stdio::null())));
    assert_eq!(ended.code(), 5, "{ended:?}");
    assert_eq!(ended.out, "again\r\n");
}

#[test]
fn all_output_comes_through() {
    let lab = Lab::new(Caller::Unprivileged);
    let script = "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done";
    let mut up = up(&lab, "", script);
    let ended = finish_started(start(up.stdin(Stdio::null())));
    let expected: String = (0..5000).map(|line| format!("line {line}\r\n")).collect();
    assert!(ended.out == expected, "{} bytes", ended.out.len());
}

/// A job in the background leaves the terminal to its shell: neither raw, nor robbed of keys.
#[test]
fn a_background_job_does_not_take_the_terminal() {
    let lab = Lab::new(Caller::Unprivileged);
    let pair = nix::pty::openpty(None, None).unwrap();
    let line = lab.up_arguments(&lab.profile(""), &["sleep", "1"]);
    let script = "set -m; \"$@\" & sleep 0.6; stty -a; wait $!; echo code $?";
    let mut shell = lab.host("setsid");
    shell.args(["--ctty", "--wait", "bash", "-c", script, "bash"]);
    shell.arg(super::support::sandbox()).args(line);
    shell.stdin(pair.slave.try_clone().unwrap());
    shell.stdout(pair.slave.try_clone().unwrap());
    let mut shell = shell.stderr(pair.slave).spawn().unwrap();
    assert!(wait(&mut shell).is_some());
    let mut text = vec![0; 64 << 10];
    let count = File::from(pair.master).read(&mut text).unwrap();
    let text = String::from_utf8_lossy(&text[..count]);
    assert!(
        text.contains(" icanon") && !text.contains("-icanon"),
        "{text}"
    );
    assert!(text.contains("code 0"), "{text}");
}
