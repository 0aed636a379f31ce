//! Ids of users and groups, as actions tell them.

use crate::model::IdExtent;
use crate::plan::{HostGroup, IdMaps, MapWriter};

use super::{bare, with};

pub(super) fn leave_groups(keep: &[HostGroup]) -> (String, String) {
    let names: Vec<String> = keep.iter().map(ToString::to_string).collect();
    match names.is_empty() {
        true => bare("setgroups to none"),
        false => bare(&format!("setgroups to {}", names.join(" "))),
    }
}

pub(super) fn id_maps(maps: &IdMaps) -> (String, String) {
    let IdMaps {
        users,
        groups,
        writer,
    } = maps;
    let (users, groups) = (extents(users), extents(groups));
    let how = match writer {
        MapWriter::Helpers(_) => "by newuidmap and newgidmap",
        MapWriter::Parent if maps.is_range() => "",
        _ => "setgroups deny",
    };
    with(&format!("map uid {users}, gid {groups}"), how.to_owned())
}

/// `0 -> 1000`, and with others behind it `0-65535 -> 100000`.
pub(in crate::report) fn extents(extents: &[IdExtent]) -> String {
    let text = |extent: &IdExtent| {
        let IdExtent {
            inside,
            outside,
            count,
        } = extent;
        match count {
            1 => format!("{inside} -> {outside}"),
            _ => format!("{inside}-{} -> {outside}", extent.insides().end()),
        }
    };
    extents.iter().map(text).collect::<Vec<_>>().join("; ")
}
