//! The maps of a user namespace, made ready.

use crate::model::IdExtent;
use crate::model::id_maps::text;
use crate::plan::{IdMaps, MapWriter};

use super::Armed;

/// The texts of the maps.
#[derive(Debug)]
pub(in crate::launch) struct ArmedMaps {
    pub uid: Vec<u8>,
    pub gid: Vec<u8>,
    /// `deny` in /proc/PID/setgroups: without a range of groups there is nothing to choose from, and
    /// whoever leaves a group may gain by it (CVE-2014-8989).
    pub groups: Setgroups,
}

/// Whether setgroups(2) is possible in the user namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::launch) enum Setgroups {
    Denied,
    Possible,
}

pub(in crate::launch) fn id_maps(maps: &IdMaps) -> Armed {
    let IdMaps {
        users,
        groups,
        writer,
    } = maps;
    if let MapWriter::Helpers(helpers) = writer {
        let command = |program: &std::path::Path, extents: &[IdExtent]| {
            let mut words = vec![program.to_string_lossy().into_owned()];
            for extent in extents {
                let numbers = [extent.inside, extent.outside, extent.count];
                words.extend(numbers.map(|number| number.to_string()));
            }
            words
        };
        let users = command(&helpers.users, users);
        let groups = command(&helpers.groups, groups);
        return Armed::RunMapHelpers([users, groups]);
    }
    Armed::WriteIdMaps(ArmedMaps {
        uid: text(users).into_bytes(),
        gid: text(groups).into_bytes(),
        groups: match maps.is_range() && *writer == MapWriter::Parent {
            true => Setgroups::Possible,
            false => Setgroups::Denied,
        },
    })
}
