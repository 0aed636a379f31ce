//! Files, directories, links that a profile states, their order, and mount points.

use std::fs;

use sandbox::plan::{Existing, Missing, MountPointKind, TreePlan, TreeSource};
use sandbox::rootfs::Part;

use crate::lab::{Lab, copy_to, dir, file, inside, mode, mount_point, plan, read, symlink};

#[test]
fn files_directories_and_links_are_made_as_stated() {
    let lab = Lab::new();
    let tree = lab.build(&plan([
        file("/etc/motd", "dev\n"),
        dir("/home/user", 0o700),
        dir("/tmp", 0o1777),
        symlink("/etc/mtab", "/proc/mounts"),
    ]));
    assert_eq!(read(inside(&tree, "/etc/motd")), "dev\n");
    assert_eq!(mode(inside(&tree, "/etc/motd")), 0o640);
    assert_eq!(mode(inside(&tree, "/etc")), 0o755);
    assert_eq!(mode(inside(&tree, "/home")), 0o755);
    assert_eq!(mode(inside(&tree, "/home/user")), 0o700);
    assert_eq!(mode(inside(&tree, "/tmp")), 0o1777);
    assert_eq!(mode(&tree.root), 0o755);
    let mtab = fs::read_link(inside(&tree, "/etc/mtab")).unwrap();
    assert_eq!(mtab.to_str(), Some("/proc/mounts"));
}

#[test]
fn a_later_source_replaces_files_and_links_and_merges_directories() {
    let lab = Lab::new();
    lab.file("a/f", "first");
    lab.file("a/only", "a");
    lab.link("a/l", "f");
    lab.file("b/f", "second");
    lab.file("b/l", "no link now");
    let tree = lab.build(&plan([
        copy_to(lab.host("a"), "/d"),
        copy_to(lab.host("b"), "/d"),
        symlink("/d/only", "f"),
    ]));
    assert_eq!(read(inside(&tree, "/d/f")), "second");
    assert_eq!(read(inside(&tree, "/d/l")), "no link now");
    assert!(
        fs::symlink_metadata(inside(&tree, "/d/l"))
            .unwrap()
            .is_file()
    );
    assert!(
        fs::symlink_metadata(inside(&tree, "/d/only"))
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn what_gives_way_gives_way() {
    let lab = Lab::new();
    let kept = |path: &str, text: &str| TreeSource::File {
        path: path.parse().unwrap(),
        text: text.to_owned(),
        mode: sandbox::model::FileMode(0o644),
        existing: Existing::Kept,
    };
    let kept_link = TreeSource::Symlink {
        path: "/etc/a".parse().unwrap(),
        target: "elsewhere".to_owned(),
        existing: Existing::Kept,
    };
    let kept_copy = |to: &str| TreeSource::Copy {
        from: lab.file("copied", "copied"),
        to: Some(to.parse().unwrap()),
        exclude: Vec::new(),
        missing: Missing::Refused,
        existing: Existing::Kept,
    };
    let tree = lab.build(&plan([
        file("/etc/a", "first"),
        symlink("/etc/b", "dangling"),
        kept_copy("/etc/a"),
        kept_copy("/etc/b"),
        kept_copy("/etc/d"),
        kept("/etc/a", "second"),
        kept("/etc/b", "second"),
        kept("/etc/c", "third"),
        kept_link,
    ]));
    assert_eq!(read(inside(&tree, "/etc/a")), "first");
    assert!(
        fs::symlink_metadata(inside(&tree, "/etc/b"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(read(inside(&tree, "/etc/c")), "third");
    assert_eq!(read(inside(&tree, "/etc/d")), "copied");
}

#[test]
fn a_directory_over_a_file_and_the_reverse_name_both_sources() {
    let lab = Lab::new();
    lab.file("d/x/f", "x");
    let over_file = plan([
        dir("/other", 0o755),
        file("/d/x", "a file"),
        copy_to(lab.host("d"), "/d"),
    ]);
    let error = lab.refused(&over_file);
    assert_eq!(
        error.to_string(),
        "`/d/x` would be a directory, but source 2 made it a file"
    );
    assert_eq!(error.origin(), Some(&over_file.sources[2].origin));
    let error = lab.refused(&plan([
        copy_to(lab.host("d"), "/d"),
        file("/d/x", "a file"),
    ]));
    assert_eq!(
        error.to_string(),
        "`/d/x` would be a file, but source 1 made it a directory"
    );
    let error = lab.refused(&plan([file("/a", ""), file("/a/b", "")]));
    assert_eq!(
        error.to_string(),
        "`/a` would be a directory, but source 1 made it a file"
    );
    let error = lab.refused(&plan([file("/a/b", ""), symlink("/a", "c")]));
    assert_eq!(
        error.to_string(),
        "`/a` would be a symbolic link, but source 1 made it a directory"
    );
}

fn with_points(plan: TreePlan, points: &[(&str, MountPointKind)]) -> TreePlan {
    let points = points.iter().map(|(path, kind)| mount_point(path, *kind));
    TreePlan {
        mount_points: points.collect(),
        ..plan
    }
}

#[test]
fn mount_points_are_made_or_used_as_they_are() {
    use MountPointKind::{Directory, File};
    let lab = Lab::new();
    let sources = plan([
        file("/etc/hosts", "kept"),
        dir("/data", 0o700),
        dir("/usr/lib", 0o755),
        symlink("/lib", "usr/lib"),
        symlink("/etc/localtime", "/usr/share/zone"),
    ]);
    let points = [
        ("/proc", Directory),
        ("/dev", Directory),
        ("/etc/hosts", File),
        ("/data", Directory),
        ("/lib/modules", Directory),
        ("/etc/localtime", File),
        ("/run/user/wayland-0", File),
    ];
    let tree = lab.build(&with_points(sources, &points));
    assert!(inside(&tree, "/proc").is_dir() && inside(&tree, "/dev").is_dir());
    assert_eq!(read(inside(&tree, "/etc/hosts")), "kept");
    assert_eq!(mode(inside(&tree, "/data")), 0o700);
    assert!(inside(&tree, "/usr/lib/modules").is_dir());
    assert_eq!(read(inside(&tree, "/usr/share/zone")), "");
    assert_eq!(read(inside(&tree, "/run/user/wayland-0")), "");
}

#[test]
fn mount_points_of_the_wrong_kind_are_refused() {
    let lab = Lab::new();
    let refuse = |source: TreeSource, path: &str, kind| {
        let error = lab.refused(&with_points(plan([source]), &[(path, kind)]));
        assert_eq!(error.part, Part::MountPoint(path.parse().unwrap()));
        error.to_string()
    };
    assert_eq!(
        refuse(file("/a", ""), "/a", MountPointKind::Directory),
        "mount point `/a`: `/a` would be a directory, but source 1 made it a file"
    );
    assert_eq!(
        refuse(dir("/a", 0o755), "/a", MountPointKind::File),
        "mount point `/a`: `/a` would be a file, but source 1 made it a directory"
    );
    for path in ["/proc", "/sys", "/dev"] {
        let said = refuse(symlink(path, "/tmp"), path, MountPointKind::Directory);
        let wanted = format!("`{path}` is a symbolic link, through which nothing is mounted");
        assert!(said.ends_with(&wanted), "{said}");
    }
}
