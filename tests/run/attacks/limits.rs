//! Control groups, limits and device nodes.

use std::fs;
use std::time::Duration;

use super::super::support::{self, Caller, Lab, Lack, finish, root_only, skip, within};
use super::{
    ALL_RIGHTS, NO_FILTER, all_are, inside, not_roots, outside, profile, says, verdict, work,
};

const LIMITS: &str = "[limits]\nmemory = \"64M\"\nswap = \"0\"\npids = 20\n";

/// Root on a host with control groups.
fn can_limit(name: &str) -> bool {
    let places = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup/cgroup.controllers"];
    if !root_only(name) {
        return false;
    }
    let found = places.iter().any(|path| fs::exists(path).unwrap());
    if !found {
        skip(name, &Lack::Layout("no control groups are mounted"));
    }
    found
}

/// The hierarchy is not mounted by the program, and where it can be, there is no agent to set.
#[test]
fn cve_2022_0492_no_release_agent_is_reached() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let mounts: [&[&str]; 4] = [
            &["mount-cgroup", "/mnt", "memory"],
            &["mount-cgroup", "/mnt", "rdma"],
            &["mount-cgroup", "/mnt", "none,name=probe,release_agent=/x"],
            &["mount-cgroup2", "/mnt"],
        ];
        let point = "[[mount]]\ntmpfs = \"/mnt\"\n";
        let filtered = format!("security.capabilities = [\"CAP_SYS_ADMIN\"]\n{point}");
        all_are(
            &inside(&lab, &profile(&lab, &filtered), &mounts),
            &["refused EPERM"],
        );
        all_are(
            &inside(
                &lab,
                &profile(&lab, &format!("{NO_FILTER}{point}")),
                &mounts,
            ),
            &["refused EPERM"],
        );
        // The classic begins with a user namespace.
        let spaces: [&[&str]; 4] = [
            &["unshare", "user"],
            &["unshare", "cgroup"],
            &["clone", "user"],
            &["clone3", "user"],
        ];
        all_are(
            &inside(&lab, &profile(&lab, ""), &spaces),
            &["refused EPERM", "refused ENOSYS"],
        );
        // With all rights a hierarchy may be mounted, and its files are the host's.
        let text = profile(&lab, &format!("{ALL_RIGHTS}{point}"));
        for mount in &mounts[..2] {
            let opens: [&[&str]; 5] = [
                mount,
                &["open-write", "/mnt/release_agent"],
                &["open-write", "/mnt/notify_on_release"],
                &["open-write", "/mnt/cgroup.procs"],
                &["open-write", "/mnt/tasks"],
            ];
            for answer in &inside(&lab, &text, &opens)[1..] {
                assert!(
                    verdict(answer).starts_with("refused"),
                    "{mount:?}: {answer}"
                );
            }
        }
        let control = outside(&lab, &[&["unshare", "user"]]);
        assert_eq!(control, ["unshare: worked"]);
    }
    // The control: for the host's root the agent opens.
    let agent = "/sys/fs/cgroup/memory/release_agent";
    if root_only("cve_2022_0492_no_release_agent_is_reached: unguarded")
        && fs::exists(agent).unwrap()
    {
        let lab = Lab::new(Caller::Root);
        assert_eq!(
            outside(&lab, &[&["open-write", agent]]),
            ["open-write: worked"]
        );
    }
}

/// Shown or not, no file of the group can be written.
#[test]
fn cve_2023_25809_the_own_group_is_read_only() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let listed = says(&lab, &profile(&lab, NO_FILTER), &["list", "/sys/fs/cgroup"]);
        assert_eq!(listed, "list: refused ENOENT", "absent unless asked for");
    }
    if !can_limit("cve_2023_25809_the_own_group_is_read_only") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let shown =
        "system.cgroup = \"read-only\"\nsystem.sys = \"read-only\"\ncommand.user = \"root\"\n";
    let text = profile(&lab, &format!("{shown}{LIMITS}{ALL_RIGHTS}"));
    let seen = inside(
        &lab,
        &text,
        &[&["list", "/sys/fs/cgroup"], &["writable", "/sys/fs/cgroup"]],
    );
    assert!(!seen.is_empty(), "something is shown");
    assert!(!seen.iter().any(|line| line.starts_with('/')), "{seen:?}");
    let own = says(&lab, &text, &["read", "/proc/self/cgroup"]);
    assert!(!own.contains(".."), "{own}");
    // The control: the same look finds what can be written.
    let control = profile(&lab, "[[mount]]\ntmpfs = \"/t\"\n");
    let found = inside(
        &lab,
        &control,
        &[&["create", "/t/file"], &["writable", "/t"]],
    );
    assert_eq!(found, ["create: worked", "/t/file"]);
}

/// A limit that cannot hold is an error, never a start without it.
#[test]
fn attack_35_no_limit_is_missing_in_silence() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        for (limit, name) in [
            ("memory = \"64M\"", "memory"),
            ("pids = 20", "pids"),
            ("cpus = 0.5", "cpu"),
        ] {
            let text = profile(&lab, &format!("[limits]\n{limit}\n"));
            let ended = lab.run(&text, &["/probe", "read", "/proc/self/cgroup"]);
            match ended.code() {
                // It was set: the program is in a group of its own.
                0 => assert!(
                    !lab.report().to_string().contains("degraded\":[\""),
                    "{ended:?}"
                ),
                code => {
                    assert_eq!((code, ended.out.as_str()), (125, ""), "{ended:?}");
                    assert!(
                        ended.err.contains(name) && ended.err.contains("profile.toml:"),
                        "{ended:?}"
                    );
                }
            }
        }
    }
}

/// Processes beyond the limit are refused, whatever made them; and there are as many again afterwards.
#[test]
fn attack_36_no_process_beyond_the_limit() {
    if !can_limit("attack_36_no_process_beyond_the_limit") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let text = profile(&lab, LIMITS);
    let answers = inside(
        &lab,
        &text,
        &[
            &["fork-many", "100"],
            &["fork-many", "100"],
            &["clone", "none"],
        ],
    );
    let counts: Vec<i32> = answers
        .iter()
        .filter_map(|line| verdict(line).parse().ok())
        .collect();
    assert!(
        counts.len() == 2 && counts.iter().all(|count| (10..20).contains(count)),
        "{answers:?}"
    );
    assert_eq!(
        answers
            .iter()
            .filter(|line| line.ends_with("refused EAGAIN"))
            .count(),
        2,
        "{answers:?}"
    );
    assert_eq!(answers[4], "clone: worked");
    let control = outside(&lab, &[&["fork-many", "100"]]);
    assert_eq!(control, ["fork-many: 100", "fork-many: worked"]);
}

/// Memory that is a file system: each has its size.
#[test]
fn attack_36_no_file_system_of_memory_is_without_a_size() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let rest = "system.shm = \"1M\"\nrootfs.writes = \"discard\"\nrootfs.writes_size = \"1M\"\n[[mount]]\ntmpfs = \"/t\"\nsize = \"1M\"\n";
        let fills: [&[&str]; 4] = [
            &["fill", "/t/file", "3"],
            &["fill", "/dev/shm/file", "3"],
            &["fill", "/file", "3"],
            &["fill", "/dev/file", "1"],
        ];
        let answers = inside(&lab, &profile(&lab, rest), &fills);
        all_are(&answers[..3], &["refused ENOSPC"]);
        assert_eq!(answers[3], "fill: refused EROFS");
        // The control: within the size it works.
        let fits: [&[&str]; 2] = [&["fill", "/t/file", "0"], &["fill", "/dev/shm/file", "0"]];
        all_are(&inside(&lab, &profile(&lab, rest), &fits), &["worked"]);
    }
}

/// Output without end is passed on and never collected.
#[test]
fn cve_2022_1708_output_is_not_collected() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let text = profile(&lab, "command.terminal = \"always\"\n");
        let mut up = lab.up(&text, &["/probe", "flood", "64", "--", "stay"]);
        let mut child = support::start(&mut up);
        let peak = {
            let (mut out, mut total) = (child.stdout.take().unwrap(), 0);
            let mut block = vec![0; 1 << 16];
            while total < 64 << 20 {
                let count = std::io::Read::read(&mut out, &mut block).unwrap();
                assert!(count > 0, "it ends after {total} bytes");
                total += count;
            }
            let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
            let peak = support::field(&status, "VmHWM").unwrap().to_owned();
            drop(out);
            peak
        };
        child.kill().unwrap();
        child.wait().unwrap();
        let kib: u64 = peak.split(' ').next().unwrap().parse().unwrap();
        assert!(kib < 60 << 10, "{peak} for 64 MiB of output");
    }
}

/// No node of a device is made, and one that is bound is dead.
#[test]
fn attack_37_no_device_is_made() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let makes: [&[&str]; 6] = [
            &["mknod", "/w/null", "1", "3"],
            &["mknod", "/w/mem", "1", "1"],
            &["mknod", "/t/kmsg", "1", "11"],
            &["mknod-block", "/t/disk", "254", "0"],
            &["mknod-block", "/t/loop", "7", "0"],
            &["mknod", "/dev/mem", "1", "1"],
        ];
        not_roots(&lab);
        let mounts = format!("{}[[mount]]\ntmpfs = \"/t\"\n", work(&lab, "rw"));
        for rest in ["", NO_FILTER, ALL_RIGHTS] {
            let text = profile(&lab, &format!("command.user = \"root\"\n{rest}{mounts}"));
            all_are(
                &inside(&lab, &text, &makes),
                &["refused EPERM", "refused EACCES", "refused EROFS"],
            );
        }
        let opens: [&[&str]; 5] = [
            &["open-read", "/dev/mem"],
            &["open-read", "/dev/kmsg"],
            &["open-read", "/dev/vda"],
            &["open-read", "/dev/loop0"],
            &["open-read", "/dev/fuse"],
        ];
        all_are(
            &inside(&lab, &profile(&lab, ALL_RIGHTS), &opens),
            &["refused ENOENT"],
        );
        if caller == Caller::Root {
            let path = lab.text("work/control");
            assert_eq!(
                outside(&lab, &[&["mknod", &path, "1", "3"]]),
                ["mknod: worked"]
            );
            assert_eq!(
                outside(&lab, &[&["open-read", &path]]),
                ["open-read: worked"]
            );
            let text = profile(&lab, &format!("{ALL_RIGHTS}{mounts}"));
            assert_eq!(
                says(&lab, &text, &["open-read", "/w/control"]),
                "open-read: refused EACCES"
            );
        }
    }
}

/// Time that is over is over for who ignores every signal.
#[test]
fn rule_26_the_end_reaches_everything() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let text = profile(
            &lab,
            "[limits]\nwall_time = \"300ms\"\n[supervise]\nstop_timeout = \"100ms\"\n",
        );
        let ended = finish(&mut lab.up(&text, &["/probe", "scatter"]));
        assert_eq!(
            (ended.code(), ended.out.as_str()),
            (124, "scattered\n"),
            "{ended:?}"
        );
        assert!(within(Duration::from_secs(5), || !lab
            .state_file()
            .exists()));
    }
}
