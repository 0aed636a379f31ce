//! `[security]`: capabilities and system calls.

use crate::diag::{At, Problem};
use crate::model::{Capability, SeccompPolicy, Switch};
use crate::plan::Identity;
use crate::profile::RawProfile;
use crate::profile::raw::RawSecurity;

use super::or_default;
use super::scope::Scope;

/// With it the program could lift the limit that forbids it namespaces of its own.
const RAISES_LIMITS: &str = "CAP_SYS_RESOURCE";

/// It gives capabilities to files.
const GIVES_TO_FILES: &str = "CAP_SETFCAP";

/// Over the sandbox's own namespaces, and with no filter before the calls, it opens mounts, tracing
/// and more of the kernel's code than anything else.
const WIDEST: &str = "CAP_SYS_ADMIN";

/// What `[security]` comes to.
pub(super) struct Security {
    /// Sorted, each once.
    pub capabilities: Vec<At<Capability>>,
    pub seccomp: At<SeccompPolicy>,
    pub nested_userns: At<Switch>,
}

pub(super) fn resolve(
    raw: &RawProfile,
    identity: Option<&Identity>,
    scope: &mut Scope<'_>,
) -> Security {
    let RawSecurity {
        capabilities,
        seccomp,
        nested_userns,
        // Has a file of its own.
        landlock: _,
        // Judged beside: see [`super::syscalls`].
        seccomp_rules: _,
        architectures: _,
        // Judged with the limits.
        allow_degraded: _,
    } = &raw.security;
    let seccomp = or_default(seccomp, SeccompPolicy::Default);
    if seccomp.value == SeccompPolicy::None {
        let message = "the program may make every system call, but makes no set-id file";
        scope.report(
            Problem::warning("security.no-seccomp", &seccomp.origin, message)
                .help("leave it out: the default policy runs ordinary programs"),
        );
    }
    let nested_userns = or_default(nested_userns, false).map(Switch::from);
    let mut kept: Vec<At<Capability>> = Vec::new();
    for capability in capabilities {
        judge(capability, &seccomp, nested_userns.value, scope);
        if kept.iter().all(|known| known.value != capability.value) {
            kept.push(capability.clone());
        }
    }
    judge_reach(&kept, raw, scope);
    let is_root = identity.is_some_and(|identity| identity.user.value.uid == 0);
    if nested_userns.value.is_on() && is_root {
        kept.extend(for_nested_root(&nested_userns, &kept));
    }
    kept.sort_by_key(|capability| capability.value);
    Security {
        capabilities: kept,
        seccomp,
        nested_userns,
    }
}

/// Since Linux 5.12 only who has this may map 0 into a user namespace inside, and a program that is 0 has
/// nothing else to map. Over the sandbox's own namespace it counts for files of that namespace alone.
fn for_nested_root(nested: &At<Switch>, kept: &[At<Capability>]) -> Option<At<Capability>> {
    let capability: Capability = GIVES_TO_FILES.parse().ok()?;
    (!kept.iter().any(|kept| is_setfcap(&kept))).then(|| At::new(capability, nested.origin.clone()))
}

pub(super) fn is_setfcap(kept: &&At<Capability>) -> bool {
    kept.value.to_string() == GIVES_TO_FILES
}

fn judge(
    capability: &At<Capability>,
    seccomp: &At<SeccompPolicy>,
    nested: Switch,
    scope: &mut Scope<'_>,
) {
    let name = capability.value.to_string();
    if name == RAISES_LIMITS && !nested.is_on() {
        let message = format!("`{name}` lets the program raise the limits that hold it");
        scope.report(
            capability
                .error("security.capability-refused", message)
                .help("leave it out; set what the program needs under `[limits.process]`"),
        );
    }
    if name == WIDEST && seccomp.value == SeccompPolicy::None {
        let message =
            format!("`{name}` without a system-call filter lets the program mount and more");
        scope.report(
            Problem::warning(
                "security.capability-unfiltered",
                &capability.origin,
                message,
            )
            .also(&seccomp.origin, "no filter")
            .help("leave one of the two out"),
        );
    }
    let last = scope.facts().map(|facts| facts.last_capability);
    if last.is_some_and(|last| capability.value.number() > last) {
        let message = format!("this host's kernel has no `{name}`");
        scope.report(
            capability
                .error("security.capability-missing", message)
                .help("leave it out, or use a newer kernel"),
        );
    }
}

/// Without a user namespace a capability counts over the host.
fn judge_reach(kept: &[At<Capability>], raw: &RawProfile, scope: &mut Scope<'_>) {
    let Some(off) = raw.namespaces.user.as_ref().filter(|user| !user.value) else {
        return;
    };
    for capability in kept {
        let message = format!("`{}` is kept over the host itself", capability.value);
        scope.report(
            Problem::warning("security.capability-of-host", &capability.origin, message)
                .also(&off.origin, "there is no user namespace")
                .help("leave one of the two out"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::resolve::testing::{Bench, codes, here};

    fn raw(names: &[&str]) -> RawProfile {
        let mut raw = RawProfile::default();
        let parse = |name: &&str| here(name.parse().unwrap());
        raw.security.capabilities = names.iter().map(parse).collect();
        raw
    }

    #[test]
    fn capabilities_are_sorted_and_each_once() {
        let bench = Bench::host();
        let raw = raw(&["CAP_NET_RAW", "CAP_CHOWN", "CAP_NET_RAW"]);
        let kept = resolve(&raw, None, &mut bench.scope()).capabilities;
        let names: Vec<_> = kept.iter().map(|kept| kept.value.to_string()).collect();
        assert_eq!(names, ["CAP_CHOWN", "CAP_NET_RAW"]);
    }

    #[test]
    fn what_undoes_the_sandbox_is_said() {
        let mut raw = raw(&[
            "CAP_SYS_RESOURCE",
            "CAP_SYS_ADMIN",
            "CAP_CHECKPOINT_RESTORE",
        ]);
        raw.security.seccomp = Some(here(SeccompPolicy::None));
        let mut bench = Bench::host();
        bench.facts.as_mut().unwrap().last_capability = 39;
        let mut scope = bench.scope();
        resolve(&raw, None, &mut scope);
        let expected = [
            "security.capability-missing",
            "security.capability-refused",
            "security.capability-unfiltered",
            "security.no-seccomp",
        ];
        assert_eq!(codes(scope), expected);
        raw.namespaces.user = Some(here(false));
        let mut scope = bench.scope();
        resolve(&raw, None, &mut scope);
        let of_host = codes(scope)
            .into_iter()
            .filter(|code| code.ends_with("of-host"));
        assert_eq!(of_host.count(), 3);
    }
}
