//! Devices: those that are named, as the host has them, and no other by any way.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use super::landlock::with_loosened;
use super::support::{Caller, Lab, Lack, attack, finish, inside, root_only, skip, start};

const LIMITS: &str = "limits.pids = 40\n";

/// Devices and directories of devices that hosts have, as far as this one does.
fn there() -> Vec<&'static str> {
    let all = [
        "/dev/dri",
        "/dev/fuse",
        "/dev/kvm",
        "/dev/net",
        "/dev/cpu",
        "/dev/loop-control",
    ];
    all.into_iter()
        .filter(|path| Path::new(path).exists())
        .collect()
}

/// Every node at or below a path.
fn nodes(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        return entries
            .flat_map(|entry| nodes(&entry.unwrap().path()))
            .collect();
    }
    let kind = fs::metadata(path).unwrap().file_type();
    let is_device = kind.is_char_device() || kind.is_block_device();
    is_device.then(|| path.to_owned()).into_iter().collect()
}

/// The numbers of a device, by which its rule is written.
fn numbers(path: &Path) -> String {
    let number = fs::metadata(path).unwrap().rdev();
    format!(
        "{}:{}",
        nix::sys::stat::major(number),
        nix::sys::stat::minor(number)
    )
}

#[test]
fn named_devices_are_those_of_the_host() {
    let there = there();
    if there.is_empty() {
        skip(
            "named_devices_are_those_of_the_host",
            &Lack::Layout("it has no device to name"),
        );
        return;
    }
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let absent = "{ path = \"/dev/no-such-device\", optional = true }";
        let profile = lab.profile(&format!("system.dev = [{}, {absent}]", quoted(&there)));
        for node in there.iter().flat_map(|path| nodes(Path::new(path))) {
            let name = node.to_str().unwrap();
            let seen = lab.script(&profile, &format!("stat -c '%t:%T' {name}"));
            let host = fs::metadata(&node).unwrap().rdev();
            let (major, minor) = (nix::sys::stat::major(host), nix::sys::stat::minor(host));
            assert_eq!(seen.trim_end(), format!("{major:x}:{minor:x}"), "{name}");
            // Root's program is nobody's on the host.
            if caller == Caller::Unprivileged {
                let open = ["open-read", name];
                assert_eq!(
                    lab.attack(&profile, &open),
                    lab.unguarded(&open).trim_end(),
                    "{name}"
                );
            }
        }
        let mounts = lab.script(&profile, "cat /proc/self/mounts");
        for path in &there {
            let line = mounts
                .lines()
                .find(|line| line.split(' ').nth(1) == Some(path));
            let line = line.unwrap_or_else(|| panic!("{path}: {mounts}"));
            assert!(line.contains("nosuid") && line.contains("noexec"), "{line}");
        }
        // Nothing else is there, and nothing is added beside them.
        assert_eq!(lab.attack(&profile, &["create", "/dev/other"]), "EROFS");
    }
}

fn quoted(paths: &[&str]) -> String {
    paths
        .iter()
        .map(|path| format!("{path:?}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Where the host's own list of v1 is, for groups at `/` of it.
const V1: &str = "/sys/fs/cgroup/devices";

#[test]
fn the_group_lists_the_devices_that_the_sandbox_has() {
    let name = "the_group_lists_the_devices_that_the_sandbox_has";
    if !root_only(name) {
        return;
    }
    if !Path::new(V1).join("devices.allow").exists() {
        skip(name, &Lack::Layout("only cgroup v1 has a list"));
        return;
    }
    let there = there();
    let lab = Lab::new(Caller::Root);
    let profile = lab.profile(&format!("system.dev = [{}]\n{LIMITS}", quoted(&there)));
    let mut up = start(&mut lab.up(&profile, &["sleep", "30"]));
    let pids = inside(&up);
    let mut lists = Vec::new();
    for pid in &pids {
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        let group = groups.lines().find_map(|line| line.split_once(":devices:"));
        let group = format!("{V1}{}", group.unwrap().1);
        assert!(group.contains(&lab.name), "{group}");
        lists.push(fs::read_to_string(format!("{group}/devices.list")).unwrap());
    }
    up.kill().unwrap();
    up.wait().unwrap();
    for list in lists {
        let mut expected = ["1:3", "1:5", "1:7", "1:8", "1:9", "5:0", "5:2", "136:*"]
            .map(str::to_owned)
            .to_vec();
        let named = there.iter().flat_map(|path| nodes(Path::new(path)));
        expected.extend(named.map(|node| numbers(&node)));
        let mut found: Vec<&str> = list
            .lines()
            .map(|line| line.split(' ').nth(1).unwrap())
            .collect();
        assert!(
            list.lines().all(|line| line.ends_with(" rw")),
            "none is made: {list}"
        );
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}

/// Behind a mount whose nodev was lost stands the group.
#[test]
fn a_device_that_is_not_named_is_not_opened_without_nodev_either() {
    /// /dev/autofs: opened by anybody, to no effect.
    const NUMBER: (u64, u64) = (10, 235);
    let name = "a_device_that_is_not_named_is_not_opened_without_nodev_either";
    if !root_only(name) {
        return;
    }
    let lab = Lab::new(Caller::Root);
    let node = lab.path("work/node");
    let made = mknod(
        &node,
        SFlag::S_IFCHR,
        Mode::from_bits_truncate(0o666),
        makedev(NUMBER.0, NUMBER.1),
    );
    let usable = made.is_ok() && {
        fs::set_permissions(&node, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        finish(
            lab.host(attack())
                .args(["open-read", node.to_str().unwrap()]),
        )
        .out == "worked\n"
    };
    if !usable {
        skip(
            name,
            &Lack::Layout("no device can be made here, or there is none such"),
        );
        return;
    }
    let work = lab.text("work");
    let bind = format!("[[mount]]\nbind = {work:?}\ntarget = \"/w\"\naccess = \"ro\"\n");
    let line = format!("{} open-read /w/node", attack());
    let profile = |keys: &str| lab.profile(&format!("{keys}{bind}"));
    assert_eq!(
        lab.script(&profile(""), &format!("{line} || true")),
        "EACCES\n",
        "nodev"
    );
    assert_eq!(with_loosened(&lab, &profile(""), "/w", &line), "worked");
    assert_eq!(with_loosened(&lab, &profile(LIMITS), "/w", &line), "EPERM");
    assert_eq!(devices_layer(&lab), "mounts and control group");
    assert_eq!(lab.run(&lab.profile(""), &["true"]).code(), 0);
    assert_eq!(devices_layer(&lab), "mounts alone");
}

fn devices_layer(lab: &Lab) -> String {
    let report = lab.report();
    let mut layers = report["isolation"].as_array().unwrap().iter();
    let layer = layers.find(|layer| layer["layer"] == "devices").unwrap();
    assert_eq!(layer["state"], "enforced");
    layer["value"].as_str().unwrap().to_owned()
}
