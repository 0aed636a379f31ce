//! `pause` and `resume`.

use std::time::Duration;

use super::super::support::{Caller, Lab, root_only};
use super::leaves_nothing;

const COUNTS: &str = "trap : USR1; i=0; while :; do i=$((i + 1)); echo $i; sleep 0.02; done";

#[test]
fn a_frozen_program_does_nothing_until_it_goes_on() {
    if !root_only("a_frozen_program_does_nothing_until_it_goes_on") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let run = lab.detach(&lab.profile("[limits]\npids = 64"), &["sh", "-c", COUNTS]);
    run.expect("3\n");
    lab.done(&["pause", &run.name]);
    assert_eq!(run.told()["state"], "paused");
    let frozen = lab.done(&["logs", &run.name]);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(lab.done(&["logs", &run.name]), frozen);
    let entered = lab.finished(&["exec", &run.name, "--", "true"]);
    assert_eq!(entered.code(), 125, "{entered:?}");
    assert!(entered.err.contains("running.paused"), "{entered:?}");
    // Twice is no mistake.
    lab.done(&["pause", &run.name]);
    let sent = lab.finished(&["kill", "--signal", "USR1", &run.name]);
    assert_eq!(sent.code(), 0, "{sent:?}");
    assert!(sent.err.contains("is paused"), "{sent:?}");
    lab.done(&["resume", &run.name]);
    assert_eq!(run.told()["state"], "running");
    let count = frozen.lines().count();
    run.expect(&format!("\n{}\n", count + 3));
}

#[test]
fn a_frozen_sandbox_ends() {
    if !root_only("a_frozen_sandbox_ends") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let profile = lab.profile("[limits]\npids = 64");
    for time in ["0s", "10s"] {
        let run = lab.detach(&profile, &["sh", "-c", COUNTS]);
        let processes = [run.first(), run.program()];
        lab.done(&["pause", &run.name]);
        lab.done(&["down", "--time", time, &run.name]);
        leaves_nothing(&lab, &run.name, &processes);
    }
}

#[test]
fn without_a_group_that_freezes_it_is_said() {
    let lab = Lab::new(Caller::Unprivileged);
    let run = lab.detach(&lab.profile(""), &["sleep", "1000"]);
    if super::groups(&run.name).is_empty() {
        let refused = lab.finished(&["pause", &run.name]);
        assert_eq!(refused.code(), 1);
        assert!(
            refused.err.contains("no control group that can freeze"),
            "{refused:?}"
        );
    }
}
