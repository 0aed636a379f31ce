//! `command.user`: which ids the program has, inside and on the host.

use std::ops::RangeInclusive;

use crate::diag::{At, Problem};
use crate::model::{Accounts, HostAccount, SandboxName, User, UserSpec};
use crate::plan::{HostIds, Identity, UserIds};
use crate::profile::RawProfile;

use super::groups;
use super::id_maps::{self, Asking};
use super::packed::Offer;
use super::passwd::{self, Listing};
use super::scope::Scope;

/// A symbolic plan's caller.
const SOMEBODY: UserIds = UserIds {
    uid: 1000,
    gid: 1000,
};

/// Ids for the sandboxes that root starts. systemd's own ranges (nspawn's containers up to
/// 0x6fffffff, the foreign ids from 0x7ffe0000) and the usual subordinate ranges lie outside.
pub(super) const RANGE: std::ops::Range<u32> = 0x7000_0000..0x7ffe_0000;

pub(super) fn resolve(
    raw: &RawProfile,
    offer: &Offer<'_>,
    name: Option<&At<SandboxName>>,
    scope: &mut Scope<'_>,
) -> Option<Identity> {
    let asked = match &raw.command.user {
        Some(user) => user.clone(),
        None => {
            let offered = offer.user(scope)?;
            offered.unwrap_or_else(|| At::default_value(UserSpec::Caller))
        }
    };
    let caller = scope.facts().map(|facts| &facts.caller);
    let own = caller.map_or(SOMEBODY, |caller| UserIds {
        uid: caller.uid,
        gid: caller.gid,
    });
    let ids = match &asked.value {
        UserSpec::Caller => own,
        UserSpec::Root => UserIds { uid: 0, gid: 0 },
        UserSpec::Ids { uid, gid } => UserIds {
            uid: *uid,
            gid: *gid,
        },
        UserSpec::Name(user) => named(user, &asked, own, raw, scope)?,
    };
    let own_namespace = raw.namespaces.user.as_ref().is_none_or(|user| user.value);
    let host = match caller {
        _ if !own_namespace => {
            refuse_unasked_root(&asked, ids, raw, scope)?;
            HostIds::Same
        }
        Some(caller) if caller.is_root() => HostIds::Range(unused(&name?.value, &asked, scope)?),
        _ => HostIds::Caller(own),
    };
    let asking = Asking {
        inside: ids,
        host,
        name: &name?.value,
    };
    let maps = id_maps::resolve(raw, &asking, scope);
    let groups = groups::resolve(&raw.command.groups, scope);
    let (maps, host) = maps?;
    let user = At::new(ids, asked.origin.clone());
    Some(Identity {
        asked,
        user,
        host,
        maps,
        groups,
    })
}

/// Without a user namespace 0 inside is 0 on the host: only who writes `root` has meant that.
fn refuse_unasked_root(
    asked: &At<UserSpec>,
    ids: UserIds,
    raw: &RawProfile,
    scope: &mut Scope<'_>,
) -> Option<()> {
    if ids.uid != 0 && ids.gid != 0 || asked.value == UserSpec::Root {
        return Some(());
    }
    let message = "the program would be the host's root: it has no user namespace";
    let mut problem = Problem::error("command.user-host-root", &asked.origin, message).help(
        "write `user = \"1000:1000\"` under `[command]`, or `user = \"root\"` if it is meant",
    );
    if let Some(off) = &raw.namespaces.user {
        problem = problem.also(&off.origin, "this leaves it without one");
    }
    scope.report(problem);
    None
}

/// The ids of a name of the tree's /etc/passwd, by whatever gives that file.
fn named(
    name: &str,
    asked: &At<UserSpec>,
    own: UserIds,
    raw: &RawProfile,
    scope: &mut Scope<'_>,
) -> Option<UserIds> {
    let users = match passwd::listing(&raw.rootfs, scope) {
        Listing::Generated => {
            let found = generated(name, own);
            return found.or_else(|| {
                scope.report(not_generated(name, asked));
                None
            });
        }
        Listing::Unknown => return Some(SOMEBODY),
        Listing::Packed => {
            let message = format!("user `{name}` is looked up in a tree that is still packed");
            let problem = asked.error("command.user-packed", message);
            scope.report(problem.help(
                "write its numbers, such as `\"1000:1000\"`, or `etc.passwd = \"replace\"` under `[rootfs]`",
            ));
            return None;
        }
        Listing::Users(users) => users,
    };
    if let Some(user) = users.iter().find(|user| user.name == name) {
        return Some(UserIds {
            uid: user.uid,
            gid: user.gid,
        });
    }
    let problem = asked.error(
        "command.user-unknown",
        format!("user `{name}` is not in the tree's `/etc/passwd`"),
    );
    let known = users.iter().map(|user: &User| user.name.as_str());
    scope.report(match crate::model::nearest(name, known) {
        Some(near) => problem.help(format!(
            "write `{near}`, or numbers such as `\"1000:1000\"`"
        )),
        None => problem.help("write numbers such as `\"1000:1000\"`"),
    });
    None
}

/// The generated file knows `root`, `nobody` and the program's user. Another name is somebody else's, or a slip: it
/// would get the caller's ids, whoever is meant.
fn generated(name: &str, own: UserIds) -> Option<UserIds> {
    match name {
        "nobody" => Some(passwd::NOBODY),
        // Root's own ids would make it a second root.
        GENERATED_NAME if own.uid == 0 || own.gid == 0 => Some(SOMEBODY),
        GENERATED_NAME => Some(own),
        _ => None,
    }
}

fn not_generated(name: &str, asked: &At<UserSpec>) -> Problem {
    let message =
        format!("user `{name}` is not in the tree's `/etc/passwd`, which is made for this sandbox");
    let known = ["caller", "root", "nobody", GENERATED_NAME];
    let problem = asked.error("command.user-unknown", message);
    problem.help(match crate::model::nearest(name, known) {
        Some(near) => format!("write `{near}`, or numbers such as `\"1000:1000\"`"),
        None => "write `caller`, `nobody` or numbers such as `\"1000:1000\"`, or give the tree an `/etc/passwd`".to_owned(),
    })
}

/// An id of the host that nobody has, always the same one for a name.
///
/// It takes the place of host root, so that what the program may reach as another's file is nothing.
fn unused(name: &SandboxName, asked: &At<UserSpec>, scope: &mut Scope<'_>) -> Option<UserIds> {
    scope.wanted.accounts = true.into();
    let seed = seed(name);
    let accounts = scope.facts().map(|facts| &facts.accounts);
    let id = accounts.map_or(Some(RANGE.start), |accounts| free_id(seed, accounts));
    if id.is_none() {
        let message = "this host has no id left that is nobody's";
        scope.report(
            asked
                .error("command.user-no-id", message)
                .help("map more ids into the container in which this runs"),
        );
    }
    id.map(|id| UserIds { uid: id, gid: id })
}

/// Where the search for ids of this name begins: always at the same place.
pub(super) fn seed(name: &SandboxName) -> u32 {
    let hash = blake3::hash(name.as_str().as_bytes());
    let [a, b, c, d, ..] = *hash.as_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// The first free id of [`RANGE`] from a place that the seed gives; in a container with few ids, one
/// of the highest that it has.
fn free_id(seed: u32, accounts: &Accounts) -> Option<u32> {
    const TRIES: u32 = 1 << 16;
    let within =
        |ranges: &[RangeInclusive<u32>], id| ranges.iter().any(|range| range.contains(&id));
    let mapped = |id: u32| accounts.mapped.is_empty() || within(&accounts.mapped, id);
    let free = |id: &u32| *id != 0 && mapped(*id) && !within(&accounts.taken, *id);
    let span = RANGE.end - RANGE.start;
    let wide = (0..TRIES).map(|step| RANGE.start + (seed % span + step) % span);
    let highest = accounts.mapped.iter().map(|range| *range.end()).max();
    let narrow = highest.into_iter().flat_map(|highest| {
        let span = TRIES.min(highest);
        (0..span).map(move |step| highest - (seed % span + step) % span)
    });
    wide.chain(narrow).find(free)
}

/// Whether the one who starts the sandbox is root of the host; nobody knows in a symbolic plan.
pub(super) fn started_by_root(scope: &Scope<'_>) -> bool {
    scope
        .facts()
        .map(|facts| &facts.caller)
        .is_some_and(HostAccount::is_root)
}

/// What the generated files call the program's user.
const GENERATED_NAME: &str = "user";

/// The name that the generated files give the program's user.
pub(super) fn user_name(identity: &Identity) -> &str {
    match &identity.asked.value {
        UserSpec::Name(name) => name,
        _ => GENERATED_NAME,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::resolve::testing::{Bench, at, codes, here};
    use crate::profile::raw::RawSource;

    fn raw(user: UserSpec) -> RawProfile {
        let mut raw = RawProfile::default();
        raw.command.user = Some(here(user));
        raw
    }

    fn identity(raw: &RawProfile, bench: &Bench) -> Result<Identity, Vec<&'static str>> {
        let name = At::default_value("test".parse().unwrap());
        let mut scope = bench.scope();
        resolve(raw, &Offer::None, Some(&name), &mut scope).ok_or_else(|| codes(scope))
    }

    fn ids(uid: u32, gid: u32) -> UserIds {
        UserIds { uid, gid }
    }

    #[test]
    fn an_unprivileged_caller_is_all_that_stands_behind_any_id() {
        let bench = Bench::host();
        for (user, inside) in [
            (UserSpec::Caller, ids(1000, 100)),
            (UserSpec::Root, ids(0, 0)),
            (UserSpec::Ids { uid: 7, gid: 8 }, ids(7, 8)),
            (UserSpec::Name("user".to_owned()), ids(1000, 100)),
            (UserSpec::Name("nobody".to_owned()), ids(65534, 65534)),
        ] {
            let found = identity(&raw(user), &bench).unwrap();
            assert_eq!(found.user.value, inside);
            assert_eq!(found.host, HostIds::Caller(ids(1000, 100)));
        }
    }

    #[test]
    fn root_gets_an_id_that_nobody_has() {
        let mut bench = Bench::root();
        let first = identity(&raw(UserSpec::Caller), &bench).unwrap();
        let HostIds::Range(host) = first.host else {
            panic!("{:?}", first.host);
        };
        assert_eq!(first.user.value, ids(0, 0));
        assert!(RANGE.contains(&host.uid));
        bench.facts.as_mut().unwrap().accounts.taken = vec![host.uid..=host.uid + 9];
        let second = identity(&raw(UserSpec::Caller), &bench).unwrap();
        assert_eq!(
            second.host,
            HostIds::Range(ids(host.uid + 10, host.uid + 10))
        );
    }

    #[test]
    fn a_container_with_few_ids_gives_one_of_its_highest() {
        let mut accounts = Accounts {
            mapped: vec![0..=65535],
            taken: vec![0..=0, 65534..=65535],
            ..Accounts::default()
        };
        let id = free_id(7, &accounts).unwrap();
        assert!((1..65534).contains(&id), "{id}");
        accounts.mapped = vec![0..=0];
        assert_eq!(free_id(7, &accounts), None);
        let mut bench = Bench::root();
        bench.facts.as_mut().unwrap().accounts = accounts;
        let found = identity(&raw(UserSpec::Caller), &bench);
        assert_eq!(found, Err(vec!["command.user-no-id"]));
    }

    #[test]
    fn a_name_is_looked_for_in_the_file_that_the_tree_has() {
        let mut raw = raw(UserSpec::Name("1000".to_owned()));
        raw.rootfs.sources = vec![here(RawSource::File {
            path: at("/etc/passwd"),
            text: at("1000:x:0:0::/:/bin/sh\nbob:x:7:8::/:/bin/sh\n"),
            mode: None,
        })];
        assert_eq!(
            identity(&raw, &Bench::host()).unwrap().user.value,
            ids(0, 0)
        );
        raw.command.user = Some(here(UserSpec::Name("bub".to_owned())));
        assert_eq!(
            identity(&raw, &Bench::host()),
            Err(vec!["command.user-unknown"])
        );
    }

    #[test]
    fn a_copied_file_is_the_hosts() {
        let mut bench = Bench::host();
        bench.facts.as_mut().unwrap().accounts = Accounts {
            users: vec![User::from_line("www-data:x:33:33::/var/www:/bin/false").unwrap()],
            ..Accounts::default()
        };
        let mut raw = raw(UserSpec::Name("www-data".to_owned()));
        raw.rootfs.sources = vec![here(RawSource::Copy {
            from: at("/etc"),
            to: None,
            exclude: vec![],
            optional: None,
        })];
        assert_eq!(identity(&raw, &bench).unwrap().user.value, ids(33, 33));
    }

    #[test]
    fn without_a_user_namespace_root_must_be_meant() {
        let mut raw = raw(UserSpec::Caller);
        raw.namespaces.user = Some(here(false));
        let bench = Bench::root();
        assert_eq!(identity(&raw, &bench), Err(vec!["command.user-host-root"]));
        raw.command.user = Some(here(UserSpec::Root));
        assert_eq!(identity(&raw, &bench).unwrap().host, HostIds::Same);
    }
}
