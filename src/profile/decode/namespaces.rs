//! `[namespaces]` and `[network]`: which views of the system are the sandbox's own.

use crate::model::{NetworkMode, TimeOffset};
use crate::profile::raw::{Opt, RawNamespaces};

use super::ids::map_users;
use super::table::Table;
use super::text::hostname;

pub(super) fn namespaces(table: &mut Table<'_, '_>) -> RawNamespaces {
    table.later(&["join"]);
    let Clocks {
        boottime,
        monotonic,
    } = table.section("time", clocks);
    RawNamespaces {
        user: table.optional("user"),
        pid: table.optional("pid"),
        ipc: table.optional("ipc"),
        uts: table.optional("uts"),
        cgroup: table.optional("cgroup"),
        time_boottime: boottime,
        time_monotonic: monotonic,
        hostname: table.with("hostname", hostname),
        map_users: table.with("map_users", map_users),
    }
}

/// `namespaces.time`.
#[derive(Default)]
struct Clocks {
    boottime: Opt<TimeOffset>,
    monotonic: Opt<TimeOffset>,
}

fn clocks(table: &mut Table<'_, '_>) -> Clocks {
    Clocks {
        boottime: table.optional("boottime"),
        monotonic: table.optional("monotonic"),
    }
}

pub(super) fn network(table: &mut Table<'_, '_>) -> Opt<NetworkMode> {
    table.later(&["allow", "publish"]);
    table.optional("mode")
}
