//! Which control group hierarchies there are, and where the caller's own groups lie in them.
//!
//! Two texts say it: /proc/self/mountinfo (what is mounted where, and which group is the root of
//! that mount) and /proc/self/cgroup (the caller's group in each hierarchy). Neither is enough by
//! itself: in a container the mount may start below the real root, and in a cgroup namespace both
//! paths are relative to the namespace's root and may begin with `/..`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use crate::model::{CgroupFacts, CgroupVersion, Hierarchy};

/// Larger than mountinfo with 100,000 mounts; what is longer is cut, and its tail not seen.
const LONGEST_TEXT: u64 = 32 << 20;

/// Reads which hierarchies the caller is in.
///
/// Nothing mounted, or a hidden /proc, is no error: the list is then empty, and whoever needs a
/// limit says so under the line that asked for it.
pub fn probe() -> CgroupFacts {
    let mountinfo = read("/proc/self/mountinfo".as_ref()).unwrap_or_default();
    let own_groups = read("/proc/self/cgroup".as_ref()).unwrap_or_default();
    let mut facts = parse(&mountinfo, &own_groups);
    for hierarchy in &mut facts.hierarchies {
        if hierarchy.version == CgroupVersion::V2 {
            let offered = read(&hierarchy.own.join("cgroup.controllers")).unwrap_or_default();
            hierarchy.controllers = offered.split_whitespace().map(str::to_owned).collect();
        }
    }
    facts
}

/// One open, the reads, one close: no stat or seek as `std::fs::read_to_string` makes them.
fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::with_capacity(16 << 10);
    File::open(path)?
        .take(LONGEST_TEXT)
        .read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The hierarchies that both texts tell of; those of v2 without their controllers yet.
fn parse(mountinfo: &str, own_groups: &str) -> CgroupFacts {
    let mounts = cgroup_mounts(mountinfo);
    let hierarchies = own_groups
        .lines()
        .filter_map(OwnGroup::parse)
        .filter_map(|group| group.locate(&mounts))
        .collect();
    CgroupFacts { hierarchies }
}

/// A cgroup or cgroup2 file system in mountinfo.
#[derive(Debug, PartialEq, Eq)]
struct CgroupMount<'a> {
    version: CgroupVersion,
    /// The group that is this mount's root, relative to the root of the cgroup namespace.
    root: PathBuf,
    mount: PathBuf,
    read_only: bool,
    /// Options of the super block: controllers and `name=` are among them.
    options: Vec<&'a str>,
}

/// Every cgroup mount that is not covered by a later mount at the same place.
fn cgroup_mounts(mountinfo: &str) -> Vec<CgroupMount<'_>> {
    let mut mounts: Vec<CgroupMount<'_>> = Vec::new();
    for line in mountinfo.lines() {
        let Some((point, mount)) = parse_mount(line) else {
            continue;
        };
        if !mounts.is_empty() {
            let point = unescape(point);
            mounts.retain(|earlier| earlier.mount != point);
        }
        mounts.extend(mount);
    }
    mounts
}

/// The mount point of a line (still escaped), and the rest where it is a cgroup file system.
///
/// The fields are `id parent device root mount-point options [optional…] - type source super`
/// (proc_pid_mountinfo(5)).
fn parse_mount(line: &str) -> Option<(&str, Option<CgroupMount<'_>>)> {
    let (place, file_system) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(3);
    let (root, point, options) = (place.next()?, place.next()?, place.next()?);
    let mut file_system = file_system.split(' ');
    let version = match file_system.next()? {
        "cgroup" => CgroupVersion::V1,
        "cgroup2" => CgroupVersion::V2,
        _ => return Some((point, None)),
    };
    let super_options: Vec<&str> = file_system.nth(1).unwrap_or("").split(',').collect();
    let mount = CgroupMount {
        version,
        root: unescape(root),
        mount: unescape(point),
        read_only: options.split(',').any(|option| option == "ro") || super_options.contains(&"ro"),
        options: super_options,
    };
    Some((point, Some(mount)))
}

/// Undoes the octal escapes that the kernel writes for space, tab, newline, `\` and `#`.
fn unescape(field: &str) -> PathBuf {
    let mut parts = field.split('\\');
    let mut path = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let code = part
            .get(..3)
            .and_then(|octal| u8::from_str_radix(octal, 8).ok());
        match code {
            Some(byte) if byte.is_ascii() => {
                path.push(char::from(byte));
                path.push_str(&part[3..]);
            }
            _ => {
                path.push('\\');
                path.push_str(part);
            }
        }
    }
    PathBuf::from(path)
}

/// A line of /proc/self/cgroup: `id:controllers:path`.
#[derive(Debug, PartialEq, Eq)]
struct OwnGroup<'a> {
    version: CgroupVersion,
    /// Controllers, and `name=…`; nothing on v2.
    labels: Vec<&'a str>,
    path: &'a Path,
}

impl<'a> OwnGroup<'a> {
    fn parse(line: &'a str) -> Option<OwnGroup<'a>> {
        let mut fields = line.splitn(3, ':');
        let (id, labels, path) = (fields.next()?, fields.next()?, fields.next()?);
        // A group that was removed below its last process can take no group in.
        if path.ends_with(" (deleted)") {
            return None;
        }
        let (version, labels) = match (id, labels) {
            ("0", "") => (CgroupVersion::V2, Vec::new()),
            (_, "") => return None,
            (_, labels) => (CgroupVersion::V1, labels.split(',').collect()),
        };
        let path = Path::new(path);
        Some(OwnGroup {
            version,
            labels,
            path,
        })
    }

    /// Finds the group below a mount of its hierarchy, best one that may be written to.
    fn locate(&self, mounts: &[CgroupMount<'_>]) -> Option<Hierarchy> {
        let seen = mounts
            .iter()
            .filter(|mount| self.is_of(mount))
            .filter_map(|mount| Some((mount, below(&mount.root, self.path)?)));
        let (mount, inside) = seen.min_by_key(|(mount, _)| mount.read_only)?;
        // `components` drops the slash that joining an empty path leaves behind.
        let own = mount.mount.join(inside).components().collect();
        let controllers = self
            .labels
            .iter()
            .filter(|label| !label.starts_with("name="));
        Some(Hierarchy {
            version: self.version,
            controllers: controllers.map(|label| (*label).to_owned()).collect(),
            mount: mount.mount.clone(),
            own,
        })
    }

    fn is_of(&self, mount: &CgroupMount<'_>) -> bool {
        let has = |label| mount.options.contains(label);
        self.version == mount.version && self.labels.iter().all(has)
    }
}

/// `path` relative to the mount whose root is the group `root`; nothing where the group lies outside.
///
/// Both are relative to the root of the cgroup namespace, so both may begin with `..`. What is left
/// must not: `/../x` lies beside the namespace's root, and a mount of that root cannot show it.
fn below<'a>(root: &Path, path: &'a Path) -> Option<&'a Path> {
    let inside = path.strip_prefix(root).ok()?;
    let plain = |component| matches!(component, Component::Normal(_));
    inside.components().all(plain).then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(mountinfo: &str, own: &str) -> Vec<(String, String)> {
        let line = |hierarchy: Hierarchy| {
            (
                hierarchy.controllers.join(","),
                hierarchy.own.display().to_string(),
            )
        };
        parse(mountinfo, own)
            .hierarchies
            .into_iter()
            .map(line)
            .collect()
    }

    fn pair(controllers: &str, own: &str) -> (String, String) {
        (controllers.to_owned(), own.to_owned())
    }

    #[test]
    fn pure_v2_with_a_user_session() {
        let mountinfo = "\
24 29 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:13 - proc proc rw
35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
";
        let own = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope\n";
        let facts = parse(mountinfo, own);
        let unified = facts.unified().unwrap();
        assert_eq!(unified.mount, Path::new("/sys/fs/cgroup"));
        assert_eq!(
            unified.own,
            Path::new(
                "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope"
            )
        );
        assert_eq!(facts.v1_with("memory"), None);
    }

    #[test]
    fn hybrid_with_co_mounted_and_named_hierarchies() {
        let mountinfo = "\
26 18 0:23 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755
27 26 0:24 / /sys/fs/cgroup/unified rw,nosuid,nodev,noexec,relatime shared:10 - cgroup2 cgroup2 rw,nsdelegate
28 26 0:25 / /sys/fs/cgroup/systemd rw,nosuid,nodev,noexec,relatime shared:11 - cgroup cgroup rw,xattr,name=systemd
32 26 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid,nodev,noexec,relatime shared:16 - cgroup cgroup rw,cpu,cpuacct
33 26 0:30 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime shared:17 - cgroup cgroup rw,memory
34 26 0:31 / /sys/fs/cgroup/cpuset rw,relatime shared:18 - cgroup cgroup rw,cpuset,clone_children
";
        let own = "\
9:cpuset:/
5:memory:/user.slice/user-0.slice/session-1.scope
4:cpu,cpuacct:/user.slice
3:pids:/user.slice/user-0.slice/session-1.scope
1:name=systemd:/user.slice/user-0.slice/session-1.scope
0::/user.slice/user-0.slice/session-1.scope
";
        assert_eq!(
            found(mountinfo, own),
            [
                pair("cpuset", "/sys/fs/cgroup/cpuset"),
                pair(
                    "memory",
                    "/sys/fs/cgroup/memory/user.slice/user-0.slice/session-1.scope"
                ),
                pair("cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/user.slice"),
                pair(
                    "",
                    "/sys/fs/cgroup/systemd/user.slice/user-0.slice/session-1.scope"
                ),
                pair(
                    "",
                    "/sys/fs/cgroup/unified/user.slice/user-0.slice/session-1.scope"
                ),
            ]
        );
        let facts = parse(mountinfo, own);
        assert_eq!(
            facts.v1_with("cpu").map(|hierarchy| &hierarchy.mount),
            Some(&PathBuf::from("/sys/fs/cgroup/cpu,cpuacct"))
        );
        assert_eq!(
            facts.v1_with("cp"),
            None,
            "a part of a name is another name"
        );
    }

    #[test]
    fn a_container_without_a_cgroup_namespace_sees_its_group_as_the_mounts_root() {
        let mountinfo = "720 710 0:30 /docker/4f5a /sys/fs/cgroup/memory ro,nosuid,nodev,noexec,relatime master:17 - cgroup cgroup rw,memory\n";
        assert_eq!(
            found(mountinfo, "5:memory:/docker/4f5a\n"),
            [pair("memory", "/sys/fs/cgroup/memory")]
        );
        assert_eq!(
            found(mountinfo, "5:memory:/docker/4f5a/inner\n"),
            [pair("memory", "/sys/fs/cgroup/memory/inner")]
        );
        assert_eq!(
            found(mountinfo, "5:memory:/docker/4f5ab\n"),
            [],
            "a name that only begins alike is another group"
        );
    }

    #[test]
    fn in_a_cgroup_namespace_roots_may_lie_above_it() {
        let mount = |root: &str| {
            format!("35 24 0:30 {root} /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n")
        };
        assert_eq!(
            found(&mount("/"), "0::/job\n"),
            [pair("", "/sys/fs/cgroup/job")]
        );
        assert_eq!(
            found(&mount("/.."), "0::/../other\n"),
            [pair("", "/sys/fs/cgroup/other")]
        );
        assert_eq!(
            found(&mount("/.."), "0::/\n"),
            [],
            "the way down from the mount's root has no name here"
        );
        assert_eq!(
            found(&mount("/"), "0::/../other\n"),
            [],
            "the own group lies outside of the mount"
        );
    }

    #[test]
    fn a_writable_mount_is_preferred_and_a_covered_one_forgotten() {
        let two = "\
35 24 0:30 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup2 rw
36 24 0:30 / /run/my\\040groups rw,nosuid - cgroup2 cgroup2 rw
";
        assert_eq!(found(two, "0::/a\n"), [pair("", "/run/my groups/a")]);
        let covered = "\
35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
36 35 0:41 / /sys/fs/cgroup rw - tmpfs tmpfs rw
";
        assert_eq!(found(covered, "0::/a\n"), []);
        let again = "\
35 24 0:30 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw
36 35 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
";
        assert_eq!(found(again, "0::/\n"), [pair("", "/sys/fs/cgroup")]);
    }

    #[test]
    fn escapes_colons_and_odd_lines() {
        let mountinfo = "\
not a mount
35 24 0:30 / /a\\134b\\011c\\999\\04 rw - cgroup cgroup rw,memory
36 24
";
        let own = "\
junk
7::/v1-without-labels
3:memory:/a:b c
0::/gone (deleted)
";
        assert_eq!(
            found(mountinfo, own),
            [pair("memory", "/a\\b\tc\\999\\04/a:b c")]
        );
        assert_eq!(found("", ""), []);
        assert_eq!(found("", "0::/\n"), [], "nothing is mounted");
    }

    #[test]
    fn the_reader_agrees_with_this_host() {
        for hierarchy in probe().hierarchies {
            let procs = std::fs::read_to_string(hierarchy.own.join("cgroup.procs")).unwrap();
            let own = std::process::id().to_string();
            assert!(
                procs.lines().any(|line| line == own),
                "{} does not hold this process",
                hierarchy.own.display()
            );
        }
    }
}
