//! The keys of `[limits]` that take what the machine has in pieces, and the groups around every sandbox.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::lifecycle::Detached;
use super::limits::{can_limit, groups_of};
use super::support::{Caller, Lab, Lack, finish, inside, root_only, skip, start};

/// What tells of CPUs and writes past the page cache.
const TOOLS: &str = ", { programs = [\"nproc\", \"taskset\", \"dd\", \"grep\"] }";

/// What the control file of one of the groups says.
fn control(groups: &[PathBuf], file: &str) -> Option<String> {
    let mut found = groups
        .iter()
        .filter_map(|group| fs::read_to_string(group.join(file)).ok());
    found.next().map(|text| text.trim_end().to_owned())
}

/// The groups of a sandbox with these limits, while it runs.
fn groups_with<T>(limits: &str, look: impl FnOnce(&[PathBuf]) -> T) -> T {
    let lab = Lab::new(Caller::Root);
    let mut up = start(&mut lab.up(&lab.profile(limits), &["sleep", "30"]));
    let pid = *inside(&up).last().unwrap();
    let seen = look(&groups_of(pid, &lab.name));
    up.kill().unwrap();
    up.wait().unwrap();
    seen
}

#[test]
fn every_sandbox_of_root_has_a_group_to_stop_and_kill_it_by() {
    if !can_limit("every_sandbox_of_root_has_a_group_to_stop_and_kill_it_by") {
        return;
    }
    for limits in ["", "[limits]\npids = 20\n"] {
        let (frozen, unified) = groups_with(limits, |groups| {
            let freezer = control(groups, "freezer.state");
            let unified = groups
                .iter()
                .find(|group| group.join("cgroup.kill").exists());
            let members = unified.map(|group| control(std::slice::from_ref(group), "cgroup.procs"));
            (freezer, members.flatten())
        });
        let on_v1 = Path::new("/sys/fs/cgroup/freezer").exists();
        assert_eq!(frozen.is_some(), on_v1, "{limits}");
        let members = unified.unwrap_or_else(|| panic!("no group of v2: {limits}"));
        assert_eq!(members.lines().count(), 2, "{limits}: {members}");
    }
}

#[test]
fn a_sandbox_without_limits_needs_no_group() {
    // A user's groups on v1 are nobody's to make, and nothing is said of it.
    let lab = Lab::new(Caller::Unprivileged);
    let ended = lab.run(&lab.profile(""), &["true"]);
    assert_eq!((ended.code(), ended.err.as_str()), (0, ""), "{ended:?}");
}

#[test]
fn the_cpus_are_those_of_the_list() {
    let name = "the_cpus_are_those_of_the_list";
    if !can_limit(name) {
        return;
    }
    let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
    if online.trim() == "0" {
        return skip(name, &Lack::Layout("this machine has one CPU"));
    }
    let lab = Lab::new(Caller::Root);
    let profile = |limits: &str| lab.profile_with(TOOLS, limits);
    let count = |limits: &str| lab.script(&profile(limits), "nproc").trim().to_owned();
    assert_ne!(count(""), "1");
    assert_eq!(count("limits.cpuset = \"1\""), "1");
    let profile = profile("[limits]\ncpuset = \"1\"\nmemory_nodes = \"0\"");
    let seen = lab.script(
        &profile,
        "grep -e Cpus_allowed_list -e Mems_allowed_list /proc/self/status",
    );
    assert_eq!(seen, "Cpus_allowed_list:\t1\nMems_allowed_list:\t0\n");
    // It cannot be left.
    let pinned = lab.run(&profile, &["taskset", "-c", "0", "true"]);
    assert_ne!(pinned.code(), 0, "{pinned:?}");
    let absent = lab.run(&lab.profile("limits.cpuset = \"0-9999\""), &["true"]);
    assert_eq!(absent.code(), 125);
    assert!(absent.err.contains("limits.number-not-there"), "{absent:?}");
}

#[test]
fn a_quota_of_cpu_time_holds() {
    let name = "a_quota_of_cpu_time_holds";
    if !can_limit(name) {
        return;
    }
    let lab = Lab::new(Caller::Root);
    // Two that would take two CPUs, and half of one for both.
    let spin = "spin() { while :; do :; done; }; spin & spin & sleep 2; kill $(jobs -p)";
    let used = |limits: &str| {
        let ended = lab.run(&lab.profile(limits), &["bash", "-c", spin]);
        assert_eq!(ended.code(), 0, "{ended:?}");
        let report = lab.report();
        let seconds = |key: &str| report["usage"][key].as_f64().unwrap();
        let wall = report["wall_seconds"].as_f64().unwrap();
        (seconds("user_seconds") + seconds("system_seconds"), wall)
    };
    let (limited, wall) = used("limits.cpus = 0.5");
    // A load of others makes it less, never more: one period more than the share at each end.
    assert!(limited <= 0.55 * wall + 0.1, "{limited} s of {wall} s");
    assert!(limited > 0.05, "{limited} s of {wall} s");
    let throttled = groups_with("limits.cpus = 0.01", |groups| {
        control(groups, "cpu.cfs_quota_us").or_else(|| control(groups, "cpu.max"))
    });
    assert!(["1000", "1000 100000"].contains(&throttled.unwrap().as_str()));
}

#[test]
fn weights_stand_in_the_group() {
    let name = "weights_stand_in_the_group";
    if !can_limit(name) {
        return;
    }
    groups_with("limits.cpu_weight = 50", |groups| {
        let shares = control(groups, "cpu.shares").map(|text| text == "512");
        let weight = control(groups, "cpu.weight").map(|text| text == "50");
        assert_eq!(shares.or(weight), Some(true), "{groups:?}");
    });
    let lab = Lab::new(Caller::Root);
    let ended = lab.run(&lab.profile("limits.io_weight = 200"), &["true"]);
    if ended.code() != 0 {
        assert!(ended.err.contains("limits.not-enforced"), "{ended:?}");
        return skip(name, &Lack::Layout("this kernel has no weights of disks"));
    }
    groups_with("limits.io_weight = 200", |groups| {
        let files = [
            "blkio.bfq.weight",
            "blkio.weight",
            "io.bfq.weight",
            "io.weight",
        ];
        let found: Vec<String> = files
            .iter()
            .filter_map(|file| control(groups, file))
            .collect();
        let bfq = |text: &String| text.split(' ').any(|word| word == "109" || word == "200");
        assert!(found.iter().any(bfq), "{found:?}");
    });
}

/// Of two that want one CPU, the one of four times the weight gets about four times of it.
#[test]
fn a_cpu_is_shared_out_by_weight() {
    if !can_limit("a_cpu_is_shared_out_by_weight") {
        return;
    }
    let labs = [50, 200].map(|weight| (Lab::new(Caller::Root), weight));
    let runs: Vec<_> = labs
        .iter()
        .map(|(lab, weight)| {
            let limits = format!("[limits]\ncpuset = \"0\"\ncpu_weight = {weight}\n");
            lab.detach(&lab.profile(&limits), &["sh", "-c", "while :; do :; done"])
        })
        .collect();
    let used = || {
        let seconds = |(place, run): (usize, &Detached<'_>)| {
            let told = labs[place].0.done(&["stats", "--json", &run.name]);
            let told: serde_json::Value = serde_json::from_str(&told).unwrap();
            told[0]["cpu_seconds"].as_f64().unwrap()
        };
        runs.iter().enumerate().map(seconds).collect::<Vec<_>>()
    };
    let before = used();
    std::thread::sleep(std::time::Duration::from_secs(3));
    let after = used();
    let [light, heavy] = [0, 1].map(|place| after[place] - before[place]);
    let ratio = heavy / light;
    assert!((2.5..6.0).contains(&ratio), "{heavy} s beside {light} s");
}

#[test]
fn memory_is_slowed_down_on_v2_and_refused_on_v1() {
    if !can_limit("memory_is_slowed_down_on_v2_and_refused_on_v1") {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let ended = lab.run(&lab.profile("limits.memory_high = \"64M\""), &["true"]);
    if !Path::new("/sys/fs/cgroup/memory").exists() {
        assert_eq!(ended.code(), 0, "{ended:?}");
        return;
    }
    assert_eq!(ended.code(), 125, "{ended:?}");
    assert!(
        ended.err.contains("cgroup v1 has no such limit"),
        "{ended:?}"
    );
    let lenient =
        "limits.memory_high = \"64M\"\nsecurity.allow_degraded = [\"limits.memory_high\"]";
    let ended = lab.run(&lab.profile(lenient), &["true"]);
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(ended.err.contains("limits.memory_high"), "{ended:?}");
}

/// A file system on a loop device of its own, gone with it.
struct Disk {
    device: String,
    place: PathBuf,
}

impl Disk {
    /// Nothing where the host makes no loop device.
    fn new(lab: &Lab) -> Option<Disk> {
        let image = lab.path("disk.img");
        fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let made = Command::new("losetup")
            .args(["--find", "--show"])
            .arg(&image)
            .output()
            .ok()?;
        let device = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        if !made.status.success() {
            return None;
        }
        let place = lab.directory("disk");
        let disk = Disk { device, place };
        let formatted = Command::new("mkfs.ext4")
            .arg("-q")
            .arg(&disk.device)
            .status();
        let mounted = Command::new("mount")
            .arg(&disk.device)
            .arg(&disk.place)
            .status();
        let ok =
            |status: std::io::Result<std::process::ExitStatus>| status.is_ok_and(|s| s.success());
        (ok(formatted) && ok(mounted)).then_some(disk)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        for (program, place) in [
            ("umount", self.place.as_os_str()),
            ("losetup", self.device.as_ref()),
        ] {
            let mut command = Command::new(program);
            if program == "losetup" {
                command.arg("--detach");
            }
            command.arg(place).status().ok();
        }
    }
}

#[test]
fn a_disk_is_no_faster_than_its_limit() {
    let name = "a_disk_is_no_faster_than_its_limit";
    if !can_limit(name) || !root_only(name) {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let Some(disk) = Disk::new(&lab) else {
        return skip(name, &Lack::Layout("this host makes no loop device"));
    };
    fs::set_permissions(
        &disk.place,
        std::os::unix::fs::PermissionsExt::from_mode(0o777),
    )
    .unwrap();
    let place = disk.place.display();
    let mount = format!("[[mount]]\nbind = \"{place}\"\ntarget = \"/disk\"\naccess = \"rw\"");
    let write = [
        "dd",
        "if=/dev/zero",
        "of=/disk/file",
        "bs=256K",
        "count=16",
        "oflag=direct",
    ];
    let seconds = |limits: &str| {
        let ended = lab.run(
            &lab.profile_with(TOOLS, &format!("{limits}\n{mount}")),
            &write,
        );
        assert_eq!(ended.code(), 0, "{ended:?}");
        lab.report()["wall_seconds"].as_f64().unwrap()
    };
    // By the path of a file system on it, and by its device: 4 MiB at 2 MiB a second.
    for device in [disk.place.to_str().unwrap(), &disk.device] {
        let limits = format!("limits.io = [{{ device = \"{device}\", write_bps = \"2M\" }}]");
        let took = seconds(&limits);
        assert!(took >= 1.5, "{device}: {took} s");
    }
    // Another direction is free.
    let device = &disk.device;
    let reads =
        format!("limits.io = [{{ device = \"{device}\", read_bps = \"1M\", read_iops = 5 }}]");
    let groups = lab.run(
        &lab.profile_with(TOOLS, &format!("{reads}\n{mount}")),
        &write,
    );
    assert_eq!(groups.code(), 0, "{groups:?}");
    let absent = lab.run(
        &lab.profile("limits.io = [{ device = \"/proc\", read_bps = \"1M\" }]"),
        &["true"],
    );
    assert!(absent.err.contains("limits.io-no-disk"), "{absent:?}");
}

#[test]
fn huge_pages_are_limited_or_it_is_said_that_they_cannot() {
    let name = "huge_pages_are_limited_or_it_is_said_that_they_cannot";
    if !can_limit(name) {
        return;
    }
    if !Path::new("/sys/kernel/mm/hugepages/hugepages-2048kB").exists() {
        return skip(name, &Lack::Layout("this kernel has no huge pages of 2M"));
    }
    let lab = Lab::new(Caller::Root);
    let profile = lab.profile("limits.hugetlb = { \"2M\" = \"4M\" }");
    let ended = finish(&mut lab.up(&profile, &["true"]));
    match ended.code() {
        0 => groups_with("limits.hugetlb = { \"2M\" = \"4M\" }", |groups| {
            let found = control(groups, "hugetlb.2MB.max")
                .or_else(|| control(groups, "hugetlb.2MB.limit_in_bytes"));
            assert_eq!(found.as_deref(), Some("4194304"));
        }),
        _ => {
            assert!(ended.err.contains("limits.not-enforced"), "{ended:?}");
            assert!(ended.err.contains("hugetlb"), "{ended:?}");
            skip(
                name,
                &Lack::Layout("this host has no controller of huge pages"),
            );
        }
    }
}
