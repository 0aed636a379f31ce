//! Sockets of the host's services: who may talk to one does what the service does.

use crate::plan::MountKind;

use super::brought::brought;
use super::score::{Dimension, Weight};
use super::{Found, HostPath, Rule, Subject};

/// Those that lead out first, then the desktop's and the agents'.
pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "audit.control-socket",
        dimension: Dimension::Sockets,
        weight: Weight::tenths(95),
        title: "a socket through which the program can leave the sandbox",
        why: "the service starts processes on the host for whoever asks, most of them as root",
        judge: control_socket,
    },
    Rule {
        code: "audit.x11",
        dimension: Dimension::Sockets,
        weight: Weight::tenths(60),
        title: "the X server",
        why: "X parts no clients: each reads every key press, sees every window and types into every terminal",
        judge: x11,
    },
    Rule {
        code: "audit.agent",
        dimension: Dimension::Sockets,
        weight: Weight::tenths(40),
        title: "an agent that holds keys",
        why: "the program signs and logs in with every key of the agent for as long as it runs",
        judge: agent,
    },
    Rule {
        code: "audit.sound",
        dimension: Dimension::Sockets,
        weight: Weight::tenths(15),
        title: "the sound server",
        why: "the program can listen through the microphone",
        judge: sound,
    },
    Rule {
        code: "audit.wayland",
        dimension: Dimension::Sockets,
        weight: Weight::tenths(5),
        title: "the Wayland compositor",
        why: "the clipboard, and whatever extensions the compositor gives to every client",
        judge: wayland,
    },
];

/// Each thing of the host that is or brings one of these places; `*` at the end stands for any ending.
fn at(subject: &Subject<'_>, places: &[&str], what: &str, fix: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for part in brought(subject) {
        let brings = |place: &&str| match place.strip_suffix('*') {
            Some(start) => part.path.starts_with(start),
            None => part.path.brings(place) || part.path.is_within(place),
        };
        if places.iter().any(brings) {
            let message = format!("`{}` lets the program talk to {what}", part.text);
            found.push(Found::new(part.origin, message, fix));
        }
    }
    found
}

/// The profile says why, and a reviewer has to read it.
fn control_socket(subject: &Subject<'_>) -> Vec<Found> {
    let mounts = subject.settings.mounts.iter();
    let found = mounts.filter_map(|mount| match &mount.value.kind {
        MountKind::Socket {
            source,
            dangerous: Some(reason),
            ..
        } if !is_x11(&HostPath::new(source, subject)) => {
            let message = format!(
                "through `{source}` the program can leave the sandbox, because of: {reason}"
            );
            let fix =
                "leave it out; give the program a proxy that passes what it needs and no more";
            Some(Found::new(&mount.origin, message, fix))
        }
        _ => None,
    });
    found.collect()
}

const X11: [&str; 2] = ["${X11_SOCKET}", "/tmp/.X11-unix"];

/// It has a rule of its own: whoever types into a terminal is its user, and no more.
fn is_x11(path: &HostPath) -> bool {
    X11.iter().any(|place| path.is_within(place))
}

fn x11(subject: &Subject<'_>) -> Vec<Found> {
    let fix =
        "give it `${WAYLAND_SOCKET}`, or the socket of a nested server such as Xephyr or Xwayland";
    at(subject, &X11, "the X server", fix)
}

fn agent(subject: &Subject<'_>) -> Vec<Found> {
    let places = [
        "${env:SSH_AUTH_SOCK}",
        "/run/user/UID/keyring",
        "/run/user/UID/gcr",
        "/run/user/UID/gnupg",
        "/run/user/UID/ssh-agent*",
        "/run/user/UID/openssh_agent",
        "/tmp/ssh-*",
    ];
    let fix = "leave it out; give the program a key of its own that opens only what it needs";
    at(subject, &places, "an agent that holds keys", fix)
}

fn sound(subject: &Subject<'_>) -> Vec<Found> {
    let places = ["/run/user/UID/pulse", "/run/user/UID/pipewire-*"];
    let fix = "leave it out where the program needs no sound";
    at(subject, &places, "the sound server", fix)
}

fn wayland(subject: &Subject<'_>) -> Vec<Found> {
    let places = ["${WAYLAND_SOCKET}", "/run/user/UID/wayland-*"];
    let fix = "leave it out where the program opens no window";
    at(subject, &places, "the Wayland compositor", fix)
}
