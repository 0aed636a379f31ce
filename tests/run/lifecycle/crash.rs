//! Killed at any moment: nothing stays after the next command, and nothing that runs is swept.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::super::support::{Caller, Lab, finish, start, within};
use super::{leaves_nothing, limited, lives};

#[test]
fn a_killed_supervisor_takes_its_sandbox_along_and_others_stay() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile(limited(caller));
        let stays = lab.detach(&profile, &["sleep", "1000"]);
        let run = lab.detach(&profile, &["sh", "-c", "setsid sleep 1000 & wait"]);
        assert_ne!(run.name, stays.name);
        let mut exec = start(&mut lab.command(&["exec", &run.name, "--", "sleep", "1000"]));
        let joined = || super::super::support::children(exec.id()).first().copied();
        assert!(within(Duration::from_secs(15), || joined().is_some()));
        let processes = [run.first(), run.program(), run.supervisor()];
        let waiting = start(&mut lab.command(&["wait", &run.name]));
        std::thread::sleep(Duration::from_millis(200));
        kill(Pid::from_raw(run.supervisor()), Signal::SIGKILL).unwrap();
        let gone = || !processes.iter().any(|pid| lives(*pid));
        assert!(within(Duration::from_secs(5), gone));
        let lost = super::super::support::finish_started(waiting);
        assert_eq!(lost.code(), 125, "{lost:?}");
        assert!(lost.err.contains("killed"), "{lost:?}");
        exec.wait().unwrap();
        assert_eq!(lab.told(&run.name), None);
        leaves_nothing(&lab, &run.name, &processes);
        assert_eq!(stays.told()["state"], "running");
    }
}

/// Small numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// Starts, enters and ends sandboxes, and kills one of their processes at a random moment.
fn inject(caller: Caller, rounds: u64, seed: u64) {
    let lab = Lab::new(caller);
    let profile = lab.profile(limited(caller));
    lab.script(&profile, "true");
    let stays = Lab::new(caller);
    let mut up = stays.up_detached(&stays.profile(limited(caller)), &["sleep", "1000"]);
    up.env("XDG_RUNTIME_DIR", lab.path("runtime"));
    assert_eq!(finish(&mut up).code(), 0);
    let mut dice = Dice(seed);
    for round in 0..rounds {
        let scene = dice.next(4);
        let mut processes = Vec::new();
        let mut actors = Vec::new();
        if scene == 0 {
            let script = "setsid sleep 1000 & sleep 1000";
            actors.push(start(&mut lab.up(&profile, &["sh", "-c", script])));
        } else {
            let script = "setsid sleep 1000 & sleep 1000";
            actors.push(start(&mut lab.up_detached(&profile, &["sh", "-c", script])));
            if scene > 1 {
                actors[0].wait().unwrap();
                let name = lab.name.as_str();
                let command = match scene {
                    2 => vec!["exec", name, "--", "sleep", "1000"],
                    _ => vec!["down", "--time", "20ms", name],
                };
                if let Some(told) = lab.told(name) {
                    processes.extend(told["pid"].as_i64());
                    processes.extend(told["supervisor_pid"].as_i64());
                }
                actors.push(start(&mut lab.command(&command)));
            }
        }
        std::thread::sleep(Duration::from_micros(dice.next(12_000)));
        processes.extend(actors.iter().map(|actor| i64::from(actor.id())));
        for actor in &actors {
            let children = super::super::support::children(actor.id());
            processes.extend(children.iter().map(|pid| i64::from(*pid)));
            for child in children {
                let below = super::super::support::children(child.try_into().unwrap());
                processes.extend(below.into_iter().map(i64::from));
            }
        }
        let victim = processes[usize::try_from(dice.next(processes.len() as u64)).unwrap()];
        let victim = Pid::from_raw(victim.try_into().unwrap());
        kill(victim, Signal::SIGKILL).unwrap_or_default();
        // Whoever is left is ended as a user would: what was started in vain, by its caller.
        std::thread::sleep(Duration::from_micros(dice.next(3_000)));
        lab.finished(&["down", "--time", "0s", &lab.name]);
        for actor in &mut actors {
            let ended = within(Duration::from_secs(10), || {
                actor.try_wait().unwrap().is_some()
            });
            if !ended {
                lab.finished(&["down", "--time", "0s", &lab.name]);
            }
            assert!(
                within(Duration::from_secs(10), || actor
                    .try_wait()
                    .unwrap()
                    .is_some()),
                "round {round}, scene {scene}: it hangs"
            );
        }
        // A start that nobody waits for may have come through meanwhile.
        lab.finished(&["down", "--time", "0s", &lab.name]);
        lab.done(&["ps"]);
        let processes: Vec<i32> = processes.iter().map(|pid| *pid as i32).collect();
        leaves_nothing(&lab, &lab.name, &processes);
        assert!(
            lab.told(&stays.name)
                .is_some_and(|told| told["state"] == "running"),
            "{round}"
        );
    }
    lab.done(&["down", "--time", "0s", &stays.name]);
}

#[test]
fn a_few_kills_at_random_moments_leave_nothing() {
    for caller in Caller::all() {
        inject(caller, 15, 0x5eed);
    }
}

#[test]
#[ignore = "takes minutes"]
fn many_kills_at_random_moments_leave_nothing() {
    for caller in Caller::all() {
        inject(caller, 250, 0x000d_1ce5);
    }
}
