//! From a plan to its tree in the user's store, for every command that needs one.

use std::io::{self, IsTerminal};
use std::path::Path;

use nix::errno::Errno;

use crate::diag::Problem;
use crate::host::places;
use crate::plan::TreePlan;
use crate::report::Bar;
use crate::rootfs::{Durability, Progress, Refresh, Silent, Store, Tree};
use crate::sys;
use crate::sys::file::{HERE, How};

use super::profile::general;
use super::{output, refusal};

/// A tree that is asked for.
pub struct Wanted<'a> {
    /// What it holds.
    pub plan: &'a TreePlan,
    /// The profile that asks, for garbage collection.
    pub profile: &'a Path,
    /// How hard to look for changes.
    pub refresh: Refresh,
}

/// How hard to look, by the switches `--refresh` and `--verify`.
pub fn refresh(refresh: bool, verify: bool) -> Refresh {
    match (refresh, verify) {
        (_, true) => Refresh::Verify,
        (true, false) => Refresh::Look,
        (false, false) => Refresh::Quick,
    }
}

/// Opens the user's store.
///
/// # Errors
/// When the user has no home, and when the store cannot be used.
pub fn open_store() -> Result<Store, Box<Problem>> {
    refuse_without_openat2()?;
    let place = places::store().ok_or_else(no_home)?;
    Store::open(&place).map_err(|error| {
        let problem = general("store.open", error.to_string());
        Box::new(match error.help() {
            Some(help) => problem.help(help),
            None => problem,
        })
    })
}

/// Trees are walked by openat2(2) alone, which no older call can stand in for. A filter may hide it, as that of a
/// sandbox does: its modes stand in memory.
fn refuse_without_openat2() -> Result<(), Box<Problem>> {
    let how = How::existing(libc::O_PATH | libc::O_DIRECTORY, 0);
    match sys::file::open(HERE, c"/", how) {
        Err(Errno::ENOSYS) => {}
        // Whatever else is wrong is told where it matters.
        Ok(_) | Err(_) => return Ok(()),
    }
    let message = "openat2(2) is missing: this kernel is older than 5.6, or a filter around it hides the call";
    let problem = general("host.no-openat2", message);
    Err(Box::new(problem.help(
        "start it outside; within a sandbox, give that one `seccomp = \"none\"`, `nested_userns = true` and no \
         writable bind",
    )))
}

/// A store, or a state directory, has no place.
pub fn no_home() -> Problem {
    general(
        "host.no-home",
        "no home directory is known: neither `HOME` nor /etc/passwd tells one",
    )
    .help("set `HOME`, or `XDG_CACHE_HOME`, `XDG_DATA_HOME` and `XDG_STATE_HOME`")
}

/// Finds or builds a tree, with a bar on a terminal, and says what of it had been altered in the store.
///
/// # Errors
/// When it cannot be built.
pub fn obtain(store: &Store, wanted: &Wanted<'_>) -> Result<Tree, Box<Problem>> {
    let mut progress: Box<dyn Progress> = match io::stderr().is_terminal() {
        true => Box::new(Bar::default()),
        false => Box::new(Silent),
    };
    let tree = store
        .tree(wanted.plan, wanted.refresh, progress.as_mut())
        .map_err(|error| Box::new(refusal::of_tree(&error)))?;
    for path in &tree.altered {
        let path = crate::report::printable(&path.to_string_lossy());
        output::error_text(&format!(
            "sandbox: warning: `{path}` was altered in the store and has been written again\n"
        ));
    }
    // Without the note the next garbage collection takes the tree, and it is built again.
    for user in [wanted.profile, &wanted.profile.with_extension("lock")] {
        store.note_user(&tree, user).ok();
    }
    Ok(tree)
}

/// Writes a tree to disk that was built just now, so that it outlives the next boot; whoever waited for it has
/// been served. One that cannot be written is built again.
pub fn keep(store: &Store, tree: &Tree) {
    if tree.durability == Durability::ThisBoot {
        store.make_durable(tree).ok();
    }
}
