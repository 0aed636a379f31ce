//! Order is a property of a list: what has to come before what, over every mix of two features, with
//! each kind of identity and many mixes of all.

use sandbox::model::{NetworkMode, SeccompPolicy};
use sandbox::plan::{
    Action, HostIds, Lane, MountAction, Plan, ProgramAction, Settings, Slot, Step,
};

use super::settings::{FEATURES, least};

/// A generator that gives the same plans every time (Marsaglia's xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Every pair of features in both orders, and a thousand mixes of any number of them.
fn plans() -> Vec<(String, Plan)> {
    let mut mixes: Vec<Vec<usize>> = Vec::new();
    for first in 0..FEATURES.len() {
        mixes.extend((0..FEATURES.len()).map(|second| vec![first, second]));
    }
    let mut random = Random(0x5eed);
    for _ in 0..1000 {
        let bits = random.next();
        mixes.push(
            (0..FEATURES.len())
                .filter(|bit| bits & (1 << bit) != 0)
                .collect(),
        );
    }
    mixes.iter().map(|mix| mixed(mix)).collect()
}

fn mixed(features: &[usize]) -> (String, Plan) {
    let mut settings = least();
    for feature in features {
        FEATURES[*feature].1(&mut settings);
    }
    let names: Vec<&str> = features
        .iter()
        .map(|feature| FEATURES[*feature].0)
        .collect();
    (names.join("+"), Plan::new(settings))
}

fn for_every_plan(check: impl Fn(&Settings, &[Step])) {
    let plans = plans();
    assert!(plans.len() > 1000);
    for (name, plan) in plans {
        let run = std::panic::AssertUnwindSafe(|| check(&plan.settings, &plan.steps));
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!("the plan of {name}");
            std::panic::resume_unwind(panic);
        }
    }
}

fn places(steps: &[Step], lane: Lane, is: impl Fn(&Action) -> bool) -> Vec<usize> {
    let numbered = steps.iter().enumerate();
    let found = numbered.filter(|(_, step)| step.lane == lane && is(&step.action));
    found.map(|(place, _)| place).collect()
}

fn only(steps: &[Step], lane: Lane, is: impl Fn(&Action) -> bool) -> usize {
    match places(steps, lane, is).as_slice() {
        [place] => *place,
        found => panic!("{} instead of one", found.len()),
    }
}

fn is_exec(action: &Action) -> bool {
    matches!(action, Action::Program(ProgramAction::Execute { .. }))
}

fn mounts(action: &Action) -> bool {
    matches!(
        action,
        Action::Mount(_)
            | Action::OpenTree { .. }
            | Action::OpenBind(_)
            | Action::OpenKept(_)
            | Action::PrivateMounts
    )
}

#[test]
fn phases_of_a_lane_never_go_back() {
    for_every_plan(|_, steps| {
        for lane in [Lane::Parent, Lane::Init, Lane::Program] {
            let phases: Vec<_> = steps.iter().filter(|step| step.lane == lane).collect();
            assert!(phases.is_sorted_by_key(|step| step.phase), "{lane:?}");
        }
    });
}

#[test]
fn no_new_privileges_comes_before_every_filter() {
    for_every_plan(|_, steps| {
        let privileges = only(steps, Lane::Init, |action| {
            *action == Action::NoNewPrivileges
        });
        let is_filter = |action: &Action| matches!(action, Action::Filter(_));
        let filters: Vec<usize> = [Lane::Init, Lane::Program]
            .iter()
            .flat_map(|lane| places(steps, *lane, is_filter))
            .collect();
        assert_eq!(filters.len(), 2);
        assert!(filters.iter().all(|filter| *filter > privileges));
        assert!(places(steps, Lane::Parent, is_filter).is_empty());
    });
}

#[test]
fn the_filter_is_last_before_exec_and_before_the_reaping() {
    for_every_plan(|settings, steps| {
        if settings.seccomp.value == SeccompPolicy::None {
            return;
        }
        for lane in [Lane::Init, Lane::Program] {
            let lane: Vec<&Step> = steps.iter().filter(|step| step.lane == lane).collect();
            let last_two = &lane[lane.len() - 2..];
            assert!(matches!(last_two[0].action, Action::Filter(_)));
        }
    });
}

#[test]
fn exec_comes_once_and_last() {
    for_every_plan(|_, steps| {
        assert_eq!(only(steps, Lane::Program, is_exec), steps.len() - 1);
        let reap = only(steps, Lane::Init, |action| *action == Action::Reap);
        let last = steps.iter().rposition(|step| step.lane == Lane::Init);
        assert_eq!(Some(reap), last);
        assert!(places(steps, Lane::Parent, is_exec).is_empty());
        assert!(places(steps, Lane::Init, is_exec).is_empty());
    });
}

#[test]
fn capabilities_leave_after_the_last_mount_and_before_the_fork() {
    for_every_plan(|_, steps| {
        let init = |is: fn(&Action) -> bool| places(steps, Lane::Init, is);
        let bounding = only(steps, Lane::Init, |a| {
            matches!(a, Action::DropBoundingSet(_))
        });
        let sets = only(steps, Lane::Init, |a| {
            matches!(a, Action::SetCapabilities(_))
        });
        let fork = only(steps, Lane::Init, |action| *action == Action::Fork);
        let pivot = only(steps, Lane::Init, |action| *action == Action::PivotRoot);
        assert!(init(mounts).iter().all(|mount| *mount < pivot));
        assert!(pivot < bounding && bounding < sets && sets < fork);
    });
}

#[test]
fn without_a_user_namespace_the_bounding_set_is_emptied_before_the_ids_change() {
    for_every_plan(|settings, steps| {
        let become_user = places(steps, Lane::Init, |a| matches!(a, Action::BecomeUser(_)));
        if settings.identity.host == HostIds::Same {
            let bounding = only(steps, Lane::Init, |a| {
                matches!(a, Action::DropBoundingSet(_))
            });
            let groups = only(steps, Lane::Init, |a| {
                matches!(a, Action::LeaveGroups { .. })
            });
            assert_eq!(become_user.len(), 1);
            assert!(bounding < become_user[0] && groups < become_user[0]);
        }
    });
}

#[test]
fn ids_that_change_are_followed_by_the_death_signal_which_they_clear() {
    for_every_plan(|_, steps| {
        let init: Vec<&Step> = steps.iter().filter(|s| s.lane == Lane::Init).collect();
        assert_eq!(init[0].action, Action::DieWithParent, "first of all");
        for pair in init.windows(2) {
            if matches!(pair[0].action, Action::BecomeUser(_)) {
                assert_eq!(pair[1].action, Action::DieWithParent);
            }
        }
    });
}

#[test]
fn maps_are_written_before_the_first_mount_of_the_child() {
    for_every_plan(|settings, steps| {
        let is_map = |action: &Action| matches!(action, Action::WriteIdMaps(_));
        let maps: Vec<usize> = [Lane::Parent, Lane::Init]
            .iter()
            .flat_map(|lane| places(steps, *lane, is_map))
            .collect();
        let first = places(steps, Lane::Init, mounts)[0];
        match settings.identity.host {
            HostIds::Same => assert!(maps.is_empty()),
            HostIds::Caller(_) | HostIds::Range(_) => {
                assert_eq!(maps.len(), 1);
                assert!(maps[0] < first);
            }
        }
        let start = only(steps, Lane::Parent, |action| *action == Action::Start);
        let wait = only(steps, Lane::Init, |action| *action == Action::WaitForStart);
        if let HostIds::Range(_) = settings.identity.host {
            assert!(maps[0] < start, "the child goes on with its ids mapped");
        }
        assert!(wait < first, "no mount before the start");
    });
}

#[test]
fn every_wait_has_an_earlier_signal() {
    for_every_plan(|_, steps| {
        let waits = places(steps, Lane::Init, |action| *action == Action::WaitForStart);
        let signals = places(steps, Lane::Parent, |action| *action == Action::Start);
        assert_eq!(waits.len(), signals.len());
        for (wait, signal) in waits.iter().zip(&signals) {
            assert!(signal < wait);
        }
        let clone = only(steps, Lane::Parent, |a| matches!(a, Action::Clone { .. }));
        let child = |step: &Step| step.lane != Lane::Parent;
        assert!(clone < steps.iter().position(child).unwrap());
        let fork = only(steps, Lane::Init, |action| *action == Action::Fork);
        let program = |step: &Step| step.lane == Lane::Program;
        assert!(fork < steps.iter().position(program).unwrap());
    });
}

#[test]
fn limits_stand_before_the_clone_and_are_entered_before_the_mounts() {
    for_every_plan(|settings, steps| {
        let made = places(steps, Lane::Parent, |a| matches!(a, Action::MakeGroups(_)));
        let entered = places(steps, Lane::Init, |a| *a == Action::EnterGroups);
        let asked = usize::from(!settings.group_limits.list.is_empty());
        assert_eq!((made.len(), entered.len()), (asked, asked));
        if asked == 1 {
            let clone = only(steps, Lane::Parent, |a| matches!(a, Action::Clone { .. }));
            let mount = places(steps, Lane::Init, mounts)[0];
            let view = places(steps, Lane::Init, |a| *a == Action::NewCgroupNamespace);
            assert!(made[0] < clone && entered[0] < mount);
            assert!(
                view.iter().all(|view| *view > entered[0]),
                "else it shows `/../x`"
            );
        }
    });
}

#[test]
fn mounts_are_private_before_anything_is_mounted_and_the_root_comes_first() {
    for_every_plan(|_, steps| {
        let private = only(steps, Lane::Init, |action| *action == Action::PrivateMounts);
        let mounted = places(steps, Lane::Init, |a| matches!(a, Action::Mount(_)));
        let root = only(steps, Lane::Init, |action| {
            use MountAction::{MountKept, MountOverlay, MountRoot};
            let is_root = |action: &MountAction| {
                matches!(action, MountRoot | MountOverlay { .. } | MountKept { .. })
            };
            matches!(action, Action::Mount(action) if is_root(action))
        });
        assert!(private < root);
        assert_eq!(mounted.first(), Some(&root));
    });
}

#[test]
fn whatever_is_attached_was_opened_before_and_once() {
    for_every_plan(|_, steps| {
        let opened = |slot: Slot| {
            let is = |step: &&Step| match &step.action {
                Action::OpenBind(bind) => bind.slot == slot,
                Action::OpenKept(kept) => kept.slot == slot,
                Action::OpenTree { .. } => slot == Slot::TREE,
                _ => false,
            };
            steps.iter().filter(is).count()
        };
        assert_eq!(opened(Slot::TREE), 1);
        for (place, step) in steps.iter().enumerate() {
            let slots = match &step.action {
                Action::Mount(MountAction::Attach { slot, .. }) => vec![*slot],
                Action::Mount(MountAction::MountKept { upper }) => vec![*upper],
                Action::Mount(MountAction::AttachOverlay { lower, upper, .. }) => {
                    vec![*lower, *upper]
                }
                _ => continue,
            };
            for slot in slots {
                assert_eq!(opened(slot), 1);
                let is_open = |s: &Step| match &s.action {
                    Action::OpenBind(bind) => bind.slot == slot,
                    Action::OpenKept(kept) => kept.slot == slot,
                    _ => false,
                };
                assert!(steps[..place].iter().any(is_open));
            }
        }
    });
}

#[test]
fn parents_are_mounted_before_what_lies_in_them() {
    for_every_plan(|_, steps| {
        let mut targets = Vec::new();
        for step in steps {
            if let Action::Mount(
                MountAction::Attach { target, .. } | MountAction::MountTmpfs { target, .. },
            ) = &step.action
            {
                let covered = targets.iter().any(|earlier: &_| {
                    target != earlier && {
                        let earlier: &sandbox::model::InsidePath = earlier;
                        earlier.is_within(target)
                    }
                });
                assert!(!covered, "{target} hides what was mounted before");
                targets.push(target.clone());
            }
        }
    });
}

#[test]
fn a_part_of_proc_is_sealed_after_everything_that_writes_there() {
    for_every_plan(|settings, steps| {
        let forbid = places(steps, Lane::Init, |a| *a == Action::ForbidUserNamespaces);
        let nested = settings.nested_userns.value.is_on();
        let own_users = settings.namespaces.user.value.is_on() && !nested;
        assert_eq!(forbid.len(), usize::from(own_users));
        let seals = places(steps, Lane::Init, |action| {
            matches!(action, Action::Mount(MountAction::SealProc(_)))
        });
        assert!(
            seals
                .iter()
                .all(|seal| forbid.iter().all(|forbid| forbid < seal))
        );
        let dev = |action: &Action| match action {
            Action::Mount(mount) => matches!(
                mount,
                MountAction::MountDevice(_) | MountAction::MountPts | MountAction::OpenTerminal
            ),
            _ => false,
        };
        let seal = only(steps, Lane::Init, |action| {
            *action == Action::Mount(MountAction::SealDev)
        });
        assert!(
            places(steps, Lane::Init, dev)
                .iter()
                .all(|step| *step < seal)
        );
    });
}

#[test]
fn only_a_network_of_its_own_gets_a_loopback() {
    for_every_plan(|settings, steps| {
        let up = places(steps, Lane::Init, |action| *action == Action::LoopbackUp);
        let own = settings.network.value == NetworkMode::None;
        assert_eq!(up.len(), usize::from(own));
    });
}
