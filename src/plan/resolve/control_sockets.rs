//! Sockets through which a program can leave any sandbox: who may talk to them can start processes
//! on the host, most as its root. Those of [`HOST_SOCKETS`] that lead out.

use crate::model::host_sockets::{self, HOST_SOCKETS, HostSocket, spelled};

/// How a bind brings a control socket in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// It is one.
    Itself,
    /// This one lies below it.
    Below(String),
}

/// The control socket that a bind of `path` brings in, if any.
///
/// A directory is refused where all of them lie, in `/run`, and where nothing else does. Others hold much
/// else, such as a home: of those `sandbox audit` tells.
pub(super) fn reached(path: &str) -> Option<Reached> {
    let one = spelled(path);
    let sockets = || {
        HOST_SOCKETS
            .iter()
            .filter(|socket| socket.power.leads_out())
    };
    let itself = |socket: &HostSocket| socket.reached(&one) == Some(host_sockets::Reached::Itself);
    if sockets().any(itself) {
        return Some(Reached::Itself);
    }
    let brings = |socket: &&HostSocket| match socket.reached(&one) {
        Some(host_sockets::Reached::Near) => {
            socket.place.starts_with("/run/") || socket.place.ends_with('/')
        }
        Some(host_sockets::Reached::Above) => socket.place.starts_with("/run/"),
        Some(host_sockets::Reached::Itself) | None => false,
    };
    let found = sockets().find(brings)?;
    Some(Reached::Below(as_written(&found.text(), path)))
}

/// The socket below the runtime directory as `path` writes that.
fn as_written(socket: &str, path: &str) -> String {
    const VARIABLE: &str = "${XDG_RUNTIME_DIR}";
    let Some(rest) = socket.strip_prefix("/run/user/UID") else {
        return socket.to_owned();
    };
    if path.starts_with(VARIABLE) {
        return format!("{VARIABLE}{rest}");
    }
    let users = ["/run/user/", "/var/run/user/"];
    let user = users.iter().find_map(|users| path.strip_prefix(users));
    let user = user.and_then(|rest| rest.split('/').next());
    let user = user.filter(|user| !user.is_empty()).unwrap_or("UID");
    format!("/run/user/{user}{rest}")
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
