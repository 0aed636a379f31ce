//! /etc/passwd and /etc/group of the tree: who gives them, and what the generated ones hold.

use crate::diag::At;
use crate::model::{EtcFile, User};
use crate::plan::{Identity, UserIds};
use crate::profile::Template;
use crate::profile::raw::{Opt, RawRootfs, RawSource};

use super::identity::user_name;
use super::scope::Scope;

/// The overflow ids, under their usual names.
pub(super) const NOBODY: UserIds = UserIds {
    uid: 65534,
    gid: 65534,
};

/// The users of the tree's /etc/passwd.
pub(super) enum Listing {
    /// The file is made for the sandbox: it knows whoever the program is.
    Generated,
    /// These.
    Users(Vec<User>),
    /// The host's, and nothing of the host is known.
    Unknown,
    /// Those of an archive or of an image, which nobody has unpacked.
    Packed,
}

/// Who the tree's /etc/passwd lists: the last source that gives the file decides.
pub(super) fn listing(rootfs: &RawRootfs, scope: &mut Scope<'_>) -> Listing {
    let word = rootfs.etc.passwd.as_ref().map(|word| word.value);
    match word.unwrap_or(EtcFile::Generate) {
        EtcFile::Replace => return Listing::Generated,
        EtcFile::Copy => return of_host(scope),
        EtcFile::Generate | EtcFile::None => {}
    }
    let given = rootfs
        .sources
        .iter()
        .rev()
        .find_map(|source| match &source.value {
            RawSource::File { path, text, .. } if is(path, "/etc/passwd") => {
                let text = scope.text(&text.value)?.value;
                Some(Listing::Users(
                    text.lines().filter_map(User::from_line).collect(),
                ))
            }
            RawSource::Copy { from, to: None, .. } if holds_passwd(from) => Some(of_host(scope)),
            RawSource::Host { path } if holds_passwd(path) => Some(of_host(scope)),
            RawSource::Archive { to, .. } if may_hold_passwd(to) => Some(packed(scope)),
            RawSource::Image { .. } => Some(packed(scope)),
            _ => None,
        });
    given.unwrap_or_else(|| match word {
        Some(EtcFile::None) => Listing::Users(Vec::new()),
        _ => Listing::Generated,
    })
}

fn of_host(scope: &mut Scope<'_>) -> Listing {
    scope.wanted.accounts = true.into();
    match scope.facts() {
        Some(facts) => Listing::Users(facts.accounts.users.clone()),
        None => Listing::Unknown,
    }
}

/// In a symbolic plan nobody asks for the numbers.
fn packed(scope: &Scope<'_>) -> Listing {
    match scope.facts() {
        Some(_) => Listing::Packed,
        None => Listing::Unknown,
    }
}

fn may_hold_passwd(to: &Opt<Template>) -> bool {
    let above = |to: &At<Template>| match to.value.as_literal() {
        Some(to) => matches!(to.trim_matches('/'), "" | "etc"),
        None => true,
    };
    to.as_ref().is_none_or(above)
}

fn is(path: &At<Template>, wanted: &str) -> bool {
    path.value
        .as_literal()
        .is_some_and(|path| path.trim_end_matches('/') == wanted)
}

fn holds_passwd(path: &At<Template>) -> bool {
    is(path, "/etc") || is(path, "/etc/passwd")
}

/// A passwd(5) and a group(5) file that know root, the program's user and nobody.
pub(super) fn generated(identity: &Identity, home: &str) -> (String, String) {
    let UserIds { uid, gid } = identity.user.value;
    let name = user_name(identity);
    let mut users = Vec::new();
    let mut groups = Vec::new();
    let root_home = if uid == 0 { home } else { "/root" };
    users.push(format!("root:x:0:0:root:{root_home}:/bin/sh"));
    groups.push("root:x:0:".to_owned());
    if uid != 0 && uid != NOBODY.uid {
        users.push(format!("{name}:x:{uid}:{gid}:{name}:{home}:/bin/sh"));
    }
    if gid != 0 && gid != NOBODY.gid {
        groups.push(format!("{name}:x:{gid}:"));
    }
    let nobody_home = if uid == NOBODY.uid {
        home
    } else {
        "/nonexistent"
    };
    let ids = format!("{}:{}", NOBODY.uid, NOBODY.gid);
    users.push(format!(
        "nobody:x:{ids}:nobody:{nobody_home}:/usr/sbin/nologin"
    ));
    groups.push(format!("nogroup:x:{}:", NOBODY.gid));
    (lines(&users), lines(&groups))
}

fn lines(list: &[String]) -> String {
    list.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserSpec;
    use crate::plan::{HostIds, IdMaps};

    fn files(uid: u32, gid: u32) -> (String, String) {
        let ids = UserIds { uid, gid };
        let identity = Identity {
            asked: At::default_value(UserSpec::Caller),
            user: At::default_value(ids),
            host: HostIds::Caller(ids),
            maps: At::default_value(IdMaps::single(ids, HostIds::Caller(ids))),
            groups: Vec::new(),
        };
        generated(&identity, "/home/user")
    }

    #[test]
    fn the_program_has_a_name_and_a_home() {
        let (users, groups) = files(1000, 100);
        let expected = "root:x:0:0:root:/root:/bin/sh\n\
            user:x:1000:100:user:/home/user:/bin/sh\n\
            nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
        assert_eq!(users, expected);
        assert_eq!(groups, "root:x:0:\nuser:x:100:\nnogroup:x:65534:\n");
    }

    #[test]
    fn no_id_has_two_names() {
        let (users, groups) = files(0, 0);
        assert!(users.starts_with("root:x:0:0:root:/home/user:/bin/sh\n"));
        assert_eq!((users.lines().count(), groups.lines().count()), (2, 2));
        let (users, _) = files(65534, 65534);
        assert!(users.contains("nobody:/home/user:"));
        assert_eq!(users.lines().count(), 2);
    }
}
