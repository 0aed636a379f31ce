//! Rules 11 and 20: what comes into a tree, and what is shown of one.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use sandbox::model::guard::Guard;

use super::super::support::{attack, finish, sandbox};
use super::super::tarball::Tarball;
use super::bench::{Bench, LACKING, probe, told};
use super::{Row, Who};

/// Runs a command in a tree with one more source.
fn with_source(bench: &Bench, source: &str, command: &[&str]) -> String {
    bench.lab.keep_apart();
    let profile = bench.lab.profile_with(&format!(", {source}"), "");
    let mut up = bench.lab.up(&profile, command);
    bench.without(&mut up);
    told(finish(&mut up))
}

fn copied_set_id(bench: &Bench) -> String {
    let file = bench.lab.file("work/program", "");
    fs::set_permissions(&file, Permissions::from_mode(0o4755)).unwrap();
    let source = format!("{{ copy = \"{}\", to = \"/copied\" }}", file.display());
    with_source(bench, &source, &["stat", "-c", "%a", "/copied"])
}

fn packed_set_id(bench: &Bench) -> String {
    let header = super::super::tarball::Header::new(b'0', "packed").mode(0o4755);
    let path = archive(bench, Tarball::default().header(&header));
    with_source(bench, &path, &["stat", "-c", "%a", "/packed"])
}

fn copied_capability(bench: &Bench) -> String {
    let file = bench.lab.file("work/program", "");
    let mut give = std::process::Command::new(probe());
    let given = give.arg("give-capability").arg(&file).output().unwrap();
    if given.stdout != b"worked\n" {
        return format!("{LACKING}no capabilities of files");
    }
    let source = format!("{{ copy = \"{}\", to = \"/copied\" }}", file.display());
    with_source(bench, &source, &[attack(), "list-attributes", "/copied"])
}

/// The archive as a source.
fn archive(bench: &Bench, tarball: Tarball) -> String {
    let path = bench.lab.path("work/hostile.tar");
    fs::write(&path, tarball.end()).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    format!("{{ archive = \"{}\" }}", path.display())
}

/// Links are followed in memory, so that a member that leads upwards ends at the root of the tree.
fn upwards(bench: &Bench) -> String {
    let source = archive(bench, Tarball::default().file("../../outside", "came"));
    with_source(bench, &source, &["cat", "/outside"])
}

fn absolute(bench: &Bench) -> String {
    let source = archive(bench, Tarball::default().file("/outside", "came"));
    with_source(bench, &source, &["cat", "/outside"])
}

/// A name that would colour the terminal of who looks at what was written.
fn name_with_escape(bench: &Bench) -> String {
    bench.lab.directory("project");
    let rest = format!(
        "[[mount]]\nbind = \"{}\"\ntarget = \"/desk\"\naccess = \"overlay\"\n",
        bench.lab.text("project")
    );
    bench.says(&rest, &["bash", "-c", "> $'/desk/\\e[31mred'"]);
    let mut changes = bench.lab.host(sandbox());
    bench.without(&mut changes);
    let shown = finish(changes.args(["changes", &bench.lab.name])).out;
    assert!(shown.contains("red"), "{shown}");
    match shown.contains('\u{1b}') {
        true => "it acts".to_owned(),
        false => "it is shown".to_owned(),
    }
}

/// Its content is the program's then, and its bits stay.
fn bound_set_id(bench: &Bench) -> String {
    let file = bench.lab.file("work/program", "");
    std::os::unix::fs::chown(&file, Some(bench.lab.caller.uid()), None).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o4755)).unwrap();
    let rest = format!(
        "[[mount]]\nbind = \"{}\"\ntarget = \"/p\"\naccess = \"rw\"\n",
        file.display()
    );
    bench.script(&rest, "echo started")
}

const REFUSED: &[&str] = &["not started"];

pub const ROWS: &[Row] = &[
    Row::new(Guard::StripSetId, "a set-id file is copied", copied_set_id)
        .held(&["755"])
        .open(&["4755"]),
    Row::new(
        Guard::SetIdSources,
        "a set-id file is bound to be written",
        bound_set_id,
    )
    .held(REFUSED)
    .open(&["started"]),
    Row::new(
        Guard::StripSetId,
        "a set-id file is unpacked",
        packed_set_id,
    )
    .held(&["755"])
    .open(&["4755"]),
    Row::new(
        Guard::StripCapabilities,
        "a capability is copied",
        copied_capability,
    )
    .by(Who::Root)
    .held(&[""])
    .open(&["security.capability"]),
    Row::new(
        Guard::ArchiveParents,
        "a member that leads upwards",
        upwards,
    )
    .held(REFUSED)
    .open(&["came"]),
    Row::new(Guard::ArchiveAbsolute, "an absolute member", absolute)
        .held(REFUSED)
        .open(&["came"]),
    Row::new(Guard::Printable, "a name with an escape", name_with_escape)
        .held(&["it is shown"])
        .open(&["it acts"]),
];
