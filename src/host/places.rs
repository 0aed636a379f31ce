//! Where the user's files of `sandbox` lie (XDG Base Directory Specification).

use std::path::{Path, PathBuf};

use super::home_of;

/// `$XDG_CACHE_HOME/sandbox` or `~/.cache/sandbox`: built trees.
pub fn store() -> Option<PathBuf> {
    below("XDG_CACHE_HOME", ".cache").map(|cache| cache.join("sandbox"))
}

/// Where the runs of this user are noted: `/run/sandbox` for root, `$XDG_RUNTIME_DIR/sandbox` where
/// there is one, else a directory of the user's state directory.
pub fn state() -> Option<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Some(PathBuf::from("/run/sandbox"));
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match runtime.filter(|path| path.is_absolute() && path.is_dir()) {
        Some(runtime) => Some(runtime.join("sandbox")),
        None => Some(below("XDG_STATE_HOME", ".local/state")?.join("sandbox/run")),
    }
}

/// Where what outlives the runs of this user is kept: `/var/lib/sandbox` for root, else
/// `$XDG_DATA_HOME/sandbox` or `~/.local/share/sandbox`.
pub fn data() -> Option<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Some(PathBuf::from("/var/lib/sandbox"));
    }
    below("XDG_DATA_HOME", ".local/share").map(|data| data.join("sandbox"))
}

/// `$XDG_CONFIG_HOME/sandbox` or `~/.config/sandbox`: what the user writes for `sandbox`.
pub fn config() -> Option<PathBuf> {
    below("XDG_CONFIG_HOME", ".config").map(|config| config.join("sandbox"))
}

/// `~/.local/bin`: the user's own programs.
pub fn programs() -> Option<PathBuf> {
    home().map(|home| home.join(".local/bin"))
}

/// `$XDG_DATA_HOME/applications`: the user's own entries of menus.
pub fn applications() -> Option<PathBuf> {
    below("XDG_DATA_HOME", ".local/share").map(|data| data.join("applications"))
}

/// Where the system's entries of menus are, the first one wins: `applications` below `$XDG_DATA_DIRS`.
pub fn data_directories() -> Vec<PathBuf> {
    let set = std::env::var_os("XDG_DATA_DIRS").filter(|set| !set.is_empty());
    let set = set.unwrap_or_else(|| "/usr/local/share:/usr/share".into());
    let absolute = std::env::split_paths(&set).filter(|path| path.is_absolute());
    absolute.map(|path| path.join("applications")).collect()
}

/// What no sandbox may reach, without links, as far as it is there: with another environment the same user's files
/// lie elsewhere, and are no less the user's.
pub(super) fn own_directories() -> Vec<PathBuf> {
    let own = [store(), state(), data()].into_iter().flatten();
    let mut all: Vec<PathBuf> = own.map(|path| without_links(&path)).collect();
    // Most hosts have none of them: one look at each.
    for path in other_directories().into_iter().filter(|path| path.is_dir()) {
        let path = without_links(&path);
        if !all.contains(&path) {
            all.push(path);
        }
    }
    all
}

/// Where the three lie in other environments of this user.
fn other_directories() -> Vec<PathBuf> {
    let id = nix::unistd::geteuid().as_raw();
    let homes = [std::env::var_os("HOME").map(PathBuf::from), home_of(id)];
    let below_home = [
        ".cache/sandbox",
        ".local/state/sandbox",
        ".local/share/sandbox",
    ];
    let in_homes = homes.iter().flatten().flat_map(|home| {
        let places = below_home.iter().map(|place| home.join(place));
        places.collect::<Vec<_>>()
    });
    let runtime = PathBuf::from(format!("/run/user/{id}/sandbox"));
    let named = ["XDG_RUNTIME_DIR", "XDG_STATE_HOME"].map(std::env::var_os);
    let named = named.into_iter().flatten();
    let named = named.map(|place| PathBuf::from(place).join("sandbox"));
    let all = in_homes.chain([runtime]).chain(named);
    all.filter(|path| path.is_absolute()).collect()
}

/// The path without links, as far as it is there: the first run makes the rest.
pub fn without_links(path: &Path) -> PathBuf {
    let mut ancestors = path.ancestors();
    let found = ancestors.find_map(|part| Some((part, part.canonicalize().ok()?)));
    match found {
        Some((part, real)) => match path.strip_prefix(part) {
            Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
            _ => real,
        },
        None => path.to_owned(),
    }
}

/// The path itself, or of what is above it the nearest that is there.
pub fn there(path: &Path) -> &Path {
    let mut above = path.ancestors();
    above.find(|path| path.exists()).unwrap_or(Path::new("/"))
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

/// The home directory: where `HOME` says nothing, that of the account.
pub fn home() -> Option<PathBuf> {
    let set = std::env::var_os("HOME").map(PathBuf::from);
    let set = set.filter(|path| path.is_absolute());
    set.or_else(|| home_of(nix::unistd::geteuid().as_raw()))
}
