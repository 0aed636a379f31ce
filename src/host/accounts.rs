//! The host's users and groups, read from their files: no name service is asked.

use std::ops::RangeInclusive;

use crate::model::{Accounts, User};

/// What the four files of the host say. One that cannot be read says nothing.
pub(super) fn read() -> Accounts {
    let text = |path: &str| {
        let bytes = std::fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let accounts = parse(
        &text("/etc/passwd"),
        &text("/etc/group"),
        &[text("/etc/subuid"), text("/etc/subgid")],
    );
    let users = id_map(&text("/proc/self/uid_map"));
    let groups = id_map(&text("/proc/self/gid_map"));
    Accounts {
        mapped: common(&users, &groups),
        ..accounts
    }
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

fn parse(passwd: &str, group: &str, subordinate: &[String]) -> Accounts {
    let users: Vec<User> = passwd.lines().filter_map(User::from_line).collect();
    let ids = users.iter().flat_map(|user| [user.uid, user.gid]);
    let mut taken: Vec<RangeInclusive<u32>> = ids.map(|id| id..=id).collect();
    let groups = group
        .lines()
        .filter_map(|line| line.split(':').nth(2)?.parse().ok());
    taken.extend(groups.map(|id: u32| id..=id));
    for text in subordinate {
        taken.extend(text.lines().filter_map(range));
    }
    Accounts {
        users,
        taken,
        mapped: Vec::new(),
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
        let accounts = parse(
            passwd,
            "wheel:x:10:me\n",
            &["me:100000:65536\nx:5:0\n".to_owned()],
        );
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
        assert_eq!(range("me:4294967295:9"), Some(u32::MAX..=u32::MAX));
    }
}
