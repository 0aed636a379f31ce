//! Trees whose earlier sources lead later ones astray (links to the host, to `..`, to themselves).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sandbox::plan::{MountPointKind, TreePlan};
use sandbox::rootfs::{Collection, Refresh, Silent};

use crate::lab::{Lab, copy_to, dir, file, inside, mount_point, plan, read, symlink};

/// Every path below a directory with its inode's times and size.
fn snapshot(dir: &Path) -> BTreeMap<PathBuf, (i64, i64, u64, u32)> {
    use std::os::unix::fs::MetadataExt;
    let mut seen = BTreeMap::new();
    let mut ahead = vec![dir.to_owned()];
    while let Some(path) = ahead.pop() {
        let stat = fs::symlink_metadata(&path).unwrap();
        if stat.is_dir() {
            ahead.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        seen.insert(
            path,
            (
                stat.mtime_nsec(),
                stat.ctime_nsec(),
                stat.len(),
                stat.mode(),
            ),
        );
    }
    seen
}

/// A victim on the host that links of the tree point to.
pub struct Victim {
    pub lab: Lab,
    pub dir: PathBuf,
    before: BTreeMap<PathBuf, (i64, i64, u64, u32)>,
}

impl Victim {
    pub fn new() -> Victim {
        let lab = Lab::new();
        lab.file("victim/file", "precious");
        lab.file("victim/sub/file", "precious");
        let dir = lab.host("victim");
        let before = snapshot(&dir);
        Victim { lab, dir, before }
    }

    pub fn text(&self) -> &str {
        self.dir.to_str().unwrap()
    }

    pub fn is_untouched(&self) {
        assert_eq!(snapshot(&self.dir), self.before);
    }
}

#[test]
fn nothing_is_made_outside_through_an_absolute_link() {
    let victim = Victim::new();
    victim.lab.file("src/new", "new");
    victim.lab.file("src/sub/new", "new");
    let tree = victim.lab.build(&plan([
        symlink("/out", victim.text()),
        file("/out/x", "inside"),
        dir("/out/made", 0o777),
        symlink("/out/l", "x"),
        copy_to(victim.lab.host("src"), "/out"),
        file("/out/file", "other"),
    ]));
    victim.is_untouched();
    assert_eq!(read(inside(&tree, &victim.dir).join("x")), "inside");
    assert_eq!(read(inside(&tree, &victim.dir).join("sub/new")), "new");
    assert_eq!(read(inside(&tree, &victim.dir).join("file")), "other");
}

#[test]
fn nothing_is_made_outside_through_parents() {
    let victim = Victim::new();
    let up = format!(
        "{}{}",
        "../".repeat(60),
        victim.text().trim_start_matches('/')
    );
    let tree = victim.lab.build(&plan([
        symlink("/a/b/out", &up),
        file("/a/b/out/x", "inside"),
        dir("/a/b/out/sub", 0o711),
    ]));
    victim.is_untouched();
    assert_eq!(read(inside(&tree, &victim.dir).join("x")), "inside");
}

#[test]
fn nothing_is_made_outside_through_links_of_a_copied_directory() {
    let victim = Victim::new();
    victim.lab.link("evil/sub", victim.text());
    victim
        .lab
        .link("evil/file", victim.dir.join("file").to_str().unwrap());
    victim.lab.file("good/sub/file", "good");
    victim.lab.file("good/file", "good");
    let tree = victim.lab.build(&plan([
        copy_to(victim.lab.host("evil"), "/d"),
        copy_to(victim.lab.host("good"), "/d"),
    ]));
    victim.is_untouched();
    assert_eq!(read(inside(&tree, "/d/file")), "good");
    assert!(
        fs::symlink_metadata(inside(&tree, "/d/file"))
            .unwrap()
            .is_file()
    );
    assert_eq!(read(inside(&tree, &victim.dir).join("file")), "good");
}

#[test]
fn no_mount_point_is_made_outside() {
    let victim = Victim::new();
    let tree = victim.lab.build(&TreePlan {
        mount_points: vec![
            mount_point("/l/new", MountPointKind::Directory),
            mount_point("/l/sub", MountPointKind::Directory),
            mount_point("/l/new-file", MountPointKind::File),
            mount_point("/f", MountPointKind::File),
        ],
        ..plan([
            symlink("/l", victim.text()),
            symlink("/f", victim.dir.join("planted").to_str().unwrap()),
        ])
    });
    victim.is_untouched();
    assert!(inside(&tree, &victim.dir).join("new").is_dir());
    assert_eq!(read(inside(&tree, &victim.dir).join("planted")), "");
}

#[test]
fn a_file_is_never_written_through_a_planted_link() {
    let victim = Victim::new();
    let tree = victim.lab.build(&plan([
        symlink("/etc/hosts", victim.dir.join("file").to_str().unwrap()),
        file("/etc/hosts", "generated"),
    ]));
    victim.is_untouched();
    assert!(
        fs::symlink_metadata(inside(&tree, "/etc/hosts"))
            .unwrap()
            .is_file()
    );
}

#[test]
fn magic_links_of_proc_lead_nowhere() {
    let victim = Victim::new();
    let tree = victim.lab.build(&plan([
        symlink("/up", "/proc/self/cwd"),
        file("/up/x", "inside"),
        symlink("/root", "/proc/1/root"),
        file("/root/x", "inside"),
    ]));
    assert_eq!(read(inside(&tree, "/proc/self/cwd/x")), "inside");
    assert_eq!(read(inside(&tree, "/proc/1/root/x")), "inside");
}

#[test]
fn loops_inside_are_an_error() {
    let victim = Victim::new();
    let error = victim.lab.refused(&plan([
        symlink("/a", "b"),
        symlink("/b", "a"),
        file("/a/x", ""),
    ]));
    assert_eq!(error.to_string(), "`/a/x` leads through too many links");
    let error = victim
        .lab
        .refused(&plan([symlink("/a", "a/a"), dir("/a", 0o755)]));
    assert_eq!(error.to_string(), "`/a` leads through too many links");
}

#[test]
fn removing_a_leftover_follows_no_link() {
    let victim = Victim::new();
    let plan = plan([symlink("/out", victim.text()), file("/x", "x")]);
    let tree = victim.lab.build(&plan);
    let left = victim.lab.store_dir().join("building/left");
    fs::create_dir(&left).unwrap();
    fs::rename(&tree.root, left.join("root")).unwrap();
    std::os::unix::fs::symlink(victim.text(), left.join("out")).unwrap();
    crate::lab::chmod(left.join("root"), 0o000);
    drop(tree);
    drop(victim.lab.build(&crate::lab::plan([file("/y", "y")])));
    assert!(!left.exists());
    victim.is_untouched();
}

#[test]
fn a_source_that_is_swapped_with_a_link_never_brings_what_the_link_points_to() {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    use std::sync::atomic::{AtomicBool, Ordering};

    let lab = Lab::new();
    lab.file("secret/file", "secret");
    lab.file("d/x/file", "public");
    let real = lab.host("d/x");
    let link = lab.link("link", lab.host("secret").to_str().unwrap());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                renameat2(
                    AT_FDCWD,
                    &real,
                    AT_FDCWD,
                    &link,
                    RenameFlags::RENAME_EXCHANGE,
                )
                .unwrap();
            }
        });
        // Before anything is asserted: a thread that never ends would hide why.
        let plan = plan([copy_to(lab.host("d"), "/d")]);
        let build = || lab.store.tree(&plan, Refresh::Rebuild, &mut Silent);
        let texts: Vec<_> = (0..100)
            .map(|_| {
                let tree = build().map_err(|error| error.to_string())?;
                let found = fs::symlink_metadata(inside(&tree, "/d/x"));
                let is_dir = found.is_ok_and(|found| found.is_dir());
                let text = fs::read_to_string(inside(&tree, "/d/x/file"));
                Ok(text.ok().filter(|_| is_dir))
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        // Gone between being listed and being opened is fine, too.
        for text in texts {
            let text: Option<String> = text.unwrap_or_else(|error: String| panic!("{error}"));
            assert!(text.is_none_or(|text| text == "public"));
        }
    });
}

#[test]
fn links_make_no_deeper_directories_than_can_be_removed() {
    let victim = Victim::new();
    let deep = "a/".repeat(400);
    let error = victim.lab.refused(&plan([
        symlink("/one", &deep),
        symlink("/one/two", &deep),
        symlink("/one/two/three", &deep),
        file("/one/two/three/x", ""),
    ]));
    let said = error.to_string();
    assert!(said.ends_with("is nested too deep"), "{said}");
    // What is as deep as it may be can be taken away again.
    let plan = plan([file(&format!("/{}x", "a/".repeat(500)), "")]);
    drop(victim.lab.build(&plan));
    let removed = victim
        .lab
        .store
        .collect(std::time::Duration::ZERO, Collection::Remove);
    assert_eq!(removed.unwrap().files, 1);
    assert!(victim.lab.list("building").is_empty());
}
