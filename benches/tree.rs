//! What a root tree costs: built first against `cp -a`, found again, built beside one that shares most of
//! its files, and started in.
//!
//! `cargo bench --bench tree -- [ROUNDS] [DIR…]`; without arguments 5 rounds of /usr/bin and as many other
//! directories of /usr as make 50,000 files.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a report for people"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sandbox::diag::At;
use sandbox::plan::{Existing, Missing, TreePlan, TreeSource};
use sandbox::rootfs::{Refresh, Silent, Store, Tree};

/// As many files are copied at least.
const FILES: usize = 50_000;

/// Where they are looked for, beside /usr/bin.
const DIRS: [&str; 5] = [
    "/usr/include",
    "/usr/share",
    "/usr/lib/python3",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib",
];

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let rounds = args.first().and_then(|arg| arg.parse().ok()).unwrap_or(5);
    let mut dirs: Vec<PathBuf> = args.iter().skip(1).map(PathBuf::from).collect();
    if dirs.is_empty() {
        dirs = enough();
    }
    let lab = tempfile::tempdir_in("/var/tmp").expect("a temporary directory");
    let cold = against_cp(&dirs, lab.path(), rounds);
    warm(&dirs, lab.path(), cold);
    starts(lab.path(), rounds);
}

/// /usr/bin, and directories until there are enough files.
fn enough() -> Vec<PathBuf> {
    let mut dirs = vec![PathBuf::from("/usr/bin")];
    let mut files = count(&dirs[0]);
    for dir in DIRS.map(PathBuf::from) {
        if files >= FILES {
            break;
        }
        files += count(&dir);
        dirs.push(dir);
    }
    println!("{files} files in {dirs:?}");
    dirs
}

fn count(dir: &Path) -> usize {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let below = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => count(&entry.path()),
        Ok(kind) if kind.is_file() => 1,
        _ => 0,
    };
    entries.map(below).sum()
}

/// First builds in pairs with `cp -a`; the median of ours.
///
/// What was written stays until the end: after many files were removed ext4 without a journal searches
/// long for inodes that were not just given back, and whoever writes next would pay for it.
fn against_cp(dirs: &[PathBuf], lab: &Path, rounds: usize) -> Duration {
    let mut ratios = Vec::new();
    let mut times = Vec::new();
    for round in 0..=rounds {
        let place = lab.join(format!("round-{round}"));
        fs::create_dir(&place).expect("a directory");
        let ours = || alone(|| drop(build(&place, dirs, Refresh::Rebuild)));
        let theirs = || alone(|| cp(&place, dirs));
        // Who comes first alternates, so that neither has the warmer caches.
        let (ours, theirs) = if round % 2 == 0 {
            let ours = ours();
            (ours, theirs())
        } else {
            let theirs = theirs();
            (ours(), theirs)
        };
        // The first round reads the source into memory.
        if round > 0 {
            ratios.push(ours.as_secs_f64() / theirs.as_secs_f64());
            times.push(ours);
            println!("first build {ours:.2?}, cp -a {theirs:.2?}");
        }
    }
    println!("first build: {:.2} x cp -a (median)", median(ratios));
    times.sort();
    times[times.len() / 2]
}

/// What is there is found, with each way of looking; then most of it again under another plan.
fn warm(dirs: &[PathBuf], lab: &Path, cold: Duration) {
    drop(build(lab, dirs, Refresh::Quick));
    for (name, refresh) in [
        ("found", Refresh::Quick),
        ("found, every file looked at", Refresh::Look),
    ] {
        let times = (0..20).map(|_| timed(|| drop(build(lab, dirs, refresh))).as_secs_f64());
        let time = median(times.collect());
        let ratio = cold.as_secs_f64() / time;
        println!("{name}: {:.2} ms, first build {ratio:.0} x", time * 1000.0);
    }
    let mut plan = plan(dirs);
    plan.sources.push(At::default_value(TreeSource::Copy {
        from: "/usr/sbin".into(),
        to: Some("/more".parse().expect("a path")),
        exclude: Vec::new(),
        missing: Missing::Refused,
        existing: Existing::Replaced,
    }));
    let start = Instant::now();
    let store = Store::open(&lab.join("store")).expect("a store");
    let tree = store
        .tree(&plan, Refresh::Quick, &mut Silent)
        .expect("a tree");
    let time = start.elapsed();
    println!(
        "another tree: {time:.2?}, first build {:.1} x; {} of {} files shared, {} of {} bytes written",
        cold.as_secs_f64() / time.as_secs_f64(),
        tree.notes.shared_files,
        tree.notes.files,
        tree.notes.bytes - tree.notes.shared_bytes,
        tree.notes.bytes
    );
}

/// Starts in a tree of few files and in one of 100,000, in pairs.
fn starts(lab: &Path, rounds: usize) {
    let many = lab.join("many");
    for dir in 0..100 {
        let dir = many.join(dir.to_string());
        fs::create_dir_all(&dir).expect("a directory");
        for file in 0..1000 {
            fs::write(dir.join(file.to_string()), "").expect("a file");
        }
    }
    let profile = |name: &str, source: &str| {
        let path = lab.join(name);
        let text = format!(
            "version = 1\ncommand.args = [\"true\"]\nrootfs.writes = \"deny\"\n\
             rootfs.source = [{{ programs = [\"true\"] }}{source}]\n"
        );
        fs::write(&path, text).expect("a profile");
        path
    };
    let small = profile("small.toml", "");
    let large = profile(
        "large.toml",
        &format!(", {{ copy = {many:?}, to = \"/many\" }}"),
    );
    for path in [&small, &large] {
        up(lab, path);
    }
    let mut ratios = Vec::new();
    for round in 0..rounds * 40 {
        let (small, large) = match round % 2 {
            0 => (up(lab, &small), up(lab, &large)),
            _ => {
                let large = up(lab, &large);
                (up(lab, &small), large)
            }
        };
        ratios.push(large.as_secs_f64() / small.as_secs_f64());
    }
    println!("start in 100,000 files: {:.2} x in few", median(ratios));
}

fn up(lab: &Path, profile: &Path) -> Duration {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.arg("up").arg(profile);
    command.env("XDG_CACHE_HOME", lab.join("cache"));
    command.stdin(Stdio::null());
    timed(|| assert!(command.status().expect("sandbox").success()))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Times something that writes, with nothing left to write from before.
fn alone(work: impl FnOnce()) -> Duration {
    let settle = || assert!(Command::new("sync").status().expect("sync").success());
    settle();
    let time = timed(work);
    settle();
    time
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn build(lab: &Path, dirs: &[PathBuf], refresh: Refresh) -> Tree {
    let store = Store::open(&lab.join("store")).expect("a store");
    store
        .tree(&plan(dirs), refresh, &mut Silent)
        .expect("a tree")
}

fn cp(lab: &Path, dirs: &[PathBuf]) {
    fs::create_dir(lab.join("cp")).expect("a directory");
    let mut command = Command::new("cp");
    command.arg("-a").args(dirs).arg(lab.join("cp"));
    assert!(command.status().expect("cp").success());
}

fn plan(dirs: &[PathBuf]) -> TreePlan {
    let copies = dirs.iter().map(|dir| TreeSource::Copy {
        from: dir.clone(),
        to: None,
        exclude: Vec::new(),
        missing: Missing::Refused,
        existing: Existing::Replaced,
    });
    TreePlan {
        sources: copies.map(At::default_value).collect(),
        mount_points: Vec::new(),
        search_path: Vec::new(),
        library_path: Vec::new(),
    }
}
