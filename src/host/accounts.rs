//! The host's users and groups, read from their files: no name service is asked.

use std::ops::RangeInclusive;

use std::path::{Path, PathBuf};

use crate::model::{Accounts, MapHelpers, User};

/// Where newuidmap(1) is looked for: root's own directories, whatever the caller's PATH says.
const HELPER_DIRECTORIES: &[&str] = &[
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/bin",
    "/run/wrappers/bin",
];

/// What the four files of the host say. One that cannot be read says nothing.
pub(super) fn read(caller: u32) -> Accounts {
    let text = |path: &str| {
        let bytes = std::fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (users, groups) = (text("/etc/subuid"), text("/etc/subgid"));
    let accounts = parse(
        &text("/etc/passwd"),
        &text("/etc/group"),
        &[&users, &groups],
    );
    let own = |text| subordinate(text, caller, &accounts.users);
    let (subordinate_users, subordinate_groups) = (own(&users), own(&groups));
    let users = id_map(&text("/proc/self/uid_map"));
    let groups = id_map(&text("/proc/self/gid_map"));
    Accounts {
        mapped: common(&users, &groups),
        subordinate_users,
        subordinate_groups,
        map_helpers: map_helpers(),
        ..accounts
    }
}

/// The ranges of a user, who is named by name or by number (subuid(5)).
fn subordinate(text: &str, uid: u32, users: &[User]) -> Vec<RangeInclusive<u32>> {
    let named = users.iter().filter(|user| user.uid == uid);
    let mut names: Vec<String> = named.map(|user| user.name.clone()).collect();
    names.push(uid.to_string());
    let own = |line: &&str| {
        let owner = line.split(':').next().unwrap_or_default();
        names.iter().any(|name| name == owner)
    };
    text.lines().filter(own).filter_map(range).collect()
}

fn map_helpers() -> Option<MapHelpers> {
    let find = |name: &str| -> Option<PathBuf> {
        let paths = HELPER_DIRECTORIES
            .iter()
            .map(|dir| Path::new(dir).join(name));
        paths.into_iter().find(|path| path.is_file())
    };
    Some(MapHelpers {
        users: find("newuidmap")?,
        groups: find("newgidmap")?,
    })
}

/// The ids inside of user_namespaces(7): `inside outside count` on each line.
fn id_map(text: &str) -> Vec<RangeInclusive<u32>> {
    let ranges = text.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace();
        let start: u32 = numbers.next()?.parse().ok()?;
        let count: u32 = numbers.nth(1)?.parse().ok()?;
        Some(start..=start.saturating_add(count.checked_sub(1)?))
    });
    ranges.collect()
}

/// What is in both.
fn common(
    users: &[RangeInclusive<u32>],
    groups: &[RangeInclusive<u32>],
) -> Vec<RangeInclusive<u32>> {
    let pairs = users
        .iter()
        .flat_map(|users| groups.iter().map(move |groups| (users, groups)));
    let both = pairs
        .map(|(users, groups)| *users.start().max(groups.start())..=*users.end().min(groups.end()));
    both.filter(|range| !range.is_empty()).collect()
}

/// The entry of `uid`; reads no more than /etc/passwd.
pub(super) fn user(uid: u32) -> Option<User> {
    let bytes = std::fs::read("/etc/passwd").ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines()
        .filter_map(User::from_line)
        .find(|user| user.uid == uid)
}

fn parse(passwd: &str, group: &str, subordinate: &[&str]) -> Accounts {
    let users: Vec<User> = passwd.lines().filter_map(User::from_line).collect();
    let ids = users.iter().flat_map(|user| [user.uid, user.gid]);
    let mut taken: Vec<RangeInclusive<u32>> = ids.map(|id| id..=id).collect();
    let groups = group.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        Some((name.to_owned(), fields.nth(1)?.parse().ok()?))
    });
    let groups: Vec<(String, u32)> = groups.collect();
    taken.extend(groups.iter().map(|(_, id)| *id..=*id));
    for text in subordinate {
        taken.extend(text.lines().filter_map(range));
    }
    Accounts {
        users,
        taken,
        groups,
        ..Accounts::default()
    }
}

/// One line of subuid(5): `name:start:count`.
fn range(line: &str) -> Option<RangeInclusive<u32>> {
    let mut numbers = line.split(':').skip(1);
    let start: u32 = numbers.next()?.parse().ok()?;
    let count: u32 = numbers.next()?.parse().ok()?;
    Some(start..=start.saturating_add(count.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_taken_ids_come_from_the_files() {
        let passwd =
            "# note\nroot:x:0:0:root:/root:/bin/sh\nbad:x:many\nme:x:1000:100::/home/me:\n";
        let accounts = parse(passwd, "wheel:x:10:me\n", &["me:100000:65536\nx:5:0\n"]);
        let names: Vec<_> = accounts
            .users
            .iter()
            .map(|user| user.name.as_str())
            .collect();
        assert_eq!(names, ["root", "me"]);
        assert_eq!(accounts.users[1].home, "/home/me");
        assert_eq!(
            accounts.taken,
            [
                0..=0,
                0..=0,
                1000..=1000,
                100..=100,
                10..=10,
                100_000..=165_535
            ]
        );
        let maps = id_map("         0     100000      65536\n65536 1 1\n");
        assert_eq!(maps, [0..=65535, 65536..=65536]);
        assert_eq!(common(&maps, &[5..=70000]), [5..=65535, 65536..=65536]);
        assert_eq!(accounts.groups, [("wheel".to_owned(), 10)]);
        let text = "me:100000:9\nmeme:7:1\n1000:300000:2\n";
        let own = subordinate(text, 1000, &accounts.users);
        assert_eq!(own, [100_000..=100_008, 300_000..=300_001]);
        assert_eq!(range("me:4294967295:9"), Some(u32::MAX..=u32::MAX));
    }
}
