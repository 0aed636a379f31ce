//! Killed at any moment: nothing stays after the next command, and nothing that runs is swept.

use std::process::Child;
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

/// A start alone, or what is done with a sandbox that runs.
struct Scene {
    actors: Vec<Child>,
    processes: Vec<i32>,
}

impl Scene {
    fn begin(lab: &Lab, profile: &str, which: u64) -> Scene {
        let command = ["sh", "-c", "setsid sleep 1000 & sleep 1000"];
        let mut up = match which {
            0 => lab.up(profile, &command),
            _ => lab.up_detached(profile, &command),
        };
        let mut scene = Scene {
            actors: vec![start(&mut up)],
            processes: Vec::new(),
        };
        let name = lab.name.as_str();
        let then = match which {
            0 | 1 => return scene,
            2 => vec!["exec", name, "--", "sleep", "1000"],
            _ => vec!["down", "--time", "20ms", name],
        };
        scene.actors[0].wait().unwrap();
        if let Some(told) = lab.told(name) {
            let pids = [&told["pid"], &told["supervisor_pid"]];
            let pids = pids.into_iter().filter_map(serde_json::Value::as_i64);
            scene
                .processes
                .extend(pids.map(|pid| i32::try_from(pid).unwrap()));
        }
        scene.actors.push(start(&mut lab.command(&then)));
        scene
    }

    /// Takes down who is there at this moment, two generations deep.
    fn look(&mut self) {
        for actor in &self.actors {
            self.processes.push(i32::try_from(actor.id()).unwrap());
            for child in super::super::support::children(actor.id()) {
                self.processes.push(child);
                let below = super::super::support::children(child.try_into().unwrap());
                self.processes.extend(below);
            }
        }
    }

    fn end(&mut self, lab: &Lab, round: u64) {
        let down = || lab.finished(&["down", "--time", "0s", &lab.name]);
        down();
        for actor in &mut self.actors {
            let mut ends = || {
                within(Duration::from_secs(10), || {
                    actor.try_wait().unwrap().is_some()
                })
            };
            if !ends() {
                down();
                assert!(ends(), "round {round}: it hangs");
            }
        }
        // A start that nobody waits for may have come through meanwhile.
        down();
        lab.done(&["ps"]);
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
        let mut scene = Scene::begin(&lab, &profile, dice.next(4));
        std::thread::sleep(Duration::from_micros(dice.next(12_000)));
        scene.look();
        let most = u64::try_from(scene.processes.len()).unwrap();
        let victim = scene.processes[usize::try_from(dice.next(most)).unwrap()];
        kill(Pid::from_raw(victim), Signal::SIGKILL).unwrap_or_default();
        // Whoever is left is ended as a user would.
        std::thread::sleep(Duration::from_micros(dice.next(3_000)));
        scene.end(&lab, round);
        leaves_nothing(&lab, &lab.name, &scene.processes);
        let goes_on = lab.told(&stays.name);
        assert!(
            goes_on.is_some_and(|told| told["state"] == "running"),
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
