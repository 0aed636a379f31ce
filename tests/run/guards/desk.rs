//! Rules 9 and 16: what a supervisor tells, and the file that runs.

use std::process::Stdio;
use std::time::Duration;

use sandbox::model::guard::Guard;

use super::super::attacks::{asked_by_another, probe};
use super::super::support::{inside, start, within};
use super::bench::{Bench, told};
use super::{Row, Who};

/// It has the caller's own id, which the supervisor answers.
fn own_desk(bench: &Bench) -> String {
    let source = format!(", {{ copy = \"{}\", to = \"/asks\" }}", probe());
    let bind = format!(
        "[[mount]]\nbind = \"{}\"\ntarget = \"/w\"\n",
        bench.lab.text("")
    );
    let profile = bench.lab.profile_with(&source, &bind);
    let place = format!("/w/runtime/sandbox/{}", bench.lab.name);
    let mut up = bench.lab.up(&profile, &["/asks", "desk", &place]);
    bench.without(&mut up);
    told(super::super::support::finish(&mut up))
}

fn desk_of_another(bench: &Bench) -> String {
    let mut up = start(bench.up("", &["sleep", "1000"]).stdin(Stdio::null()));
    inside(&up);
    let place = bench.lab.state_file();
    let there = within(Duration::from_secs(10), || place.join("desk").exists());
    let said = asked_by_another(&place);
    up.kill().unwrap();
    up.wait().unwrap();
    assert!(there);
    said
}

fn file_that_runs(bench: &Bench) -> String {
    let rest = "security.landlock = false\n";
    let mut up = start(bench.up(rest, &["sleep", "1000"]).stdin(Stdio::null()));
    inside(&up);
    let file = std::fs::read_link(format!("/proc/{}/exe", up.id())).unwrap();
    up.kill().unwrap();
    up.wait().unwrap();
    match file.to_string_lossy().starts_with("/memfd:") {
        true => "a copy".to_owned(),
        false => "its own".to_owned(),
    }
}

pub const ROWS: &[Row] = &[
    Row::new(
        Guard::CoverStore,
        "the own supervisor through a bind above its directory",
        own_desk,
    )
    .by(Who::User)
    .held(&["desk: refused ENOENT"])
    .open(&["desk: told"]),
    Row::new(
        Guard::DeskPeer,
        "another user who was let into the directory of a supervisor",
        desk_of_another,
    )
    .by(Who::ByRoot)
    .held(&["desk: silent"])
    .open(&["desk: told"]),
    Row::new(
        Guard::SealedCopy,
        "the file of the launcher without Landlock",
        file_that_runs,
    )
    .held(&["a copy"])
    .open(&["its own"]),
];
