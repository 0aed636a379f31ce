//! How long a tree takes against `cp -a`, in pairs; and how long a warm look takes.
//!
//! `cargo bench --bench copy -- [ROUNDS] [DIR…]`; without arguments 5 rounds of /usr/bin and /usr/include.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a report for people"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sandbox::diag::At;
use sandbox::model::FileMode;
use sandbox::plan::{Missing, TreePlan, TreeSource};
use sandbox::rootfs::{Refresh, Silent, Store, Tree};

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let rounds = args.first().and_then(|arg| arg.parse().ok()).unwrap_or(5);
    let mut dirs: Vec<PathBuf> = args.iter().skip(1).map(PathBuf::from).collect();
    if dirs.is_empty() {
        dirs = vec!["/usr/bin".into(), "/usr/include".into()];
    }
    let lab = tempfile::tempdir_in(std::env::temp_dir()).expect("a temporary directory");
    for dir in &dirs {
        against_cp(dir, lab.path(), rounds);
    }
    warm(&dirs, lab.path());
}

fn against_cp(dir: &Path, lab: &Path, rounds: usize) {
    let mut ratios = Vec::new();
    for round in 0..=rounds {
        let ours = |lab: &Path| alone(lab, || build(lab, &[dir]));
        let theirs = |lab: &Path| alone(lab, || cp(lab, dir));
        // Who comes first alternates, so that neither has the warmer caches.
        let (ours, theirs) = if round % 2 == 0 {
            let ours = ours(lab);
            (ours, theirs(lab))
        } else {
            let theirs = theirs(lab);
            (ours(lab), theirs)
        };
        // The first round reads the source into memory.
        if round > 0 {
            ratios.push(ours.as_secs_f64() / theirs.as_secs_f64());
            println!("{}: {ours:?} against {theirs:?}", dir.display());
        }
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "{}: {:.2} x cp -a (median)",
        dir.display(),
        ratios[ratios.len() / 2]
    );
}

fn warm(dirs: &[PathBuf], lab: &Path) {
    let dirs: Vec<&Path> = dirs.iter().map(PathBuf::as_path).collect();
    let store = Store::open(&lab.join("store")).expect("a store");
    let plans = [plan(&dirs), programs(), minimal()];
    for plan in &plans {
        drop(look(&store, plan));
    }
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..300 {
        for (plan, times) in plans.iter().zip(&mut times) {
            times.push(timed(|| drop(look(&store, plan))));
        }
    }
    let [large, programs, small] = times.map(|mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    });
    println!("warm: copies {large:?}, programs {programs:?}, one directory {small:?} (medians)");
    remove(lab);
}

fn look(store: &Store, plan: &TreePlan) -> Tree {
    store
        .tree(plan, Refresh::Quick, &mut Silent)
        .expect("a tree")
}

/// Times something that writes, with nothing left to write from before.
fn alone(lab: &Path, work: impl FnOnce()) -> Duration {
    let settle = || assert!(Command::new("sync").status().expect("sync").success());
    settle();
    let time = timed(work);
    settle();
    remove(lab);
    time
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn build(lab: &Path, dirs: &[&Path]) {
    let store = Store::open(&lab.join("store")).expect("a store");
    drop(
        store
            .tree(&plan(dirs), Refresh::Rebuild, &mut Silent)
            .expect("a tree"),
    );
}

fn cp(lab: &Path, dir: &Path) {
    let done = Command::new("cp")
        .arg("-a")
        .arg(dir)
        .arg(lab.join("cp"))
        .status();
    assert!(done.expect("cp").success());
}

fn remove(lab: &Path) {
    for name in ["store", "cp"] {
        let done = Command::new("rm").arg("-rf").arg(lab.join(name)).status();
        assert!(done.expect("rm").success());
    }
}

fn plan(dirs: &[&Path]) -> TreePlan {
    let copies = dirs.iter().map(|dir| TreeSource::Copy {
        from: dir.to_path_buf(),
        to: None,
        exclude: Vec::new(),
        missing: Missing::Refused,
    });
    tree(copies.collect())
}

fn minimal() -> TreePlan {
    tree(vec![TreeSource::Dir {
        path: "/etc".parse().expect("a path"),
        mode: FileMode(0o755),
    }])
}

fn programs() -> TreePlan {
    let names = ["bash", "ls", "cat", "python3"].map(|name| At::default_value(name.to_owned()));
    TreePlan {
        search_path: vec!["/usr/bin".into(), "/bin".into()],
        ..tree(vec![TreeSource::Programs {
            programs: names.to_vec(),
            extra: Vec::new(),
        }])
    }
}

fn tree(sources: Vec<TreeSource>) -> TreePlan {
    TreePlan {
        sources: sources.into_iter().map(At::default_value).collect(),
        mount_points: Vec::new(),
        search_path: Vec::new(),
        library_path: Vec::new(),
    }
}
