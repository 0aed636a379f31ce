//! What the host is like, for `sandbox doctor`. It reads and changes nothing.

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use nix::sys::utsname::uname;
use nix::unistd::{AccessFlags, access, geteuid};

use crate::model::{HostState, KeyQuota, Place, Room, Surroundings};

use super::refusal::{field, nonzero, text};
use super::{cgroups, landlock, places};

/// Devices that profiles of some kinds name.
const DEVICES: [&str; 3] = ["/dev/net/tun", "/dev/fuse", "/dev/kvm"];

/// Reads everything; `state` says what is mounted where.
pub fn probe(state: &HostState) -> Surroundings {
    let status = text("/proc/self/status").unwrap_or_default();
    let mask = |key| u64::from_str_radix(field(&status, key)?, 16).ok();
    let uid = geteuid().as_raw();
    let own = [
        ("store", places::store()),
        ("kept data", places::data()),
        ("runtime directory", places::state()),
    ];
    let own = own.into_iter();
    Surroundings {
        kernel: kernel(),
        uid,
        landlock: landlock(),
        security_modules: security_modules(),
        ptrace_scope: number("/proc/sys/kernel/yama/ptrace_scope"),
        memfd_noexec: number("/proc/sys/vm/memfd_noexec"),
        keys: text("/proc/key-users").and_then(|text| keys(&text, uid)),
        effective: mask("CapEff:"),
        bounding: mask("CapBnd:"),
        no_new_privileges: nonzero(&status, "NoNewPrivs:"),
        limits: super::own_limits(),
        cgroups: cgroups::probe(),
        user_manager: user_manager(),
        places: own
            .filter_map(|(role, path)| Some(look(role, path?, state)))
            .collect(),
        devices: DEVICES
            .map(|path| (path, Path::new(path).exists().into()))
            .into(),
    }
}

fn kernel() -> String {
    let Ok(name) = uname() else {
        return "unknown".to_owned();
    };
    let parts = [name.release(), name.machine()];
    parts
        .map(|part| part.to_string_lossy().into_owned())
        .join(" ")
}

fn number(path: &str) -> Option<u64> {
    text(path)?.trim().parse().ok()
}

fn security_modules() -> Option<Vec<String>> {
    let list = text("/sys/kernel/security/lsm")?;
    Some(list.trim().split(',').map(str::to_owned).collect())
}

/// The line `uid: usage nkeys/nikeys qnkeys/maxkeys qnbytes/maxbytes` of a user, who has none before
/// the first key.
fn keys(text: &str, uid: u32) -> Option<KeyQuota> {
    let mut own = text.lines().filter_map(|line| {
        let (user, rest) = line.trim().split_once(':')?;
        (user.parse() == Ok(uid)).then_some(rest)
    });
    let (used, most) = own.next()?.split_whitespace().nth(2)?.split_once('/')?;
    Some(KeyQuota {
        used: used.parse().ok()?,
        most: most.parse().ok()?,
    })
}

/// Its private socket is there as long as it runs.
fn user_manager() -> Option<crate::model::Switch> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)?;
    let socket = runtime.join("systemd/private");
    let found = std::fs::symlink_metadata(socket);
    Some(
        found
            .is_ok_and(|found| found.file_type().is_socket())
            .into(),
    )
}

fn look(role: &'static str, path: PathBuf, state: &HostState) -> Place {
    let path = places::without_links(&path);
    let there = places::there(&path);
    let room = statvfs(there).ok().map(|found| Room {
        bytes: found
            .blocks_available()
            .saturating_mul(found.fragment_size()),
        // Some count no files: they make room as they go.
        files: (found.files() > 0).then_some(found.files_available()),
    });
    Place {
        role,
        kind: state.file_system_of(there).map(str::to_owned),
        writable: access(there, AccessFlags::W_OK | AccessFlags::X_OK)
            .is_ok()
            .into(),
        room,
        there: there.to_owned(),
        path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Switch;

    #[test]
    fn the_own_keys_are_those_of_the_own_line() {
        let text = "    0:    65 64/64 45/1000000 1044/25000000\n 1000:     3 3/3 3/200 59/20000\n";
        assert_eq!(keys(text, 1000), Some(KeyQuota { used: 3, most: 200 }));
        assert_eq!(keys(text, 100), None);
        assert_eq!(keys("junk\n0: 1\n", 0), None);
    }

    #[test]
    fn this_host_is_read() {
        let found = probe(&super::super::refusal::probe(None));
        assert!(found.kernel.contains('.') && found.effective.is_some());
        assert_eq!(found.limits.len(), crate::model::Resource::ALL.len());
        let runtime = found.places.iter().find(|place| place.role == "store");
        assert!(runtime.is_some_and(|place| place.path.starts_with(&place.there)));
    }

    #[test]
    fn a_place_that_is_not_there_yet_is_judged_by_what_is_above() {
        let state = HostState::default();
        let place = look("store", PathBuf::from("/proc/no/such/place"), &state);
        assert_eq!(place.there, Path::new("/proc"));
        assert_eq!(place.kind, None);
        let store = std::env::temp_dir().join("no-such-directory");
        assert_eq!(look("store", store, &state).writable, Switch::On);
    }
}
