//! Sockets through which a program can leave any sandbox: who may talk to them can start processes
//! on the host, most as its root.

/// Below /run, the best known first: it stands for the others where a directory brings several.
const BELOW_RUN: &[&str] = &[
    "docker.sock",
    "dbus/system_bus_socket",
    "buildkit/buildkitd.sock",
    "containerd/containerd.sock",
    "cri-dockerd.sock",
    "crio/crio.sock",
    "incus/unix.socket",
    "k3s/containerd/containerd.sock",
    "libvirt/libvirt-sock",
    "libvirt/virtlxcd-sock",
    "libvirt/virtqemud-sock",
    "lxd.socket",
    "podman/podman.sock",
    "snap.docker/docker.sock",
    "snapd.socket",
    "systemd/private",
];

/// Elsewhere; a directory above these holds much else, so only they themselves are told.
const ELSEWHERE: &[&str] = &[
    "/var/lib/incus/unix.socket",
    "/var/lib/lxd/unix.socket",
    "/var/snap/lxd/common/lxd/unix.socket",
];

/// Below a user's home: rootless and desktop engines. A home holds much else, so only they themselves and
/// the directories of one engine are told.
const BELOW_HOME: &[&str] = &[
    ".docker/run/docker.sock",
    ".docker/desktop/docker.sock",
    ".docker/desktop/docker-cli.sock",
    ".rd/docker.sock",
    ".orbstack/run/docker.sock",
    ".local/share/containers/podman/machine/podman.sock",
];

/// Directories below a home that hold such sockets, by the name of the machine.
const DIRECTORIES_BELOW_HOME: &[&str] = &[".colima", ".lima"];

/// Variables that name the socket of an engine.
const ENGINES: &[&str] = &["${env:DOCKER_HOST}", "${env:CONTAINER_HOST}"];

/// Below a user's runtime directory: these start processes as that user.
const BELOW_RUNTIME_DIR: &[&str] = &[
    "bus",
    "docker.sock",
    "emacs/server",
    "podman/podman.sock",
    "systemd/private",
];

/// Directories that hold nothing but such sockets: X lets its clients type into the windows of all others
/// (xtest), the rest runs commands.
const DIRECTORIES: &[&str] = &["/run/screen", "/tmp/.X11-unix"];

/// The same below a user's runtime directory.
const DIRECTORIES_BELOW_RUNTIME_DIR: &[&str] = &["hypr", "i3"];

/// The variable that stands for the socket of the caller's X server.
const X11: &str = "${X11_SOCKET}";

/// How a bind brings a control socket in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// It is one.
    Itself,
    /// This one lies below it.
    Below(String),
}

/// The control socket that a bind of `path` brings in, if any.
pub(super) fn reached(path: &str) -> Option<Reached> {
    if ELSEWHERE.contains(&path) || path == X11 || path.starts_with("/tmp/tmux-") {
        return Some(Reached::Itself);
    }
    if ENGINES.contains(&path) || home(path).is_some_and(is_engine) {
        return Some(Reached::Itself);
    }
    if let Some(found) = in_directory(path, DIRECTORIES) {
        return Some(found);
    }
    if let Some((_, rest)) = runtime_dir(path) {
        if rest.starts_with("sway-ipc.") {
            return Some(Reached::Itself);
        }
        if let Some(found) = in_directory(rest, DIRECTORIES_BELOW_RUNTIME_DIR) {
            return Some(found);
        }
    }
    let (directory, rest, sockets) = if let Some((directory, rest)) = runtime_dir(path) {
        (directory, rest, BELOW_RUNTIME_DIR)
    } else if path == "/" {
        ("/run".to_owned(), "", BELOW_RUN)
    } else {
        let rest = below(path, "/run").or_else(|| below(path, "/var/run"))?;
        ("/run".to_owned(), rest, BELOW_RUN)
    };
    if sockets.contains(&rest) {
        return Some(Reached::Itself);
    }
    let found = sockets.iter().find(|socket| is_above(rest, socket))?;
    Some(Reached::Below(format!("{directory}/{found}")))
}

/// Whether `path` is one of `directories`, or lies in it.
fn in_directory(path: &str, directories: &[&str]) -> Option<Reached> {
    let rest = directories.iter().find_map(|name| below(path, name))?;
    match rest {
        "" => Some(Reached::Below(format!("{path}/…"))),
        _ => Some(Reached::Itself),
    }
}

fn is_engine(rest: &str) -> bool {
    let named = |directory: &&str| below(rest, directory).is_some() && rest.ends_with(".sock");
    BELOW_HOME.contains(&rest) || DIRECTORIES_BELOW_HOME.iter().any(named)
}

/// What of `path` lies below a home.
fn home(path: &str) -> Option<&str> {
    let named = ["${HOME}", "${env:HOME}", "/root"];
    let rest = named.iter().find_map(|name| below(path, name));
    rest.or_else(|| Some(below(path, "/home")?.split_once('/')?.1))
}

/// A user's runtime directory, and what of `path` lies below it.
fn runtime_dir(path: &str) -> Option<(String, &str)> {
    const VARIABLE: &str = "${XDG_RUNTIME_DIR}";
    if let Some(rest) = below(path, VARIABLE) {
        return Some((VARIABLE.to_owned(), rest));
    }
    let rest = below(path, "/run/user").or_else(|| below(path, "/var/run/user"))?;
    let (user, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let user = if user.is_empty() { "UID" } else { user };
    Some((format!("/run/user/{user}"), rest))
}

/// What of `path` lies below `directory`, without the slash between.
fn below<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(directory)?;
    match rest {
        "" => Some(""),
        _ => rest.strip_prefix('/'),
    }
}

/// Whether a bind of `path` brings `socket`.
fn is_above(path: &str, socket: &str) -> bool {
    path.is_empty() || below(socket, path).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_reached_by_itself_and_by_what_is_above_it() {
        let below = |socket: &str| Some(Reached::Below(socket.to_owned()));
        for path in [
            "/run/docker.sock",
            "/var/run/docker.sock",
            "/run/user/7/bus",
            "/run/user/7/sway-ipc.7.99.sock",
            "/tmp/.X11-unix/X1",
            "/run/user/7/i3/ipc-socket.9",
            "${X11_SOCKET}",
            "${HOME}/.docker/run/docker.sock",
            "/home/me/.docker/desktop/docker.sock",
            "/root/.colima/default/docker.sock",
            "${env:DOCKER_HOST}",
            "/run/snap.docker/docker.sock",
        ] {
            assert_eq!(reached(path), Some(Reached::Itself), "{path}");
        }
        for path in ["/", "/run", "/var/run"] {
            assert_eq!(reached(path), below("/run/docker.sock"), "{path}");
        }
        assert_eq!(reached("/run/dbus"), below("/run/dbus/system_bus_socket"));
        assert_eq!(reached("/run/user/1000"), below("/run/user/1000/bus"));
        assert_eq!(reached("/run/user"), below("/run/user/UID/bus"));
        assert_eq!(reached("/tmp/.X11-unix"), below("/tmp/.X11-unix/…"));
        let own = "${XDG_RUNTIME_DIR}/systemd";
        assert_eq!(reached(own), below("${XDG_RUNTIME_DIR}/systemd/private"));
    }

    #[test]
    fn other_sockets_are_just_sockets() {
        for path in [
            "/run/user/1000/wayland-0",
            "/tmp",
            "/run/netns/lab",
            "/runner",
            "/var",
            "/home/me/bus",
        ] {
            assert_eq!(reached(path), None, "{path}");
        }
    }
}
