//! Sockets through which a program can leave any sandbox: who may talk to them can start processes
//! on the host, most as its root.

/// Below /run, so that a bind of a directory above one brings it.
const BELOW_RUN: &[&str] = &[
    "buildkit/buildkitd.sock",
    "containerd/containerd.sock",
    "cri-dockerd.sock",
    "crio/crio.sock",
    "dbus/system_bus_socket",
    "docker.sock",
    "incus/unix.socket",
    "k3s/containerd/containerd.sock",
    "libvirt/libvirt-sock",
    "lxd.socket",
    "podman/podman.sock",
    "snapd.socket",
    "systemd/private",
];

/// Elsewhere; a directory above these holds much else, so only they themselves are told.
const ELSEWHERE: &[&str] = &[
    "/var/lib/incus/unix.socket",
    "/var/lib/lxd/unix.socket",
    "/var/snap/lxd/common/lxd/unix.socket",
];

/// Below a user's runtime directory: these start processes as that user.
const BELOW_RUNTIME_DIR: &[&str] = &[
    "bus",
    "docker.sock",
    "podman/podman.sock",
    "systemd/private",
];

/// The control socket that a bind of `path` brings in, if any.
pub(super) fn reached(path: &str) -> Option<String> {
    if ELSEWHERE.contains(&path) {
        return Some(path.to_owned());
    }
    if path == "/" {
        return Some(format!("/run/{}", BELOW_RUN[5]));
    }
    if let Some((directory, rest)) = runtime_dir(path) {
        let found = BELOW_RUNTIME_DIR
            .iter()
            .find(|socket| is_above(rest, socket));
        return found.map(|socket| format!("{directory}/{socket}"));
    }
    let rest = below(path, "/run").or_else(|| below(path, "/var/run"))?;
    let found = BELOW_RUN.iter().find(|socket| is_above(rest, socket))?;
    Some(format!("/run/{found}"))
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
        let socket = |path: &str| reached(path);
        for path in [
            "/",
            "/run",
            "/var/run",
            "/run/docker.sock",
            "/var/run/docker.sock",
        ] {
            assert!(socket(path).is_some(), "{path}");
        }
        assert_eq!(
            socket("/run/dbus").as_deref(),
            Some("/run/dbus/system_bus_socket")
        );
        assert_eq!(
            socket("/run/user/1000").as_deref(),
            Some("/run/user/1000/bus")
        );
        assert_eq!(
            socket("/run/user/7/bus").as_deref(),
            Some("/run/user/7/bus")
        );
        assert_eq!(
            socket("${XDG_RUNTIME_DIR}/systemd").as_deref(),
            Some("${XDG_RUNTIME_DIR}/systemd/private")
        );
        assert!(socket("/run/user").is_some());
        assert_eq!(socket("/").as_deref(), Some("/run/docker.sock"));
    }

    #[test]
    fn other_sockets_are_just_sockets() {
        for path in [
            "/run/user/1000/wayland-0",
            "/run/netns/lab",
            "/runner",
            "/var",
            "/home/me/bus",
        ] {
            assert_eq!(reached(path), None, "{path}");
        }
    }
}
