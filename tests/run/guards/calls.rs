//! Rules 19, 21 and 22: system calls and their arguments.

use sandbox::model::guard::Guard;

use super::Row;
use super::bench::{Bench, LACKING, NO_FILTER};
use super::identity::status_of_init;

fn trace_child(bench: &Bench) -> String {
    bench.attack("", &["attach-child"])
}

fn filter_of_init(bench: &Bench) -> String {
    status_of_init(bench, "", "Seccomp", "2")
}

fn other_architecture(bench: &Bench) -> String {
    match bench.attack(NO_FILTER, &["int80"]) == "worked" {
        true => bench.attack("", &["int80"]),
        false => format!("{LACKING}no 32-bit programs"),
    }
}

fn x32(bench: &Bench) -> String {
    match cfg!(target_arch = "x86_64") {
        true => bench.attack("", &["x32"]),
        false => format!("{LACKING}no x32"),
    }
}

fn set_id(bench: &Bench) -> String {
    bench.lab.file("work/file", "");
    bench.attack(&bench.bind("rw"), &["chmod", "/w/file", "4755"])
}

fn set_id_without_list(bench: &Bench) -> String {
    bench.lab.file("work/file", "");
    let rest = format!("{NO_FILTER}{}", bench.bind("rw"));
    bench.attack(&rest, &["chmod", "/w/file", "4755"])
}

fn set_id_by_openat2(bench: &Bench) -> String {
    bench.probe(&bench.bind("rw"), &["openat2-set-id", "/w/file"])
}

fn typed(bench: &Bench) -> String {
    bench.probe("", &["type"])
}

fn typed_high(bench: &Bench) -> String {
    bench.probe("", &["type-high"])
}

/// NETLINK_KOBJECT_UEVENT.
fn netlink(bench: &Bench) -> String {
    bench.attack("", &["socket", "16", "15"])
}

fn pair(bench: &Bench) -> String {
    bench.probe("", &["socketpair", "2"])
}

/// READ_IMPLIES_EXEC.
fn personality(bench: &Bench) -> String {
    bench.probe("", &["personality", "400000"])
}

fn memory_map(bench: &Bench) -> String {
    match bench.probe(NO_FILTER, &["map-size"]) == "worked" {
        true => bench.probe("", &["map-size"]),
        false => format!("{LACKING}no CONFIG_CHECKPOINT_RESTORE"),
    }
}

pub const ROWS: &[Row] = &[
    Row::new(Guard::Filter, "a tracer", trace_child)
        .held(&["EPERM"])
        .open(&["worked"]),
    Row::new(Guard::RefusedCalls, "a tracer", trace_child)
        .held(&["EPERM"])
        .open(&["worked"]),
    Row::new(
        Guard::FilterOfInit,
        "the filter of the first process",
        filter_of_init,
    )
    .held(&["2"])
    .open(&["0"]),
    Row::new(
        Guard::Architecture,
        "a call by int 0x80",
        other_architecture,
    )
    .held(&["SIGSYS"]),
    Row::new(Guard::X32, "a call by its x32 number", x32)
        .held(&["SIGSYS"])
        .open(&["ENOSYS"]),
    Row::new(Guard::SetIdModes, "a set-id file for the host", set_id)
        .held(&["EPERM"])
        .open(&["worked"]),
    Row::new(
        Guard::SetIdWithoutList,
        "a set-id file where there is no list of calls",
        set_id_without_list,
    )
    .held(&["EPERM"])
    .open(&["worked"]),
    Row::new(
        Guard::MemoryArguments,
        "a set-id file by openat2",
        set_id_by_openat2,
    )
    .held(&["ENOSYS"])
    .open(&["worked"]),
    Row::new(Guard::TerminalCalls, "TIOCSTI", typed).held(&["EPERM"]),
    Row::new(Guard::TerminalCalls, "TIOCSTI with a high half", typed_high).held(&["EPERM"]),
    Row::new(Guard::Sockets, "a socket of a rare family", netlink)
        .held(&["EPROTONOSUPPORT"])
        .open(&["worked"]),
    Row::new(Guard::SocketPairs, "a pair of a rare family", pair)
        .held(&["EAFNOSUPPORT"])
        .open(&["EOPNOTSUPP"]),
    Row::new(
        Guard::Personality,
        "a personality that makes data run",
        personality,
    )
    .held(&["EPERM"])
    .open(&["worked"]),
    Row::new(Guard::ProcessControl, "PR_SET_MM", memory_map)
        .held(&["EPERM"])
        .open(&["worked"]),
];
