//! What desktop programs are given by the bundles of `base/`: a display, a compositor, a filtered bus.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::display::{self, Display};

use super::applications::{command, has, lab};
use super::support::{Caller, Ended, Lab, finish};

/// A program of the host that ends with the test.
struct Server(Child);

impl Server {
    /// Returns when its socket is there.
    fn start(command: &mut Command, socket: &Path) -> Server {
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        let server = Server(quiet.spawn().unwrap());
        let start = Instant::now();
        while !socket.exists() {
            assert!(start.elapsed() < Duration::from_secs(20), "{command:?}");
            thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A profile with these bundles and programs, on the user's shelf.
fn profile(lab: &Lab, bundles: &str, programs: &str) {
    let text = format!(
        "version = 1\nextends = [{bundles}]\nenv.set.PATH = \"/usr/bin:/bin\"\n\
         rootfs.source = [{{ programs = [{programs}] }}]\n"
    );
    lab.file("home/config/sandbox/profiles/client.toml", &text);
}

/// A program in it, with variables of its user.
fn client(lab: &Lab, variables: &[(&str, &str)], program: &[&str]) -> Ended {
    let start = ["up", "--name", &lab.name, "client", "--"];
    let mut command = command(lab, &[&start, program].concat());
    command.env("XDG_RUNTIME_DIR", lab.path("runtime"));
    finish(command.envs(variables.iter().copied()))
}

/// Display managers write the key under the name of the host.
#[test]
fn a_display_with_a_key_lets_its_program_in() {
    let name = "a_display_with_a_key_lets_its_program_in";
    if !has(name, "Xvfb") || !has(name, "xdpyinfo") {
        return;
    }
    for caller in Caller::all() {
        let lab = lab(caller);
        profile(&lab, "\"base/x11\"", "\"xdpyinfo\"");
        let key = lab.file("home/key", "");
        fs::write(&key, display::key()).unwrap();
        let display = Display::start(Some(&key));
        let variables = [
            ("DISPLAY", display.name()),
            ("XAUTHORITY", key.to_str().unwrap()),
        ];
        let ended = client(&lab, &variables, &["xdpyinfo"]);
        assert_eq!(ended.code(), 0, "{caller:?}: {ended:?}");
        assert!(ended.out.contains("name of display"), "{ended:?}");
        let ended = client(&lab, &variables[..1], &["xdpyinfo"]);
        assert_eq!(ended.code(), 1, "without a key: {ended:?}");
    }
}

#[test]
fn a_compositor_shows_its_program_no_other_socket() {
    let name = "a_compositor_shows_its_program_no_other_socket";
    if !has(name, "weston") || !has(name, "wayland-info") {
        return;
    }
    for caller in Caller::all() {
        let lab = lab(caller);
        profile(
            &lab,
            "\"base/wayland\", \"base/gpu\"",
            "\"wayland-info\", \"ls\"",
        );
        let mut weston = lab.host("weston");
        weston
            .args(["--backend=headless-backend.so", "--socket=shown"])
            .env("XDG_RUNTIME_DIR", lab.path("runtime"));
        let _weston = Server::start(&mut weston, &lab.path("runtime/shown"));
        lab.file("runtime/other", "");
        let shown = [("WAYLAND_DISPLAY", "shown")];
        let ended = client(&lab, &shown, &["wayland-info"]);
        assert_eq!(ended.code(), 0, "{caller:?}: {ended:?}");
        assert!(ended.out.contains("wl_compositor"), "{ended:?}");
        let ended = client(&lab, &shown, &["ls", "/run/user/sandbox"]);
        assert_eq!(ended.out, "wayland-0\n");
        // Of a compositor that is not there no socket is made.
        let ended = client(&lab, &[("WAYLAND_DISPLAY", "gone")], &["ls"]);
        assert_eq!(ended.code(), 125, "{ended:?}");
    }
}

/// A session bus with two services that leave a file when they are called.
fn bus(lab: &Lab) -> Server {
    lab.directory("home/data/dbus-1/services");
    for service in ["passed", "refused"] {
        let text = format!(
            "[D-BUS Service]\nName=org.example.{service}\nExec=/bin/sh -c 'touch {}; exit 1'\n",
            lab.text(&format!("runtime/{service}"))
        );
        let file = format!("home/data/dbus-1/services/org.example.{service}.service");
        lab.file(&file, &text);
    }
    let mut daemon = lab.host("dbus-daemon");
    daemon
        .args(["--session", "--nofork", "--nopidfile"])
        .arg(format!("--address=unix:path={}", lab.text("runtime/bus")))
        .env("XDG_RUNTIME_DIR", lab.path("runtime"))
        .env("XDG_DATA_HOME", lab.path("home/data"));
    Server::start(&mut daemon, &lab.path("runtime/bus"))
}

/// Whether the service was called.
fn called(lab: &Lab, service: &str) -> bool {
    lab.path(&format!("runtime/{service}")).exists()
}

#[test]
fn a_filtered_bus_passes_on_what_it_was_told_to_alone() {
    let name = "a_filtered_bus_passes_on_what_it_was_told_to_alone";
    let programs = ["dbus-daemon", "dbus-send", "xdg-dbus-proxy"];
    if !programs.iter().all(|program| has(name, program)) {
        return;
    }
    // The bus asks who has an account; the user whom root plays has none.
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let known = |caller: &Caller| {
        let id = caller.uid().to_string();
        let mut ids = accounts.lines().filter_map(|line| line.split(':').nth(2));
        ids.any(|known| known == id)
    };
    for caller in Caller::all().into_iter().filter(known) {
        let lab = lab(caller);
        profile(&lab, "\"base/dbus\"", "\"dbus-send\"");
        let _bus = bus(&lab);
        let address = format!("unix:path={}", lab.text("runtime/bus"));
        let call = |service: &str| {
            let to = format!("--dest=org.example.{service}");
            ["dbus-send", "--print-reply", &to, "/", "org.example.X.Y"].map(str::to_owned)
        };
        let inside = |service: &str| {
            let words = call(service);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            client(&lab, &[("DBUS_SESSION_BUS_ADDRESS", &address)], &words)
        };
        // Without the filter's socket nothing starts: the bus itself is never given.
        assert_eq!(inside("passed").code(), 125);
        let mut proxy = lab.host("xdg-dbus-proxy");
        let socket = lab.path("runtime/sandbox-dbus-proxy");
        proxy.arg(&address).arg(&socket);
        proxy.args(["--filter", "--talk=org.example.passed"]);
        let _proxy = Server::start(&mut proxy, &socket);
        for service in ["passed", "refused"] {
            let ended = inside(service);
            // Neither service answers; but only one of them is asked to.
            assert_eq!(ended.code(), 1, "{caller:?}: {ended:?}");
            assert_eq!(called(&lab, service), service == "passed", "{ended:?}");
        }
        let words = call("refused");
        let mut outside = lab.host(&words[0]);
        outside.args(&words[1..]);
        finish(outside.env("DBUS_SESSION_BUS_ADDRESS", &address));
        assert!(called(&lab, "refused"), "the filter made the difference");
    }
}
