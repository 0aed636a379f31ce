//! Files that trees share, what is opened for them, and what happens when one is altered.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::SystemTime;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use sandbox::rootfs::{Built, EntryKind, Refresh, Silent, Tree};

use crate::lab::{Lab, chmod, copy_to, file, inside, plan, read};

fn inode(tree: &Tree, path: &str) -> u64 {
    fs::symlink_metadata(inside(tree, path)).unwrap().ino()
}

/// Overwrites a file of the store's, as its owner can, and pretends that nothing happened.
fn damage(path: &Path, how: Trace) {
    let before = fs::metadata(path).unwrap();
    let mode = before.mode() & 0o7777;
    chmod(path, 0o600);
    let open = File::options().write(true).open(path).unwrap();
    open.write_all_at(b"X", 0).unwrap();
    if how == Trace::Hidden {
        open.set_modified(before.modified().unwrap()).unwrap();
    }
    drop(open);
    chmod(path, mode);
}

#[derive(PartialEq)]
enum Trace {
    /// The time of change tells.
    Left,
    /// Only the bytes tell.
    Hidden,
}

#[test]
fn trees_share_files_with_each_other_and_never_with_the_host() {
    let lab = Lab::new();
    lab.file("d/same", "the same");
    lab.file("d/only", "only here");
    let first = lab.build(&plan([copy_to(lab.host("d"), "/a")]));
    let second = lab.build(&plan([
        copy_to(lab.host("d/same"), "/b"),
        file("/c", "text"),
    ]));
    assert_eq!(inode(&first, "/a/same"), inode(&second, "/b"));
    let host = fs::metadata(lab.host("d/same")).unwrap();
    assert_eq!(host.nlink(), 1);
    assert_ne!(inode(&first, "/a/same"), host.ino());
    assert_eq!((first.notes.files, first.notes.shared_files), (2, 0));
    let notes = second.notes;
    assert_eq!(
        (notes.files, notes.shared_files, notes.shared_bytes),
        (2, 1, 8)
    );
}

#[test]
fn files_that_differ_in_anything_but_their_names_are_not_shared() {
    let lab = Lab::new();
    let then = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    for (name, mode, time) in [
        ("a", 0o644, then),
        ("b", 0o600, then),
        ("c", 0o644, then + std::time::Duration::from_nanos(1)),
    ] {
        let path = lab.file(name, "text");
        File::open(&path).unwrap().set_modified(time).unwrap();
        chmod(&path, mode);
    }
    let paths = ["a", "b", "c"].map(|name| copy_to(lab.host(name), &format!("/{name}")));
    let tree = lab.build(&plan(paths));
    let mut inodes = ["/a", "/b", "/c"].map(|path| inode(&tree, path)).to_vec();
    inodes.sort_unstable();
    inodes.dedup();
    assert_eq!(inodes.len(), 3);
}

#[test]
fn two_equal_files_stay_two_files_in_every_tree() {
    let lab = Lab::new();
    let then = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    for name in ["one", "two", "three"] {
        let path = lab.file(&format!("d/{name}"), "equal");
        File::open(&path).unwrap().set_modified(then).unwrap();
    }
    let mut all = Vec::new();
    for target in ["/a", "/b"] {
        let tree = lab.build(&plan([copy_to(lab.host("d"), target)]));
        let names = ["one", "two", "three"].map(|name| inode(&tree, &format!("{target}/{name}")));
        assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2]);
        all.extend(names);
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 3, "the second tree shares each of them");
}

#[test]
fn what_has_not_changed_is_not_opened() {
    let lab = Lab::new();
    for index in 0..50 {
        lab.file(&format!("d/{index}"), &format!("text {index}"));
    }
    let watch = Inotify::init(InitFlags::IN_NONBLOCK).unwrap();
    let all = plan([copy_to(lab.host("d"), "/d")]);
    drop(lab.build(&all));
    watch
        .add_watch(&lab.host("d"), AddWatchFlags::IN_OPEN)
        .unwrap();
    // Opens of the directory itself have no name.
    let opened = || {
        let events = watch.read_events().unwrap_or_default().into_iter();
        let mut names: Vec<_> = events.filter_map(|event| event.name).collect();
        names.sort();
        names.dedup();
        names
    };
    let look = |plan, refresh| lab.store.tree(plan, refresh, &mut Silent).unwrap();
    assert_eq!(look(&all, Refresh::Look).built, Built::Before);
    assert_eq!(opened(), [""; 0]);
    // Another plan of the same files, then a change of one.
    let other = plan([copy_to(lab.host("d"), "/e")]);
    assert_eq!(look(&other, Refresh::Quick).notes.shared_files, 50);
    assert_eq!(opened(), [""; 0]);
    lab.file("d/7", "another text");
    opened();
    let tree = look(&all, Refresh::Quick);
    assert_eq!(opened(), ["7"]);
    assert_eq!(tree.notes.shared_files, 49);
    assert_eq!(read(inside(&tree, "/d/7")), "another text");
    // A whole examination reads each.
    assert_eq!(look(&all, Refresh::Verify).built, Built::Before);
    assert_eq!(opened().len(), 50);
}

#[test]
fn an_altered_file_is_named_and_not_shared_and_its_tree_is_built_again() {
    let lab = Lab::new();
    lab.file("d/f", "good");
    let plan_of = |target| plan([copy_to(lab.host("d"), target)]);
    let first = lab.build(&plan_of("/a"));
    let bad = inside(&first, "/a/f");
    damage(&bad, Trace::Left);
    let second = lab.build(&plan_of("/b"));
    assert_eq!(read(inside(&second, "/b/f")), "good");
    assert_eq!(second.altered, [bad]);
    let again = lab.build(&plan_of("/a"));
    assert_eq!((again.built, again.altered.len()), (Built::Now, 0));
    assert_eq!(read(inside(&again, "/a/f")), "good");
}

#[test]
fn what_was_altered_in_a_tree_is_named_and_built_again() {
    let lab = Lab::new();
    for name in ["d/f", "d/g", "d/s/h"] {
        lab.file(name, name);
    }
    lab.link("d/l", "f");
    let plan = plan([copy_to(lab.host("d"), "/d")]);
    let verify = || lab.store.tree(&plan, Refresh::Verify, &mut Silent).unwrap();
    let first = lab.build(&plan);
    assert_eq!(verify().id, first.id, "nothing was altered");
    let mut root = first.root.clone();
    let mut altered = |change: &dyn Fn(&Path), named: &[&str]| {
        change(&root.join("d"));
        assert_eq!(lab.build(&plan).built, Built::Before);
        let tree = verify();
        assert_eq!(tree.built, Built::Now);
        let named: Vec<_> = named.iter().map(|path| root.join(&path[1..])).collect();
        assert_eq!(tree.altered, named);
        for name in ["f", "g", "s/h"] {
            assert_eq!(read(tree.root.join("d").join(name)), format!("d/{name}"));
        }
        root.clone_from(&tree.root);
        assert!(verify().altered.is_empty());
    };
    altered(&|d| damage(&d.join("f"), Trace::Hidden), &["/d/f"]);
    altered(&|d| damage(&d.join("s/h"), Trace::Left), &["/d/s/h"]);
    altered(&|d| chmod(d.join("g"), 0o777), &["/d/g"]);
    altered(&|d| chmod(d.join("s"), 0o700), &["/d/s"]);
    altered(
        &|d| {
            fs::remove_file(d.join("l")).unwrap();
            std::os::unix::fs::symlink("g", d.join("l")).unwrap();
        },
        &["/d", "/d/l"],
    );
    altered(
        &|d| fs::write(d.join("s/new"), "new").unwrap(),
        &["/d/s", "/d/s/new"],
    );
    altered(&|d| fs::remove_file(d.join("g")).unwrap(), &["/d", "/d/g"]);
}

#[test]
fn a_whole_look_at_the_store_finds_what_was_altered_anywhere() {
    let lab = Lab::new();
    lab.file("d/f", "good");
    let plan_of = |target| plan([copy_to(lab.host("d"), target)]);
    let (first, second) = (lab.build(&plan_of("/a")), lab.build(&plan_of("/b")));
    assert!(lab.store.verify().unwrap().is_empty());
    // One inode: both trees have it.
    damage(&inside(&first, "/a/f"), Trace::Hidden);
    let mut altered = [inside(&first, "/a/f"), inside(&second, "/b/f")];
    altered.sort();
    assert_eq!(lab.store.verify().unwrap(), altered);
    drop((first, second));
    for target in ["/a", "/b"] {
        let tree = lab.build(&plan_of(target));
        assert_eq!(read(inside(&tree, format!("{target}/f"))), "good");
    }
}

#[test]
fn nothing_is_shared_with_a_tree_that_a_crash_may_have_halved() {
    let lab = Lab::new();
    lab.file("d/f", "good");
    let tree = lab.build(&plan([copy_to(lab.host("d"), "/a")]));
    let inventory = tree.root.with_file_name("inventory");
    let mut bytes = fs::read(&inventory).unwrap();
    // After the hash, the magic and the length of the boot's id.
    bytes[41..77].copy_from_slice(b"00000000-0000-0000-0000-000000000000");
    let hash = blake3::hash(&bytes[32..]);
    bytes[..32].copy_from_slice(hash.as_bytes());
    fs::write(&inventory, bytes).unwrap();
    let of = |target| {
        lab.build(&plan([copy_to(lab.host("d"), target)]))
            .notes
            .shared_files
    };
    assert_eq!(of("/b"), 0);
    assert_eq!(of("/c"), 1);
    lab.store.make_durable(&tree).unwrap();
    drop(fs::remove_dir_all(lab.store_dir().join("recipes")));
    assert_eq!(of("/d"), 1);
}

#[test]
fn a_manifest_lists_everything_in_order_with_where_it_came_from() {
    let lab = Lab::new();
    let one = lab.file("d/one", "1");
    fs::hard_link(&one, lab.host("d/two")).unwrap();
    lab.link("d/link", "one");
    let tree = lab.build(&plan([copy_to(lab.host("d"), "/d"), file("/text", "text")]));
    let entries = tree.manifest().unwrap().entries;
    let shown: Vec<_> = entries
        .iter()
        .map(|entry| {
            let from = entry.from.as_ref().map(|from| from.file_name().unwrap());
            let kind = match &entry.kind {
                EntryKind::Directory => "directory".to_owned(),
                EntryKind::File { size, content } => {
                    let text = fs::read(inside(&tree, &entry.path)).unwrap();
                    assert_eq!(*content, *blake3::hash(&text).as_bytes());
                    format!("{size}")
                }
                EntryKind::Symlink(text) => format!("-> {}", text.display()),
                EntryKind::HardLink(first) => format!("= {}", first.display()),
            };
            format!("{} {kind} {from:?}", entry.path.display())
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#"/d directory Some("d")"#,
            r#"/d/link -> one Some("link")"#,
            r#"/d/one 1 Some("one")"#,
            r#"/d/two = /d/one Some("one")"#,
            r#"/text 4 None"#,
        ]
    );
}

#[test]
fn an_exported_tree_is_a_directory_of_its_own() {
    let lab = Lab::new();
    let one = lab.file("d/one", "1");
    fs::hard_link(&one, lab.host("d/two")).unwrap();
    lab.link("d/link", "one");
    lab.file("d/closed/x", "x");
    chmod(lab.host("d/closed"), 0o555);
    let tree = lab.build(&plan([copy_to(lab.host("d"), "/d")]));
    chmod(lab.host("d/closed"), 0o755);
    let output = lab.host("out");
    tree.export(&output).unwrap();
    let made = |name: &str| fs::symlink_metadata(output.join("d").join(name)).unwrap();
    assert_eq!(made("one").ino(), made("two").ino());
    assert_eq!(made("one").nlink(), 2, "it has a name in the store");
    assert_eq!(
        made("one").modified().unwrap(),
        fs::metadata(&one).unwrap().modified().unwrap()
    );
    assert_eq!(made("closed").mode() & 0o777, 0o555);
    assert_eq!(read(output.join("d/closed/x")), "x");
    assert_eq!(
        fs::read_link(output.join("d/link")).unwrap(),
        Path::new("one")
    );
    let error = tree.export(&output).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "cannot write into `{}`: directory not empty",
            output.display()
        )
    );
    chmod(output.join("d/closed"), 0o755);
    chmod(inside(&tree, "/d/closed"), 0o755);
}

#[test]
fn an_examined_build_takes_no_file_that_it_has_not_read() {
    let lab = Lab::new();
    lab.file("d/f", "good");
    let first = lab.build(&plan([copy_to(lab.host("d"), "/a")]));
    let bad = inside(&first, "/a/f");
    damage(&bad, Trace::Hidden);
    let other = plan([copy_to(lab.host("d"), "/b")]);
    let second = lab
        .store
        .tree(&other, Refresh::Verify, &mut Silent)
        .unwrap();
    assert_eq!(read(inside(&second, "/b/f")), "good");
    assert_eq!(second.altered, [bad]);
}

#[test]
fn a_large_file_is_shared_by_its_content_too() {
    let lab = Lab::new();
    let path = lab.file("d/large", &"large".repeat(40_000));
    let first = lab.build(&plan([copy_to(lab.host("d"), "/a")]));
    // The same again in another inode, as a package that is installed again has it.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::copy(&path, lab.host("d/new")).unwrap();
    let new = File::options().write(true).open(lab.host("d/new")).unwrap();
    new.set_modified(modified).unwrap();
    fs::rename(lab.host("d/new"), &path).unwrap();
    let second = lab.build(&plan([copy_to(lab.host("d"), "/b")]));
    assert_eq!(inode(&first, "/a/large"), inode(&second, "/b/large"));
    assert_eq!(second.notes.shared_bytes, 200_000);
    let verified = lab.store.verify().unwrap();
    assert_eq!(verified, [""; 0].map(std::path::PathBuf::from));
}
