//! `namespaces.map_users`: which ids the user namespace has.

mod rules;

use std::ops::RangeInclusive;

use crate::diag::{At, Problem};
use crate::model::id_maps::{around, outside_of};
use crate::model::{Accounts, IdExtent, MapHelpers, SandboxName};
use crate::plan::{HostIds, IdMaps, MapWriter, UserIds};
use crate::profile::RawProfile;
use crate::profile::raw::RawMapUsers;

use rules::{judge, judge_accounts, not_allowed, one_group, too_long};

use super::identity::{RANGE, seed};
use super::namespaces::what_keeps;
use super::scope::Scope;

/// How many ids a range has: up to nobody's, 65534, and the one behind it.
const WHOLE: u32 = 1 << 16;

/// A symbolic plan's range: the first that adduser(8) gives.
const SOMEBODYS: RangeInclusive<u32> = 100_000..=165_535;

/// Who asks for maps.
pub(super) struct Asking<'a> {
    /// The program's ids inside.
    pub inside: UserIds,
    /// What stands behind them where one user and one group are mapped.
    pub host: HostIds,
    /// The sandbox's name, which gives its range.
    pub name: &'a SandboxName,
}

/// The maps, and the ids of the host that stand behind the program's then.
pub(super) fn resolve(
    raw: &RawProfile,
    asking: &Asking<'_>,
    scope: &mut Scope<'_>,
) -> Option<(At<IdMaps>, HostIds)> {
    let written = raw.namespaces.map_users.clone();
    let written = written.unwrap_or_else(|| At::default_value(RawMapUsers::Single));
    let own = match (asking.host, &written.value) {
        (host, RawMapUsers::Single) => {
            let maps = IdMaps::single(asking.inside, host);
            return Some((written.map(|_| maps), host));
        }
        (HostIds::Same, _) => return no_namespace(raw, &written, scope),
        (HostIds::Caller(own) | HostIds::Range(own), _) => own,
    };
    scope.wanted.accounts = true.into();
    let maps = match &written.value {
        RawMapUsers::Explicit { users, groups } => {
            let groups = if groups.is_empty() { users } else { groups };
            asking.explicit(own, [users, groups], &written, scope)?
        }
        _ => asking.range(own, &written, scope)?,
    };
    scope.sound(too_long(&maps, &written))?;
    judge_accounts(&written, scope);
    let behind = asking.behind(&maps, &written, scope)?;
    if let MapWriter::Helpers(_) = maps.writer {
        scope.sound(foreign_files(raw, &written))?;
        if raw.command.groups.is_empty() {
            scope.sound(one_group(&maps, own.gid, &written))?;
        }
    }
    let host = match asking.host {
        HostIds::Range(_) => HostIds::Range(behind),
        host => host,
    };
    Some((At::new(maps, written.origin.clone()), host))
}

/// On disk the files of other ids would be nobody's whom the caller could become: neither `apply` nor
/// `reset` could touch them. Root's lie under their ids inside, through idmapped mounts.
fn foreign_files(raw: &RawProfile, written: &At<RawMapUsers>) -> Option<Problem> {
    let kept = what_keeps(raw)?;
    let message = "only root keeps files of several ids: the caller could not remove them";
    let problem = written.error("namespaces.map-kept", message);
    Some(
        problem
            .also(&kept, "this is kept")
            .help("write `map_users = \"single\"`, or keep nothing"),
    )
}

fn no_namespace(
    raw: &RawProfile,
    written: &At<RawMapUsers>,
    scope: &mut Scope<'_>,
) -> Option<(At<IdMaps>, HostIds)> {
    let message = "ids are mapped by a user namespace, and this sandbox has none";
    let mut problem = written
        .error("namespaces.map-none", message)
        .help("leave `map_users` or `user = false` out");
    if let Some(off) = &raw.namespaces.user {
        problem = problem.also(&off.origin, "this leaves it without one");
    }
    scope.report(problem);
    None
}

impl Asking<'_> {
    fn is_root(&self) -> bool {
        matches!(self.host, HostIds::Range(_))
    }

    /// A range of unused ids where root starts it, else of the caller's subordinate ones.
    fn range(
        &self,
        own: UserIds,
        written: &At<RawMapUsers>,
        scope: &mut Scope<'_>,
    ) -> Option<IdMaps> {
        let UserIds { uid, gid } = self.inside;
        let Some(facts) = scope.facts() else {
            return Some(IdMaps {
                users: around(uid, own.uid, &[SOMEBODYS], WHOLE - 1),
                groups: around(gid, own.gid, &[SOMEBODYS], WHOLE - 1),
                writer: MapWriter::Itself,
            });
        };
        if self.is_root() {
            let start = free_block(self.name, &facts.accounts);
            let Some(start) = start else {
                scope.report(no_block(written));
                return None;
            };
            let users = block(start, uid);
            let groups = block(start, gid);
            let writer = MapWriter::Parent;
            return Some(IdMaps {
                users,
                groups,
                writer,
            });
        }
        let accounts = &facts.accounts;
        let ranges = [&accounts.subordinate_users, &accounts.subordinate_groups];
        for (ranges, file) in ranges.iter().zip(["subuid", "subgid"]) {
            if ranges.is_empty() {
                scope.report(no_range(written, file, &facts.caller.name, own.uid));
                return None;
            }
        }
        let [users, groups] = ranges;
        Some(IdMaps {
            users: around(uid, own.uid, users, WHOLE - 1),
            groups: around(gid, own.gid, groups, WHOLE - 1),
            writer: MapWriter::Helpers(helpers(accounts, written, scope)?),
        })
    }

    /// What the profile says, id by id.
    fn explicit(
        &self,
        own: UserIds,
        [users, groups]: [&[At<IdExtent>]; 2],
        written: &At<RawMapUsers>,
        scope: &mut Scope<'_>,
    ) -> Option<IdMaps> {
        let kinds = [(users, "user"), (groups, "group")];
        let sound = kinds.map(|(extents, kind)| judge(extents, kind, written, scope));
        let [Some(()), Some(())] = sound else {
            return None;
        };
        let extents = |list: &[At<IdExtent>]| list.iter().map(|at| at.value).collect();
        let mut maps = IdMaps {
            users: extents(users),
            groups: extents(groups),
            writer: MapWriter::Parent,
        };
        let Some(facts) = scope.facts().filter(|_| !self.is_root()) else {
            return Some(maps);
        };
        let accounts = &facts.accounts;
        let lists = [
            (users, &accounts.subordinate_users, own.uid),
            (groups, &accounts.subordinate_groups, own.gid),
        ];
        for ((extents, allowed, own), file) in lists.into_iter().zip(["subuid", "subgid"]) {
            for extent in extents {
                let found = not_allowed(extent, allowed, own, file);
                scope.sound(found)?;
            }
        }
        maps.writer = match maps.is_range() {
            true => MapWriter::Helpers(helpers(accounts, written, scope)?),
            false => MapWriter::Itself,
        };
        Some(maps)
    }

    /// The program's own ids are mapped, for a caller without rights to the caller's.
    fn behind(
        &self,
        maps: &IdMaps,
        written: &At<RawMapUsers>,
        scope: &mut Scope<'_>,
    ) -> Option<UserIds> {
        let UserIds { uid, gid } = self.inside;
        let found = outside_of(&maps.users, uid).zip(outside_of(&maps.groups, gid));
        let Some((host_uid, host_gid)) = found else {
            let message = format!("the program is {uid}:{gid}, which the map does not have");
            scope.report(
                written
                    .error("namespaces.map-program", message)
                    .help("add its ids to the map, or choose another `command.user`"),
            );
            return None;
        };
        let behind = UserIds {
            uid: host_uid,
            gid: host_gid,
        };
        match self.host {
            HostIds::Caller(own) if scope.facts().is_some() && own != behind => {
                let message = format!(
                    "the program would be {host_uid}:{host_gid} of the host, and only root can start it so"
                );
                scope.report(
                    written
                        .error("namespaces.map-caller", message)
                        .label(format!("the caller is {}:{}", own.uid, own.gid))
                        .help(format!(
                            "map {uid} to {} and group {gid} to {}, or write `\"subordinate\"`",
                            own.uid, own.gid
                        )),
                );
                None
            }
            _ => Some(behind),
        }
    }
}

/// A block of unused ids, the program's among them.
fn block(start: u32, program: u32) -> Vec<IdExtent> {
    let last = start + WHOLE - 1;
    if program < WHOLE {
        return vec![IdExtent {
            inside: 0,
            outside: start,
            count: WHOLE,
        }];
    }
    around(program, last, &[start..=last - 1], WHOLE - 1)
}

/// The first block of [`RANGE`], from a place that the name gives, of which nobody has an id.
fn free_block(name: &SandboxName, accounts: &Accounts) -> Option<u32> {
    let seed = seed(name);
    let blocks = (RANGE.end - RANGE.start) / WHOLE;
    let start = |step: u32| RANGE.start + ((seed % blocks + step) % blocks) * WHOLE;
    let free = |start: &u32| {
        let last = start + WHOLE - 1;
        let meets = |range: &RangeInclusive<u32>| *range.start() <= last && start <= range.end();
        let holds = |range: &RangeInclusive<u32>| range.start() <= start && last <= *range.end();
        let mapped = accounts.mapped.is_empty() || accounts.mapped.iter().any(holds);
        mapped && !accounts.taken.iter().any(meets)
    };
    (0..blocks).map(start).find(free)
}

fn no_block(written: &At<RawMapUsers>) -> Problem {
    let message = format!("this host has no {WHOLE} ids in a row that are nobody's");
    written
        .error("namespaces.map-no-block", message)
        .help("map more ids into the container in which this runs, or write `\"single\"`")
}

fn no_range(written: &At<RawMapUsers>, file: &str, name: &str, uid: u32) -> Problem {
    let message = format!("`/etc/{file}` gives the caller no subordinate ids");
    // The name is only known where something asks for it.
    let user = match name {
        "user" => format!("\"$(id -un {uid})\""),
        name => name.to_owned(),
    };
    let option = if file == "subuid" { "uids" } else { "gids" };
    written
        .error("namespaces.map-no-range", message)
        .help(format!(
            "run `usermod --add-sub{option} 100000-165535 {user}` as root, with a range that is free"
        ))
}

fn helpers(
    accounts: &Accounts,
    written: &At<RawMapUsers>,
    scope: &mut Scope<'_>,
) -> Option<MapHelpers> {
    if accounts.map_helpers.is_none() {
        let message = "only root maps several ids without `newuidmap` and `newgidmap`, which are not installed";
        scope.report(
            written
                .error("namespaces.map-helper", message)
                .help("install them (the package `uidmap` or `shadow-utils`)"),
        );
    }
    accounts.map_helpers.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::resolve::testing::{Bench, codes, here};
    use crate::profile::raw::RawMount;

    fn asking(name: &SandboxName, inside: u32, host: HostIds) -> Asking<'_> {
        let inside = UserIds {
            uid: inside,
            gid: inside,
        };
        Asking { inside, host, name }
    }

    fn found(
        raw: &RawProfile,
        bench: &Bench,
        inside: u32,
        host: HostIds,
    ) -> Result<IdMaps, Vec<&'static str>> {
        let name = "test".parse().unwrap();
        let mut scope = bench.scope();
        let maps = resolve(raw, &asking(&name, inside, host), &mut scope);
        maps.map(|(maps, _)| maps.value).ok_or_else(|| codes(scope))
    }

    fn raw(map: RawMapUsers) -> RawProfile {
        let mut raw = RawProfile::default();
        raw.namespaces.map_users = Some(here(map));
        raw
    }

    fn extent(inside: u32, outside: u32, count: u32) -> IdExtent {
        IdExtent {
            inside,
            outside,
            count,
        }
    }

    const ME: HostIds = HostIds::Caller(UserIds {
        uid: 1000,
        gid: 100,
    });
    const UNUSED: HostIds = HostIds::Range(UserIds {
        uid: RANGE.start,
        gid: RANGE.start,
    });

    #[test]
    fn roots_range_is_a_block_that_nobody_has() {
        let mut bench = Bench::root();
        let raw = raw(RawMapUsers::Subordinate);
        let first = found(&raw, &bench, 0, UNUSED).unwrap();
        let [one] = first.users[..] else {
            panic!("{first:?}");
        };
        assert_eq!(
            (one.inside, one.count, one.outside % WHOLE),
            (0, WHOLE, RANGE.start % WHOLE)
        );
        let accounts = &mut bench.facts.as_mut().unwrap().accounts;
        accounts.taken = vec![one.outside + 7..=one.outside + 7];
        let second = found(&raw, &bench, 70_000, UNUSED).unwrap();
        let expected = [
            extent(0, one.outside + WHOLE, WHOLE - 1),
            extent(70_000, one.outside + WHOLE + WHOLE - 1, 1),
        ];
        assert_eq!(second.users, expected);
        bench.facts.as_mut().unwrap().accounts.mapped = vec![0..=65_535];
        assert_eq!(
            found(&raw, &bench, 0, UNUSED),
            Err(vec!["namespaces.map-no-block"])
        );
    }

    #[test]
    fn a_caller_has_the_ranges_of_subuid_and_subgid() {
        let mut bench = Bench::host();
        let mut raw = raw(RawMapUsers::Subordinate);
        assert_eq!(
            found(&raw, &bench, 0, ME),
            Err(vec!["namespaces.map-no-range"])
        );
        let accounts = &mut bench.facts.as_mut().unwrap().accounts;
        accounts.subordinate_users = vec![100_000..=165_535];
        accounts.subordinate_groups = vec![200_000..=200_009];
        assert_eq!(
            found(&raw, &bench, 0, ME),
            Err(vec!["namespaces.map-helper"])
        );
        let helpers = MapHelpers {
            users: "/bin/u".into(),
            groups: "/bin/g".into(),
        };
        bench.facts.as_mut().unwrap().accounts.map_helpers = Some(helpers.clone());
        let maps = found(&raw, &bench, 0, ME).unwrap();
        assert_eq!(
            maps.users,
            [extent(0, 1000, 1), extent(1, 100_000, WHOLE - 1)]
        );
        assert_eq!(maps.groups, [extent(0, 100, 1), extent(1, 200_000, 10)]);
        assert_eq!(maps.writer, MapWriter::Helpers(helpers));
        raw.mounts = vec![here(RawMount::Volume {
            volume: here("data".parse().unwrap()),
            target: crate::plan::resolve::testing::at("/data"),
            options: vec![],
        })];
        assert_eq!(found(&raw, &bench, 0, ME), Err(vec!["namespaces.map-kept"]));
    }

    #[test]
    fn a_written_map_has_the_program_and_nothing_that_is_others() {
        let map = |users: &[IdExtent]| {
            let users = users.iter().map(|extent| here(*extent)).collect();
            raw(RawMapUsers::Explicit {
                users,
                groups: vec![],
            })
        };
        let root = Bench::root();
        let maps = found(&map(&[extent(0, 500_000, 10)]), &root, 5, UNUSED).unwrap();
        assert_eq!(maps.groups, [extent(0, 500_000, 10)]);
        for (users, code) in [
            (vec![], "namespaces.map-count"),
            (vec![extent(1, 500_000, 4)], "namespaces.map-program"),
            (vec![extent(0, 0, 10)], "namespaces.map-host-root"),
            (
                vec![extent(0, 500, 10), extent(9, 700, 1)],
                "namespaces.map-overlap",
            ),
            (
                vec![extent(0, 500, 10), extent(10, 509, 1)],
                "namespaces.map-overlap",
            ),
        ] {
            let codes = found(&map(&users), &root, 5, UNUSED).unwrap_err();
            assert!(codes.contains(&code), "{codes:?} {code}");
        }
        let me = HostIds::Caller(UserIds {
            uid: 1000,
            gid: 1000,
        });
        let bench = Bench::host();
        let itself = found(&map(&[extent(0, 1000, 1)]), &bench, 0, me).unwrap();
        assert_eq!(itself.writer, MapWriter::Itself);
        let foreign = found(&map(&[extent(0, 1001, 1)]), &bench, 0, me);
        assert_eq!(foreign, Err(vec!["namespaces.map-foreign"]));
    }
}
