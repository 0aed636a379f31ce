//! Nothing stays behind, whatever happened.

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use sandbox::cgroup::{Groups, sweep};
use sandbox::host::cgroups::probe;
use sandbox::model::ByteSize;
use sandbox::plan::{Amount, GroupLimits};

use crate::child::Child;
use crate::skip::{Lack, skip};
use crate::{alone, assert_gone, groups, limits, remove_and_check};

const AMOUNTS: [Amount; 2] = [Amount::Memory(ByteSize(64 << 20)), Amount::Pids(8)];

#[test]
fn without_limits_there_is_no_group() {
    let groups = Groups::create(&GroupLimits::default(), &probe(), "none").unwrap();
    assert!(groups.paths().is_empty());
    assert!(groups.enter().clone_into.is_none());
    assert!(groups.enter().tasks.is_empty());
}

#[test]
fn killing_reaches_what_the_program_left_behind() {
    let _turn = alone();
    let Some(groups) = groups("kill", &AMOUNTS) else {
        return;
    };
    let script = "sleep 1000 & setsid sleep 1000 & sh -c 'sleep 1000 & exit 0'; exit 0";
    let status = Child::shell(groups.enter(), script).wait();
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
    groups.kill().unwrap();
    remove_and_check(groups);
}

#[test]
fn a_group_with_living_processes_is_not_called_removed() {
    let _turn = alone();
    let Some(mut groups) = groups("busy", &AMOUNTS) else {
        return;
    };
    let child = Child::shell(groups.enter(), "exec sleep 1000");
    child.wait_until_in(&groups);
    let error = groups.remove().unwrap_err();
    assert!(error.to_string().contains("/sandbox-busy-"), "{error}");
    let paths = groups.paths();
    assert!(!paths.is_empty());
    drop(groups);
    assert_gone(&paths);
    let status = child.wait();
    assert!(matches!(
        status,
        WaitStatus::Signaled(_, Signal::SIGKILL, _)
    ));
}

#[test]
fn a_sweep_clears_what_a_killed_supervisor_left() {
    let _turn = alone();
    let Some(groups) = groups("left", &AMOUNTS) else {
        return;
    };
    let child = Child::shell(groups.enter(), "sleep 1000 & sleep 1000");
    child.wait_until_in(&groups);
    let paths = groups.paths();
    let of_leaf = |path: &std::path::PathBuf| path.to_string_lossy().contains(".supervisor-");
    if paths.iter().any(of_leaf) {
        // This very process lives in the leaf, as no killed supervisor does.
        groups.kill().unwrap();
        child.wait();
        return remove_and_check(groups);
    }
    std::mem::forget(groups);
    sweep(&paths).unwrap();
    let status = child.wait();
    assert!(matches!(
        status,
        WaitStatus::Signaled(_, Signal::SIGKILL, _)
    ));
    assert_gone(&paths);
    sweep(&paths).unwrap();
}

#[test]
fn a_sweep_touches_no_group_of_others() {
    let facts = probe();
    for hierarchy in &facts.hierarchies {
        let error = sweep(&[hierarchy.own.clone(), hierarchy.mount.clone()]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
    }
}

/// A process alone in a delegated group moves to a leaf to divide it; afterwards it is back.
#[test]
fn this_process_ends_in_the_group_where_it_began() {
    let _turn = alone();
    let before = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let facts = probe();
    let Some(groups) = groups("back", &AMOUNTS) else {
        return;
    };
    remove_and_check(groups);
    let after = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    assert_eq!(after, before);
    for hierarchy in facts.hierarchies {
        for entry in std::fs::read_dir(&hierarchy.own).unwrap() {
            let name = entry.unwrap().file_name();
            assert!(!name.to_string_lossy().starts_with("sandbox.supervisor-"));
        }
    }
}

/// On v2 the group around all of them vanishes and returns while they come and go.
#[test]
fn many_at_once_leave_nothing() {
    let _turn = alone();
    let Some(first) = groups("many", &AMOUNTS) else {
        return;
    };
    let of_leaf = |path: &std::path::PathBuf| path.to_string_lossy().contains(".supervisor-");
    let divides_own_group = first.paths().iter().any(of_leaf);
    let paths = first.paths();
    remove_and_check(first);
    if divides_own_group {
        let reason = "this process's own group can be divided once at a time";
        skip("many_at_once_leave_nothing", &Lack::Layout(reason));
        return;
    }
    let facts = probe();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let mut groups = Groups::create(&limits(&AMOUNTS), &facts, "many").unwrap();
                    groups.remove().unwrap();
                }
            });
        }
    });
    assert_gone(&paths);
}

#[test]
fn equal_names_get_groups_of_their_own() {
    let _turn = alone();
    let (Some(first), Some(second)) = (groups("twin", &AMOUNTS), groups("twin", &AMOUNTS)) else {
        return;
    };
    for path in second.paths() {
        assert!(!first.paths().contains(&path), "{}", path.display());
    }
    let left = first.paths();
    let mut second = second;
    second.remove().unwrap();
    assert!(left.iter().all(|path| path.is_dir()));
    drop(second);
    remove_and_check(first);
}
