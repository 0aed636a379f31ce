//! Each limit is hit by a program, and the numbers say so.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use sandbox::model::{ByteSize, Cpus};
use sandbox::plan::Amount;

use crate::child::Child;
use crate::{alone, control, groups, remove_and_check};

const MIB: u64 = 1 << 20;

#[test]
fn memory_ends_a_hog_and_is_counted() {
    let _turn = alone();
    let Some(groups) = groups("memory", &[Amount::Memory(ByteSize(48 * MIB))]) else {
        return;
    };
    let hog = "x=0123456789abcdef; while :; do x=$x$x; done";
    let status = Child::shell(groups.enter(), hog).wait();
    assert!(
        matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _)),
        "{status:?}"
    );
    let usage = groups.usage();
    assert!(usage.oom_kills.unwrap() >= 1, "{usage:?}");
    if let Some(peak) = usage.memory_peak_bytes {
        assert!((24 * MIB..=48 * MIB).contains(&peak), "{usage:?}");
    }
    remove_and_check(groups);
}

#[test]
fn swap_is_limited_beside_memory() {
    let _turn = alone();
    let amounts = [
        Amount::Swap(ByteSize(8 * MIB)),
        Amount::Memory(ByteSize(48 * MIB)),
    ];
    let Some(groups) = groups("swap", &amounts) else {
        return;
    };
    let paths = groups.paths();
    let v1 = control(&paths, "memory.memsw.limit_in_bytes");
    let v2 = control(&paths, "memory.swap.max");
    match v1.or(v2) {
        Some(value) => {
            let expected = [(56 * MIB).to_string(), (8 * MIB).to_string()];
            assert!(expected.contains(&value), "{value}");
        }
        None => eprintln!("this kernel counts no swap, and the host has none"),
    }
    remove_and_check(groups);
}

#[test]
fn processes_beyond_the_limit_are_refused_and_counted() {
    let _turn = alone();
    let Some(groups) = groups("pids", &[Amount::Pids(4)]) else {
        return;
    };
    assert_eq!(control(&groups.paths(), "pids.max").unwrap(), "4");
    let bomb = "for i in 1 2 3 4 5 6 7 8; do sleep 0.2 & done; wait";
    let status = Child::shell(groups.enter(), bomb).wait();
    assert!(
        !matches!(status, WaitStatus::Exited(_, 0 | 98 | 99)),
        "the shell must fail to fork: {status:?}"
    );
    let usage = groups.usage();
    assert!(usage.pids_refused.unwrap() >= 1, "{usage:?}");
    assert!(usage.pids_peak.is_none_or(|peak| peak <= 4), "{usage:?}");
    groups.kill().unwrap();
    remove_and_check(groups);
}

#[test]
fn cpu_time_is_shared_out_and_measured() {
    let _turn = alone();
    let fifth = Cpus { thousandths: 200 };
    let Some(groups) = groups("cpus", &[Amount::Cpus(fifth)]) else {
        return;
    };
    let paths = groups.paths();
    let quota = control(&paths, "cpu.max").or_else(|| control(&paths, "cpu.cfs_quota_us"));
    assert!(["20000", "20000 100000"].contains(&quota.unwrap().as_str()));
    let start = Instant::now();
    let spinner = Child::shell(groups.enter(), "while :; do :; done");
    std::thread::sleep(Duration::from_millis(1500));
    groups.kill().unwrap();
    spinner.wait();
    let wall = start.elapsed();
    if let (Some(user), Some(system)) = (groups.usage().user_seconds, groups.usage().system_seconds)
    {
        let used = user + system;
        assert!(used > wall / 50, "{used:?} of {wall:?}");
        assert!(used < wall / 3, "{used:?} of {wall:?}");
    }
    let throttled = control(&paths, "cpu.stat").unwrap();
    assert!(!throttled.contains("nr_throttled 0\n"), "{throttled}");
    remove_and_check(groups);
}

#[test]
fn a_share_below_a_hundredth_of_a_cpu_is_taken() {
    let _turn = alone();
    let Some(groups) = groups("cpus-small", &[Amount::Cpus(Cpus { thousandths: 3 })]) else {
        return;
    };
    let paths = groups.paths();
    match control(&paths, "cpu.max") {
        Some(both) => assert_eq!(both, "1000 333333"),
        None => {
            assert_eq!(control(&paths, "cpu.cfs_period_us").unwrap(), "333333");
            assert_eq!(control(&paths, "cpu.cfs_quota_us").unwrap(), "1000");
        }
    }
    remove_and_check(groups);
}

#[test]
fn the_child_is_in_every_group_before_its_program_runs() {
    let _turn = alone();
    let amounts = [
        Amount::Memory(ByteSize(48 * MIB)),
        Amount::Cpus(Cpus { thousandths: 1500 }),
        Amount::Pids(16),
    ];
    let Some(groups) = groups("all", &amounts) else {
        return;
    };
    let child = Child::shell(groups.enter(), "sleep 1000; exit 0");
    child.wait_until_in(&groups);
    groups.kill().unwrap();
    let status = child.wait();
    assert!(
        matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _)),
        "{status:?}"
    );
    remove_and_check(groups);
}
