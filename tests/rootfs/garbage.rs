//! What garbage collection takes, and what it leaves.

use std::fs;
use std::time::{Duration, Instant, SystemTime};

use sandbox::rootfs::{Built, Collected, Collection, Refresh, Silent, Tree};

use crate::lab::{Lab, copy_to, file, inside, plan, read};
use crate::stores::{builder, builder_plan};

fn once(lab: &Lab) -> Collected {
    let collected = lab.store.collect(Duration::ZERO, Collection::Remove);
    collected.unwrap()
}

/// Collects where no tree is in use. A process that another test starts has copies of all locks until it
/// executes its program, so a tree may seem to be in use for a moment.
fn collect(lab: &Lab) -> Collected {
    let start = Instant::now();
    let mut all = Collected::default();
    loop {
        let more = once(lab);
        all.trees.extend(more.trees);
        all.files += more.files;
        all.bytes += more.bytes;
        let in_use = lab.store.list().iter().any(|tree| tree.in_use);
        if !in_use || start.elapsed() > Duration::from_secs(10) {
            return all;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A tree of one shared file and one of its own, asked for by a profile.
fn tree(lab: &Lab, name: &str) -> Tree {
    if !lab.host("shared").exists() {
        lab.file("shared", "shared by all");
    }
    let own = lab.file(&format!("own-{name}"), name);
    let tree = lab.build(&plan([
        copy_to(lab.host("shared"), "/shared"),
        copy_to(own, "/own"),
    ]));
    let profile = lab.file(&format!("{name}.toml"), "version = 1");
    lab.store.note_user(&tree, &profile).unwrap();
    tree
}

#[test]
fn a_tree_goes_when_its_profile_has_gone_and_takes_what_only_it_had() {
    let lab = Lab::new();
    let kept = tree(&lab, "kept");
    let gone = tree(&lab, "gone");
    let ids = (kept.id.clone(), gone.id.clone());
    drop((kept, gone));
    assert_eq!(collect(&lab), Collected::default(), "both are used");
    fs::remove_file(lab.host("gone.toml")).unwrap();
    let would = lab
        .store
        .collect(Duration::ZERO, Collection::DryRun)
        .unwrap();
    assert_eq!(
        (&would.trees, would.files, would.bytes),
        (&vec![ids.1.clone()], 1, 4)
    );
    assert_eq!(lab.list("trees").len(), 2, "a dry run removes nothing");
    assert_eq!(collect(&lab), would);
    assert_eq!(lab.list("trees"), [ids.0.as_str()]);
    assert_eq!((lab.list("recipes").len(), lab.list("users").len()), (1, 1));
    let again = tree(&lab, "gone");
    assert_eq!((again.built, again.notes.shared_files), (Built::Now, 1));
}

#[test]
fn a_tree_in_use_stays() {
    let lab = Lab::new();
    let used = tree(&lab, "used");
    fs::remove_file(lab.host("used.toml")).unwrap();
    assert!(once(&lab).trees.is_empty());
    assert_eq!(read(inside(&used, "/own")), "used");
    let listed = lab.store.list();
    assert!(listed[0].in_use && listed[0].users.is_empty());
    drop(used);
    assert_eq!(collect(&lab).trees.len(), 1);
    assert!(lab.list("trees").is_empty());
}

#[test]
fn a_profile_that_asks_for_another_tree_lets_go_of_its_first() {
    let lab = Lab::new();
    let profile = lab.file("p.toml", "version = 1");
    for text in ["first", "second"] {
        let tree = lab.build(&plan([file("/f", text)]));
        lab.store.note_user(&tree, &profile).unwrap();
    }
    assert_eq!(lab.list("trees").len(), 2);
    assert_eq!(collect(&lab).trees.len(), 1);
    assert_eq!(
        lab.build(&plan([file("/f", "second")])).built,
        Built::Before
    );
    assert_eq!(lab.build(&plan([file("/f", "first")])).built, Built::Now);
}

#[test]
fn a_use_that_a_killed_process_did_not_name_keeps_nothing() {
    let lab = Lab::new();
    let profile = lab.file("p.toml", "version = 1");
    let users = lab.store_dir().join("users");
    for text in ["first", "second"] {
        let tree = lab.build(&plan([file("/f", text)]));
        lab.store.note_user(&tree, &profile).unwrap();
        let noted = users.join(&lab.list("users")[0]);
        let unnamed = users.join(format!("{}.new.1", lab.list("users")[0]));
        if text == "first" {
            fs::copy(&noted, &unnamed).unwrap();
            let old = SystemTime::now() - Duration::from_secs(4000);
            fs::File::open(unnamed).unwrap().set_modified(old).unwrap();
        }
    }
    assert_eq!(collect(&lab).trees.len(), 1);
    assert_eq!(lab.list("users").len(), 1);
}

#[test]
fn what_was_used_lately_stays_where_an_age_is_asked_for() {
    let lab = Lab::new();
    drop(lab.build(&plan([file("/f", "x")])));
    let day = Duration::from_secs(86_400);
    let collect = |age| {
        lab.store
            .collect(age, Collection::Remove)
            .unwrap()
            .trees
            .len()
    };
    assert_eq!(collect(day), 0);
    let recipe = lab
        .store_dir()
        .join("recipes")
        .join(&lab.list("recipes")[0]);
    let set = |age: Duration| {
        let recipe = fs::File::open(&recipe).unwrap();
        recipe.set_modified(SystemTime::now() - age).unwrap();
    };
    set(day * 3);
    assert_eq!(lab.build(&plan([file("/f", "x")])).built, Built::Before);
    assert_eq!(collect(day), 0, "the use was noted");
    set(day * 3);
    assert_eq!(collect(day * 4), 0);
    // A process that another test starts may hold the tree for a moment.
    let start = Instant::now();
    let mut gone = 0;
    while gone == 0 && start.elapsed() < Duration::from_secs(10) {
        gone = collect(day);
    }
    assert_eq!(gone, 1);
}

#[test]
fn a_list_tells_what_each_tree_has_alone() {
    let lab = Lab::new();
    drop((tree(&lab, "one"), tree(&lab, "other")));
    let listed = lab.store.list();
    let sizes: Vec<_> = listed
        .iter()
        .map(|tree| (tree.files, tree.bytes, tree.own_bytes))
        .collect();
    let mut expected = [(2, 13 + 3, 3), (2, 13 + 5, 5)];
    if listed[0].own_bytes == 5 {
        expected.reverse();
    }
    assert_eq!(sizes, expected);
    let users: Vec<_> = listed.iter().map(|tree| tree.users.len()).collect();
    assert_eq!(users, [1, 1]);
}

#[test]
fn collecting_while_others_build_takes_nothing_of_theirs() {
    let lab = Lab::new();
    for index in 0..600 {
        lab.file(&format!("d/{index}"), &format!("text {index}"));
    }
    for _ in 0..4 {
        let mut child = builder(&lab).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            once(&lab);
        }
        let plan = builder_plan(lab.host("d"));
        let tree = lab.store.tree(&plan, Refresh::Verify, &mut Silent).unwrap();
        assert!(tree.altered.is_empty(), "{:?}", tree.altered);
        drop(tree);
        collect(&lab);
        assert!(lab.list("trees").is_empty());
    }
}

#[test]
fn builders_killed_at_any_moment_leave_a_store_that_verifies() {
    let lab = Lab::new();
    for index in 0..400 {
        lab.file(
            &format!("d/{}/{index}", index % 7),
            &format!("text {index}"),
        );
    }
    // Long enough for most moments of a build, whatever the machine.
    let start = Instant::now();
    builder(&lab).output().unwrap();
    let whole = start.elapsed();
    collect(&lab);
    let kills = std::env::var("SANDBOX_KILLS").map_or(30, |kills| kills.parse().unwrap());
    let mut cut_short = 0;
    for number in 0..kills {
        let mut child = builder(&lab).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(f64::from(number) / f64::from(kills)));
        child.kill().unwrap();
        child.wait().unwrap();
        cut_short += u32::from(lab.list("trees").is_empty());
        assert_eq!(
            lab.store.verify().unwrap(),
            [""; 0].map(std::path::PathBuf::from)
        );
        if number % 5 == 4 {
            collect(&lab);
            assert_eq!(
                (lab.list("building").len(), lab.list("trees").len()),
                (0, 0)
            );
        }
    }
    assert!(cut_short > 0, "no builder was killed in time");
    let tree = lab.build(&builder_plan(lab.host("d")));
    assert_eq!(fs::read_dir(inside(&tree, "/d")).unwrap().count(), 7);
    let plan = builder_plan(lab.host("d"));
    let verified = lab.store.tree(&plan, Refresh::Verify, &mut Silent).unwrap();
    assert_eq!(verified.id, tree.id);
}

#[test]
fn a_sweeper_never_takes_what_a_builder_has_just_begun() {
    let lab = Lab::new();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let built: Vec<Result<(), String>> = std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    // Each build sweeps; one of a tree that there is does nothing else.
                    lab.store
                        .collect(Duration::MAX, Collection::Remove)
                        .unwrap();
                }
            });
        }
        let start = Instant::now();
        let mut built = Vec::new();
        while start.elapsed() < Duration::from_secs(3) {
            let plan = plan([file("/a/b/c", "text"), file("/d", "text")]);
            let tree = lab.store.tree(&plan, Refresh::Rebuild, &mut Silent);
            built.push(tree.map_err(|error| error.to_string()).and_then(|tree| {
                let whole = inside(&tree, "/a/b/c").exists() && inside(&tree, "/d").exists();
                whole.then_some(()).ok_or("half a tree".to_owned())
            }));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        built
    });
    let failed: Vec<_> = built
        .iter()
        .filter_map(|built| built.as_ref().err())
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {}: {failed:?}",
        failed.len(),
        built.len()
    );
}
