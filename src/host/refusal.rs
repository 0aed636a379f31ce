//! What the host says of itself after it refused a step. It reads and changes nothing, and a part that
//! cannot be read is simply not known.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};
use nix::sys::utsname::uname;
use nix::unistd::{getegid, geteuid};

use crate::model::{HostState, Switch};

/// The kinds of namespace that /proc/sys/user counts (namespaces(7)).
const LIMITS: [&str; 8] = [
    "max_user_namespaces",
    "max_mnt_namespaces",
    "max_pid_namespaces",
    "max_ipc_namespaces",
    "max_uts_namespaces",
    "max_net_namespaces",
    "max_cgroup_namespaces",
    "max_time_namespaces",
];

/// What the kernel itself mounts below /proc and /sys, which hides nothing.
const HARMLESS: [&str; 12] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "efivarfs",
    "fusectl",
    "pstore",
    "securityfs",
    "tracefs",
];

/// CAP_SYS_ADMIN, the bit in `CapEff:` (capability.h).
const ADMINISTERS: u32 = 21;

/// Reads everything; `tree` is the built root tree, where there is one.
pub fn probe(tree: Option<&Path>) -> HostState {
    let status = text("/proc/self/status");
    let mounts = text("/proc/self/mountinfo");
    let mounts = mounts.as_deref().map(Mounts::parse);
    let limits = LIMITS.iter().filter_map(|name| {
        let value = text(&format!("/proc/sys/user/{name}"))?;
        Some((*name, value.trim().parse().ok()?))
    });
    HostState {
        user_namespaces: exists("/proc/self/ns/user"),
        time_namespaces: exists("/proc/self/ns/time"),
        namespace_limits: limits.collect(),
        unprivileged_user_namespaces: switch("/proc/sys/kernel/unprivileged_userns_clone"),
        apparmor_restricts_user_namespaces: switch(
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        ),
        apparmor_profile: apparmor_profile(),
        selinux: switch("/sys/fs/selinux/enforce"),
        filtered: status.as_deref().and_then(|text| nonzero(text, "Seccomp:")),
        traced: status
            .as_deref()
            .and_then(|text| nonzero(text, "TracerPid:")),
        chroot: mounts
            .as_ref()
            .map(|mounts| mounts.root_is_missing().into()),
        root_type: mounts.as_ref().and_then(Mounts::root_type),
        ids_mapped: ids_mapped(),
        administers: status.as_deref().and_then(administers),
        mounts_below_proc: mounts.as_ref().map_or(Vec::new(), |m| m.below("/proc")),
        mounts_below_sys: mounts.as_ref().map_or(Vec::new(), |m| m.below("/sys")),
        proc_read_only: mounts.as_ref().and_then(Mounts::proc_read_only),
        kernel: uname()
            .ok()
            .and_then(|name| release(name.release().to_str()?)),
        tree_noexec: tree.and_then(|tree| {
            let flags = statvfs(tree).ok()?.flags();
            Some(flags.contains(FsFlags::ST_NOEXEC).into())
        }),
        tree: tree.map(Path::to_owned),
        program: None,
        mounts: mounts.map_or(Vec::new(), |mounts| mounts.all()),
    }
}

pub(super) fn text(path: &str) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a file of /proc is there; not known where /proc itself is not.
fn exists(path: &str) -> Option<Switch> {
    let proc_is_there = fs::symlink_metadata("/proc/self/ns").is_ok();
    proc_is_there.then(|| fs::symlink_metadata(path).is_ok().into())
}

/// A sysctl that is a number: anything but zero is on.
fn switch(path: &str) -> Option<Switch> {
    let value: u64 = text(path)?.trim().parse().ok()?;
    Some((value != 0).into())
}

/// The first of the two places that a kernel may have (apparmor(7)).
fn apparmor_profile() -> Option<String> {
    let places = [
        "/proc/self/attr/apparmor/current",
        "/proc/self/attr/current",
    ];
    // The second place is also SELinux's, whose labels are no profile.
    fs::metadata("/sys/module/apparmor").ok()?;
    let label = places.iter().find_map(|place| text(place))?;
    let name = label.trim_end_matches(['\0', '\n']);
    let name = name.split(" (").next().unwrap_or(name);
    (!name.is_empty()).then(|| name.to_owned())
}

pub(super) fn field<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.map(str::trim)
}

pub(super) fn nonzero(status: &str, key: &str) -> Option<Switch> {
    let value: u64 = field(status, key)?.parse().ok()?;
    Some((value != 0).into())
}

fn administers(status: &str) -> Option<Switch> {
    let mask = u64::from_str_radix(field(status, "CapEff:")?, 16).ok()?;
    Some((mask & (1 << ADMINISTERS) != 0).into())
}

/// A process with ids that are not mapped may map nobody (user_namespaces(7)).
fn ids_mapped() -> Option<Switch> {
    let user = is_mapped(&text("/proc/self/uid_map")?, geteuid().as_raw())?;
    let group = is_mapped(&text("/proc/self/gid_map")?, getegid().as_raw())?;
    Some((user && group).into())
}

/// Whether a range of the map holds `id`.
///
/// A process whose id is not mapped sees the overflow id (65534), which the whole map of an ordinary
/// host holds too, but no small one does.
fn is_mapped(map: &str, id: u32) -> Option<bool> {
    let mut mapped = false;
    for line in map.lines() {
        let mut numbers = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(inside)), Some(Ok(_)), Some(Ok(count))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return None;
        };
        mapped |= (inside..inside.saturating_add(count)).contains(&u64::from(id));
    }
    Some(mapped)
}

/// The first two numbers: `6.18.5-arch1` is (6, 18).
fn release(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// What mountinfo says.
struct Mounts<'a> {
    list: Vec<Mounted<'a>>,
}

/// One mount: where, its own options, and the type of its file system.
struct Mounted<'a> {
    point: &'a str,
    options: &'a str,
    kind: &'a str,
}

impl<'a> Mounts<'a> {
    /// The fields are `id parent device root mount-point options [optional…] - type source super`
    /// (proc_pid_mountinfo(5)); mount points keep their escapes, which those of interest have none of.
    fn parse(text: &'a str) -> Mounts<'a> {
        let list = text.lines().filter_map(|line| {
            let (place, file_system) = line.split_once(" - ")?;
            let mut place = place.split(' ').skip(4);
            Some(Mounted {
                point: place.next()?,
                options: place.next()?,
                kind: file_system.split(' ').next()?,
            })
        });
        Mounts {
            list: list.collect(),
        }
    }

    /// In a chroot no mount point is the root, unless the directory of the chroot is one.
    fn root_is_missing(&self) -> bool {
        !self.list.iter().any(|mount| mount.point == "/")
    }

    /// Of the last mount, which covers earlier ones.
    fn root_type(&self) -> Option<String> {
        let root = self.list.iter().rfind(|mount| mount.point == "/")?;
        Some(root.kind.to_owned())
    }

    /// What hides a part of the file system at `top`.
    fn below(&self, top: &str) -> Vec<PathBuf> {
        let below = |mount: &&Mounted<'_>| {
            let rest = mount.point.strip_prefix(top);
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let hiding = self.list.iter().filter(below);
        let hiding = hiding.filter(|mount| !HARMLESS.contains(&mount.kind));
        hiding.map(|mount| PathBuf::from(mount.point)).collect()
    }

    fn all(&self) -> Vec<(PathBuf, String)> {
        let all = self.list.iter();
        all.map(|mount| (PathBuf::from(mount.point), mount.kind.to_owned()))
            .collect()
    }

    fn proc_read_only(&self) -> Option<Switch> {
        let proc = self.list.iter().rfind(|mount| mount.point == "/proc")?;
        Some(proc.options.split(',').any(|option| option == "ro").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A container as its engine makes it: parts of /proc masked or read-only.
    const CONTAINER: &str = "\
700 600 0:50 / / rw,relatime master:1 - overlay overlay rw,lowerdir=x
701 700 0:51 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
702 701 0:51 /bus /proc/bus ro,nosuid,nodev,noexec,relatime - proc proc rw
703 701 0:52 / /proc/acpi ro,relatime - tmpfs tmpfs ro
704 700 0:53 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro
705 704 0:54 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw
706 704 0:55 / /sys/firmware ro,relatime - tmpfs tmpfs ro
";

    #[test]
    fn what_a_container_hides_is_seen() {
        let mounts = Mounts::parse(CONTAINER);
        assert_eq!(
            mounts.below("/proc"),
            ["/proc/bus", "/proc/acpi"].map(PathBuf::from)
        );
        assert_eq!(mounts.below("/sys"), ["/sys/firmware"].map(PathBuf::from));
        assert_eq!(mounts.proc_read_only(), Some(Switch::Off));
        assert!(!mounts.root_is_missing());
        assert_eq!(mounts.root_type().as_deref(), Some("overlay"));
    }

    #[test]
    fn what_the_host_mounts_below_proc_hides_nothing() {
        let host = "\
22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw
24 22 0:22 / /proc ro,nosuid - proc proc rw
30 24 0:33 / /proc/sys/fs/binfmt_misc rw,relatime shared:14 - autofs systemd-1 rw,fd=29
31 22 0:34 / /process rw - tmpfs tmpfs rw
";
        let mounts = Mounts::parse(host);
        assert!(mounts.below("/proc").is_empty());
        assert_eq!(mounts.proc_read_only(), Some(Switch::On));
    }

    #[test]
    fn a_chroot_has_no_mount_at_its_root() {
        let mounts = Mounts::parse("24 22 0:22 / /proc rw - proc proc rw\nnot a mount\n");
        assert!(mounts.root_is_missing());
        assert_eq!(mounts.root_type(), None);
    }

    #[test]
    fn ids_lie_in_a_range_of_the_map_or_not() {
        assert_eq!(
            is_mapped("         0          0 4294967295\n", 1000),
            Some(true)
        );
        assert_eq!(
            is_mapped("      1000       1000          1\n", 1000),
            Some(true)
        );
        assert_eq!(is_mapped("0 1000 1\n1 100000 65536\n", 65534), Some(true));
        assert_eq!(is_mapped("1000 1000 1\n", 65534), Some(false));
        assert_eq!(is_mapped("", 0), Some(false));
        assert_eq!(is_mapped("junk\n", 0), None);
    }

    #[test]
    fn texts_of_the_kernel_are_read() {
        let status = "Name:\tx\nTracerPid:\t0\nCapEff:\t000001ffffffffff\nSeccomp:\t2\nSeccomp_filters:\t1\n";
        assert_eq!(nonzero(status, "Seccomp:"), Some(Switch::On));
        assert_eq!(nonzero(status, "TracerPid:"), Some(Switch::Off));
        assert_eq!(administers(status), Some(Switch::On));
        assert_eq!(
            administers("CapEff:\t0000000000000000\n"),
            Some(Switch::Off)
        );
        assert_eq!(nonzero("", "Seccomp:"), None);
        assert_eq!(release("6.18.5-arch1"), Some((6, 18)));
        assert_eq!(release("4.4.0-19041-Microsoft"), Some((4, 4)));
        assert_eq!(release("x"), None);
    }

    #[test]
    fn this_host_is_read_without_an_error() {
        let state = probe(Some(Path::new("/proc")));
        assert_eq!(state.user_namespaces, Some(Switch::On));
        assert_eq!(state.ids_mapped, Some(Switch::On));
        assert!(state.namespace_limit("max_user_namespaces").is_some());
        assert!(state.kernel.is_some() && !state.is_older_than((3, 0)));
        let nowhere = probe(Some(Path::new("/no/such/tree")));
        assert_eq!(nowhere.tree_noexec, None);
    }
}
