//! Where the user's files of `sandbox` lie (XDG Base Directory Specification).

use std::path::PathBuf;

use crate::host::home_of;
use crate::supervise::Place;

/// `$XDG_CACHE_HOME/sandbox` or `~/.cache/sandbox`: built trees.
pub fn store() -> Option<PathBuf> {
    below("XDG_CACHE_HOME", ".cache").map(|cache| cache.join("sandbox"))
}

/// Where the runs of this user are noted.
pub fn state() -> Option<Place> {
    Some(Place {
        uid: nix::unistd::geteuid().as_raw(),
        runtime: std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from),
        state: below("XDG_STATE_HOME", ".local/state")?,
    })
}

/// The directory that a variable names, when it is absolute as the specification asks, else one of
/// the user's home.
fn below(variable: &str, default: &str) -> Option<PathBuf> {
    let set = std::env::var_os(variable).map(PathBuf::from);
    match set.filter(|path| path.is_absolute()) {
        Some(path) => Some(path),
        None => Some(home()?.join(default)),
    }
}

fn home() -> Option<PathBuf> {
    let set = std::env::var_os("HOME").map(PathBuf::from);
    let set = set.filter(|path| path.is_absolute());
    set.or_else(|| home_of(nix::unistd::geteuid().as_raw()))
}
