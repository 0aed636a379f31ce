//! Values of the variables that a profile may hold.

use std::collections::BTreeSet;
use std::path::Path;

use crate::model::{Facts, User};

use super::{accounts, git};

/// The values of `names`; one that has none is left out.
///
/// The caller's environment answers first where a user expects it, and only with absolute paths.
pub(super) fn values(names: &BTreeSet<String>, facts: &Facts) -> Vec<(String, String)> {
    let caller = Caller { facts };
    let values = names.iter().filter_map(|name| {
        let value = caller.value(name)?;
        Some((name.clone(), value))
    });
    values.collect()
}

struct Caller<'a> {
    facts: &'a Facts,
}

impl Caller<'_> {
    fn value(&self, name: &str) -> Option<String> {
        match name {
            "HOME" => self.home(),
            "USER" => self
                .user()
                .map(|user| user.name)
                .or_else(|| self.text("USER")),
            "UID" => Some(self.facts.caller.uid.to_string()),
            "GID" => Some(self.facts.caller.gid.to_string()),
            "CWD" => path_text(&self.facts.current_dir),
            "GIT_ROOT" => path_text(&self.checkout()?.root),
            "GIT_COMMON_DIR" => path_text(&self.checkout()?.common_dir),
            "XDG_RUNTIME_DIR" => self.path("XDG_RUNTIME_DIR"),
            "XDG_DATA_HOME" => self
                .path("XDG_DATA_HOME")
                .or_else(|| self.below_home(".local/share")),
            "XDG_DOWNLOAD_DIR" => self.download_dir(),
            "WAYLAND_SOCKET" => self.wayland_socket(),
            "X11_SOCKET" => x11_socket(&self.text("DISPLAY")?),
            _ => None,
        }
    }

    /// A variable of the environment that is set to something.
    fn text(&self, name: &str) -> Option<String> {
        let value = self.facts.environment.get(name)?;
        (!value.is_empty()).then(|| value.clone())
    }

    /// One that holds an absolute path; the XDG rules have others ignored.
    fn path(&self, name: &str) -> Option<String> {
        self.text(name).filter(|value| value.starts_with('/'))
    }

    fn user(&self) -> Option<User> {
        accounts::user(self.facts.caller.uid)
    }

    fn home(&self) -> Option<String> {
        self.path("HOME")
            .or_else(|| self.user().map(|user| user.home))
            .filter(|home| home.starts_with('/'))
    }

    fn below_home(&self, rest: &str) -> Option<String> {
        Some(format!("{}/{rest}", self.home()?.trim_end_matches('/')))
    }

    fn checkout(&self) -> Option<git::Checkout> {
        git::checkout(&self.facts.current_dir, self.facts.caller.uid)
    }

    /// As xdg-user-dir says: from user-dirs.dirs, else `Downloads`. A directory that is the home
    /// itself means that there is none.
    fn download_dir(&self) -> Option<String> {
        let home = self.home()?;
        let config = self.path("XDG_CONFIG_HOME");
        let config = config.or_else(|| self.below_home(".config"))?;
        let text = std::fs::read_to_string(Path::new(&config).join("user-dirs.dirs"));
        let written = text
            .ok()
            .and_then(|text| user_dir(&text, "XDG_DOWNLOAD_DIR", &home));
        let found = written.or_else(|| self.below_home("Downloads"))?;
        (found.trim_end_matches('/') != home.trim_end_matches('/')).then_some(found)
    }

    fn wayland_socket(&self) -> Option<String> {
        let display = self.text("WAYLAND_DISPLAY")?;
        if display.starts_with('/') {
            return Some(display);
        }
        let runtime = self.path("XDG_RUNTIME_DIR")?;
        Some(format!("{}/{display}", runtime.trim_end_matches('/')))
    }
}

fn path_text(path: &Path) -> Option<String> {
    path.to_str()
        .filter(|path| path.starts_with('/'))
        .map(str::to_owned)
}

/// A line of user-dirs.dirs: `NAME="$HOME/…"` or `NAME="/…"`, nothing else.
fn user_dir(text: &str, name: &str, home: &str) -> Option<String> {
    let value = text.lines().rev().find_map(|line| {
        let rest = line.trim_start().strip_prefix(name)?.trim_start();
        rest.strip_prefix('=')?
            .trim()
            .strip_prefix('"')?
            .strip_suffix('"')
    })?;
    match value.strip_prefix("$HOME") {
        Some(rest) => Some(format!("{}{rest}", home.trim_end_matches('/'))),
        None => value.starts_with('/').then(|| value.to_owned()),
    }
}

/// The socket of a display on this machine: `:0`, `:0.1` or `unix:0`.
fn x11_socket(display: &str) -> Option<String> {
    let (machine, number) = display.rsplit_once(':')?;
    let number = number.split('.').next()?;
    let local = matches!(machine, "" | "unix");
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (local && is_number).then(|| format!("/tmp/.X11-unix/X{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn value(name: &str, environment: &[(&str, &str)]) -> Option<String> {
        let pairs = environment.iter();
        let environment: BTreeMap<String, String> = pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let facts = Facts {
            environment,
            current_dir: "/proc/absent".into(),
            ..Facts::default()
        };
        values(&[name.to_owned()].into(), &facts)
            .pop()
            .map(|(_, value)| value)
    }

    #[test]
    fn the_environment_answers_with_absolute_paths_only() {
        assert_eq!(value("HOME", &[("HOME", "/h")]).as_deref(), Some("/h"));
        assert_ne!(value("HOME", &[("HOME", "h")]).as_deref(), Some("h"));
        assert_eq!(
            value("XDG_RUNTIME_DIR", &[("XDG_RUNTIME_DIR", "run")]),
            None
        );
        let data = value("XDG_DATA_HOME", &[("HOME", "/h/")]);
        assert_eq!(data.as_deref(), Some("/h/.local/share"));
        assert_eq!(value("GIT_ROOT", &[]), None);
        assert_eq!(value("PATH", &[("PATH", "/bin")]), None);
    }

    #[test]
    fn sockets_of_the_session_follow_its_variables() {
        let wayland = [
            ("WAYLAND_DISPLAY", "wayland-1"),
            ("XDG_RUNTIME_DIR", "/run/user/7"),
        ];
        let socket = value("WAYLAND_SOCKET", &wayland);
        assert_eq!(socket.as_deref(), Some("/run/user/7/wayland-1"));
        assert_eq!(x11_socket(":0.1").as_deref(), Some("/tmp/.X11-unix/X0"));
        assert_eq!(x11_socket("unix:12").as_deref(), Some("/tmp/.X11-unix/X12"));
        assert_eq!(x11_socket("host:0"), None);
        assert_eq!(x11_socket(":../../x"), None);
    }

    #[test]
    fn user_dirs_name_paths_below_the_home_or_absolute_ones() {
        let text = "# XDG_DOWNLOAD_DIR=\"/no\"\nXDG_DOWNLOAD_DIR=\"$HOME/Get\"\n";
        let dir = |text: &str| user_dir(text, "XDG_DOWNLOAD_DIR", "/h");
        assert_eq!(dir(text).as_deref(), Some("/h/Get"));
        assert_eq!(dir("XDG_DOWNLOAD_DIR=\"/d\"").as_deref(), Some("/d"));
        assert_eq!(dir("XDG_DOWNLOAD_DIR=\"d\""), None);
    }
}
