//! System calls, by the policy that comes of the profile and not by its words.

use crate::diag::Origin;
use crate::model::OnDeny;
use crate::plan::Settings;
use crate::seccomp::{
    ArgumentRule, Base, Cause, Families, Key, Policy, Standing, Verdicts, X86, argument_rules,
    families, rules_in_force,
};

use super::power::{Power, Reach};
use super::{Side, topics};

pub(super) fn powers(side: Side<'_>, powers: &mut Vec<Power>) {
    let settings = side.settings;
    let on_deny = &settings.syscalls.on_deny;
    if on_deny.value != OnDeny::Kill {
        let text = "the program goes on after a call that was refused";
        powers.push(Power::new(
            topics::SYSCALL,
            Reach::plain(text),
            text,
            &on_deny.origin,
        ));
    }
    settings.with_policy(|policy| of_policy(settings, policy, powers));
}

fn of_policy(settings: &Settings, policy: &Policy<'_>, powers: &mut Vec<Power>) {
    let Ok(verdicts) = Verdicts::of(policy) else {
        // The data of the policy contradict each other, which tests of them find: all runs, to be safe.
        let text = "every system call runs";
        powers.push(Power::new(
            topics::SYSCALL,
            Reach::plain(text),
            text,
            &settings.seccomp.origin,
        ));
        return;
    };
    let logs = settings.syscalls.on_deny.value == OnDeny::Log;
    let mut running: Vec<&str> = Vec::new();
    for (call, verdict) in verdicts.iter() {
        let logged = logs && verdict.standing == Standing::Refused;
        if verdict.standing == Standing::Allowed || logged {
            let origin = match logged {
                true => settings.syscalls.on_deny.origin.clone(),
                false => origin(settings, verdict.cause),
            };
            running.push(call);
            powers.push(Power::new(
                topics::SYSCALL,
                Reach::Exactly(format!("{CALL}{call}")),
                call,
                &origin,
            ));
        }
    }
    let rules = rules_in_force(policy, &verdicts);
    for rule in argument_rules() {
        of_rule(settings, policy, rule, &rules, &running, powers);
    }
    let x86 = &settings.syscalls.x86;
    if policy.x86 == X86::Filtered {
        let text = "programs of 32-bit x86 run";
        powers.push(Power::new(
            topics::SYSCALL,
            Reach::plain(text),
            text,
            &x86.origin,
        ));
    }
    if matches!(policy.base, Base::None(_)) {
        let text = "calls that are on no list run";
        powers.push(Power::new(
            topics::SYSCALL,
            Reach::plain(text),
            text,
            &settings.seccomp.origin,
        ));
    }
}

/// What the rule refuses, where it does not hold and its calls run.
fn of_rule(
    settings: &Settings,
    policy: &Policy<'_>,
    rule: &ArgumentRule,
    in_force: &[&'static ArgumentRule],
    running: &[&str],
    powers: &mut Vec<Power>,
) {
    let origin = &settings.seccomp.origin;
    let raw = settings
        .capabilities
        .iter()
        .find(|kept| kept.value.to_string() == "CAP_NET_RAW");
    for call in rule.calls.iter().filter(|call| running.contains(call)) {
        let of_call: Vec<&&ArgumentRule> = in_force
            .iter()
            .filter(|other| other.calls.contains(call))
            .collect();
        if *call == "socket" {
            // Two rules stand in for each other.
            let usual = of_call.is_empty() || families(policy) == Families::Usual;
            let all = [
                (usual, "`socket` takes families of the internet", origin),
                (
                    of_call.is_empty(),
                    "`socket` takes every family and protocol",
                    origin,
                ),
                (
                    usual && raw.is_some(),
                    "`socket` makes raw sockets",
                    raw.map_or(origin, |raw| &raw.origin),
                ),
            ];
            for (_, text, origin) in all.into_iter().filter(|(is, ..)| *is) {
                powers.push(Power::new(
                    topics::SYSCALL_ARGUMENTS,
                    Reach::plain(text),
                    text,
                    origin,
                ));
            }
        } else if !of_call.iter().any(|held| held.refused == rule.refused) {
            let text = format!("`{call}` takes {}", rule.refused);
            powers.push(Power::new(
                topics::SYSCALL_ARGUMENTS,
                Reach::plain(&text),
                text,
                origin,
            ));
        }
    }
}

const CALL: &str = "call ";

/// The line that makes a call run or not.
pub(in crate::review) fn origin(settings: &Settings, cause: Cause) -> Origin {
    let Settings {
        syscalls, seccomp, ..
    } = settings;
    let origin = match cause {
        Cause::Allow(index) => syscalls.allow.get(index).map(|entry| &entry.origin),
        Cause::Deny(index) => syscalls.deny.get(index).map(|entry| &entry.origin),
        Cause::Opening(opening) => match opening.key {
            Key::NestedUserNamespaces => Some(&settings.nested_userns.origin),
            Key::Capability(name) => {
                let mut kept = settings.capabilities.iter();
                kept.find(|kept| kept.value.to_string() == name)
                    .map(|kept| &kept.origin)
            }
        },
        Cause::Group | Cause::NoList | Cause::Lack(_) => None,
    };
    origin.unwrap_or(&seccomp.origin).clone()
}

/// Calls that one line opens, in one sentence.
pub(super) fn joined(powers: Vec<Power>) -> Vec<Power> {
    let is_call =
        |power: &Power| matches!(&power.reach, Reach::Exactly(name) if name.starts_with(CALL));
    let (calls, mut others): (Vec<Power>, Vec<Power>) = powers.into_iter().partition(is_call);
    let mut lines: Vec<(Origin, Vec<String>)> = Vec::new();
    for call in calls {
        match lines.iter_mut().find(|(origin, _)| *origin == call.origin) {
            Some((_, names)) => names.push(call.with),
            None => lines.push((call.origin, vec![call.with])),
        }
    }
    for (origin, names) in lines {
        let text = match names.as_slice() {
            [one] => format!("the system call `{one}` runs"),
            many => format!("{} system calls run: `{}`", many.len(), many.join("`, `")),
        };
        others.push(Power::new(
            topics::SYSCALL,
            Reach::plain(&text),
            text,
            &origin,
        ));
    }
    others
}
