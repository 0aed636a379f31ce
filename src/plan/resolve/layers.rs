//! How the mounts lie over each other and over the tree.

use std::collections::HashMap;
use std::path::Path;

use crate::diag::{At, Problem};
use crate::model::guard::{self, Guard};
use crate::model::{CgroupMount, InsidePath, PathFact, PathKind, ProcMount, SysMount};
use crate::plan::{Mount, MountKind, MountPoint, MountPointKind, System, TargetPoint, TreeSource};

use super::mounts::shape;
use super::scope::Scope;
use super::sources::{Tree, given_path};

/// All mounts, parents before children, each with who makes its target.
pub(super) fn order(tree: &Tree, profile: Vec<At<Mount>>, scope: &mut Scope<'_>) -> Vec<At<Mount>> {
    let mut mounts = tree.host_binds.clone();
    mounts.extend(profile);
    mounts = one_a_target(mounts, scope);
    // Stable: at one depth, `host` sources come first and the rest in file order.
    mounts.sort_by_key(|mount| mount.value.target.depth());
    // Found by their targets: a profile has room for tens of thousands, and to compare each with each takes minutes.
    let targets = mounts.iter().map(|mount| mount.value.target.as_str());
    let places: HashMap<String, usize> = targets.map(str::to_owned).zip(0..).collect();
    for index in 0..mounts.len() {
        let (lower, upper) = mounts.split_at_mut(index);
        if let Some(mount) = upper.first_mut() {
            let above = above(mount.value.target.as_str()).find_map(|path| places.get(path));
            let parent = above.and_then(|place| lower.get(*place));
            mount.value.point = target_point(mount, parent, scope);
        }
    }
    judge_links(tree, &mounts, scope);
    warn_hidden(tree, &mounts, &places, scope);
    mounts
}

/// The directories above a path inside, the nearest first; of a path that no call takes, none.
fn above(path: &str) -> impl Iterator<Item = &str> {
    let ancestors = Path::new(path).ancestors().skip(1);
    let ancestors = ancestors.take_while(|_| path.len() <= InsidePath::LONGEST);
    // A path whose beginning is a variable lies below the root too.
    let root = (!path.starts_with('/')).then_some("/");
    ancestors.filter_map(Path::to_str).chain(root)
}

fn one_a_target(mounts: Vec<At<Mount>>, scope: &mut Scope<'_>) -> Vec<At<Mount>> {
    let mut kept: Vec<At<Mount>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for mount in mounts {
        let target = &mount.value.target;
        let first = places.get(target.as_str());
        let offence = first.and_then(|place| kept.get(*place)).map(|first| {
            Problem::error(
                "mount.duplicate-target",
                &mount.origin,
                format!("two mounts on `{target}`"),
            )
            .label("and here again")
            .also(&first.origin, "first here")
            .help("keep one of the two, or choose another target")
        });
        if scope.sound(offence).is_some() {
            places.insert(target.as_str().to_owned(), kept.len());
            kept.push(mount);
        }
    }
    kept
}

/// Who makes the target of `mount`: the layer right below it decides.
fn target_point(
    mount: &At<Mount>,
    parent: Option<&At<Mount>>,
    scope: &mut Scope<'_>,
) -> TargetPoint {
    let Some(parent) = parent else {
        return TargetPoint::InTree;
    };
    match &parent.value.kind {
        // A volume is the sandbox's own: what it lacks is made in it, and stays.
        MountKind::Tmpfs { .. } | MountKind::Volume { .. } => TargetPoint::Made,
        MountKind::Socket { source, .. } => {
            judge_point(mount, parent, source, MountPointKind::File, scope);
            TargetPoint::MustExist
        }
        // Added later.
        MountKind::Part { .. } => TargetPoint::MustExist,
        MountKind::Bind {
            source,
            shape: below,
            ..
        } => {
            judge_point(mount, parent, source, *below, scope);
            TargetPoint::MustExist
        }
    }
}

/// Nothing is made in the user's files, so what is mounted there must stand on something.
fn judge_point(
    mount: &At<Mount>,
    parent: &At<Mount>,
    source: &str,
    below: MountPointKind,
    scope: &mut Scope<'_>,
) {
    if !guard::holds(Guard::OwnPoints) {
        return;
    }
    let target = &mount.value.target;
    if below == MountPointKind::File {
        let message = format!("mount target `{target}` lies below a file");
        let problem = Problem::error("mount.below-file", &mount.origin, message)
            .also(&parent.origin, "this mounts the file")
            .help("choose another target");
        return scope.report(problem);
    }
    let rest = target.as_str().strip_prefix(parent.value.target.as_str());
    let host = format!(
        "{}{}",
        source.trim_end_matches('/'),
        rest.unwrap_or_default()
    );
    let needed = shape(&mount.value);
    let problem = |code, message: String| {
        Problem::error(code, &mount.origin, message)
            .also(&parent.origin, "nothing is made in what this binds")
    };
    let problem = match scope.path_fact(&host) {
        Some(PathFact::Missing) => {
            let message = format!("mount target `{target}` is not in the bind below it");
            let make = match needed {
                MountPointKind::Directory => "mkdir -p",
                MountPointKind::File => "touch",
            };
            problem("mount.target-missing", message).help(format!("make it with `{make} {host}`"))
        }
        Some(PathFact::Present { kind, .. }) if point_kind(*kind) != needed => {
            let message = format!("mount target `{target}` is {}", not_a(needed));
            problem("mount.target-kind", message).help("choose another target")
        }
        _ => return,
    };
    scope.report(problem);
}

/// What a place is that is not of the kind that is needed.
fn not_a(needed: MountPointKind) -> &'static str {
    match needed {
        MountPointKind::Directory => "a file, and what is mounted on it a directory",
        MountPointKind::File => "a directory, and what is mounted on it a file",
    }
}

fn point_kind(kind: PathKind) -> MountPointKind {
    match kind {
        PathKind::Directory => MountPointKind::Directory,
        _ => MountPointKind::File,
    }
}

/// A mount behind a link of the tree would land elsewhere than it says.
fn judge_links(tree: &Tree, mounts: &[At<Mount>], scope: &mut Scope<'_>) {
    let mut links = HashMap::new();
    for source in &tree.sources {
        if let TreeSource::Symlink { path, target, .. } = &source.value {
            links.entry(path.as_str()).or_insert((source, path, target));
        }
    }
    for mount in mounts {
        let at = mount.value.target.as_str();
        let leads = std::iter::once(at).chain(above(at));
        for (source, path, target) in leads.filter_map(|path| links.get(path)) {
            let message = format!(
                "mount target `{}` lies behind the link `{path}`",
                mount.value.target
            );
            let rest = mount.value.target.as_str().strip_prefix(path.as_str());
            let lead = match target.starts_with('/') {
                true => String::new(),
                false => path
                    .parent()
                    .map_or_else(String::new, |parent| format!("{parent}/")),
            };
            let direct =
                super::paths::without_dots(&format!("{lead}{target}{}", rest.unwrap_or_default()));
            scope.report(
                Problem::error("mount.target-link", &mount.origin, message)
                    .also(&source.origin, "this brings the link")
                    .help(format!("write `{direct}`")),
            );
        }
    }
}

/// What is put into the tree below a mount is never seen.
fn warn_hidden(
    tree: &Tree,
    mounts: &[At<Mount>],
    places: &HashMap<String, usize>,
    scope: &mut Scope<'_>,
) {
    for source in &tree.sources {
        let Some(path) = given_path(&source.value).and_then(|path| path.parse().ok()) else {
            continue;
        };
        let path: InsidePath = path;
        let itself = match source.value {
            // A directory is what a mount stands on.
            TreeSource::Dir { .. } => None,
            _ => Some(path.as_str()),
        };
        // The outermost of them.
        let hiding = itself.into_iter().chain(above(path.as_str()));
        let hiding = hiding.filter_map(|path| places.get(path)).last();
        let Some(mount) = hiding.and_then(|place| mounts.get(*place)) else {
            continue;
        };
        let message = format!(
            "`{path}` is never seen: `{}` is mounted over it",
            mount.value.target
        );
        scope.report(
            Problem::warning("rootfs.hidden", &source.origin, message)
                .also(&mount.origin, "this hides it")
                .help("leave one of the two out"),
        );
    }
}

/// Where something is mounted on the tree at the start, parents first.
pub(super) fn mount_points(mounts: &[At<Mount>], system: Option<&System>) -> Vec<MountPoint> {
    let mut points = kernel_points(system);
    let in_tree = mounts
        .iter()
        .filter(|mount| mount.value.point == TargetPoint::InTree);
    points.extend(in_tree.map(|mount| MountPoint {
        path: mount.value.target.clone(),
        kind: shape(&mount.value),
    }));
    points.sort_by(|a, b| (a.path.depth(), &a.path).cmp(&(b.path.depth(), &b.path)));
    points
}

fn kernel_points(system: Option<&System>) -> Vec<MountPoint> {
    let mut paths = vec!["/dev"];
    if let Some(system) = system {
        if system.proc.value != ProcMount::None {
            paths.push("/proc");
        }
        if system.sys.value != SysMount::None {
            paths.push("/sys");
        } else if system.cgroup.value != CgroupMount::None {
            // On a /sys of its own the kernel has made this place.
            paths.push("/sys/fs/cgroup");
        }
    }
    let point = |path: &str| {
        Some(MountPoint {
            path: path.parse().ok()?,
            kind: MountPointKind::Directory,
        })
    };
    paths.into_iter().filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Access, ByteSize, FileMode};
    use crate::plan::resolve::testing::{Bench, codes, here, place, present};
    use crate::plan::{Existing, Missing, OwnerMap};

    fn mount(target: &str, kind: MountKind) -> At<Mount> {
        here(Mount {
            target: target.parse().unwrap(),
            kind,
            options: vec![],
            point: TargetPoint::InTree,
        })
    }

    fn bind(target: &str) -> At<Mount> {
        let kind = MountKind::Bind {
            source: format!("/host{target}"),
            shape: MountPointKind::Directory,
            access: Access::ReadOnly,
            owner: OwnerMap::Kept,
            missing: Missing::Refused,
        };
        mount(target, kind)
    }

    fn tmpfs(target: &str) -> At<Mount> {
        let kind = MountKind::Tmpfs {
            size: ByteSize(1),
            mode: FileMode(0o1777),
        };
        mount(target, kind)
    }

    fn ordered(
        tree: &Tree,
        mounts: &[At<Mount>],
        bench: &Bench,
    ) -> (Vec<At<Mount>>, Vec<&'static str>) {
        let mut scope = bench.scope();
        let mounts = order(tree, mounts.to_vec(), &mut scope);
        (mounts, codes(scope))
    }

    #[test]
    fn parents_come_before_children_and_decide_who_makes_their_targets() {
        let mounts = [bind("/a/b/c"), tmpfs("/a/b"), bind("/a"), tmpfs("/t")];
        let (mounts, codes) = ordered(&Tree::default(), &mounts, &Bench::symbolic());
        assert!(codes.is_empty());
        let found: Vec<_> = mounts
            .iter()
            .map(|at| (at.value.target.as_str(), at.value.point))
            .collect();
        let expected = [
            ("/a", TargetPoint::InTree),
            ("/t", TargetPoint::InTree),
            ("/a/b", TargetPoint::MustExist),
            ("/a/b/c", TargetPoint::Made),
        ];
        assert_eq!(found, expected);
        let points = mount_points(&mounts, None);
        let points: Vec<_> = points.iter().map(|point| point.path.as_str()).collect();
        assert_eq!(points, ["/a", "/dev", "/t"]);
    }

    #[test]
    fn a_target_below_a_bind_must_be_there_and_fit() {
        let mounts = [bind("/a"), tmpfs("/a/x"), tmpfs("/a/y"), tmpfs("/a/z")];
        let bench = Bench::host()
            .with("/host/a/x", PathFact::Missing)
            .with("/host/a/y", present(PathKind::File))
            .with("/host/a/z", present(PathKind::Directory));
        let (_, codes) = ordered(&Tree::default(), &mounts, &bench);
        assert_eq!(codes, ["mount.target-kind", "mount.target-missing"]);
    }

    #[test]
    fn two_mounts_on_one_target_are_an_error() {
        let tree = Tree {
            host_binds: vec![bind("/usr")],
            ..Tree::default()
        };
        let (_, codes) = ordered(&tree, &[tmpfs("/usr")], &Bench::symbolic());
        assert_eq!(codes, ["mount.duplicate-target"]);
    }

    #[test]
    fn links_and_hidden_files_are_told() {
        let file = TreeSource::File {
            path: "/t/x".parse().unwrap(),
            text: String::new(),
            mode: FileMode(0o644),
            existing: Existing::Replaced,
        };
        let link = TreeSource::Symlink {
            path: "/bin".parse().unwrap(),
            target: "usr/bin".to_owned(),
            existing: Existing::Kept,
        };
        let tree = Tree {
            sources: vec![here(file), here(link)],
            host_binds: vec![],
        };
        let bench = Bench::symbolic();
        let mut scope = bench.scope();
        order(&tree, vec![tmpfs("/t"), tmpfs("/bin/x")], &mut scope);
        let problems = scope.problems.sorted();
        let helps: Vec<_> = problems
            .iter()
            .map(|problem| (problem.code, problem.help.as_deref()))
            .collect();
        assert!(
            helps.contains(&("mount.target-link", Some("write `/usr/bin/x`"))),
            "{helps:?}"
        );
        assert!(
            problems
                .iter()
                .any(|problem| problem.code == "rootfs.hidden")
        );
        assert_eq!(problems[0].label.origin, place());
    }
}
