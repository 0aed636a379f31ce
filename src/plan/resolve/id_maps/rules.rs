//! What a written map of ids may hold.

use std::ops::RangeInclusive;

use crate::diag::{At, Problem};
use crate::model::{IdExtent, id_maps};
use crate::plan::IdMaps;
use crate::plan::resolve::scope::Scope;
use crate::profile::raw::RawMapUsers;

/// What the kernel takes (UID_GID_MAP_MAX_EXTENTS).
const MOST_EXTENTS: usize = 340;

/// The kernel takes less than a page, and pages have at least this many bytes (map_write in
/// kernel/user_namespace.c).
const PAGE: usize = 4096;

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

/// A map is written at once, as text.
pub(super) fn too_long(maps: &IdMaps, written: &At<RawMapUsers>) -> Option<Problem> {
    let lists = [(&maps.users, "user"), (&maps.groups, "group")];
    let mut long = lists.into_iter().filter_map(|(extents, kind)| {
        let length = id_maps::text(extents).len();
        (length >= PAGE).then_some((length, kind))
    });
    let (length, kind) = long.next()?;
    let most = PAGE - 1;
    let message = format!("the map of {kind}s has {length} bytes as text, the kernel takes {most}");
    let problem = written.error("namespaces.map-length", message);
    Some(problem.help("map fewer ranges, or ranges with smaller numbers"))
}

/// newgidmap(1) forbids setgroups(2) where it maps nothing of /etc/subgid (CVE-2018-7169), so that the caller's
/// groups could not be left.
pub(super) fn one_group(maps: &IdMaps, own: u32, written: &At<RawMapUsers>) -> Option<Problem> {
    let [only] = maps.groups[..] else {
        return None;
    };
    (only.outsides() == (own..=own)).then(|| {
        let message = "with the caller's own group alone its other groups cannot be left";
        let problem = written.error("namespaces.map-one-group", message);
        problem.help("map a range of `/etc/subgid` too, or write `map_users = \"subordinate\"`")
    })
}

/// Names the accounts of the host that a written map gives the program: its files and processes would be theirs.
pub(super) fn judge_accounts(written: &At<RawMapUsers>, scope: &mut Scope<'_>) {
    let RawMapUsers::Explicit { users, groups } = &written.value else {
        return;
    };
    let Some(facts) = scope.facts() else {
        return;
    };
    let (accounts, caller) = (&facts.accounts, &facts.caller);
    let user_names = accounts.users.iter().map(|user| (&user.name, user.uid));
    let group_names = accounts.groups.iter().map(|(name, id)| (name, *id));
    let groups = if groups.is_empty() { users } else { groups };
    let mut found = Vec::new();
    for extent in users {
        found.extend(others(extent, "user", user_names.clone(), caller.uid));
    }
    for extent in groups {
        found.extend(others(extent, "group", group_names.clone(), caller.gid));
    }
    for problem in found {
        scope.report(problem);
    }
}

/// Those of `named` that an extent holds, but for the caller.
fn others<'a>(
    extent: &At<IdExtent>,
    kind: &str,
    named: impl Iterator<Item = (&'a String, u32)>,
    own: u32,
) -> Option<Problem> {
    const SHOWN: usize = 3;
    let outsides = extent.value.outsides();
    let held = named.filter(|(_, id)| outsides.contains(id) && *id != own);
    let mut held: Vec<String> = held.map(|(name, id)| format!("{id} (`{name}`)")).collect();
    let more = held.len().saturating_sub(SHOWN);
    held.truncate(SHOWN);
    if held.is_empty() {
        return None;
    }
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "the program can be {kind} {}{more} of the host",
        held.join(", ")
    );
    let problem = Problem::warning("namespaces.map-account", &extent.origin, message);
    Some(problem.help("map ids that nobody has, or write `map_users = \"subordinate\"`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::User;
    use crate::plan::MapWriter;
    use crate::plan::resolve::testing::{Bench, codes, here};

    fn extent(inside: u32, outside: u32, count: u32) -> IdExtent {
        IdExtent {
            inside,
            outside,
            count,
        }
    }

    fn maps(users: Vec<IdExtent>, groups: Vec<IdExtent>) -> IdMaps {
        IdMaps {
            users,
            groups,
            writer: MapWriter::Parent,
        }
    }

    #[test]
    fn a_map_that_is_longer_than_a_page_is_an_error() {
        let written = here(RawMapUsers::Subordinate);
        // "1000000000 2000000000 1\n" has 24 bytes: 170 of them are 4080.
        let many = |count: u32| {
            let list = 0..count;
            let list = list.map(|n| extent(1_000_000_000 + n, 2_000_000_000 + n, 1));
            list.collect::<Vec<_>>()
        };
        assert_eq!(too_long(&maps(many(170), vec![]), &written), None);
        let long = too_long(&maps(vec![], many(171)), &written).unwrap();
        assert_eq!(long.code, "namespaces.map-length");
        assert!(
            long.message.contains("of groups has 4104 bytes"),
            "{}",
            long.message
        );
    }

    #[test]
    fn a_helper_leaves_setgroups_only_where_it_maps_subordinate_groups() {
        let written = here(RawMapUsers::Subordinate);
        let users = vec![extent(0, 1000, 1), extent(1, 100_000, 9)];
        let one = maps(users.clone(), vec![extent(0, 100, 1)]);
        assert_eq!(
            one_group(&one, 100, &written).unwrap().code,
            "namespaces.map-one-group"
        );
        let more = maps(
            users.clone(),
            vec![extent(0, 100, 1), extent(1, 100_000, 1)],
        );
        assert_eq!(one_group(&more, 100, &written), None);
        assert_eq!(
            one_group(&maps(users, vec![extent(0, 100_000, 1)]), 100, &written),
            None
        );
    }

    #[test]
    fn accounts_of_the_host_are_named() {
        let mut bench = Bench::root();
        let accounts = &mut bench.facts.as_mut().unwrap().accounts;
        let user = |line: &str| User::from_line(line).unwrap();
        accounts.users = vec![
            user("alice:x:1000:1000::/home/alice:"),
            user("bob:x:1001:1001::/home/bob:"),
        ];
        accounts.groups = vec![("docker".to_owned(), 998)];
        let told = |users: &[IdExtent], groups: &[IdExtent]| {
            let list = |extents: &[IdExtent]| extents.iter().copied().map(here).collect();
            let written = here(RawMapUsers::Explicit {
                users: list(users),
                groups: list(groups),
            });
            let mut scope = bench.scope();
            judge_accounts(&written, &mut scope);
            let problems = std::mem::take(&mut scope.problems).sorted();
            problems
                .into_iter()
                .map(|problem| problem.message)
                .collect::<Vec<_>>()
        };
        let range = extent(0, 999, 3);
        let block = extent(0, 500_000, 3);
        let expected = ["the program can be user 1000 (`alice`), 1001 (`bob`) of the host"];
        assert_eq!(told(&[range], &[block]), expected);
        let expected = ["the program can be group 998 (`docker`) of the host"];
        assert_eq!(told(&[block], &[extent(0, 998, 1)]), expected);
        assert!(told(&[block], &[]).is_empty());
        let mut scope = bench.scope();
        judge_accounts(&here(RawMapUsers::Subordinate), &mut scope);
        assert!(codes(scope).is_empty());
    }
}
