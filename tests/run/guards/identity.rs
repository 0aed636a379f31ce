//! Rules 1 to 6: privileges, ids, what a program starts with.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::time::Duration;

use sandbox::model::guard::Guard;

use super::super::support::{field, inside, start, within};
use super::bench::{Bench, NO_FILTER, told};
use super::{Row, Who};

/// Root inside executes a program: has it a capability then?
fn root_by_exec(bench: &Bench) -> String {
    let rest = format!("command.user = \"root\"\n{NO_FILTER}");
    bench.attack(&rest, &["sethostname", "taken"])
}

fn host_switch(bench: &Bench) -> String {
    bench.attack(NO_FILTER, &["open-write", "/proc/sys/kernel/core_pattern"])
}

fn roots_file(bench: &Bench) -> String {
    let secret = bench.lab.file("work/secret", "secret");
    fs::set_permissions(secret, Permissions::from_mode(0o600)).unwrap();
    let rest = format!("{NO_FILTER}{}owner = \"keep\"\n", bench.bind("rw"));
    bench.attack(&rest, &["open-read", "/w/secret"])
}

fn groups_file(bench: &Bench) -> String {
    let file = bench.lab.file("work/groups", "secret");
    chown(&file, Some(0), Some(4242)).unwrap();
    fs::set_permissions(file, Permissions::from_mode(0o640)).unwrap();
    let rest = format!("{NO_FILTER}{}owner = \"keep\"\n", bench.bind("ro"));
    let attack = super::super::support::attack();
    let command = [attack, "open-read", "/w/groups"];
    told(bench.through(&["setpriv", "--groups", "4242"], &rest, &command))
}

fn leave_groups_inside(bench: &Bench) -> String {
    let rest = format!("{NO_FILTER}capabilities = [\"CAP_SETGID\"]");
    bench.attack(&rest, &["setgroups"])
}

fn new_user_namespace(bench: &Bench) -> String {
    bench.attack(NO_FILTER, &["unshare", "user"])
}

fn filtered_user_namespace(bench: &Bench) -> String {
    bench.attack("", &["unshare", "user"])
}

fn filtered_clone(bench: &Bench) -> String {
    bench.attack("", &["clone", "user"])
}

fn session(bench: &Bench) -> String {
    bench.probe("", &["session"])
}

fn mode_of_new_file(bench: &Bench) -> String {
    let script = "> /w/new; stat -c %a /w/new";
    let hostile = "umask 0; exec \"$@\"";
    told(bench.under(hostile, &bench.bind("rw"), &["sh", "-c", script]))
}

fn ignored_signal(bench: &Bench) -> String {
    let hostile = "exec env --ignore-signal=TERM \"$@\"";
    told(bench.under(hostile, "", &["sh", "-c", "kill -TERM $$; echo survived"]))
}

fn open_files(bench: &Bench) -> String {
    bench.script("[limits.process]\nnofile = 64", "ulimit -n")
}

/// What the host sees of the first process.
pub fn status_of_init(bench: &Bench, rest: &str, name: &str, expected: &str) -> String {
    let mut up = start(&mut bench.up(rest, &["sleep", "30"]));
    let init = inside(&up)[0];
    let mut seen = String::new();
    // It settles a moment after the program started.
    within(Duration::from_secs(1), || {
        let status = fs::read_to_string(format!("/proc/{init}/status")).unwrap();
        seen = field(&status, name).unwrap().to_owned();
        seen == expected
    });
    up.kill().unwrap();
    up.wait().unwrap();
    seen
}

const NONE: &str = "0000000000000000";

fn capabilities_of_init(bench: &Bench) -> String {
    let rest = format!("{NO_FILTER}capabilities = [\"CAP_SYS_ADMIN\"]");
    status_of_init(bench, &rest, "CapEff", NONE)
}

pub const ROWS: &[Row] = &[
    Row::new(
        Guard::NoNewPrivileges,
        "root inside gets capabilities by exec",
        root_by_exec,
    )
    .behind(&[Guard::BoundingSet])
    // The kernel takes no filter from who might gain rights.
    .past(&[Guard::Filter])
    .held(&["EPERM"])
    .open(&["worked"]),
    Row::new(
        Guard::BoundingSet,
        "root inside gets capabilities by exec",
        root_by_exec,
    )
    .behind(&[Guard::NoNewPrivileges])
    .past(&[Guard::Filter])
    .held(&["EPERM"])
    .open(&["worked"]),
    Row::new(
        Guard::Capabilities,
        "root inside keeps capabilities over exec",
        root_by_exec,
    )
    .behind(&[Guard::BoundingSet])
    .held(&["EPERM"])
    .open(&["worked"]),
    Row::new(
        Guard::UserNamespace,
        "root's program opens a switch of the host",
        host_switch,
    )
    .by(Who::Root)
    .behind(&[Guard::SealProc])
    .held(&["EROFS", "EACCES"])
    .open(&["worked"]),
    Row::new(
        Guard::UnprivilegedId,
        "root's program reads a file of root's",
        roots_file,
    )
    .by(Who::Root)
    .held(&["EACCES"])
    .open(&["worked"]),
    Row::new(
        Guard::LeaveGroups,
        "a file of a group that root is in",
        groups_file,
    )
    .by(Who::Root)
    .held(&["EACCES"])
    .open(&["worked"]),
    Row::new(
        Guard::DenySetgroups,
        "a group is left that shuts out",
        leave_groups_inside,
    )
    .by(Who::Root)
    .held(&["EPERM"])
    .open(&["worked"]),
    Row::new(
        Guard::ForbidUserNamespaces,
        "a user namespace, unfiltered",
        new_user_namespace,
    )
    .held(&["ENOSPC"])
    .open(&["worked"]),
    Row::new(
        Guard::UserNamespaceLimit,
        "a user namespace, unfiltered",
        new_user_namespace,
    )
    .behind(&[Guard::UserNamespaceTry])
    .held(&["ENOSPC", "not started"])
    .open(&["worked"]),
    Row::new(
        Guard::UserNamespaceTry,
        "a user namespace, unfiltered",
        new_user_namespace,
    )
    .behind(&[Guard::UserNamespaceLimit])
    .held(&["ENOSPC", "not started"])
    .open(&["worked"]),
    Row::new(
        Guard::NamespaceFlags,
        "a user namespace by unshare",
        filtered_user_namespace,
    )
    .behind(&[Guard::ForbidUserNamespaces])
    .held(&["EPERM", "ENOSPC"])
    .open(&["worked"]),
    Row::new(
        Guard::NamespaceFlags,
        "a user namespace by clone",
        filtered_clone,
    )
    .behind(&[Guard::ForbidUserNamespaces])
    .held(&["EPERM", "ENOSPC"])
    .open(&["worked"]),
    Row::new(
        Guard::NewSession,
        "the session that the program is in",
        session,
    )
    .held(&["1"])
    .open(&["0"]),
    Row::new(
        Guard::Umask,
        "the mode of a file, umask 0 outside",
        mode_of_new_file,
    )
    .held(&["644"])
    .open(&["666"]),
    Row::new(
        Guard::ResetSignals,
        "a signal that the caller ignores",
        ignored_signal,
    )
    .held(&[""])
    .open(&["survived"]),
    Row::new(
        Guard::ProcessLimits,
        "how many files may be open",
        open_files,
    )
    .held(&["64"]),
    Row::new(
        Guard::InitCapabilities,
        "capabilities of the first process",
        capabilities_of_init,
    )
    .held(&[NONE]),
];
