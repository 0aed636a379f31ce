//! What a profile says of system calls, and the policy that comes of it.

use serde::Serialize;

use crate::diag::At;
use crate::model::{Access, Capability, OnDeny, SeccompPolicy, Switch};
use crate::seccomp::{Base, Entry, Grants, HostFiles, NestedUserNamespaces, Policy, X86};

use super::{Mount, MountKind, Settings};

/// What is said of system calls beside the name of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Syscalls {
    /// What it opens.
    pub allow: Vec<At<Entry>>,
    /// What it closes.
    pub deny: Vec<At<Entry>>,
    /// What becomes of what is refused.
    pub on_deny: At<OnDeny>,
    /// Whether programs of 32-bit x86 run.
    pub x86: At<Switch>,
}

impl Syscalls {
    /// What `judge` says of the policy.
    pub(super) fn with_policy<T>(
        &self,
        base: Base,
        capabilities: &[At<Capability>],
        nested: NestedUserNamespaces,
        judge: impl FnOnce(&Policy<'_>) -> T,
    ) -> T {
        // Nobody has said which programs run: both kinds are filtered.
        let both = matches!(base, Base::None(_));
        let names = capabilities.iter();
        let names: Vec<String> = names
            .map(|capability| capability.value.to_string())
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let entries = |list: &[At<Entry>]| list.iter().map(|entry| entry.value).collect::<Vec<_>>();
        judge(&Policy {
            base,
            grants: Grants {
                capabilities: &names,
                nested_user_namespaces: nested,
            },
            allow: &entries(&self.allow),
            deny: &entries(&self.deny),
            on_deny: self.on_deny.value,
            x86: match self.x86.value {
                Switch::On => X86::Filtered,
                Switch::Off if both => X86::Filtered,
                Switch::Off => X86::Killed,
            },
        })
    }
}

/// What the policy `name` begins with beside these mounts.
pub(super) fn base(name: SeccompPolicy, mounts: &[At<Mount>]) -> Base {
    match name {
        SeccompPolicy::Default => Base::Default,
        SeccompPolicy::Strict => Base::Strict,
        SeccompPolicy::None => Base::None(host_files(mounts)),
    }
}

/// Through a socket descriptors of any directory may come.
fn host_files(mounts: &[At<Mount>]) -> HostFiles {
    let is_open = |mount: &At<Mount>| match &mount.value.kind {
        MountKind::Bind { access, .. } => *access == Access::ReadWrite,
        MountKind::Socket { .. } => true,
        MountKind::Part { .. } | MountKind::Volume { .. } | MountKind::Tmpfs { .. } => false,
    };
    match mounts.iter().any(is_open) {
        true => HostFiles::Writable,
        false => HostFiles::Apart,
    }
}

impl Settings {
    /// Whether the program may make user namespaces of its own.
    pub fn nested(&self) -> NestedUserNamespaces {
        match self.nested_userns.value {
            Switch::On => NestedUserNamespaces::Allowed,
            Switch::Off => NestedUserNamespaces::Forbidden,
        }
    }

    /// What `judge` says of the system-call policy.
    pub fn with_policy<T>(&self, judge: impl FnOnce(&Policy<'_>) -> T) -> T {
        let base = base(self.seccomp.value, &self.mounts);
        let nested = self.nested();
        self.syscalls
            .with_policy(base, &self.capabilities, nested, judge)
    }
}
