//! Rules 25 and 26: limits stand before the first instruction, for all processes together.

use std::fs;
use std::path::PathBuf;

use super::support::{Caller, Lab, Lack, attack, finish, inside, root_only, skip, start};

/// Root on a host with control groups: where limits can be had without anybody's help.
pub(super) fn can_limit(name: &str) -> bool {
    if !root_only(name) {
        return false;
    }
    let has_groups = [
        "/sys/fs/cgroup/memory",
        "/sys/fs/cgroup/cgroup.controllers",
        "/sys/fs/cgroup/unified",
    ];
    let found = has_groups.iter().any(|path| fs::exists(path).unwrap());
    if !found {
        skip(name, &Lack::Layout("no control groups are mounted"));
    }
    found
}

/// The directories of a process's groups that are ours.
pub(super) fn groups_of(pid: i32, name: &str) -> Vec<PathBuf> {
    let list = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let ours = list.lines().filter(|line| line.contains(name));
    let below = ours.flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap(), parts.next().unwrap());
        ["", "unified", controllers]
            .map(|part| PathBuf::from(format!("/sys/fs/cgroup/{part}/{path}")))
    });
    let mut found: Vec<PathBuf> = below
        .filter(|path| path.is_dir())
        .map(|path| path.canonicalize().unwrap())
        .collect();
    found.sort();
    found.dedup();
    found
}

const LIMITS: &str = "[limits]\nmemory = \"64M\"\nswap = \"0\"\npids = 20\n";

#[test]
fn the_program_is_in_its_group_and_cannot_leave_it() {
    if !can_limit("the_program_is_in_its_group_and_cannot_leave_it") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let mut up = start(&mut lab.up(&lab.profile(LIMITS), &["sleep", "30"]));
    let processes = inside(&up);
    for pid in &processes {
        let groups = groups_of(*pid, &lab.name);
        assert!(
            groups.len() >= 2 || groups.iter().any(|dir| dir.join("memory.max").exists()),
            "{groups:?}"
        );
        let read = |file: &str| {
            groups
                .iter()
                .find_map(|dir| fs::read_to_string(dir.join(file)).ok())
        };
        let memory = read("memory.max")
            .or_else(|| read("memory.limit_in_bytes"))
            .unwrap();
        assert_eq!(memory.trim(), "67108864");
        assert_eq!(read("pids.max").unwrap().trim(), "20");
        for dir in &groups {
            let members = fs::read_to_string(dir.join("cgroup.procs")).unwrap();
            assert_eq!(
                members.lines().count(),
                2,
                "{dir:?}: both, and nobody else: {members}"
            );
        }
    }
    up.kill().unwrap();
    up.wait().unwrap();

    // Inside, the group is all that there is of the hierarchy, and it is not shown.
    let rest = "[security]\nseccomp = \"none\"\nlandlock = false\ncapabilities = [\"CAP_SYS_ADMIN\", \"CAP_DAC_OVERRIDE\"]\n";
    let profile = lab.profile(&format!("{LIMITS}{rest}"));
    let seen = lab.script(
        &profile,
        "cat /proc/self/cgroup; ls -A /sys/fs/cgroup 2>/dev/null; true",
    );
    for line in seen.lines() {
        let path = line
            .splitn(3, ':')
            .nth(2)
            .unwrap_or_else(|| panic!("{seen}"));
        assert!(!path.contains(".."), "{seen}");
        if ["memory", "pids"]
            .iter()
            .any(|name| line.split(':').nth(1) == Some(name))
        {
            assert_eq!(path, "/", "{seen}");
        }
    }
    // Mounted by the program itself (CVE-2022-0492), with all that it has.
    let filtered = lab.profile(&format!(
        "{LIMITS}[security]\ncapabilities = [\"CAP_SYS_ADMIN\"]\n"
    ));
    assert_eq!(
        lab.attack(&filtered, &["mount-cgroup", "/etc", "memory"]),
        "EPERM"
    );
    let agent = lab.attack(
        &profile,
        &["mount-cgroup", "/etc", "memory,release_agent=/x"],
    );
    assert_ne!(agent, "worked");
    let attack = attack();
    let mounted = format!(
        "{attack} mount-cgroup /etc memory; for f in memory.limit_in_bytes tasks cgroup.procs release_agent; do \
         {attack} open-write /etc/$f; done; true"
    );
    let answers = lab.script(&profile, &mounted);
    let mut answers = answers.lines();
    if answers.next() == Some("worked") {
        assert_eq!(
            answers.collect::<Vec<_>>(),
            ["EACCES", "EACCES", "EACCES", "ENOENT"]
        );
    }
}

#[test]
fn a_shown_group_is_its_own_and_read_only() {
    if !can_limit("a_shown_group_is_its_own_and_read_only") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let rest =
        "system.cgroup = \"read-only\"\nsystem.sys = \"read-only\"\ncommand.user = \"root\"\n";
    let security = "[security]\nseccomp = \"none\"\ncapabilities = [\"CAP_DAC_OVERRIDE\"]\n";
    let profile = lab.profile(&format!("{rest}{LIMITS}{security}"));
    let find = "cd /sys/fs/cgroup; ls; cat memory.max memory/memory.limit_in_bytes 2>/dev/null; echo; echo */ ";
    let seen = lab.script(&profile, find);
    assert!(seen.contains("67108864"), "{seen}");
    assert!(
        !seen.contains("process_api") && !seen.contains("systemd"),
        "the host's groups: {seen}"
    );
    let there = |name: &&&str| {
        lab.run(&profile, &["ls", &format!("/sys/fs/cgroup/{name}")])
            .code()
            == 0
    };
    let files = [
        "memory.max",
        "memory/memory.limit_in_bytes",
        "memory/tasks",
        "cgroup.procs",
        "pids/pids.max",
        "pids.max",
    ];
    let files: Vec<_> = files.iter().filter(there).collect();
    assert!(files.len() >= 2);
    for file in files {
        let path = format!("/sys/fs/cgroup/{file}");
        let inside = lab.attack(&profile, &["open-write", &path]);
        assert!(
            ["EROFS", "EACCES"].contains(&inside.as_str()),
            "{path}: {inside}"
        );
    }
    assert_eq!(
        lab.run(&profile, &["ls", "/sys/fs/cgroup/memory/release_agent"])
            .code(),
        2
    );
}

#[test]
fn memory_is_limited_for_all_processes_together() {
    if !can_limit("memory_is_limited_for_all_processes_together") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let profile = lab.profile("[limits]\nmemory = \"300M\"\nswap = \"0\"");
    // The third block of 100 MiB: program, loader and page tables need the rest.
    let alone = lab.run(&profile, &[attack(), "hog", "5", "100"]);
    assert_eq!(
        (alone.out.as_str(), alone.code()),
        ("1\n2\n", 137),
        "{alone:?}"
    );
    let report = lab.report();
    assert_eq!(report["ending"]["kind"], "limit", "{report}");
    assert_eq!(report["ending"]["limit"], "memory", "{report}");
    assert!(alone.err.contains("memory"), "{alone:?}");
    // The guard off: the same program ends well where there is room.
    let roomy = lab.run(
        &lab.profile("[limits]\nmemory = \"700M\"\nswap = \"0\""),
        &[attack(), "hog", "5", "100"],
    );
    assert_eq!(
        (roomy.out.as_str(), roomy.code()),
        ("1\n2\n3\n4\n5\n", 0),
        "{roomy:?}"
    );

    // Split over children it is no more.
    let together = lab.run(&profile, &[attack(), "hog-together", "5", "100"]);
    let killed = together.out.trim().parse::<u32>();
    assert!(
        together.code() == 137 || killed.is_ok_and(|count| count >= 1),
        "{together:?}"
    );
    let oom_kills = lab.report()["usage"]["oom_kills"].as_u64();
    assert!(
        oom_kills.is_some_and(|count| count >= 1),
        "{}",
        lab.report()
    );
    let roomy = lab.run(
        &lab.profile("[limits]\nmemory = \"700M\"\nswap = \"0\""),
        &[attack(), "hog-together", "5", "100"],
    );
    assert_eq!(roomy.out, "0\n", "{roomy:?}");
}

/// Half of a build that goes on without the other half helps nobody: so it is on cgroup v2, and on v1 too.
#[test]
fn out_of_memory_ends_all_of_it() {
    if !can_limit("out_of_memory_ends_all_of_it") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let profile = lab.profile("[limits]\nmemory = \"300M\"\nswap = \"0\"");
    // What would go on are its parent, a child of another session and one that is stopped.
    let script = format!(
        "setsid sleep 1000 & sleep 1000 & kill -STOP $!; {} hog 5 100; sleep 3; echo went on",
        attack()
    );
    let ended = lab.run(&profile, &["bash", "-c", &script]);
    assert_eq!(
        (ended.out.as_str(), ended.code()),
        ("1\n2\n", 137),
        "{ended:?}"
    );
    let line = "killed: `limits.memory` 300M was used up (peak 300M)\n";
    assert!(ended.err.ends_with(line), "{ended:?}");
    let report = lab.report();
    let expected = serde_json::json!({
        "kind": "limit", "limit": "memory", "signal": 9, "signal_name": "KILL"
    });
    assert_eq!(report["ending"], expected);
    assert_eq!(report["limits_hit"], serde_json::json!(["memory"]));
    assert!(report["usage"]["oom_kills"].as_u64() >= Some(1), "{report}");
    assert!(report["wall_seconds"].as_f64() < Some(3.0), "{report}");
}

#[test]
fn a_fork_bomb_is_stopped() {
    if can_limit("a_fork_bomb_is_stopped") {
        let lab = Lab::new(Caller::Root);
        let bomb = lab.run(
            &lab.profile("[limits]\npids = 20"),
            &[attack(), "fork-until-refused", "200"],
        );
        // The first process and the program itself count.
        assert_eq!(bomb.out, "18 EAGAIN\n", "{bomb:?}");
        assert_eq!(bomb.code(), 137);
        let refused = lab.report()["usage"]["pids_refused"].as_u64();
        assert!(refused.is_some_and(|count| count >= 1), "{}", lab.report());
    }
    // The guard off.
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let free = lab.run(&lab.profile(""), &[attack(), "fork-until-refused", "50"]);
        assert_eq!(free.out, "50 worked\n", "{free:?}");
    }
}

#[test]
fn a_limit_that_cannot_hold_is_an_error_unless_it_may_be_missing() {
    let name = "a_limit_that_cannot_hold_is_an_error_unless_it_may_be_missing";
    let lab = Lab::new(Caller::Unprivileged);
    let strict = lab.run(
        &lab.profile("[limits]\nmemory = \"64M\""),
        &[attack(), "hog", "1", "1"],
    );
    if strict.code() == 0 {
        return skip(
            name,
            &Lack::Layout("this user's control groups are delegated"),
        );
    }
    assert_eq!(
        (strict.code(), strict.out.as_str()),
        (125, ""),
        "{strict:?}"
    );
    assert!(
        strict.err.contains("limits.not-enforced") && strict.err.contains("memory"),
        "{strict:?}"
    );
    let lenient =
        lab.profile("[limits]\nmemory = \"64M\"\n[security]\nallow_degraded = [\"limits.memory\"]");
    let ended = lab.run(&lenient, &["true"]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(ended.err.contains("limits.memory"), "{ended:?}");
    let report = lab.report();
    let mut layers = report["isolation"].as_array().unwrap().iter();
    let memory = layers
        .find(|layer| layer["layer"] == "limits.memory")
        .unwrap();
    assert_eq!(memory["state"], "degraded", "{report}");
}

#[test]
fn limits_of_the_process_hold() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile(
            "[limits.process]\nnofile = 32\ncore = 0\nfsize = \"1K\"\n[[mount]]\ntmpfs = \"/tmp\"",
        );
        assert_eq!(lab.script(&profile, "ulimit -n; ulimit -c"), "32\n0\n");
        let large = lab.run(
            &profile,
            &[
                "bash",
                "-c",
                "head -c 4096 /dev/zero > /tmp/file; stat -c %s /tmp/file",
            ],
        );
        assert!(large.out.starts_with("1024"), "{large:?}");
        // They do not come back.
        let raised = lab.run(&profile, &["bash", "-c", "ulimit -n 64 && echo raised"]);
        assert!(!raised.out.contains("raised"), "{raised:?}");
    }
}

/// The start itself needs more of several than the least that is taken.
#[test]
fn the_least_limits_of_the_process_are_no_obstacle_to_the_start() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let least = "core = 0\nfsize = 0\nlocks = 0\nmemlock = 0\nmsgqueue = 0\nnice = 0\nnofile = 4\nnproc = 0\n\
                     rss = 0\nrtprio = 0\nrttime = 0\nsigpending = 0\n";
        let profile = lab.profile(&format!("[limits.process]\n{least}"));
        let ended = lab.run(&profile, &["bash", "-c", "exit 7"]);
        assert_eq!(ended.code(), 7, "{ended:?}");
        // And they hold then.
        let ended = lab.run(&profile, &["bash", "-c", "exec 5</"]);
        assert_ne!(ended.code(), 0, "{ended:?}");
    }
}

#[test]
fn memory_file_systems_are_limited() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let rest = "rootfs.writes = \"discard\"\nrootfs.writes_size = \"1M\"\nsystem.shm = \"1M\"\n[[mount]]\ntmpfs = \"/tmp\"\nsize = \"1M\"";
        for place in ["/tmp", "/dev/shm", "/etc"] {
            let fill = format!("head -c 4000000 /dev/zero > {place}/file; stat -c %s {place}/file");
            let ended = lab.run(&lab.profile(rest), &["sh", "-c", &fill]);
            let size: u64 = ended.out.trim().parse().unwrap();
            assert!(
                size <= 1 << 20 && ended.err.contains("No space"),
                "{place}: {ended:?}"
            );
        }
    }
}

#[test]
fn the_wall_time_holds_against_who_ignores_signals() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let profile = lab.profile("[limits]\nwall_time = \"400ms\"");
        let ended = finish(&mut lab.up(
            &profile,
            &["bash", "-c", "trap '' TERM INT HUP; while :; do :; done"],
        ));
        assert_eq!(ended.code(), 124, "{ended:?}");
        assert!(lab.report()["wall_seconds"].as_f64().unwrap() < 3.0);
    }
}
