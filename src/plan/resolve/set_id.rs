//! Hardening rule 11: what could make a file in a bind that gives its owner's rights to whoever runs it on the
//! host, past the rules over modes.
//!
//! Three ways are known. Capabilities that the program gives to files count for the ids that its root is on disk.
//! In an overlay of its own the kernel copies a set-id file up, bit and all, and what is in it is then written
//! through a shared mapping, which takes no bit away. And io_uring makes files that no filter sees. Beside files of
//! root's each is an error; beside those of others it is a warning, since it gives away what is theirs.
//!
//! Volumes, kept trees and what `overlay` keeps are no such place: above them stand directories of the caller's with mode 0700, so that
//! nobody else gets to what lies there, and `apply` carries neither a bit nor a capability out of them.

use crate::diag::{At, Problem};
use crate::model::{Access, Capability};
use crate::plan::{HostIds, Identity, Mount, MountKind, OwnerMap, Syscalls, System, UserIds, base};
use crate::seccomp::{NestedUserNamespaces, Standing, Verdicts};

use super::parts::may_mount;
use super::scope::Scope;
use super::security::{Security, is_setfcap};

/// With it the program makes mounts in the sandbox's own mount namespace.
const MOUNTS: &str = "CAP_SYS_ADMIN";

/// It answers for a file system of a program's own, modes included.
const FUSE: &str = "/dev/fuse";

/// Whose files are at stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    /// The host's root.
    Root,
    /// Somebody else, such as an unprivileged caller.
    Other,
}

/// What could be done with the mounts.
pub(super) struct Rights<'a> {
    pub identity: Option<&'a Identity>,
    pub mounts: &'a [At<Mount>],
    pub system: Option<&'a System>,
    pub security: &'a Security,
    pub syscalls: &'a Syscalls,
}

impl Rights<'_> {
    /// Judges each of the ways.
    pub fn judge(&self, scope: &mut Scope<'_>) {
        let owned = self.mounts.iter().filter_map(|mount| {
            let owner = self.owner(&mount.value)?;
            Some((owner, mount))
        });
        let Some((owner, mount)) = owned.min_by_key(|(owner, _)| *owner) else {
            return;
        };
        self.judge_ring(owner, mount, scope);
        let host = self.identity.map(|identity| identity.host);
        if host == Some(HostIds::Same) {
            // A capability over the host itself is told as that: it needs no way around.
            return;
        }
        let mut kept = self.security.capabilities.iter();
        if owner == Owner::Root
            && let Some(capability) = kept.find(is_setfcap)
            // What nested namespaces bring is told as theirs.
            && capability.origin != self.security.nested_userns.origin
        {
            scope.report(counts_for_all(capability, mount));
        }
        self.judge_overlays(owner, mount, scope);
    }

    /// Whose files the program writes here; nothing where they are nobody's of the host.
    fn owner(&self, mount: &Mount) -> Option<Owner> {
        let MountKind::Bind { access, owner, .. } = &mount.kind else {
            return None;
        };
        let uid = match (access, owner) {
            (Access::ReadOnly | Access::Overlay, _) | (_, OwnerMap::Ranged) => return None,
            (_, OwnerMap::Mapped(UserIds { uid, .. })) => *uid,
            (_, OwnerMap::Kept | OwnerMap::KeptByWish) => match self.identity?.host {
                HostIds::Caller(UserIds { uid, .. }) => uid,
                HostIds::Same => self.identity?.user.value.uid,
                // Its own id is nobody's, and that of the directory is not its own.
                HostIds::Range(_) => return None,
            },
        };
        Some(match uid {
            0 => Owner::Root,
            _ => Owner::Other,
        })
    }

    fn judge_overlays(&self, owner: Owner, mount: &At<Mount>, scope: &mut Scope<'_>) {
        let nested = &self.security.nested_userns;
        let mut kept = self.security.capabilities.iter();
        let admin = kept.find(|kept| kept.value.to_string() == MOUNTS);
        // What the filter lets through is asked last: to know it takes the whole policy.
        let origin = match admin {
            _ if nested.value.is_on() => &nested.origin,
            Some(admin) if may_mount(self.security, self.syscalls, self.mounts) => &admin.origin,
            _ => return,
        };
        let target = &mount.value.target;
        let problem = match owner {
            Owner::Root => Problem::error(
                "security.nested-root",
                origin,
                format!(
                    "through overlays of its own the program could make set-id files of root's in `{target}`"
                ),
            )
            .also(&mount.origin, "root's files, to be written")
            .help("bind a directory that is not root's, or bind it read-only"),
            Owner::Other => self.copies_set_id(origin, mount),
        };
        scope.report(problem);
    }

    /// Beside files that are not root's.
    fn copies_set_id(&self, origin: &crate::diag::Origin, mount: &At<Mount>) -> Problem {
        let devices = self.system.map(|system| system.devices.as_slice());
        let mut devices = devices.unwrap_or_default().iter();
        let fuse = devices.find(|device| device.value.path.as_str() == FUSE);
        let from = match fuse {
            Some(_) => "one that it makes up",
            None => "one of the same owner that it finds",
        };
        let message = format!(
            "through overlays of its own the program can make set-id files in `{}` from {from}",
            mount.value.target
        );
        let problem = Problem::warning("security.nested-set-id", origin, message);
        let problem = problem.also(&mount.origin, "on the host they count as their owner's");
        let problem = match fuse {
            Some(fuse) => problem.also(&fuse.origin, "this answers for modes as it likes"),
            None => problem,
        };
        problem.help("bind it read-only, or see that a directory above it is closed to all others (`chmod 700`)")
    }

    /// What io_uring opens no filter sees.
    fn judge_ring(&self, owner: Owner, mount: &At<Mount>, scope: &mut Scope<'_>) {
        const CALL: &str = "io_uring_setup";
        let mut allow = self.syscalls.allow.iter();
        let Some(entry) = allow.find(|entry| entry.value.calls().contains(&CALL)) else {
            return;
        };
        if owner != Owner::Root || !self.runs(CALL) {
            return;
        }
        let message = format!(
            "through `{CALL}` the program could make set-id files of root's in `{}`",
            mount.value.target
        );
        let problem = entry.error("security.seccomp-past-root", message);
        scope.report(
            problem
                .also(&mount.origin, "root's files, to be written")
                .help("leave it out, bind a directory that is not root's, or bind it read-only"),
        );
    }

    fn runs(&self, call: &str) -> bool {
        let base = base(self.security.seccomp.value, self.mounts);
        let kept = &self.security.capabilities;
        let nested = NestedUserNamespaces::Forbidden;
        let judge = |verdicts: &Verdicts| {
            let verdict = verdicts.get(call);
            verdict.is_none_or(|verdict| verdict.standing == Standing::Allowed)
        };
        self.syscalls.with_policy(base, kept, nested, |policy| {
            Verdicts::of(policy).ok().as_ref().is_none_or(judge)
        })
    }
}

/// The root that a file's capabilities are bound to is mapped like an owner: on disk it is the host's.
fn counts_for_all(capability: &At<Capability>, mount: &At<Mount>) -> Problem {
    let message = format!(
        "`{}` would give capabilities of the host to files of root's in `{}`",
        capability.value, mount.value.target
    );
    capability
        .error("security.capability-files", message)
        .also(&mount.origin, "root's files, to be written")
        .help("leave the capability out, or bind a directory that is not root's")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{OnDeny, SeccompPolicy, Switch, UserSpec};
    use crate::plan::resolve::testing::{Bench, codes, here};
    use crate::plan::{IdMaps, Missing, MountPointKind, TargetPoint};

    fn bind(access: Access, owner: OwnerMap) -> At<Mount> {
        here(Mount {
            target: "/w".parse().unwrap(),
            kind: MountKind::Bind {
                source: "/w".to_owned(),
                shape: MountPointKind::Directory,
                access,
                owner,
                missing: Missing::Refused,
            },
            options: Vec::new(),
            point: TargetPoint::InTree,
        })
    }

    fn identity(host: HostIds) -> Identity {
        let user = UserIds { uid: 0, gid: 0 };
        Identity {
            asked: here(UserSpec::Root),
            user: here(user),
            host,
            maps: here(IdMaps::single(user, host)),
            groups: Vec::new(),
        }
    }

    const RANGE: HostIds = HostIds::Range(UserIds { uid: 7, gid: 7 });
    const OWN: HostIds = HostIds::Caller(UserIds { uid: 9, gid: 9 });

    fn mapped(uid: u32) -> At<Mount> {
        bind(Access::ReadWrite, OwnerMap::Mapped(UserIds { uid, gid: 0 }))
    }

    fn found(
        host: HostIds,
        mount: At<Mount>,
        change: impl Fn(&mut Security, &mut Syscalls),
    ) -> Vec<&'static str> {
        let mut security = Security {
            capabilities: Vec::new(),
            seccomp: here(SeccompPolicy::Default),
            nested_userns: At::default_value(Switch::Off),
        };
        let mut syscalls = Syscalls {
            allow: Vec::new(),
            deny: Vec::new(),
            on_deny: here(OnDeny::DEFAULT),
            x86: here(Switch::Off),
        };
        change(&mut security, &mut syscalls);
        let bench = Bench::host();
        let mut scope = bench.scope();
        Rights {
            identity: Some(&identity(host)),
            mounts: &[mount],
            system: None,
            security: &security,
            syscalls: &syscalls,
        }
        .judge(&mut scope);
        codes(scope)
    }

    fn keep(security: &mut Security, capability: &str) {
        security.capabilities = vec![here(capability.parse().unwrap())];
    }

    #[test]
    fn no_file_of_roots_gets_capabilities_of_the_host() {
        let setfcap = |security: &mut Security, _: &mut Syscalls| keep(security, "CAP_SETFCAP");
        let refused = ["security.capability-files"];
        assert_eq!(found(RANGE, mapped(0), setfcap), refused);
        assert!(found(RANGE, mapped(1000), setfcap).is_empty());
        let kept = || bind(Access::ReadWrite, OwnerMap::Kept);
        assert!(found(RANGE, kept(), setfcap).is_empty());
        assert!(found(HostIds::Same, kept(), setfcap).is_empty());
        let overlay = bind(
            Access::Overlay,
            OwnerMap::Mapped(UserIds { uid: 0, gid: 0 }),
        );
        assert!(found(RANGE, overlay, setfcap).is_empty());
    }

    #[test]
    fn overlays_of_the_programs_own_stand_beside_no_files_of_roots() {
        let nested = |security: &mut Security, _: &mut Syscalls| {
            security.nested_userns = here(Switch::On);
        };
        assert_eq!(found(RANGE, mapped(0), nested), ["security.nested-root"]);
        let warned = ["security.nested-set-id"];
        assert_eq!(found(RANGE, mapped(1000), nested), warned);
        let kept = || bind(Access::ReadWrite, OwnerMap::Kept);
        assert_eq!(found(OWN, kept(), nested), warned);
        assert!(found(RANGE, kept(), nested).is_empty());
        assert!(found(OWN, bind(Access::ReadOnly, OwnerMap::Kept), nested).is_empty());
        // The capability makes mounts where no filter stands before it.
        let admin = |security: &mut Security, _: &mut Syscalls| keep(security, "CAP_SYS_ADMIN");
        assert!(found(RANGE, mapped(0), admin).is_empty());
        let unfiltered = |security: &mut Security, syscalls: &mut Syscalls| {
            admin(security, syscalls);
            security.seccomp = here(SeccompPolicy::None);
        };
        assert_eq!(
            found(RANGE, mapped(0), unfiltered),
            ["security.nested-root"]
        );
        let opened = |security: &mut Security, syscalls: &mut Syscalls| {
            admin(security, syscalls);
            syscalls.allow = vec![here("fsmount".parse().unwrap())];
        };
        assert_eq!(found(RANGE, mapped(0), opened), ["security.nested-root"]);
    }

    #[test]
    fn a_ring_stands_beside_no_files_of_roots() {
        let ring = |_: &mut Security, syscalls: &mut Syscalls| {
            syscalls.allow = vec![here("io_uring_setup".parse().unwrap())];
        };
        assert_eq!(
            found(RANGE, mapped(0), ring),
            ["security.seccomp-past-root"]
        );
        assert!(found(RANGE, mapped(1000), ring).is_empty());
        let kept = bind(Access::ReadWrite, OwnerMap::Kept);
        assert_eq!(
            found(HostIds::Same, kept, ring),
            ["security.seccomp-past-root"]
        );
        let denied = |security: &mut Security, syscalls: &mut Syscalls| {
            ring(security, syscalls);
            syscalls.deny = vec![here("io_uring_setup".parse().unwrap())];
        };
        assert!(found(RANGE, mapped(0), denied).is_empty());
    }
}
