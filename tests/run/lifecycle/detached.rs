//! `up --detach`, `logs` and `wait`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::super::support::{Caller, Lab, finish, finish_started, start, within};
use super::{leaves_nothing, lives};

#[test]
fn a_detached_program_keeps_nothing_of_its_caller() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        // Output goes to pipes whose end is waited for, so that a copy of one would hang here.
        let script = "readlink /proc/self/fd/0; echo to the log >&2; exec sleep 1000";
        let run = lab.detach(
            &lab.profile("command.terminal = \"always\""),
            &["sh", "-c", script],
        );
        assert_eq!(run.name, lab.name);
        run.expect("/dev/null\nto the log\n");
        let supervisor = run.supervisor();
        let link = |name: &str| fs::read_link(format!("/proc/{supervisor}/{name}")).unwrap();
        for stream in ["fd/0", "fd/1", "fd/2"] {
            assert_eq!(link(stream), Path::new("/dev/null"));
        }
        assert_eq!(link("cwd"), Path::new("/"));
        let stat = fs::read_to_string(format!("/proc/{supervisor}/stat")).unwrap();
        let fields = stat.rsplit_once(") ").unwrap().1;
        let session = fields.split(' ').nth(3).unwrap();
        assert_eq!(session, supervisor.to_string(), "a session of its own");
        let told = run.told();
        assert_eq!(told["state"], "running");
        assert_eq!(told["detached"], true);
        assert_eq!(told["command"][0], "sh");
        let processes = [run.first(), run.program(), supervisor];
        let name = run.name.clone();
        drop(run);
        leaves_nothing(&lab, &name, &processes);
    }
}

#[test]
fn a_start_that_fails_is_told_to_the_caller_as_without_detaching() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for (command, code, text) in [
            (&["not-there"][..], 127, "`not-there` is not found"),
            (&["/etc/passwd"], 126, "may not execute it"),
        ] {
            let ended = finish(&mut lab.up_detached(&lab.profile(""), command));
            assert_eq!(ended.code(), code, "{ended:?}");
            assert!(
                ended.err.contains(text) && ended.out.is_empty(),
                "{ended:?}"
            );
            assert!(!lab.state_file().exists());
        }
        let wrong = finish(&mut lab.up_detached("version = 1\nnonsense = 1\n", &["true"]));
        assert_eq!(wrong.code(), 125);
        assert!(wrong.err.contains("`nonsense`"), "{wrong:?}");
    }
}

#[test]
fn an_end_is_kept_until_somebody_takes_it() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("");
        for (script, code) in [("exit 7", 7), ("kill -KILL $$", 137), ("exit 0", 0)] {
            let run = lab.detach(&profile, &["sh", "-c", script]);
            let ended = lab.finished(&["wait", &run.name]);
            assert_eq!(ended.code(), code, "{script}: {ended:?}");
            let again = lab.finished(&["wait", &run.name]);
            assert_eq!(again.code(), 125, "it was taken: {again:?}");
            leaves_nothing(&lab, &run.name, &[]);
        }
        let run = lab.detach(&profile, &["sh", "-c", "echo last words; exit 3"]);
        let ended = || run.told()["state"] == "ended";
        assert!(within(Duration::from_secs(15), ended));
        assert_eq!(run.told()["exit_code"], 3);
        assert_eq!(lab.done(&["logs", &run.name]), "last words\n");
        let report: serde_json::Value =
            serde_json::from_str(&lab.done(&["inspect", "--json", &run.name])).unwrap();
        crate::schemas::judge("inspect", &lab.done(&["inspect", "--json", &run.name]));
        // People read how it ended, and by which plan.
        let shown = lab.done(&["inspect", &run.name]);
        for part in [
            "\nended          by itself, with exit code 3\n",
            "\nused           time",
            "profile.toml:",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(
            !shown.contains("\"version\"") && !shown.contains('{'),
            "{shown}"
        );
        assert_eq!(report["report"]["exit_code"], 3);
        assert!(!lab.done(&["ps"]).contains(&run.name), "it does not run");
        // The next run of the name begins anew.
        let second = lab.detach(&profile, &["sleep", "1000"]);
        assert_eq!(
            (&second.name, second.told()["state"].as_str()),
            (&run.name, Some("running"))
        );
        assert_eq!(lab.done(&["logs", &second.name]), "");
    }
}

#[test]
fn a_wait_sees_the_end_of_a_run_that_has_a_caller() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let up = start(&mut lab.up(&lab.profile(""), &["sh", "-c", "sleep 2; exit 9"]));
        let known = || {
            lab.told(&lab.name)
                .is_some_and(|told| told["state"] == "running")
        };
        assert!(within(Duration::from_secs(15), known));
        assert_eq!(lab.finished(&["wait", &lab.name]).code(), 9);
        let no_log = lab.finished(&["logs", &lab.name]);
        assert_eq!(no_log.code(), 1);
        assert_eq!(finish_started(up).code(), 9);
        leaves_nothing(&lab, &lab.name, &[]);
    }
}

#[test]
fn a_log_holds_every_byte_in_order() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let script = "printf 'one\\n\\377\\0two\\n'; printf 'three\\n' >&2; printf four";
        let run = lab.detach(&lab.profile(""), &["sh", "-c", script]);
        let mut logs = lab.command(&["logs", "--follow", &run.name]);
        let output = logs.output().unwrap();
        assert_eq!(output.stdout, b"one\n\xff\0two\nthree\nfour", "{output:?}");
        let tail = lab
            .command(&["logs", "-n", "2", &run.name])
            .output()
            .unwrap();
        assert_eq!(tail.stdout, b"three\nfour");
    }
}

#[test]
fn a_follower_sees_what_comes_later_and_the_end() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let script =
            "echo first; trap 'echo second; exit 0' USR1; echo ready; while :; do sleep 0.1; done";
        let run = lab.detach(&lab.profile(""), &["sh", "-c", script]);
        run.expect("ready");
        let follower = start(&mut lab.command(&["logs", "-f", &run.name]));
        lab.done(&["kill", "-s", "USR1", &run.name]);
        assert_eq!(finish_started(follower).out, "first\nready\nsecond\n");
    }
}

/// At most two files of 8 MiB, whatever a program writes, and the last of it.
#[test]
fn a_log_has_an_end() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let script = "head -c 30000000 /dev/zero; echo; echo the end";
        let run = lab.detach(&lab.profile(""), &["sh", "-c", script]);
        let ended = || run.told()["state"] == "ended";
        assert!(within(Duration::from_secs(30), ended));
        let files = fs::read_dir(lab.state(&run.name)).unwrap();
        let total: u64 = files
            .map(|file| file.unwrap().metadata().unwrap().size())
            .sum();
        assert!(total < 17 << 20, "{total}");
        assert_eq!(lab.done(&["logs", "--tail", "1", &run.name]), "the end\n");
    }
}

/// Nobody would know of a program whose start nobody saw.
#[test]
fn a_caller_that_is_killed_before_the_program_runs_starts_nothing() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("");
        lab.script(&profile, "true");
        let mut seen = Vec::new();
        for delay in (0..20).map(Duration::from_millis) {
            let mut up = start(&mut lab.up_detached(&profile, &["sleep", "1000"]));
            std::thread::sleep(delay);
            up.kill().unwrap();
            up.wait().unwrap();
            // Either it was told, and goes on, or nothing is there.
            let settled = || match lab.told(&lab.name) {
                None => true,
                Some(told) => {
                    let pid = told["pid"].as_i64().map(|pid| i32::try_from(pid).unwrap());
                    told["state"] == "running" && pid.is_some_and(lives)
                }
            };
            assert!(within(Duration::from_secs(15), settled), "{delay:?}");
            seen.push(lab.told(&lab.name).is_some());
            lab.finished(&["down", "--time", "0s", &lab.name]);
            // One that had no name yet sees only then that nobody waits for it.
            assert!(within(Duration::from_secs(15), || {
                lab.told(&lab.name).is_none() && !lab.state(&lab.name).exists()
            }));
            leaves_nothing(&lab, &lab.name, &[]);
        }
        assert!(seen.contains(&false), "none was killed in time");
    }
}
