//! Who the program is, in the plans of these tests.

use sandbox::diag::At;
use sandbox::model::id_maps::around;
use sandbox::model::{IdExtent, MapHelpers, Writes};
use sandbox::plan::{HostGroup, HostIds, IdMaps, MapWriter, Settings};

use super::settings::{at, ids};

/// One user and one group.
pub fn single(settings: &mut Settings, host: HostIds) {
    let inside = settings.identity.user.value;
    settings.identity.host = host;
    settings.identity.maps = At::default_value(IdMaps::single(inside, host));
}

/// Root's, with a range of ids and what is kept.
pub fn root_range(settings: &mut Settings) {
    settings.identity.user = at("user =", ids(0));
    let host = HostIds::Range(ids(1_879_048_192));
    range(settings, host, MapWriter::Parent);
    settings.writes = at("writes = ", Writes::Keep);
    settings.identity.groups = vec![at("groups = ", HostGroup { id: 44, name: None })];
}

/// A caller's subordinate ids.
pub fn subordinate(settings: &mut Settings) {
    settings.identity.user = at("user =", ids(0));
    let helpers = MapHelpers {
        users: "/usr/bin/newuidmap".into(),
        groups: "/usr/bin/newgidmap".into(),
    };
    let host = HostIds::Caller(ids(1000));
    range(settings, host, MapWriter::Helpers(helpers));
}

/// Ids from 0 on; the program is the first.
fn range(settings: &mut Settings, host: HostIds, writer: MapWriter) {
    let extents = match host {
        HostIds::Caller(own) => around(0, own.uid, &[100_000..=165_535], 65_535),
        HostIds::Range(first) => vec![IdExtent {
            inside: 0,
            outside: first.uid,
            count: 65_536,
        }],
        HostIds::Same => Vec::new(),
    };
    settings.identity.host = host;
    let maps = IdMaps {
        users: extents.clone(),
        groups: extents,
        writer,
    };
    settings.identity.maps = at("map_users = ", maps);
}
