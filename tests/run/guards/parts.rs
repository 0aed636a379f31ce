//! Parts of a bind, and what Landlock keeps behind all mounts.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use sandbox::model::guard::Guard;

use super::Row;
use super::bench::Bench;

/// A checkout with a hook and a secret, and a script in a sandbox that protects both.
fn in_checkout(bench: &Bench, script: &str) -> String {
    bench.lab.directory("work/.git/hooks");
    bench.lab.file("work/.git/hooks/run", "hook\n");
    bench.lab.file("work/secret", "secret\n");
    let parts = "read_only = [\".git/hooks\"]\nhide = [\"secret\"]\n";
    let script = format!("cd /w; {script}");
    bench.script(&format!("{}{parts}", bench.bind("rw")), &script)
}

/// The parent is moved away, and one of the program's own takes its place.
fn move_parent(bench: &Bench) -> String {
    in_checkout(
        bench,
        "mv .git x 2>/dev/null && mkdir -p .git/hooks && echo evil >.git/hooks/run; true",
    );
    fs::read_to_string(bench.lab.path("work/.git/hooks/run")).unwrap_or_default()
}

fn write_hook(bench: &Bench) -> String {
    in_checkout(bench, "echo evil >.git/hooks/run; true");
    fs::read_to_string(bench.lab.path("work/.git/hooks/run")).unwrap()
}

fn read_secret(bench: &Bench) -> String {
    in_checkout(bench, "cat secret; true")
}

/// Of the network that is shared, and so reached by name whatever is mounted.
fn abstract_socket(bench: &Bench) -> String {
    let name = format!("{}-guard", bench.lab.name);
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    bench.attack("network.mode = \"host\"\n", &["connect-abstract", &name])
}

pub const ROWS: &[Row] = &[
    Row::new(
        Guard::Landlock,
        "an abstract socket of the host",
        abstract_socket,
    )
    .held(&["EPERM"])
    .open(&["worked"]),
    Row::new(
        Guard::PinParts,
        "the directory above a part, moved away",
        move_parent,
    )
    .held(&["hook\n"])
    .open(&["evil\n"]),
    Row::new(Guard::ReadOnlyParts, "a hook, written", write_hook)
        .held(&["hook\n"])
        .open(&["evil\n"]),
    Row::new(Guard::HideParts, "a secret, read", read_secret)
        .held(&[""])
        .open(&["secret"]),
];
