//! Why a system call runs or not.

use crate::diag::Origin;
use crate::model::OnDeny;
use crate::plan::Settings;
use crate::review::diff::origin;
use crate::seccomp::{Cause, Families, Key, Standing, Verdicts, families, rules_in_force};

use super::{Answer, Verdict, rules};

/// Nothing where the kernel has no such call.
pub(super) fn answer(settings: &Settings, name: &str) -> Option<Answer> {
    settings.with_policy(|policy| {
        let verdicts = Verdicts::of(policy).ok()?;
        let verdict = verdicts.get(name)?;
        let by = cause(settings, verdict.cause);
        let origin = origin(settings, verdict.cause);
        if verdict.standing != Standing::Allowed {
            return Some(refused(settings, name, verdict.standing, &by, &origin));
        }
        let message = format!("`{name}` runs: {by}");
        let answer = Answer::new(Verdict::Allowed, rules::CALL, message, &origin);
        let held = rules_in_force(policy, &verdicts).into_iter();
        let held = held.filter(|rule| rule.calls.contains(&name));
        Some(held.fold(answer, |answer, rule| {
            let message = format!("not with these arguments: {}", rule.refused);
            answer.and(rules::ARGUMENTS, message, &settings.seccomp.origin)
        }))
    })
}

fn refused(
    settings: &Settings,
    name: &str,
    standing: Standing,
    by: &str,
    origin: &Origin,
) -> Answer {
    let on_deny = &settings.syscalls.on_deny;
    if standing == Standing::Absent {
        let reason = format!("`{name}` fails with ENOSYS, as on a kernel without it: {by}");
        return Answer::new(Verdict::Denied, rules::CALL, reason, origin);
    }
    let (verdict, what) = match on_deny.value {
        OnDeny::Log => (
            Verdict::Allowed,
            "a refused call runs all the same, and is logged".to_owned(),
        ),
        OnDeny::Kill => (
            Verdict::Denied,
            "a refused call ends the process with SIGSYS, and the report names it".to_owned(),
        ),
        OnDeny::Errno(errno) => (
            Verdict::Denied,
            format!("a refused call fails with {errno}"),
        ),
    };
    let message = format!("`{name}` is refused: {by}");
    let answer = Answer::new(verdict, rules::CALL, message, origin);
    answer.and(rules::ON_DENY, what, &on_deny.origin)
}

/// Whether sockets of the internet are refused.
pub(super) fn unix_alone(settings: &Settings) -> bool {
    settings.with_policy(|policy| families(policy) == Families::Unix)
}

/// Who makes a call run or not, in words.
fn cause(settings: &Settings, cause: Cause) -> String {
    match cause {
        Cause::Group => format!("so says the policy `{}`", settings.seccomp.value),
        Cause::NoList => "no list of calls is kept".to_owned(),
        Cause::Lack(lack) => format!("`strict` lacks {}", lack.what),
        Cause::Allow(_) => "`allow` opens it".to_owned(),
        Cause::Deny(_) => "`deny` closes it".to_owned(),
        Cause::Opening(opening) => match opening.key {
            Key::NestedUserNamespaces => "`nested_userns` opens it".to_owned(),
            Key::Capability(name) => format!("`{name}` opens it"),
        },
    }
}
