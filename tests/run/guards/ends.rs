//! Rules 27 and 28: nothing outlives who started it.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::model::guard::Guard;

use super::super::support::{finish, inside, sandbox, start, within};
use super::bench::{Bench, probe};
use super::{Row, Who};

fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    state.is_some_and(|state| !state.starts_with(['Z', 'X']))
}

/// Whether it ends within a second; what does not is ended here.
fn fate(pid: i32) -> String {
    if within(Duration::from_secs(1), || !is_alive(pid)) {
        return "it ends".to_owned();
    }
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    "it lives".to_owned()
}

fn killed_supervisor(bench: &Bench) -> String {
    let mut up = start(&mut bench.up("", &["sleep", "1000"]));
    let init = inside(&up)[0];
    up.kill().unwrap();
    up.wait().unwrap();
    fate(init)
}

/// The first process of a supervisor that was killed in the call that made it.
fn early(bench: &Bench, command: &[&str]) -> i32 {
    bench.run(&bench.bind("rw"), &["true"]);
    let mut line = bench.lab.host(probe());
    bench.without(&mut line);
    line.arg("kill-after-clone").arg(sandbox());
    line.args(
        bench
            .lab
            .up_arguments(&bench.profile(&bench.bind("rw")), command),
    );
    let ended = finish(&mut line);
    let pid = ended.out.trim().parse();
    pid.unwrap_or_else(|_| panic!("{ended:?}"))
}

fn started_for_nobody(bench: &Bench) -> String {
    let init = early(bench, &["sh", "-c", "> /w/mark"]);
    assert_eq!(fate(init), "it ends");
    match bench.lab.path("work/mark").exists() {
        true => "the program ran".to_owned(),
        false => "nothing ran".to_owned(),
    }
}

fn waiting_for_nobody(bench: &Bench) -> String {
    fate(early(bench, &["true"]))
}

fn orphan(bench: &Bench) -> String {
    let rest = "namespaces.pid = false\nsystem.proc = \"none\"\n";
    let script = "setsid sleep 1000 >/dev/null 2>&1 & echo $!";
    let said = bench.script(rest, script);
    fate(said.parse().unwrap_or_else(|_| panic!("{said}")))
}

/// A process that the program has made, of another session.
fn killed_supervisor_without_namespace(bench: &Bench) -> String {
    let rest = format!(
        "namespaces.pid = false\nsystem.proc = \"none\"\n{}",
        bench.bind("rw")
    );
    let script = "setsid sh -c 'echo $$ > /w/pid; exec sleep 1000' & wait";
    let mut up = start(&mut bench.up(&rest, &["sh", "-c", script]));
    let told = bench.lab.path("work/pid");
    let pid = || {
        std::fs::read_to_string(&told)
            .ok()?
            .trim()
            .parse::<i32>()
            .ok()
    };
    assert!(within(Duration::from_secs(20), || pid().is_some()));
    let pid = pid().unwrap();
    let init = super::super::support::children(up.id())[0];
    let program = super::super::support::children(init.try_into().unwrap())[0];
    up.kill().unwrap();
    up.wait().unwrap();
    let fates = [program, pid].map(fate);
    fates.join(", ")
}

/// By its group whatever is left of a sandbox is killed too: at its end, or by the next start.
const UNGROUPED: &[Guard] = &[Guard::EnterGroups];

pub const ROWS: &[Row] = &[
    Row::new(
        Guard::DieWithParent,
        "the supervisor is killed",
        killed_supervisor,
    )
    .past(UNGROUPED)
    .held(&["it ends"])
    .open(&["it lives"]),
    Row::new(
        Guard::DieWithParentAgain,
        "the supervisor is killed",
        killed_supervisor,
    )
    .by(Who::Root)
    .past(UNGROUPED)
    .held(&["it ends"])
    .open(&["it lives"]),
    // Root's first process has no ids then, and fails by itself.
    Row::new(
        Guard::GateEnd,
        "the supervisor is killed at the clone",
        started_for_nobody,
    )
    .by(Who::User)
    .past(&[Guard::DieWithParent])
    .held(&["nothing ran"])
    .open(&["the program ran"]),
    Row::new(
        Guard::GateOwnEnd,
        "the supervisor is killed at the clone",
        waiting_for_nobody,
    )
    .past(&[Guard::DieWithParent, Guard::EnterGroups])
    .held(&["it ends"])
    .open(&["it lives"]),
    Row::new(
        Guard::DieWithoutNamespace,
        "the supervisor is killed, without a PID namespace",
        killed_supervisor_without_namespace,
    )
    .past(UNGROUPED)
    .held(&["it ends, it ends"])
    .open(&["it lives, it lives"]),
    Row::new(
        Guard::EndOrphans,
        "an orphan, without a PID namespace",
        orphan,
    )
    .past(UNGROUPED)
    .held(&["it ends"])
    .open(&["it lives"]),
];
