//! The list of system calls that results from a profile: what runs, what does not, and which line or reason
//! decided.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diag::Origin;
use crate::model::{OnDeny, SeccompPolicy};
use crate::plan::Settings;
use crate::seccomp::{
    Base, Cause, CompileError, Group, Key, Policy, Standing, Verdict, Verdicts, X86, groups,
    own_calls, rules_in_force,
};

use super::page::Page;

/// The version of the JSON that is written.
const VERSION: u8 = 1;

/// The list, as JSON and as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Syscalls {
    version: u8,
    topic: &'static str,
    /// The sandbox's name.
    name: String,
    policy: Placed,
    /// What becomes of a refused call; null without a list.
    on_deny: Option<Placed>,
    /// Whose calls are judged; all others end the process.
    architectures: Vec<Placed>,
    /// Without a list, those with calls that do not run.
    groups: Vec<ToldGroup>,
    arguments: Vec<Rule>,
    /// What 32-bit x86 has beside, where it runs.
    x86: Vec<Own>,
}

/// A value and its line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
struct Placed {
    value: String,
    line: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
struct ToldGroup {
    name: &'static str,
    reason: &'static str,
    parts: Vec<Part>,
}

/// The calls of a group that stand together, for one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
struct Part {
    standing: &'static str,
    /// What moved them from where their group stands; null where nothing did.
    because: Option<Because>,
    calls: Vec<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
struct Because {
    /// `strict`, `capability`, `nested-userns`, `allow` or `deny`.
    kind: &'static str,
    /// What it names.
    name: String,
    /// Why these calls; null where the profile's own line says so.
    reason: Option<&'static str>,
    /// Where it stands.
    line: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
struct Rule {
    calls: Vec<&'static str>,
    refused: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
struct Own {
    calls: Vec<&'static str>,
    reason: &'static str,
}

const RUNS: &str = "runs";
const REFUSED: &str = "refused";
const ABSENT: &str = "absent";

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Allowed => RUNS,
        Standing::Refused => REFUSED,
        Standing::Absent => ABSENT,
    }
}

/// The list of `settings`; `locate` names the line of a place.
///
/// # Errors
/// When the data of the policy contradict each other, which is no fault of the profile.
pub fn syscalls(
    settings: &Settings,
    locate: &dyn Fn(&Origin) -> String,
) -> Result<Syscalls, CompileError> {
    let placed = |value: String, origin: &Origin| Placed {
        value,
        line: locate(origin),
    };
    let seccomp = &settings.seccomp;
    let mut told = Syscalls {
        version: VERSION,
        topic: "seccomp",
        name: settings.name.value.as_str().to_owned(),
        policy: placed(seccomp.value.to_string(), &seccomp.origin),
        on_deny: None,
        architectures: Vec::new(),
        groups: Vec::new(),
        arguments: Vec::new(),
        x86: Vec::new(),
    };
    let told_policy = settings.with_policy(|policy| {
        if !matches!(policy.base, Base::None(_)) {
            let on_deny = &settings.syscalls.on_deny;
            told.on_deny = Some(placed(on_deny.value.to_string(), &on_deny.origin));
        }
        let native = placed("native".to_owned(), &Origin::Default);
        told.architectures.push(native);
        if policy.x86 == X86::Filtered {
            let origin = &settings.syscalls.x86.origin;
            told.architectures.push(placed("x86".to_owned(), origin));
        }
        tell(&mut told, settings, policy, locate)
    });
    told_policy?;
    Ok(told)
}

fn tell(
    told: &mut Syscalls,
    settings: &Settings,
    policy: &Policy<'_>,
    locate: &dyn Fn(&Origin) -> String,
) -> Result<(), CompileError> {
    let verdicts = Verdicts::of(policy)?;
    let because = |cause| because(cause, settings, locate);
    for group in groups() {
        let mut parts = parts(group, &verdicts, &because);
        if told.on_deny.is_none() {
            parts.retain(|part| part.standing != RUNS);
        }
        if !parts.is_empty() {
            told.groups.push(ToldGroup {
                name: group.name,
                reason: group.reason,
                parts,
            });
        }
    }
    let rules = rules_in_force(policy, &verdicts).into_iter();
    told.arguments = rules
        .map(|rule| Rule {
            calls: rule.calls.to_vec(),
            refused: rule.refused,
            reason: rule.reason,
        })
        .collect();
    if policy.x86 == X86::Filtered && told.on_deny.is_some() {
        let own = own_calls().iter();
        told.x86 = own
            .map(|own| Own {
                calls: own.calls.split_ascii_whitespace().collect(),
                reason: own.reason,
            })
            .collect();
    }
    Ok(())
}

fn parts(
    group: &Group,
    verdicts: &Verdicts,
    because: &dyn Fn(Cause) -> Option<Because>,
) -> Vec<Part> {
    let mut parts: Vec<(Verdict, Vec<&'static str>)> = Vec::new();
    for call in group.calls() {
        let Some(verdict) = verdicts.get(call) else {
            continue;
        };
        match parts.iter_mut().find(|(known, _)| known == verdict) {
            Some((_, calls)) => calls.push(call),
            None => parts.push((*verdict, vec![call])),
        }
    }
    let told = parts.into_iter().map(|(verdict, calls)| Part {
        standing: word(verdict.standing),
        because: because(verdict.cause),
        calls,
    });
    told.collect()
}

fn because(
    cause: Cause,
    settings: &Settings,
    locate: &dyn Fn(&Origin) -> String,
) -> Option<Because> {
    let syscalls = &settings.syscalls;
    let entry = |kind, index: usize, list: &[crate::diag::At<crate::seccomp::Entry>]| {
        let entry = list.get(index)?;
        Some(Because {
            kind,
            name: entry.value.to_string(),
            reason: None,
            line: locate(&entry.origin),
        })
    };
    match cause {
        Cause::Group | Cause::NoList => None,
        Cause::Allow(index) => entry("allow", index, &syscalls.allow),
        Cause::Deny(index) => entry("deny", index, &syscalls.deny),
        Cause::Lack(lack) => Some(Because {
            kind: "strict",
            name: lack.what.to_owned(),
            reason: Some(lack.reason),
            line: locate(&settings.seccomp.origin),
        }),
        Cause::Opening(opening) => {
            let (kind, name) = match opening.key {
                Key::Capability(name) => ("capability", name),
                Key::NestedUserNamespaces => ("nested-userns", "nested_userns"),
            };
            let mut kept = settings.capabilities.iter();
            let kept = kept.find(|capability| capability.value.to_string() == name);
            let origin = kept.map_or(Origin::Default, |kept| kept.origin.clone());
            Some(Because {
                kind,
                name: name.to_owned(),
                reason: Some(opening.reason),
                line: locate(&origin),
            })
        }
    }
}

impl Syscalls {
    /// As JSON, with a line break at its end.
    pub fn json(&self) -> String {
        // Plain data with texts as keys: there is nothing in it that JSON cannot say.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// For a person to read, on a page of `width` columns.
    pub fn text(&self, width: Option<usize>) -> String {
        let mut page = Page::new(width);
        let Placed { value, line } = &self.policy;
        let Some(on_deny) = &self.on_deny else {
            let none = SeccompPolicy::None;
            page.paragraph(
                0,
                &format!(
                    "{}: no list (`{none}`, {line}): the program may make every system call, but makes no \
                     set-id file",
                    self.name
                ),
            );
            page.gap();
            let others = "Calls of any architecture but the machine's and 32-bit x86, x32 among them, end the process. \
                A number that no call has answers ENOSYS.";
            page.paragraph(2, others);
            self.rules(&mut page);
            let title = "This is refused, since no filter sees the modes that it gives";
            self.section(&mut page, REFUSED, title);
            let title = "This is answered ENOSYS, for the same reason";
            self.section(&mut page, ABSENT, title);
            return page.finish();
        };
        let of = |standing| self.count(standing);
        page.paragraph(
            0,
            &format!(
                "{}: the policy `{value}` ({line}) lets {} system calls run, refuses {}, and says of {} that \
                 this kernel lacks them",
                self.name,
                of(RUNS),
                of(REFUSED),
                of(ABSENT)
            ),
        );
        page.gap();
        self.answers(&mut page, on_deny);
        self.section(&mut page, RUNS, "These run");
        self.rules(&mut page);
        self.section(&mut page, REFUSED, "These are refused");
        let title =
            "These are answered ENOSYS, as by a kernel without them, so that programs fall back";
        self.section(&mut page, ABSENT, title);
        self.own(&mut page);
        page.finish()
    }

    fn count(&self, standing: &str) -> usize {
        let parts = self.groups.iter().flat_map(|group| &group.parts);
        let parts = parts.filter(|part| part.standing == standing);
        parts.map(|part| part.calls.len()).sum()
    }

    fn answers(&self, page: &mut Page, on_deny: &Placed) {
        let text = match on_deny.value.parse() {
            Ok(OnDeny::Errno(errno)) => format!("A refused call fails with {errno}"),
            Ok(OnDeny::Kill) => "A refused call ends the whole process with SIGSYS".to_owned(),
            Ok(OnDeny::Log) | Err(_) => {
                "A refused call RUNS, and the kernel logs it: only arguments \
                are refused"
                    .to_owned()
            }
        };
        page.paragraph(2, &format!("{text} ({}).", on_deny.line));
        if let Ok(OnDeny::Kill) = on_deny.value.parse() {
            let named = "The supervisor does that, so that the report names the call. It never runs; but where the \
                process has its own signals interrupt it before it is heard, it fails with EINTR, and the process \
                lives. What `sandbox exec` starts is killed by the kernel, which names no call, and so is everything \
                where nobody can listen.";
            page.paragraph(2, named);
        }
        if let Ok(OnDeny::Errno(_) | OnDeny::Kill) = on_deny.value.parse() {
            let counted = "Refused calls are named and counted at the end. All processes together are answered 1000 of \
                them a second, and wait beyond that. The count takes the one listener that a process may have: who \
                asks seccomp(2) for a listener of its own gets EBUSY, but not under `log` or `nested_userns`, where \
                nothing is counted.";
            page.paragraph(2, counted);
        }
        let mut others = self.architectures.iter().skip(1);
        let text = match others.next() {
            Some(x86) => format!(
                "Programs of 32-bit x86 run under the same policy ({}); calls of any other architecture, x32 \
                 among them, end the process.",
                x86.line
            ),
            None => {
                "Calls of another architecture than the machine's, x32 among them, end the process."
                    .to_owned()
            }
        };
        page.paragraph(2, &text);
        page.paragraph(2, "A number that no call has answers ENOSYS.");
    }

    fn section(&self, page: &mut Page, standing: &str, title: &str) {
        let has = |group: &&ToldGroup| group.parts.iter().any(|part| part.standing == standing);
        let mut groups = self.groups.iter().filter(has).peekable();
        if groups.peek().is_none() {
            return;
        }
        page.gap();
        page.paragraph(0, title);
        for group in groups {
            page.gap();
            page.hanging(2, 4, &format!("{}: {}", group.name, group.reason));
            for part in group.parts.iter().filter(|part| part.standing == standing) {
                if let Some(because) = &part.because {
                    page.hanging(4, 6, &format!("{}:", because.sentence(standing)));
                    page.paragraph(6, &part.calls.join(" "));
                } else {
                    page.paragraph(4, &part.calls.join(" "));
                }
            }
        }
    }

    fn rules(&self, page: &mut Page) {
        if self.arguments.is_empty() {
            return;
        }
        page.gap();
        page.paragraph(0, "Of those that run, these arguments are refused");
        for rule in &self.arguments {
            page.gap();
            page.hanging(2, 4, &format!("{}: {}", rule.calls.join(" "), rule.refused));
            page.paragraph(4, rule.reason);
        }
    }

    fn own(&self, page: &mut Page) {
        if self.x86.is_empty() {
            return;
        }
        page.gap();
        let title = "32-bit x86 stands as the list above, by whatever spelling, with these beside";
        page.paragraph(0, title);
        for own in &self.x86 {
            page.gap();
            page.hanging(2, 4, &format!("{}: {}", own.calls.join(" "), own.reason));
        }
    }
}

impl Because {
    fn sentence(&self, standing: &str) -> String {
        let Because {
            kind,
            name,
            reason,
            line,
        } = self;
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        match (*kind, standing) {
            ("strict", _) => format!("`strict` lacks {name} ({line}){reason}"),
            ("allow", _) => format!("opened by `{name}` in `allow` ({line})"),
            ("deny", _) => format!("closed by `{name}` in `deny` ({line})"),
            _ => format!("opened by `{name}` ({line}){reason}"),
        }
    }
}
