//! Sockets of the host's services, and what each gives to who may talk to it: one table, by which a profile
//! is refused what leads out of the sandbox unless it says why, and by which it is audited.

/// What the service behind a socket does for whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketPower {
    /// It starts processes on the host as root, or as whom it likes.
    Root,
    /// It starts processes on the host as the user.
    User,
    /// It types into the windows of all others (xtest of X).
    Screen,
    /// It signs with the user's keys.
    Keys,
    /// It plays and records sound.
    Sound,
    /// It opens windows.
    Windows,
    /// It passes what a filter lets through.
    Filtered,
}

impl SocketPower {
    /// Whether a program can leave its sandbox by it.
    pub fn leads_out(self) -> bool {
        match self {
            SocketPower::Root | SocketPower::User | SocketPower::Screen => true,
            SocketPower::Keys
            | SocketPower::Sound
            | SocketPower::Windows
            | SocketPower::Filtered => false,
        }
    }
}

/// A socket of the host, or several of one kind.
#[derive(Debug)]
pub struct HostSocket {
    /// Where, in the spelling of [`spelled`]. A `/` at the end stands for all that lies in a directory which
    /// holds nothing else, `*` for any text.
    pub place: &'static str,
    /// What it gives.
    pub power: SocketPower,
}

const fn of(power: SocketPower, place: &'static str) -> HostSocket {
    HostSocket { place, power }
}

const fn root(place: &'static str) -> HostSocket {
    of(SocketPower::Root, place)
}

const fn user(place: &'static str) -> HostSocket {
    of(SocketPower::User, place)
}

const fn keys(place: &'static str) -> HostSocket {
    of(SocketPower::Keys, place)
}

/// All that are known. Of several that a directory brings the first stands for the others.
pub const HOST_SOCKETS: &[HostSocket] = &[
    root("/run/docker.sock"),
    root("/run/dbus/system_bus_socket"),
    root("/run/buildkit/buildkitd.sock"),
    root("/run/containerd/containerd.sock"),
    root("/run/cri-dockerd.sock"),
    root("/run/crio/crio.sock"),
    root("/run/incus/unix.socket"),
    root("/run/k3s/containerd/containerd.sock"),
    root("/run/libvirt/libvirt-sock"),
    root("/run/libvirt/virtlxcd-sock"),
    root("/run/libvirt/virtqemud-sock"),
    root("/run/lxd.socket"),
    root("/run/podman/podman.sock"),
    root("/run/snap.docker/docker.sock"),
    root("/run/snapd.socket"),
    root("/run/systemd/private"),
    root("/var/lib/incus/unix.socket"),
    root("/var/lib/lxd/unix.socket"),
    root("/var/snap/lxd/common/lxd/unix.socket"),
    // Variables that name the socket of an engine.
    root("${env:DOCKER_HOST}"),
    root("${env:CONTAINER_HOST}"),
    // Rootless and desktop engines: they start processes as the user, with all files of the user's.
    user("~/.docker/run/docker.sock"),
    user("~/.docker/desktop/docker.sock"),
    user("~/.docker/desktop/docker-cli.sock"),
    user("~/.rd/docker.sock"),
    user("~/.orbstack/run/docker.sock"),
    user("~/.local/share/containers/podman/machine/podman.sock"),
    user("~/.colima/*.sock"),
    user("~/.lima/*.sock"),
    user("/run/user/UID/bus"),
    user("/run/user/UID/docker.sock"),
    user("/run/user/UID/emacs/server"),
    user("/run/user/UID/podman/podman.sock"),
    user("/run/user/UID/systemd/private"),
    user("/run/user/UID/buildkit/buildkitd.sock"),
    user("/run/user/UID/libvirt/libvirt-sock"),
    user("/run/user/UID/libvirt/virtqemud-sock"),
    // What runs commands for its clients: multiplexers and window managers.
    user("/run/user/UID/sway-ipc.*"),
    user("/run/user/UID/hypr/"),
    user("/run/user/UID/i3/"),
    user("/run/screen/"),
    user("/tmp/tmux-*"),
    of(SocketPower::Screen, "${X11_SOCKET}"),
    of(SocketPower::Screen, "/tmp/.X11-unix/"),
    keys("${env:SSH_AUTH_SOCK}"),
    keys("/run/user/UID/keyring/"),
    keys("/run/user/UID/gcr/"),
    keys("/run/user/UID/gnupg/"),
    keys("/run/user/UID/ssh-agent*"),
    keys("/run/user/UID/openssh_agent"),
    keys("/tmp/ssh-*"),
    keys("~/.gnupg/S.gpg-agent*"),
    keys("~/.ssh/agent/"),
    of(SocketPower::Sound, "/run/user/UID/pulse/"),
    of(SocketPower::Sound, "/run/user/UID/pipewire-*"),
    of(SocketPower::Windows, "${WAYLAND_SOCKET}"),
    of(SocketPower::Windows, "/run/user/UID/wayland-*"),
    // Where the bundle base/dbus wants xdg-dbus-proxy.
    of(SocketPower::Filtered, "/run/user/UID/sandbox-dbus-proxy"),
];

/// How a part of the host brings a socket in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It is that socket.
    Itself,
    /// It is a directory that is there for this socket or for sockets of its kind.
    Near,
    /// It is a directory that holds much else too.
    Above,
}

impl HostSocket {
    /// How what lies at `path`, in the spelling of [`spelled`], brings it in, if at all.
    pub fn reached(&self, path: &str) -> Option<Reached> {
        if let Some(directory) = self.place.strip_suffix('/') {
            return match below(path, directory) {
                Some("") => Some(Reached::Near),
                Some(_) => Some(Reached::Itself),
                None => is_above(path, directory).then_some(Reached::Above),
            };
        }
        let Some((start, end)) = self.place.split_once('*') else {
            return match path == self.place {
                true => Some(Reached::Itself),
                false => from_above(path, self.directory()),
            };
        };
        if path.starts_with(start) && path.ends_with(end) && path.len() > start.len() {
            return Some(Reached::Itself);
        }
        // A name with an ending is a file beside it.
        let name = path.rsplit('/').next().unwrap_or_default();
        let beside = !end.is_empty() && path.starts_with(start) && !name.contains('.');
        match beside {
            true => Some(Reached::Near),
            false => from_above(path, self.directory()),
        }
    }

    /// What it lies in.
    fn directory(&self) -> &'static str {
        self.place.rsplit_once('/').map_or("", |(first, _)| first)
    }

    /// The place as messages write it: of many sockets the directory.
    pub fn text(&self) -> String {
        match self.place.strip_suffix('/') {
            Some(directory) => format!("{directory}/…"),
            None => self.place.replace('*', "…"),
        }
    }
}

/// How `path` brings what lies in `directory`, which may hold much else.
fn from_above(path: &str, directory: &str) -> Option<Reached> {
    let shared = ["/run", "/tmp", "/run/user/UID", "~", ""].contains(&directory);
    match path == directory && !shared {
        true => Some(Reached::Near),
        false => (path == directory || is_above(path, directory)).then_some(Reached::Above),
    }
}

/// Directories of one user, with the name that stands for them.
const OF_ONE: &[(&str, &str)] = &[
    ("${HOME}", "~"),
    ("${env:HOME}", "~"),
    ("/root", "~"),
    ("${XDG_RUNTIME_DIR}", "/run/user/UID"),
    ("${env:XDG_RUNTIME_DIR}", "/run/user/UID"),
];

/// `path` in one spelling: `~` for any home, `/run/user/UID` for any runtime directory.
pub fn spelled(path: &str) -> String {
    let join = |place: &str, rest: &str| match rest {
        "" => place.to_owned(),
        rest => format!("{place}/{rest}"),
    };
    for (name, place) in OF_ONE {
        if let Some(rest) = below(path, name) {
            return join(place, rest);
        }
    }
    let path = match below(path, "/var/run") {
        Some(rest) => join("/run", rest),
        None => path.to_owned(),
    };
    for (users, place) in [("/home", "~"), ("/run/user", "/run/user/UID")] {
        if let Some(rest) = below(&path, users).filter(|rest| !rest.is_empty()) {
            return join(place, rest.split_once('/').map_or("", |(_, rest)| rest));
        }
    }
    path
}

/// What of `path` lies below `directory`, without the slash between.
pub fn below<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(directory)?;
    match rest {
        "" => Some(""),
        _ => rest.strip_prefix('/'),
    }
}

/// Whether `path` lies above `place`; all homes lie in `/home`.
fn is_above(path: &str, place: &str) -> bool {
    path == "/" || (path == "/home" && place.starts_with('~')) || below(place, path).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn how(path: &str, place: &str) -> Option<Reached> {
        let mut sockets = HOST_SOCKETS.iter();
        let socket = sockets.find(|socket| socket.place == place).unwrap();
        socket.reached(&spelled(path))
    }

    #[test]
    fn a_socket_is_reached_by_itself_and_from_above() {
        let colima = "~/.colima/*.sock";
        for (path, place, reached) in [
            (
                "/var/run/docker.sock",
                "/run/docker.sock",
                Some(Reached::Itself),
            ),
            ("/run", "/run/docker.sock", Some(Reached::Above)),
            (
                "/run/podman",
                "/run/podman/podman.sock",
                Some(Reached::Near),
            ),
            (
                "${HOME}/.colima/default/docker.sock",
                colima,
                Some(Reached::Itself),
            ),
            ("${HOME}/.colima", colima, Some(Reached::Near)),
            ("/home/me/.colima/default", colima, Some(Reached::Near)),
            ("/home/me/.colima/colima.yaml", colima, None),
            ("/home/me", colima, Some(Reached::Above)),
            ("/home", colima, Some(Reached::Above)),
            ("/tmp", "/tmp/tmux-*", Some(Reached::Above)),
            ("/tmp/tmux-1000", "/tmp/tmux-*", Some(Reached::Itself)),
            ("/tmp/.X11-unix", "/tmp/.X11-unix/", Some(Reached::Near)),
            (
                "/tmp/.X11-unix/X0",
                "/tmp/.X11-unix/",
                Some(Reached::Itself),
            ),
            (
                "/run/user/7/i3/ipc.9",
                "/run/user/UID/i3/",
                Some(Reached::Itself),
            ),
            ("/run/user", "/run/user/UID/bus", Some(Reached::Above)),
            ("/runner", "/run/docker.sock", None),
        ] {
            assert_eq!(how(path, place), reached, "{path}");
        }
    }

    #[test]
    fn every_place_has_one_spelling_and_stands_once() {
        let mut places: Vec<&str> = HOST_SOCKETS.iter().map(|socket| socket.place).collect();
        for place in &places {
            let own = place.contains("UID") || place.starts_with("${");
            assert!(own || spelled(place) == *place, "{place}");
        }
        let count = places.len();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), count);
    }
}
