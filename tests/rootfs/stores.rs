//! Finding trees again, and noticing what changed.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sandbox::plan::TreePlan;
use sandbox::rootfs::{Built, Durability, Refresh, Silent, Store, StoreError};

use crate::lab::{Lab, chmod, copy_to, file, inside, is_root, mode, plan, read};

#[test]
fn the_store_is_private() {
    let lab = Lab::new();
    assert_eq!(mode(lab.store_dir()), 0o700);
    chmod(lab.store_dir(), 0o755);
    Store::open(&lab.store_dir()).unwrap();
    assert_eq!(mode(lab.store_dir()), 0o700);
    chmod(lab.store_dir(), 0o770);
    let error = Store::open(&lab.store_dir()).unwrap_err();
    assert!(
        matches!(error, StoreError::Writable { mode: 0o770, .. }),
        "{error}"
    );
}

#[test]
fn a_store_of_another_user_is_refused() {
    let lab = Lab::new();
    let foreign = if is_root() {
        std::os::unix::fs::chown(lab.store_dir(), Some(12345), None).unwrap();
        lab.store_dir()
    } else {
        "/usr".into()
    };
    let error = Store::open(&foreign).unwrap_err();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("belongs to user"), "{error}");
}

#[test]
fn a_second_run_finds_the_tree_and_copies_nothing() {
    let lab = Lab::new();
    lab.file("d/f", "x");
    let plan = plan([copy_to(lab.host("d"), "/d")]);
    let first = lab.build(&plan);
    let before = fs::metadata(inside(&first, "/d/f")).unwrap();
    let second = lab.build(&plan);
    assert_eq!((first.built, second.built), (Built::Now, Built::Before));
    assert_eq!(
        (&first.id, &first.root, first.notes),
        (&second.id, &second.root, second.notes)
    );
    let after = fs::metadata(inside(&second, "/d/f")).unwrap();
    assert_eq!(
        (before.ino(), before.ctime_nsec()),
        (after.ino(), after.ctime_nsec())
    );
    assert_eq!(lab.list("trees"), [first.id.as_str()]);
}

#[test]
fn places_in_the_profile_do_not_count_but_users_paths_and_texts_do() {
    let lab = Lab::new();
    let first = lab.build(&plan([file("/a", "x")]));
    let mut moved = plan([file("/a", "x")]);
    moved.sources[0].origin = sandbox::diag::Origin::CommandLine;
    assert_eq!(lab.build(&moved).id, first.id);
    assert_ne!(lab.build(&plan([file("/a", "y")])).id, first.id);
    assert_ne!(lab.build(&plan([file("/b", "x")])).id, first.id);
    let search = TreePlan {
        search_path: vec!["/bin".into()],
        ..plan([file("/a", "x")])
    };
    assert_ne!(lab.build(&search).id, first.id);
}

#[test]
fn each_kind_of_change_is_seen() {
    let lab = Lab::new();
    lab.file("d/s/f", "one");
    let plan = plan([copy_to(lab.host("d"), "/d")]);
    let mut last = lab.build(&plan).id;
    let mut changed = |what: &str, change: &dyn Fn()| {
        change();
        let tree = lab.build(&plan);
        assert_eq!(tree.built, Built::Now, "{what}");
        assert_ne!(tree.id, last, "{what}");
        last = tree.id;
    };
    changed("same size, at once", &|| {
        fs::write(lab.host("d/s/f"), "two").unwrap()
    });
    changed("touched", &|| {
        File::open(lab.host("d/s/f"))
            .unwrap()
            .set_modified(std::time::SystemTime::now())
            .unwrap()
    });
    changed("mode", &|| chmod(lab.host("d/s/f"), 0o600));
    changed("added", &|| drop(lab.file("d/s/g", "new")));
    changed("removed", &|| fs::remove_file(lab.host("d/s/g")).unwrap());
    changed("replaced", &|| {
        fs::write(lab.host("new"), "two").unwrap();
        fs::rename(lab.host("new"), lab.host("d/s/f")).unwrap();
    });
    assert_eq!(
        lab.list("trees"),
        [last.as_str()],
        "the trees before are gone"
    );
}

#[test]
fn a_change_in_the_same_tick_as_the_build_is_seen() {
    let lab = Lab::new();
    let path = lab.file("f", "0");
    let plan = plan([copy_to(&path, "/f")]);
    for round in 1..40 {
        fs::write(&path, (round % 10).to_string()).unwrap();
        let tree = lab.build(&plan);
        assert_eq!(read(inside(&tree, "/f")), (round % 10).to_string());
    }
}

#[test]
fn a_file_deep_in_a_large_copy_is_seen_by_a_whole_look() {
    let lab = Lab::new();
    for index in 0..700 {
        lab.file(&format!("d/{index}/f"), "one");
    }
    let plan = plan([copy_to(lab.host("d"), "/d")]);
    let first = lab.build(&plan).id;
    let look = |refresh| lab.store.tree(&plan, refresh, &mut Silent).unwrap();
    assert_eq!(look(Refresh::Look).id, first, "nothing has changed");
    fs::write(lab.host("d/699/f"), "two").unwrap();
    assert_eq!(
        look(Refresh::Quick).id,
        first,
        "the quick look has its limit"
    );
    let tree = look(Refresh::Look);
    assert_eq!(read(inside(&tree, "/d/699/f")), "two");
    let again = look(Refresh::Rebuild);
    assert_eq!(again.built, Built::Now);
    assert_ne!(again.id, tree.id);
}

#[test]
fn a_tree_in_use_stays_when_it_is_replaced() {
    let lab = Lab::new();
    let path = lab.file("f", "one");
    let plan = plan([copy_to(&path, "/f")]);
    let used = lab.build(&plan);
    fs::write(&path, "two!").unwrap();
    let next = lab.build(&plan);
    assert_eq!(read(inside(&used, "/f")), "one");
    assert_eq!(read(inside(&next, "/f")), "two!");
    let lock = File::open(used.root.parent().unwrap()).unwrap();
    assert!(lock.try_lock().is_err(), "the tree in use is not locked");
    drop(used);
    assert!(lock.try_lock().is_ok());
}

#[test]
fn a_damaged_record_or_a_tree_that_has_gone_leads_to_a_new_build() {
    let lab = Lab::new();
    let plan = plan([file("/a", "x")]);
    drop(lab.build(&plan));
    let recipe = lab
        .store_dir()
        .join("recipes")
        .join(&lab.list("recipes")[0]);
    let record = fs::read(&recipe).unwrap();
    for damage in [&record[..record.len() / 2], &[0; 100][..], b""] {
        fs::write(&recipe, damage).unwrap();
        assert_eq!(lab.build(&plan).built, Built::Now);
    }
    let tree = lab.build(&plan);
    assert_eq!(tree.built, Built::Before);
    fs::remove_dir_all(tree.root.parent().unwrap()).unwrap();
    assert_eq!(lab.build(&plan).built, Built::Now);
}

#[test]
fn a_tree_of_an_earlier_boot_is_used_only_when_the_disk_has_all_of_it() {
    let lab = Lab::new();
    let plan = plan([file("/a", "x")]);
    let tree = lab.build(&plan);
    assert_eq!(tree.durability, Durability::ThisBoot);
    let recipe = lab
        .store_dir()
        .join("recipes")
        .join(&lab.list("recipes")[0]);
    let pretend_boot = || {
        let mut record = fs::read(&recipe).unwrap();
        // After the hash, the magic, the id and its length, and the length of the boot's id.
        record[74..110].copy_from_slice(b"00000000-0000-0000-0000-000000000000");
        let hash = blake3::hash(&record[32..]);
        record[..32].copy_from_slice(hash.as_bytes());
        fs::write(&recipe, record).unwrap();
    };
    pretend_boot();
    let second = lab.build(&plan);
    assert_eq!(second.built, Built::Now);
    lab.store.make_durable(&second).unwrap();
    pretend_boot();
    let third = lab.build(&plan);
    assert_eq!(
        (third.built, third.durability),
        (Built::Before, Durability::Durable)
    );
}

#[test]
fn a_warm_look_is_quick_even_for_thousands_of_files() {
    let lab = Lab::new();
    for index in 0..3000 {
        lab.file(&format!("d/{}/{index}", index % 600), "x");
    }
    let (large, small) = (
        plan([copy_to(lab.host("d"), "/d")]),
        plan([file("/a", "x")]),
    );
    drop((lab.build(&large), lab.build(&small)));
    let best = |plan: &TreePlan| {
        let times = (0..30).map(|_| {
            let start = Instant::now();
            drop(lab.build(plan));
            start.elapsed()
        });
        times.min().unwrap()
    };
    let (large, small) = (best(&large), best(&small));
    println!("large {large:?}, small {small:?}");
    assert!(
        large - small < Duration::from_millis(5),
        "{large:?} against {small:?}"
    );
}

/// Another process that copies `d` of this lab; run as this very binary.
pub fn builder(lab: &Lab) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "stores::builder_process", "--nocapture"]);
    command
        .env("BUILDER_STORE", lab.store_dir())
        .env("BUILDER_FROM", lab.host("d"));
    command.stdout(Stdio::piped());
    command
}

pub fn builder_plan(from: impl Into<std::path::PathBuf>) -> TreePlan {
    plan([copy_to(from, "/d")])
}

/// Not a test of its own: does nothing unless another test starts it.
#[test]
fn builder_process() {
    let (Some(store), Some(from)) = (
        std::env::var_os("BUILDER_STORE"),
        std::env::var_os("BUILDER_FROM"),
    ) else {
        return;
    };
    let store = Store::open(store.as_ref()).unwrap();
    match store.tree(&builder_plan(from), Refresh::Quick, &mut Silent) {
        Ok(tree) => println!("\nbuilder: {:?} {}", tree.built, tree.id),
        Err(error) => println!("\nbuilder: {error}"),
    }
}

pub fn said(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().find_map(|line| line.strip_prefix("builder: "));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[test]
fn of_two_builders_one_builds_and_the_other_takes_its_tree() {
    let lab = Lab::new();
    for index in 0..2000 {
        lab.file(&format!("d/{index}"), "some text");
    }
    let builders: Vec<_> = (0..3).map(|_| builder(&lab).spawn().unwrap()).collect();
    let words: Vec<String> = builders
        .into_iter()
        .map(|child| said(&child.wait_with_output().unwrap().stdout))
        .collect();
    let now = words
        .iter()
        .filter(|words| words.starts_with("Now"))
        .count();
    let before = words
        .iter()
        .filter(|words| words.starts_with("Before"))
        .count();
    assert_eq!((now, before), (1, 2), "{words:?}");
    assert_eq!(lab.list("trees").len(), 1);
    assert!(
        words
            .iter()
            .all(|words| words.ends_with(&lab.list("trees")[0])),
        "{words:?}"
    );
}
