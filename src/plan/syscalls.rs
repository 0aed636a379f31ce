//! What a profile says of system calls, and the policy that comes of it.

use serde::Serialize;

use crate::diag::At;
use crate::model::{Capability, OnDeny, SeccompPolicy, Switch};
use crate::seccomp::{Base, Entry, Grants, NestedUserNamespaces, Policy, X86};

use super::Settings;

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
    /// What `judge` says of the policy; nothing where there is no filter.
    pub(super) fn with_policy<T>(
        &self,
        name: SeccompPolicy,
        capabilities: &[At<Capability>],
        nested: NestedUserNamespaces,
        judge: impl FnOnce(&Policy<'_>) -> T,
    ) -> Option<T> {
        let base = match name {
            SeccompPolicy::Default => Base::Default,
            SeccompPolicy::Strict => Base::Strict,
            SeccompPolicy::None => return None,
        };
        let names = capabilities.iter();
        let names: Vec<String> = names
            .map(|capability| capability.value.to_string())
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let entries = |list: &[At<Entry>]| list.iter().map(|entry| entry.value).collect::<Vec<_>>();
        Some(judge(&Policy {
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
                Switch::Off => X86::Killed,
            },
        }))
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

    /// What `judge` says of the system-call policy; nothing where there is no filter.
    pub fn with_policy<T>(&self, judge: impl FnOnce(&Policy<'_>) -> T) -> Option<T> {
        let (name, nested) = (self.seccomp.value, self.nested());
        self.syscalls
            .with_policy(name, &self.capabilities, nested, judge)
    }
}
