//! `security.seccomp` as a table, and `security.architectures`.

use crate::diag::{At, Origin, Problem};
use crate::model::{Architecture, Capability, OnDeny, SeccompPolicy, Switch};
use crate::plan::{Syscalls, base};
use crate::profile::raw::RawSecurity;
use crate::seccomp::{
    Arch, Entry, NestedUserNamespaces, Standing, Verdicts, families, never_closes, never_opens,
};

use super::or_default;
use super::scope::Scope;

/// The entries that are known, and what becomes of refusals; judges each entry against the whole.
pub(super) fn resolve(
    raw: &RawSecurity,
    name: &At<SeccompPolicy>,
    capabilities: &[At<Capability>],
    scope: &mut Scope<'_>,
) -> Syscalls {
    let before = scope_errors(scope);
    let syscalls = Syscalls {
        allow: entries(&raw.seccomp_rules.allow, "allow", scope),
        deny: entries(&raw.seccomp_rules.deny, "deny", scope),
        on_deny: or_default(&raw.seccomp_rules.on_deny, OnDeny::DEFAULT),
        x86: architectures(raw, Arch::native(), scope),
    };
    if name.value == SeccompPolicy::None {
        refuse_without_list(&syscalls, name, scope);
        return syscalls;
    }
    judge_openings(&syscalls.allow, scope);
    judge_closings(&syscalls.deny, scope);
    judge_contradictions(&syscalls, scope);
    if syscalls.on_deny.value == OnDeny::Log {
        let message = "refused calls run, and the kernel's log alone tells of them";
        scope.report(
            Problem::warning("security.seccomp-log", &syscalls.on_deny.origin, message)
                .help("leave it out when the policy has been tried"),
        );
    }
    // An entry that is wrong says nothing about the others.
    if scope_errors(scope) == before {
        judge_idle(&syscalls, name.value, capabilities, scope);
    }
    syscalls
}

fn scope_errors(scope: &Scope<'_>) -> usize {
    scope.problems.count(crate::diag::Severity::Error)
}

/// The entries that name something, each once.
fn entries(raw: &[At<String>], list: &str, scope: &mut Scope<'_>) -> Vec<At<Entry>> {
    let mut known: Vec<At<Entry>> = Vec::new();
    for text in raw {
        let entry = match text.value.parse::<Entry>() {
            Ok(entry) => entry,
            Err(why) => {
                let message = format!("`{}` of `security.seccomp.{list}` {why}", text.value);
                let problem = text.error("security.seccomp-unknown", message);
                scope.report(match why.help {
                    Some(help) => problem.help(help),
                    None => problem,
                });
                continue;
            }
        };
        match known.iter().find(|first| first.value == entry) {
            None => known.push(At::new(entry, text.origin.clone())),
            Some(first) => {
                let message = format!("`{entry}` stands twice in `security.seccomp.{list}`");
                let problem = Problem::warning("security.seccomp-repeated", &text.origin, message);
                scope.report(
                    problem
                        .also(&first.origin, "here first")
                        .help("leave one of the two out"),
                );
            }
        }
    }
    known
}

/// Whether 32-bit programs run, on a machine of architecture `native`.
fn architectures(raw: &RawSecurity, native: Option<Arch>, scope: &mut Scope<'_>) -> At<Switch> {
    let find = |wanted| raw.architectures.iter().find(|entry| entry.value == wanted);
    let Some(x86) = find(Architecture::X86) else {
        return At::default_value(Switch::Off);
    };
    if find(Architecture::Native).is_none() {
        let message = "`security.architectures` names `x86` without `native`";
        let problem = x86.error("security.architectures", message);
        scope.report(
            problem
                .help("write `architectures = [\"native\", \"x86\"]`: nothing starts without it"),
        );
    }
    if scope.facts().is_some() && native != Some(Arch::X86_64) {
        let message = "this machine runs no programs of 32-bit x86";
        let problem = x86.error("security.architecture-missing", message);
        scope.report(problem.help("leave `x86` out"));
    }
    At::new(Switch::On, x86.origin.clone())
}

fn refuse_without_list(syscalls: &Syscalls, name: &At<SeccompPolicy>, scope: &mut Scope<'_>) {
    let entries = syscalls.allow.iter().chain(&syscalls.deny);
    let mut origins: Vec<Origin> = entries.map(|entry| entry.origin.clone()).collect();
    if syscalls.on_deny.origin != Origin::Default {
        origins.push(syscalls.on_deny.origin.clone());
    }
    if let Some(first) = origins.first() {
        let message = "there is no list of system calls that this could change";
        scope.report(
            Problem::error("security.seccomp-no-list", first, message)
                .also(&name.origin, "no filter")
                .help("begin with `base = \"default\"`"),
        );
    }
}

fn judge_openings(allow: &[At<Entry>], scope: &mut Scope<'_>) {
    for entry in allow {
        let calls = entry.value.calls();
        let closed = calls
            .iter()
            .find_map(|call| Some((call, never_opens(call)?)));
        if let Some((call, reason)) = closed {
            let message = format!("`{call}` cannot be allowed: {reason}");
            let problem = entry.error("security.seccomp-closed", message);
            scope.report(problem.help("leave it out: programs fall back to an older call"));
        }
        if calls.contains(&"io_uring_setup") {
            let message = "what `io_uring_setup` opens works past this filter";
            let problem = Problem::warning("security.seccomp-past", &entry.origin, message);
            scope.report(problem.help(
                "leave it out: through it the program makes sockets of any family and set-id files",
            ));
        }
    }
}

fn judge_closings(deny: &[At<Entry>], scope: &mut Scope<'_>) {
    for entry in deny {
        let calls = entry.value.calls();
        let needed = calls
            .iter()
            .find_map(|call| Some((call, never_closes(call)?)));
        if let Some((call, reason)) = needed {
            let message = format!("`{call}` cannot be denied: {reason}");
            let problem = entry.error("security.seccomp-needed", message);
            scope.report(match entry.value {
                Entry::Call(_) => problem.help("leave it out"),
                Entry::Group(_) | Entry::Bundle(_) => problem.help("name the calls that you mean"),
            });
        }
    }
}

/// `deny` wins: what it takes away whole was not meant to be allowed, or not to be denied.
fn judge_contradictions(syscalls: &Syscalls, scope: &mut Scope<'_>) {
    for allowed in &syscalls.allow {
        let calls = allowed.value.calls();
        let takes_all = |denied: &&At<Entry>| {
            let denied = denied.value.calls();
            calls.iter().all(|call| denied.contains(call))
        };
        if let Some(denied) = syscalls.deny.iter().find(takes_all) {
            let message = format!("`{}` is allowed, and all of it is denied", allowed.value);
            scope.report(
                allowed
                    .error("security.seccomp-contradiction", message)
                    .also(&denied.origin, "denied here")
                    .help("leave one of the two out"),
            );
        }
    }
}

/// Entries that change nothing: what they name stands so already.
fn judge_idle(
    syscalls: &Syscalls,
    name: SeccompPolicy,
    capabilities: &[At<Capability>],
    scope: &mut Scope<'_>,
) {
    // What is opened further counts as nothing here: then an entry does change something.
    let nested = NestedUserNamespaces::Forbidden;
    let before = |allow: usize, deny: usize| {
        let mut part = syscalls.clone();
        part.allow.truncate(allow);
        part.deny.truncate(deny);
        part.with_policy(base(name, &[]), capabilities, nested, |policy| {
            (Verdicts::of(policy).ok(), families(policy))
        })
    };
    let stand = |verdicts: &Verdicts, entry: Entry, runs: bool| {
        let calls = entry.calls().into_iter();
        let mut verdicts = calls.filter_map(|call| verdicts.get(call));
        verdicts.all(|verdict| (verdict.standing == Standing::Allowed) == runs)
    };
    for (index, entry) in syscalls.allow.iter().enumerate() {
        let ((Some(old), families), (_, new)) = (before(index, 0), before(index + 1, 0)) else {
            continue;
        };
        if stand(&old, entry.value, true) && families == new {
            let message = format!("`{}` is allowed already", entry.value);
            idle(
                entry,
                message,
                "arguments that are refused stay refused",
                scope,
            );
        }
    }
    for (index, entry) in syscalls.deny.iter().enumerate() {
        let old = before(syscalls.allow.len(), index).0;
        if old.is_some_and(|old| stand(&old, entry.value, false)) {
            let message = format!("`{}` does not run already", entry.value);
            idle(entry, message, "what it names is refused, or absent", scope);
        }
    }
}

fn idle(entry: &At<Entry>, message: String, label: &str, scope: &mut Scope<'_>) {
    let problem = Problem::warning("security.seccomp-idle", &entry.origin, message);
    scope.report(problem.label(label).help("leave it out"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::resolve::testing::{Bench, codes, here};

    #[test]
    fn programs_of_x86_are_a_matter_of_the_machine() {
        let raw = RawSecurity {
            architectures: vec![here(Architecture::Native), here(Architecture::X86)],
            ..RawSecurity::default()
        };
        let judged = |bench: Bench, native| {
            let mut scope = bench.scope();
            let x86 = architectures(&raw, native, &mut scope);
            (x86.value, codes(scope))
        };
        let on = |codes: Vec<&'static str>| (Switch::On, codes);
        assert_eq!(judged(Bench::host(), Some(Arch::X86_64)), on(vec![]));
        let missing = on(vec!["security.architecture-missing"]);
        assert_eq!(judged(Bench::host(), Some(Arch::Aarch64)), missing);
        assert_eq!(judged(Bench::host(), None), missing);
        // The text alone is judged the same everywhere.
        assert_eq!(judged(Bench::symbolic(), Some(Arch::Aarch64)), on(vec![]));
    }
}
