//! What a written map of ids may hold.

use std::ops::RangeInclusive;

use crate::diag::{At, Problem};
use crate::model::IdExtent;
use crate::plan::resolve::scope::Scope;
use crate::profile::raw::RawMapUsers;

/// What the kernel takes (UID_GID_MAP_MAX_EXTENTS).
const MOST_EXTENTS: usize = 340;

/// What no map may hold, whoever starts it.
pub(super) fn judge(
    extents: &[At<IdExtent>],
    kind: &str,
    written: &At<RawMapUsers>,
    scope: &mut Scope<'_>,
) -> Option<()> {
    if extents.is_empty() || extents.len() > MOST_EXTENTS {
        let message = match extents.len() {
            0 => format!("the map of {kind}s is empty"),
            many => {
                format!("the map of {kind}s has {many} entries, the kernel takes {MOST_EXTENTS}")
            }
        };
        scope.report(written.error("namespaces.map-count", message));
        return None;
    }
    let mut sound = Some(());
    for (index, extent) in extents.iter().enumerate() {
        let root = extent
            .value
            .outsides()
            .contains(&0)
            .then(|| host_root(extent, kind));
        let earlier = extents[..index]
            .iter()
            .find(|other| overlap(&other.value, &extent.value));
        let twice = earlier.map(|earlier| {
            extent
                .error(
                    "namespaces.map-overlap",
                    format!("two entries map the same {kind}"),
                )
                .also(&earlier.origin, "the other one")
                .help("give each id to one entry, on both sides")
        });
        for offence in [root, twice] {
            sound = scope.sound(offence).and(sound);
        }
    }
    sound
}

/// With root of the host inside, its sysctls, its read-only remounts and its files are (rule 2).
fn host_root(extent: &At<IdExtent>, kind: &str) -> Problem {
    let message = format!("{kind} 0 of the host is root, which no sandbox has");
    extent
        .error("namespaces.map-host-root", message)
        .help("begin at an id that nobody has")
}

fn overlap(one: &IdExtent, other: &IdExtent) -> bool {
    let meet = |one: RangeInclusive<u32>, other: RangeInclusive<u32>| {
        one.start() <= other.end() && other.start() <= one.end()
    };
    meet(one.insides(), other.insides()) || meet(one.outsides(), other.outsides())
}

/// What the caller's files of subordinate ids do not give.
pub(super) fn not_allowed(
    extent: &At<IdExtent>,
    allowed: &[RangeInclusive<u32>],
    own: u32,
    file: &str,
) -> Option<Problem> {
    let outsides = extent.value.outsides();
    let holds = |range: &RangeInclusive<u32>| {
        range.start() <= outsides.start() && outsides.end() <= range.end()
    };
    if outsides == (own..=own) || allowed.iter().any(holds) {
        return None;
    }
    let (start, end) = (outsides.start(), outsides.end());
    let message = format!("ids {start} to {end} of the host are not the caller's to map");
    let given: Vec<String> = allowed
        .iter()
        .map(|range| format!("{} to {}", range.start(), range.end()))
        .collect();
    let given = match given.is_empty() {
        true => format!("ask root for a line in `/etc/{file}`"),
        false => format!("use ids of `/etc/{file}`: {}", given.join(", ")),
    };
    Some(extent.error("namespaces.map-foreign", message).help(given))
}
