//! Real control groups: made, entered, hit, read and removed, on whatever hierarchy the host has.
//!
//! Every test that cannot run here says why. The names and limits are small; only groups that the
//! test made itself are touched.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod child;
mod errors;
mod limits;
mod removal;
#[path = "../skip.rs"]
mod skip;

use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sandbox::cgroup::Groups;
use sandbox::diag::Origin;
use sandbox::host::cgroups::probe;
use sandbox::model::Switch;
use sandbox::plan::{Amount, GroupLimit, GroupLimits, Lacking};
use skip::{Lack, skip};

/// One test at a time: a delegated group can be divided by one mover only, and CPU time is measured.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Limits that must hold.
pub(crate) fn limits(amounts: &[Amount]) -> GroupLimits {
    limits_with(Lacking::Refused, amounts)
}

/// Limits with what happens where they cannot hold.
pub(crate) fn limits_with(lacking: Lacking, amounts: &[Amount]) -> GroupLimits {
    let limit = |amount: &Amount| GroupLimit {
        amount: amount.clone(),
        origin: Origin::CommandLine,
        lacking,
    };
    GroupLimits {
        list: amounts.iter().map(limit).collect(),
        handle: Switch::Off,
        devices: Vec::new(),
    }
}

/// Groups with these limits, or nothing, with the reason printed, where this caller may not make any.
pub(crate) fn groups(name: &str, amounts: &[Amount]) -> Option<Groups> {
    match Groups::create(&limits(amounts), &probe(), name) {
        Ok(groups) => Some(groups),
        Err(error) if std::env::var_os("SANDBOX_TEST_CGROUPS").is_none() => {
            skip(name, &Lack::Rights(&error.to_string()));
            None
        }
        Err(error) => panic!(
            "SANDBOX_TEST_CGROUPS is set, and {error}; {:?}",
            error.fix()
        ),
    }
}

/// The one of `paths` that has the control file, and what the file says.
pub(crate) fn control(paths: &[PathBuf], file: &str) -> Option<String> {
    let text = |dir: &PathBuf| std::fs::read_to_string(dir.join(file)).ok();
    let found = paths.iter().find_map(text)?;
    Some(found.trim_end().to_owned())
}

/// Removes groups and checks that nothing of them is left, not even the group around them.
pub(crate) fn remove_and_check(mut groups: Groups) {
    let paths = groups.paths();
    groups.remove().unwrap();
    assert!(groups.paths().is_empty());
    assert_gone(&paths);
}

/// Nothing is at any of these paths, nor the group around one, unless others have groups in it.
pub(crate) fn assert_gone(paths: &[PathBuf]) {
    let deadline = Instant::now() + Duration::from_secs(2);
    for path in paths {
        assert!(!path.exists(), "{} is left", path.display());
        let nest = path.parent().filter(|parent| parent.ends_with("sandbox"));
        while nest.is_some_and(is_there_and_empty) {
            assert!(Instant::now() < deadline, "{nest:?} is left");
        }
    }
}

fn is_there_and_empty(nest: &Path) -> bool {
    let is_group =
        |entry: std::io::Result<DirEntry>| entry.is_ok_and(|entry| entry.path().is_dir());
    std::fs::read_dir(nest).is_ok_and(|mut entries| !entries.any(is_group))
}
