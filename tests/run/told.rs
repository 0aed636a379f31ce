//! What is said of a run that has ended: who wanted that, and what it used.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::limits::can_limit;
use super::support::{Caller, Ended, Lab, finish, finish_started, sandbox, start, wait, within};

const SECOND: Duration = Duration::from_secs(1);

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

/// Runs a shell script that says when it can be interrupted, and sends a signal to `sandbox` then.
fn interrupted(lab: &Lab, rest: &str, script: &str, signal: Signal) -> Ended {
    let mut up = start(&mut lab.up(&lab.profile(rest), &["bash", "-c", script]));
    let mut line = String::new();
    let mut reader = BufReader::new(up.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    send(&up, signal);
    finish_started(up)
}

#[test]
fn a_signal_to_the_supervisor_is_told_with_its_sender() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let script = "echo ready; sleep 100 & wait";
        let ended = interrupted(&lab, "", script, Signal::SIGTERM);
        assert_eq!(ended.code(), 143, "{ended:?}");
        let line = "sandbox: killed by SIGTERM after SIGTERM to `sandbox`\n";
        assert_eq!(ended.err, line);
        let report = lab.report();
        assert_eq!(report["ending"]["kind"], "signalled");
        let stop = &report["stopped_by"];
        assert_eq!(stop["by"], "signal", "{stop}");
        assert_eq!(stop["signal_name"], "TERM");
        assert_eq!(stop["sender_pid"], std::process::id());
        assert_eq!(stop["sender_uid"], nix::unistd::getuid().as_raw());
        assert_eq!(stop["answer"], "ended");

        // One that leaves with a code of its own was asked all the same.
        let script = "trap 'exit 3' HUP; echo ready; sleep 100 & wait";
        let ended = interrupted(&lab, "", script, Signal::SIGHUP);
        assert_eq!((ended.code(), ended.err.as_str()), (3, ""), "{ended:?}");
        assert_eq!(lab.report()["stopped_by"]["signal_name"], "HUP");
        assert_eq!(lab.report()["ending"]["kind"], "exited");
    }
}

#[test]
fn a_program_that_did_not_end_in_time_is_told_apart() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let rest = "[supervise]\nstop_timeout = \"300ms\"";
        let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
        let ended = interrupted(&lab, rest, script, Signal::SIGTERM);
        assert_eq!(ended.code(), 137, "{ended:?}");
        let line = "sandbox: killed: it did not end within `supervise.stop_timeout` after SIGTERM to `sandbox`\n";
        assert_eq!(ended.err, line);
        assert_eq!(lab.report()["stopped_by"]["answer"], "killed");
    }
}

/// A shell at work takes Ctrl-C many times; its end an hour later has another reason.
#[test]
fn an_interrupt_that_ended_nothing_is_not_told() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let script = "trap 'echo caught' INT; echo ready; sleep 1 & wait; wait; exit 5";
        let ended = interrupted(&lab, "", script, Signal::SIGINT);
        assert_eq!(ended.code(), 5, "{ended:?}");
        assert_eq!(lab.report()["stopped_by"], Value::Null);
        let ended = interrupted(&lab, "", "echo ready; exec sleep 100", Signal::SIGINT);
        assert_eq!(ended.code(), 130, "{ended:?}");
        assert_eq!(lab.report()["stopped_by"]["signal_name"], "INT");
        // Nobody but itself.
        let ended = lab.run(&lab.profile(""), &["bash", "-c", "kill -TERM $$; sleep 9"]);
        assert_eq!(ended.err, "sandbox: killed by SIGTERM\n");
        assert_eq!(lab.report()["stopped_by"], Value::Null);
    }
}

#[test]
fn the_end_of_the_caller_is_told() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let mut shell = lab.host("sh");
        shell.args(["-c", "\"$@\" & exec sleep 1000", "sh"]);
        let script = ["sh", "-c", "echo ready; exec sleep 1000"];
        shell
            .arg(sandbox())
            .args(lab.up_arguments(&lab.profile(""), &script));
        let mut shell = start(&mut shell);
        let mut line = String::new();
        let mut reader = BufReader::new(shell.stdout.take().unwrap());
        reader.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        send(&shell, Signal::SIGKILL);
        wait(&mut shell);
        let report = || std::fs::read(lab.path("report.json")).unwrap_or_default();
        assert!(within(5 * SECOND, || report().ends_with(b"}\n")));
        let stop = &lab.report()["stopped_by"];
        assert_eq!(stop["by"], "caller-ended", "{stop}");
        assert_eq!(stop["sender_pid"], Value::Null);
    }
}

fn with_stats(lab: &Lab, profile: &str, command: &[&str]) -> Ended {
    let mut up: Command = lab.host(sandbox());
    let mut arguments = lab.up_arguments(profile, command);
    arguments.insert(1, "--stats".to_owned());
    finish(up.args(arguments))
}

#[test]
fn what_a_run_used_is_shown_where_that_is_asked() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("");
        let quiet = lab.run(&profile, &["true"]);
        assert_eq!(quiet.err, "", "{quiet:?}");
        let ended = with_stats(&lab, &profile, &["sh", "-c", "echo out; exit 3"]);
        assert_eq!((ended.code(), ended.out.as_str()), (3, "out\n"));
        let labels: Vec<&str> = ended
            .err
            .lines()
            .map(|line| line.split(' ').next().unwrap())
            .collect();
        assert_eq!(labels, ["time", "cpu", "memory", "disk"], "{ended:?}");
        // Without a group nobody counts the sandbox as a whole.
        let memory: Vec<&str> = ended
            .err
            .lines()
            .nth(2)
            .unwrap()
            .split_whitespace()
            .collect();
        assert_eq!(memory[1..3], ["-", "peak"], "{ended:?}");
        let usage = &lab.report()["usage"];
        assert_eq!(usage["memory_peak_bytes"], Value::Null);
        assert_eq!(usage["throttled_seconds"], Value::Null);
        assert!(
            usage["max_rss_bytes"].as_u64().unwrap() > 100_000,
            "{usage}"
        );
    }
}

#[test]
fn switches_and_the_start_are_counted() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let now = || {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_secs()
        };
        let before = now();
        // Each sleep gives the CPU up at least once.
        lab.script(
            &lab.profile(""),
            "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.01; done",
        );
        let report = lab.report();
        let started = report["started_unix"].as_u64().unwrap();
        assert!((before..=now()).contains(&started), "{report}");
        let switches = report["usage"]["voluntary_switches"].as_u64().unwrap();
        assert!(switches >= 9, "{report}");
    }
}

/// By the accounts of the processes, since nothing here is limited.
#[test]
fn what_goes_to_a_disk_is_counted() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.directory("work");
        let bind = format!(
            "[[mount]]\nbind = \"{}\"\ntarget = \"/w\"\naccess = \"rw\"",
            lab.text("work")
        );
        let profile = lab.profile(&bind);
        let written = || lab.report()["usage"]["written_bytes"].as_u64();
        lab.script(&profile, "true");
        let Some(nothing) = written() else {
            assert!(!std::path::Path::new("/proc/self/io").exists());
            continue;
        };
        assert!(nothing < 1 << 20, "{}", lab.report());
        let file = lab.text("work");
        let kind = finish(Command::new("stat").args(["-f", "-c", "%T", &file])).out;
        if kind.trim() == "tmpfs" {
            continue;
        }
        lab.script(&profile, "head -c 2097152 /dev/zero > /w/file");
        assert!(written().unwrap() >= 2 << 20, "{}", lab.report());
    }
}

#[test]
fn being_held_back_is_counted() {
    if !can_limit("being_held_back_is_counted") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let profile = lab.profile("[limits]\ncpus = 0.1\npids = 20\nmemory = \"64M\"");
    let spin = "for i in {1..50000}; do :; done";
    lab.script(&profile, &format!("bash -c '{spin}'"));
    let usage = lab.report()["usage"].clone();
    assert!(usage["throttled_periods"].as_u64().unwrap() > 0, "{usage}");
    assert!(
        usage["throttled_seconds"].as_f64().unwrap() > 0.0,
        "{usage}"
    );
    assert!(
        usage["memory_peak_bytes"].as_u64().unwrap() > 100_000,
        "{usage}"
    );
    // The unified hierarchy has the pressure, and a sandbox with limits has a group there.
    let unified = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    let counts = unified.iter().any(|place| {
        std::path::Path::new(place)
            .join("cgroup.controllers")
            .exists()
    }) && std::path::Path::new("/proc/pressure/cpu").exists();
    let pressure = &usage["pressure"]["cpu_some_seconds"];
    assert_eq!(pressure.is_number(), counts, "{usage}");
}

/// Whoever waits for a report finds a valid one that says why there was no run.
#[test]
fn a_run_that_fails_has_a_report_too() {
    let schema = serde_json::from_str(&sandbox::report::outcome::json_schema()).unwrap();
    let valid = jsonschema::validator_for(&schema).unwrap();
    let fine = "[limits]\nwall_time = \"10s\"";
    let cases = [
        (fine, vec!["/no/such/program"], 127, "program.not-found"),
        (fine, vec!["/etc/passwd"], 126, "program.not-executable"),
        ("surprise = 1", vec!["true"], 125, "profile.unknown-key"),
        (
            "[[mount]]\nbind = \"/no/such\"",
            vec!["true"],
            125,
            "mount.source-missing",
        ),
    ];
    for caller in Caller::all() {
        for (rest, command, code, rule) in &cases {
            let lab = Lab::new(caller);
            // What an earlier run left there does not count as this one's.
            lab.file("report.json", "{\"version\": 1, \"old\": true}");
            let ended = lab.run(&lab.profile(rest), command);
            assert_eq!(ended.code(), *code, "{ended:?}");
            let report = lab.report();
            assert!(valid.is_valid(&report), "{report}");
            assert_eq!(report["ending"]["kind"], "failed");
            assert_eq!(report["exit_code"], *code);
            let rules = report["problems"].as_array().unwrap();
            assert!(rules.iter().any(|found| found["code"] == *rule), "{report}");
        }
    }
}

/// A dry run is no run.
#[test]
fn a_dry_run_writes_no_report() {
    let lab = Lab::new(Caller::Unprivileged);
    for rest in ["", "surprise = 1"] {
        let profile = lab.file("profile.toml", &lab.profile(rest));
        let report = lab.path("report.json");
        let mut up = lab.host(sandbox());
        up.args(["up", "--dry-run", "--report"]);
        finish(up.args([&report, &profile]));
        assert!(!lab.path("report.json").exists());
    }
}
