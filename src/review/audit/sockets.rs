//! Sockets of the host's services: who may talk to one does what the service does.

use crate::model::host_sockets::{HOST_SOCKETS, HostSocket, Reached, SocketPower};

use super::brought::{Brought, brought};
use super::score::{Dimension, Weight};
use super::{Found, Rule, Subject};

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
    Rule {
        code: "audit.filtered-bus",
        dimension: Dimension::Sockets,
        weight: Weight::tenths(15),
        title: "the session bus behind a filter",
        why: "the program calls what the filter lets through; which that is, only the command line of the proxy says",
        judge: filtered_bus,
    },
];

const READ_ONLY_IS_NO_HELP: &str = "name only what the program needs below it, or add what holds the socket to `hide`; \
     `access = \"ro\"` keeps nobody from talking to it";

/// What a socket that leads out weighs by itself, and what a directory weighs that may hold one: many a home
/// has none.
fn weight(power: SocketPower, reached: Reached) -> Weight {
    match (power, reached) {
        (_, Reached::Above) => Weight::tenths(50),
        (SocketPower::Root, _) => Weight::tenths(95),
        (_, Reached::Itself | Reached::Near) => Weight::tenths(80),
    }
}

/// The socket of such a power that a part of the host brings, the nearest first, and how.
///
/// A copy brings none: sockets are left out of it.
fn brings(part: &Brought<'_>, powers: &[SocketPower]) -> Option<(&'static HostSocket, Reached)> {
    if part.is_copied() {
        return None;
    }
    let known = HOST_SOCKETS
        .iter()
        .filter(|socket| powers.contains(&socket.power) && !part.leaves_out(socket.place));
    let reached = known.filter_map(|socket| Some((socket, socket.reached(part.path.as_str())?)));
    reached.min_by_key(|(socket, reached)| {
        let order = match reached {
            Reached::Itself => 0,
            Reached::Near => 1,
            Reached::Above => 2,
        };
        (order, socket.power != SocketPower::Root)
    })
}

/// Each thing of the host that is or brings a socket of this power.
fn at(subject: &Subject<'_>, power: SocketPower, what: &str, fix: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for part in brought(subject) {
        if brings(&part, &[power]).is_some() {
            let message = format!("`{}` lets the program talk to {what}", part.text);
            found.push(Found::new(part.origin, message, fix));
        }
    }
    found
}

/// What leads out, X apart: it has a rule of its own.
const LEADS_OUT: [SocketPower; 2] = [SocketPower::Root, SocketPower::User];

fn control_socket(subject: &Subject<'_>) -> Vec<Found> {
    let parts = brought(subject);
    let mut found = Vec::new();
    for part in &parts {
        let known = brings(part, &LEADS_OUT);
        match (part.dangerous, known) {
            // The profile says why, and a reviewer has to read it.
            (Some(reason), known) if brings(part, &[SocketPower::Screen]).is_none() => {
                let message = format!(
                    "through `{}` the program can leave the sandbox, because of: {reason}",
                    part.text
                );
                let fix =
                    "leave it out; give the program a proxy that passes what it needs and no more";
                // Of one that only the host knows the worst is assumed.
                let power = known.map_or(SocketPower::Root, |(socket, _)| socket.power);
                let weight = weight(power, Reached::Itself);
                found.push(Found::new(part.origin, message, fix).weighing(weight));
            }
            (None, Some((socket, reached))) => {
                let message = match reached {
                    Reached::Itself => {
                        format!("through `{}` the program can leave the sandbox", part.text)
                    }
                    Reached::Near | Reached::Above => format!(
                        "`{}` may hold `{}`, through which the program can leave the sandbox",
                        part.text,
                        socket.text()
                    ),
                };
                let weight = weight(socket.power, reached);
                found.push(Found::new(part.origin, message, READ_ONLY_IS_NO_HELP).weighing(weight));
            }
            _ => {}
        }
    }
    found
}

fn x11(subject: &Subject<'_>) -> Vec<Found> {
    let fix =
        "give it `${WAYLAND_SOCKET}`, or the socket of a nested server such as Xephyr or Xwayland";
    at(subject, SocketPower::Screen, "the X server", fix)
}

fn agent(subject: &Subject<'_>) -> Vec<Found> {
    let fix = "leave it out; give the program a key of its own that opens only what it needs";
    at(subject, SocketPower::Keys, "an agent that holds keys", fix)
}

fn sound(subject: &Subject<'_>) -> Vec<Found> {
    let fix = "leave it out where the program needs no sound";
    at(subject, SocketPower::Sound, "the sound server", fix)
}

fn wayland(subject: &Subject<'_>) -> Vec<Found> {
    let fix = "leave it out where the program opens no window";
    let what = "the Wayland compositor";
    at(subject, SocketPower::Windows, what, fix)
}

fn filtered_bus(subject: &Subject<'_>) -> Vec<Found> {
    let fix = "start the proxy with `--filter`, and name only what the program needs by `--talk`";
    let what = "the session bus, as far as its proxy lets it";
    at(subject, SocketPower::Filtered, what, fix)
}
