//! Paths of the host by what they mean, whoever's home it is.

use super::Subject;
use crate::model::host_sockets::below;

/// A path of the host in one spelling: `~` for a home, variables for what they stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPath(String);

/// Variables that stand for a place with another name here.
const NAMES: &[(&str, &str)] = &[
    ("${HOME}", "~"),
    ("${env:HOME}", "~"),
    ("${XDG_DATA_HOME}", "~/.local/share"),
    ("${XDG_DOWNLOAD_DIR}", "~/Downloads"),
    ("${XDG_RUNTIME_DIR}", "/run/user/UID"),
    ("${env:XDG_RUNTIME_DIR}", "/run/user/UID"),
    ("/var/run", "/run"),
    ("/root", "~"),
];

/// Directories with one entry for each user.
const OF_USERS: &[(&str, &str)] = &[("/home", "~"), ("/run/user", "/run/user/UID")];

impl HostPath {
    /// The path `text` of a plan.
    pub fn new(text: &str, subject: &Subject<'_>) -> HostPath {
        let mut path = plain(text);
        for (name, value) in subject.variables {
            if let Some(rest) = below(&path, value) {
                path = format!("${{{name}}}{}", with_slash(rest));
                break;
            }
        }
        let named = NAMES.iter().find_map(|(name, place)| {
            let rest = below(&path, name)?;
            Some(format!("{place}{}", with_slash(rest)))
        });
        let path = named.unwrap_or(path);
        let path = upwards(path);
        let users = OF_USERS.iter().find_map(|(directory, place)| {
            let rest = below(&path, directory).filter(|rest| !rest.is_empty())?;
            let rest = rest.split_once('/').map_or("", |(_, rest)| rest);
            Some(format!("{place}{}", with_slash(rest)))
        });
        HostPath(users.unwrap_or(path))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this place.
    pub fn is(&self, place: &str) -> bool {
        self.0 == place
    }

    /// Whether it is this place or lies below it.
    pub fn is_within(&self, place: &str) -> bool {
        below(&self.0, place).is_some()
    }

    /// Whether it brings this place: it is that, or lies above it.
    pub fn brings(&self, place: &str) -> bool {
        self.0 == "/" || below(place, &self.0).is_some()
    }

    /// What of `place` lies below it.
    pub fn way_to<'a>(&self, place: &'a str) -> Option<&'a str> {
        below(place, &self.0)
    }

    /// Whether it is a whole home, or all of them.
    pub fn is_home(&self) -> bool {
        self.is("~") || self.is("/home")
    }
}

/// What a path comes to where a variable of the environment is not set: that is what everybody gets. One
/// that names a place of its own stays.
fn plain(text: &str) -> String {
    let own = NAMES.iter().any(|(name, _)| below(text, name).is_some());
    let inner = text.strip_prefix("${env:").filter(|_| !own);
    let Some((_, rest)) = inner.and_then(|inner| inner.split_once(":-")) else {
        return text.to_owned();
    };
    // The default may hold variables of its own: it ends where all of them are closed.
    let mut depth = 1_usize;
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return plain(&format!("{}{}", &rest[..at], &rest[at + 1..]));
        }
    }
    text.to_owned()
}

/// The same path without `.`, `..` and needless slashes. Above a home lie all homes; what lies above
/// another variable no text can say, so there the `..` stays.
fn upwards(path: String) -> String {
    if !path
        .split('/')
        .skip(1)
        .any(|part| matches!(part, "" | "." | ".."))
        || path == "/"
    {
        return path;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last().copied()) {
            ("", Some(_)) | (".", _) => {}
            ("..", Some("~")) => parts = vec!["", "home"],
            ("..", Some("")) => {}
            ("..", Some(last)) if last != ".." && !last.contains("${") => {
                parts.pop();
            }
            (part, _) => parts.push(part),
        }
    }
    match parts.as_slice() {
        [""] => "/".to_owned(),
        parts => parts.join("/"),
    }
}

fn with_slash(rest: &str) -> String {
    match rest {
        "" => String::new(),
        rest => format!("/{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        for (path, to) in [
            ("~/..", "/home"),
            ("~/x/../.ssh/", "~/.ssh"),
            ("~/./.ssh//id", "~/.ssh/id"),
            ("/a/../..", "/"),
            ("/", "/"),
            ("${GIT_ROOT}/..", "${GIT_ROOT}/.."),
            ("${GIT_ROOT}/x/../.git", "${GIT_ROOT}/.git"),
        ] {
            assert_eq!(upwards(path.to_owned()), to);
        }
    }

    #[test]
    fn the_default_of_a_variable_is_judged() {
        assert_eq!(plain("${env:X:-${HOME}/.ssh}/id"), "${HOME}/.ssh/id");
        assert_eq!(plain("${env:X:-${env:Y:-/etc}}"), "/etc");
        assert_eq!(plain("${env:X}/y"), "${env:X}/y");
        assert_eq!(plain("${env:X:-/a"), "${env:X:-/a");
    }
}
