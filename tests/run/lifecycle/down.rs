//! `down` and `kill`: what does not want to end.

use std::time::Duration;

use super::super::support::{Caller, Lab, finish_started, start, within};
use super::{leaves_nothing, limited, lives};

fn all_inside(first: i32) -> Vec<i32> {
    let children = super::super::support::children(first.try_into().unwrap());
    let mut all = vec![first];
    all.extend(children.into_iter().flat_map(all_inside));
    all
}

#[test]
fn whatever_a_program_does_it_ends() {
    let ignores = "trap '' TERM INT HUP; echo ready; while :; do sleep 1; done";
    let scattered =
        "setsid sleep 1000 & (setsid sh -c 'trap \"\" TERM; sleep 1000' &) ; echo ready; wait";
    let stopped = "sleep 1000 & kill -STOP $!; echo ready; kill -STOP $$; sleep 1000";
    let bomb = "f() { f & sleep 1000; }; for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; \
                while :; do sleep 0.01 & done & echo ready; wait";
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile(limited(caller));
        for script in [ignores, scattered, stopped, bomb] {
            let run = lab.detach(&profile, &["bash", "-c", script]);
            run.expect("ready");
            let mut processes = all_inside(run.first());
            processes.push(run.supervisor());
            lab.done(&["down", "--time", "100ms", &run.name]);
            leaves_nothing(&lab, &run.name, &processes);
        }
    }
}

#[test]
fn without_a_namespace_of_processes_all_end_too() {
    let script = "(setsid sh -c 'trap \"\" TERM; sleep 1000' &); trap '' TERM; echo ready; while :; do sleep 1; done";
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let rest = format!(
            "namespaces.pid = false\nsystem.proc = \"none\"\n{}",
            limited(caller)
        );
        let profile = lab.profile(&rest);
        let run = lab.detach(&profile, &["bash", "-c", script]);
        run.expect("ready");
        let processes = all_inside(run.first());
        lab.done(&["down", "--time", "100ms", &run.name]);
        leaves_nothing(&lab, &run.name, &processes);
    }
}

#[test]
fn a_program_is_asked_first_by_the_signal_of_its_profile() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("supervise.stop_signal = \"INT\"");
        let script = "trap 'echo asked; exit 5' INT; echo ready; while :; do :; done";
        let up = start(&mut lab.up(&profile, &["bash", "-c", script]));
        let known = || {
            lab.told(&lab.name)
                .is_some_and(|told| told["state"] == "running")
        };
        assert!(within(Duration::from_secs(15), known));
        std::thread::sleep(Duration::from_millis(300));
        lab.done(&["down", "--time", "30", &lab.name]);
        let ended = finish_started(up);
        assert_eq!(
            (ended.code(), ended.out.as_str()),
            (5, "ready\nasked\n"),
            "{ended:?}"
        );
        leaves_nothing(&lab, &lab.name, &[]);
    }
}

#[test]
fn all_end_and_those_that_are_named_although_one_is_unknown() {
    let lab = Lab::new(Caller::Unprivileged);
    let profile = lab.profile("");
    let runs = [(); 4].map(|()| lab.detach(&profile, &["sleep", "1000"]));
    let processes: Vec<i32> = runs.iter().map(super::Detached::first).collect();
    let some = lab.finished(&[
        "down",
        "--time",
        "0",
        &runs[0].name,
        "nobody",
        &runs[1].name,
    ]);
    assert_eq!(some.code(), 1, "{some:?}");
    assert!(some.err.contains("`nobody`"));
    assert_eq!(some.out, format!("{}\n{}\n", runs[0].name, runs[1].name));
    assert!(!lives(processes[0]) && !lives(processes[1]) && lives(processes[2]));
    let rest = lab.done(&["down", "--all", "--time", "0"]);
    assert_eq!(rest, format!("{}\n{}\n", runs[2].name, runs[3].name));
    for run in &runs {
        leaves_nothing(&lab, &run.name, &processes);
    }
    assert_eq!(lab.done(&["ps", "--all"]), "no sandboxes\n");
    lab.done(&["down", "--all"]);
}

#[test]
fn a_signal_reaches_the_program_alone() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let script = "trap 'echo got it' USR1; (trap '' USR1; exec sleep 1000) & echo ready; while :; do wait; done";
        let run = lab.detach(&lab.profile(""), &["bash", "-c", script]);
        run.expect("ready");
        for signal in ["USR1", "SIGUSR1", "usr1", "10"] {
            lab.done(&["kill", "--signal", signal, &run.name]);
        }
        run.expect("got it");
        assert_eq!(run.told()["state"], "running");
        lab.done(&["kill", "-s", "KILL", &run.name]);
        assert_eq!(lab.finished(&["wait", &run.name]).code(), 137);
        let gone = lab.finished(&["kill", &run.name]);
        assert_eq!(gone.code(), 1, "{gone:?}");
    }
}

/// A supervisor that its shell has stopped is no obstacle.
#[test]
fn a_stopped_supervisor_is_ended() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let run = lab.detach(&lab.profile(""), &["sleep", "1000"]);
        let (first, supervisor) = (run.first(), run.supervisor());
        let stop = nix::sys::signal::Signal::SIGSTOP;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(supervisor), stop).unwrap();
        lab.done(&["down", "--time", "0s", &run.name]);
        leaves_nothing(&lab, &run.name, &[first, supervisor]);
    }
}
