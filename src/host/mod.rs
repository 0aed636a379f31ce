//! Fills the facts: what the kernel and the host offer. It reads and changes nothing.
//!
//! It runs at every start, so it looks only at what is asked for, and asks no name service: a static
//! binary would load libraries for that.

mod accounts;
pub mod cgroups;
pub mod checkouts;
mod disks;
mod git;
mod hardware;
mod images;
mod limits;
mod parts;
mod paths;
mod placed;
pub mod places;
pub mod programs;
pub mod refusal;
mod repository;
pub mod revisions;
pub mod set_id;
pub mod surroundings;
mod variables;

use std::io::IsTerminal;
use std::path::Path;

use crate::model::{Facts, HostAccount, LandlockAbi, Resource, Rlimit, Wanted};

/// Answers raise new questions: variables, then the paths in them, then what lies at links. More
/// rounds than that no profile needs.
const MOST_ROUNDS: usize = 6;

/// The facts that `ask` wants. It is asked again with every answer, until it wants nothing new.
pub fn facts(ask: impl Fn(&Facts) -> Wanted) -> Facts {
    let mut facts = always();
    let mut answered = Wanted::default();
    for _ in 0..MOST_ROUNDS {
        let new = ask(&facts).without(&answered);
        if new == Wanted::default() {
            return facts;
        }
        answer(&mut facts, &new);
        answered.add(new);
    }
    // The last time with all that is known: whoever asks may keep what it then made of it.
    ask(&facts);
    facts
}

/// This process's own limits of setrlimit(2), all of them.
pub fn own_limits() -> Vec<(Resource, Rlimit)> {
    limits::own(&Resource::ALL.iter().copied().collect())
}

/// What costs next to nothing and every start needs.
fn always() -> Facts {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Facts {
        caller: caller(),
        environment,
        current_dir: std::env::current_dir().unwrap_or_default(),
        last_capability: limits::last_capability(),
        landlock: landlock(),
        ..Facts::default()
    }
}

/// A filter around us that refuses to tell would refuse its use too.
fn landlock() -> LandlockAbi {
    crate::sys::landlock::version().map_or(LandlockAbi::NONE, LandlockAbi)
}

/// The home directory of a user in the host's /etc/passwd, for callers without `HOME`.
pub fn home_of(uid: u32) -> Option<std::path::PathBuf> {
    accounts::user(uid).map(|user| user.home.into())
}

/// The top of the checkout in which `start` lies, an absolute path without links: `${GIT_ROOT}`.
///
/// None where its `.git` belongs to somebody else: what lies beside it would be chosen by them.
pub fn checkout_top(start: &Path) -> Option<std::path::PathBuf> {
    let uid = nix::unistd::geteuid().as_raw();
    git::checkout(start, uid).map(|checkout| checkout.root)
}

fn caller() -> HostAccount {
    let groups = nix::unistd::getgroups().unwrap_or_default();
    HostAccount {
        uid: nix::unistd::geteuid().as_raw(),
        gid: nix::unistd::getegid().as_raw(),
        name: "user".to_owned(),
        groups: groups.into_iter().map(nix::unistd::Gid::as_raw).collect(),
    }
}

fn answer(facts: &mut Facts, new: &Wanted) {
    let Wanted {
        variables: names,
        paths: wanted_paths,
        parts: wanted_parts,
        placed: wanted_placed,
        patterns,
        images: wanted_images,
        programs: wanted_programs,
        search_path,
        accounts: wanted_accounts,
        rlimits,
        descriptors,
        cgroups: wanted_cgroups,
        disks: wanted_disks,
        hardware: wanted_hardware,
        terminal,
        own_directories,
    } = new;
    if wanted_accounts.is_on() {
        facts.accounts = accounts::read(facts.caller.uid);
    }
    let values = variables::values(names, facts);
    facts.variables.extend(values);
    if let Some(name) = facts.variables.get("USER") {
        facts.caller.name.clone_from(name);
    }
    let found = wanted_paths.iter();
    facts
        .paths
        .extend(found.map(|path| (path.clone(), paths::look(path))));
    facts.parts.extend(parts::look(wanted_parts));
    facts.placed.extend(placed::look(wanted_placed));
    let matches = patterns.iter();
    facts
        .matches
        .extend(matches.map(|pattern| (pattern.clone(), paths::matching(pattern))));
    let found = wanted_images.iter();
    facts
        .images
        .extend(found.map(|name| (name.clone(), images::look(name))));
    let found = programs::find(wanted_programs, search_path);
    facts.programs.extend(found);
    facts.rlimits.extend(limits::own(rlimits));
    if own_directories.is_on() {
        facts.own_directories = places::own_directories();
    }
    let open = descriptors.iter().filter(|fd| is_open(**fd));
    facts.open_descriptors.extend(open);
    if wanted_cgroups.is_on() {
        facts.cgroups = cgroups::probe();
    }
    let found = wanted_disks.iter();
    facts
        .disks
        .extend(found.map(|path| (path.clone(), disks::look(path))));
    if wanted_hardware.is_on() {
        facts.hardware = Some(hardware::look());
    }
    if terminal.is_on() {
        facts.stdin_is_terminal = std::io::stdin().is_terminal();
    }
}

/// Whether the caller left this descriptor open. Asked by path: a number is no owned descriptor.
fn is_open(fd: u32) -> bool {
    Path::new(&format!("/proc/self/fd/{fd}"))
        .symlink_metadata()
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::path::PathBuf;

    #[test]
    fn each_question_is_answered_once_and_asking_ends() {
        let rounds = Cell::new(0);
        let found = facts(|facts| {
            rounds.set(rounds.get() + 1);
            let mut wanted = Wanted::default();
            wanted.variables.insert("CWD".to_owned());
            if let Some(cwd) = facts.variables.get("CWD") {
                wanted.paths.insert(PathBuf::from(cwd));
            }
            wanted
        });
        assert_eq!(rounds.get(), 3);
        let cwd = std::env::current_dir().unwrap();
        assert!(found.path(&cwd).is_some());
    }

    #[test]
    fn an_endless_asker_is_not_followed_for_ever() {
        let rounds = Cell::new(0);
        facts(|_| {
            rounds.set(rounds.get() + 1);
            let mut wanted = Wanted::default();
            wanted
                .paths
                .insert(PathBuf::from(format!("/absent/{}", rounds.get())));
            wanted
        });
        assert_eq!(rounds.get(), MOST_ROUNDS + 1);
    }

    #[test]
    fn nothing_is_read_that_nobody_wants() {
        let found = facts(|_| Wanted::default());
        assert!(found.paths.is_empty() && found.accounts.users.is_empty());
        assert!(found.variables.is_empty() && found.cgroups.hierarchies.is_empty());
        assert!(found.last_capability >= 37);
    }
}
