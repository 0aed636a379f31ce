//! `security.landlock`: the second wall behind the mounts.

use crate::diag::{At, Problem};
use crate::model::{Degradable, LandlockAbi, NetworkMode};
use crate::plan::Landlock;
use crate::profile::RawProfile;

use super::scope::Scope;

/// As far as the kernel has it; where the profile says `true`, a kernel without it is an error.
pub(super) fn resolve(raw: &RawProfile, scope: &mut Scope<'_>) -> At<Landlock> {
    let written = raw.security.landlock.as_ref();
    let origin = written.map(|written| written.origin.clone());
    let origin = origin.unwrap_or(crate::diag::Origin::Default);
    if let Some(nested) = raw
        .security
        .nested_userns
        .as_ref()
        .filter(|nested| nested.value)
    {
        // Whoever nests mounts, which nothing under Landlock may.
        let landlock = At::new(Landlock::Off, nested.origin.clone());
        if let Some(written) = written.filter(|written| written.value) {
            let message = "under Landlock nothing is mounted, and who nests namespaces mounts";
            scope.report(
                written
                    .error("security.landlock-nested", message)
                    .also(&nested.origin, "this lets the program nest them")
                    .help("leave one of the two out"),
            );
        }
        judge_host_network(raw, &landlock, scope);
        return landlock;
    }
    if written.is_some_and(|written| !written.value) {
        let landlock = At::new(Landlock::Off, origin);
        judge_host_network(raw, &landlock, scope);
        return landlock;
    }
    // Without a host to ask, the best that any has.
    let abi = scope
        .facts()
        .map_or(LandlockAbi::KNOWN, |facts| facts.landlock);
    let landlock = match abi.is_usable() {
        true => Landlock::Enforced(abi),
        false => Landlock::Lacking(abi),
    };
    let landlock = At::new(landlock, origin);
    if written.is_some() && !abi.is_usable() && !may_be_missing(raw) {
        let message = match abi {
            LandlockAbi::NONE => {
                "`security.landlock` cannot be enforced: this kernel has no Landlock, or it was not switched on"
            }
            _ => {
                "`security.landlock` cannot be enforced: this kernel's Landlock forbids every rename from one \
                 directory to another"
            }
        };
        scope.report(landlock.error("security.landlock-missing", message).help(
            "use Linux 5.19 or newer with `landlock` in `lsm=` on its command line, or write \
             `allow_degraded = [\"landlock\"]`",
        ));
    }
    judge_host_network(raw, &landlock, scope);
    landlock
}

fn may_be_missing(raw: &RawProfile) -> bool {
    let allowed = raw.security.allow_degraded.iter();
    allowed
        .map(|entry| entry.value)
        .any(|entry| entry == Degradable::Landlock)
}

/// Abstract sockets belong to the network namespace, whatever is mounted (CVE-2020-15257).
fn judge_host_network(raw: &RawProfile, landlock: &At<Landlock>, scope: &mut Scope<'_>) {
    let mode = raw.network.as_ref();
    let Some(mode) = mode.filter(|mode| mode.value == NetworkMode::Host) else {
        return;
    };
    if landlock.value.has_scopes() {
        return;
    }
    let message =
        "the program reaches the host's abstract Unix sockets, which belong to its network";
    let problem = Problem::warning("network.abstract-sockets", &mode.origin, message);
    scope.report(match landlock.value {
        Landlock::Off => problem
            .also(&landlock.origin, "it would put them out of reach")
            .help("keep Landlock on, or give the sandbox a network of its own"),
        Landlock::Enforced(_) | Landlock::Lacking(_) => problem.help(
            "use Linux 6.12 or newer, whose Landlock puts them out of reach, or give the sandbox a network of its own",
        ),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::resolve::testing::{Bench, codes, here};

    fn found(raw: &RawProfile, abi: u32) -> (Landlock, Vec<&'static str>) {
        let mut bench = Bench::host();
        bench.facts.as_mut().unwrap().landlock = LandlockAbi(abi);
        let mut scope = bench.scope();
        let landlock = resolve(raw, &mut scope).value;
        (landlock, codes(scope))
    }

    #[test]
    fn it_is_as_good_as_the_kernel_unless_the_profile_insists() {
        let mut raw = RawProfile::default();
        let lacking = |abi| Landlock::Lacking(LandlockAbi(abi));
        let enforced = |abi| Landlock::Enforced(LandlockAbi(abi));
        assert_eq!(found(&raw, 0), (lacking(0), vec![]));
        assert_eq!(found(&raw, 1), (lacking(1), vec![]));
        assert_eq!(found(&raw, 2), (enforced(2), vec![]));
        raw.security.landlock = Some(here(true));
        assert_eq!(found(&raw, 2), (enforced(2), vec![]));
        let missing = vec!["security.landlock-missing"];
        assert_eq!(found(&raw, 0), (lacking(0), missing.clone()));
        assert_eq!(found(&raw, 1), (lacking(1), missing));
        raw.security.allow_degraded = vec![here(Degradable::Landlock)];
        assert_eq!(found(&raw, 0), (lacking(0), vec![]));
        raw.security.landlock = Some(here(false));
        assert_eq!(found(&raw, 7), (Landlock::Off, vec![]));
        let symbolic = Bench::symbolic();
        let best = resolve(&RawProfile::default(), &mut symbolic.scope()).value;
        assert_eq!(best, Landlock::Enforced(LandlockAbi::KNOWN));
    }

    #[test]
    fn a_shared_network_without_scopes_is_warned_of() {
        let mut raw = RawProfile {
            network: Some(here(NetworkMode::Host)),
            ..RawProfile::default()
        };
        assert_eq!(found(&raw, 6).1, Vec::<&str>::new());
        assert_eq!(found(&raw, 5).1, ["network.abstract-sockets"]);
        raw.security.landlock = Some(here(false));
        assert_eq!(found(&raw, 6).1, ["network.abstract-sockets"]);
    }
}
