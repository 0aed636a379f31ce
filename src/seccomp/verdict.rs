//! Where every call stands under a policy, and why: the one place that decides, for the compiler and for
//! readers alike.

use super::arch::place;
use super::arguments::{ArgumentRule, Families, argument_rules};
use super::check::Check;
use super::entry::Entry;
use super::grants::{Opening, openings};
use super::groups::{Group, Standing, groups};
use super::lacks::{FAMILIES, Lack, OPENS_FAMILIES, lacks};
use super::policy::{Base, CompileError, HostFiles, PAST_THE_FILTER, Policy};
use super::table::TABLE;

/// What decided about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its group.
    Group,
    /// There is no list.
    NoList,
    /// What the strict policy lacks.
    Lack(&'static Lack),
    /// A grant of the profile.
    Opening(&'static Opening),
    /// This entry of `allow`.
    Allow(usize),
    /// This entry of `deny`.
    Deny(usize),
}

/// Where a call stands, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The group that holds it.
    pub group: &'static Group,
    /// Where it stands.
    pub standing: Standing,
    /// What decided.
    pub cause: Cause,
}

/// Every call of the table with its verdict.
#[derive(Debug, Clone)]
pub struct Verdicts {
    list: Vec<Verdict>,
}

impl Verdicts {
    /// The verdicts of `policy`: by group, by what the strict policy lacks, by grant, by `allow`, by `deny`.
    /// The later one wins.
    ///
    /// # Errors
    /// When the data of the policy name a call that the table lacks.
    pub fn of(policy: &Policy<'_>) -> Result<Verdicts, CompileError> {
        let mut verdicts = Verdicts::by_group()?;
        if let Base::None(files) = policy.base {
            verdicts.open_all(files);
            return Ok(verdicts);
        }
        if policy.base == Base::Strict {
            for lack in lacks() {
                for call in lack.calls() {
                    verdicts.set(call, Standing::Refused, Cause::Lack(lack))?;
                }
            }
        }
        for opening in openings() {
            if opening.is_granted(&policy.grants) {
                for call in opening.calls {
                    verdicts.open(call, Cause::Opening(opening))?;
                }
            }
        }
        for (index, entry) in policy.allow.iter().enumerate() {
            let calls = entry.calls().into_iter();
            for call in calls.filter(|call| never_opens(call).is_none()) {
                verdicts.open(call, Cause::Allow(index))?;
            }
        }
        for (index, entry) in policy.deny.iter().enumerate() {
            for call in entry.calls() {
                verdicts.close(call, Cause::Deny(index))?;
            }
        }
        Ok(verdicts)
    }

    fn by_group() -> Result<Verdicts, CompileError> {
        let mut list: Vec<Option<Verdict>> = vec![None; TABLE.len()];
        for group in groups() {
            let verdict = Verdict {
                group,
                standing: group.standing,
                cause: Cause::Group,
            };
            for call in group.calls() {
                let place = place(call).ok_or(CompileError::UnknownCall(call))?;
                list[place] = Some(verdict);
            }
        }
        let named = TABLE.iter().zip(list);
        let list = named.map(|(row, verdict)| verdict.ok_or(CompileError::UnknownCall(row.name)));
        Ok(Verdicts {
            list: list.collect::<Result<_, _>>()?,
        })
    }

    /// Everything runs, but what could make a set-id file of the host past the rules over modes.
    fn open_all(&mut self, files: HostFiles) {
        let closed = |name: &str| {
            files == HostFiles::Writable && ["openat2", PAST_THE_FILTER].contains(&name)
        };
        for (row, verdict) in TABLE.iter().zip(&mut self.list) {
            if !closed(row.name) {
                (verdict.standing, verdict.cause) = (Standing::Allowed, Cause::NoList);
            }
        }
    }

    /// The verdict on `call`, by its name on 64-bit machines.
    pub fn get(&self, call: &str) -> Option<&Verdict> {
        self.list.get(place(call)?)
    }

    /// Every call and its verdict, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Verdict)> {
        TABLE.iter().map(|row| row.name).zip(&self.list)
    }

    fn set(&mut self, call: &'static str, to: Standing, by: Cause) -> Result<(), CompileError> {
        let place = place(call).ok_or(CompileError::UnknownCall(call))?;
        let verdict = &mut self.list[place];
        (verdict.standing, verdict.cause) = (to, by);
        Ok(())
    }

    fn open(&mut self, call: &'static str, by: Cause) -> Result<(), CompileError> {
        match self.get(call).map(|verdict| verdict.standing) {
            Some(Standing::Allowed) => Ok(()),
            _ => self.set(call, Standing::Allowed, by),
        }
    }

    /// What a kernel lacks stays lacking: programs fall back on that answer, and on no other.
    fn close(&mut self, call: &'static str, by: Cause) -> Result<(), CompileError> {
        match self.get(call).map(|verdict| verdict.standing) {
            Some(Standing::Refused | Standing::Absent) => Ok(()),
            _ => self.set(call, Standing::Refused, by),
        }
    }
}

/// Why no entry of `allow` opens this call.
pub fn never_opens(call: &str) -> Option<&'static str> {
    match call {
        "openat2" => {
            Some("it could make set-id files: its mode stands in memory, where no filter sees it")
        }
        "clone3" => {
            Some("it could make namespaces: its flags stand in memory, where no filter sees them")
        }
        _ => None,
    }
}

/// Why no entry of `deny` closes this call.
pub fn never_closes(call: &str) -> Option<&'static str> {
    match call {
        "execve" => Some("the program itself is started by it"),
        "write" => Some("the start of the program is told by it"),
        "exit" | "exit_group" => Some("a process could not even end"),
        "rt_sigreturn" => Some("no process would live through a signal"),
        _ => None,
    }
}

/// The families of sockets that `policy` leaves.
pub fn families(policy: &Policy<'_>) -> Families {
    let names = |entry: &Entry| entry.calls().contains(&OPENS_FAMILIES);
    match policy.base {
        Base::Strict if !policy.allow.iter().any(names) => FAMILIES,
        Base::Strict | Base::Default | Base::None(_) => Families::Usual,
    }
}

/// The rules over arguments that hold under `policy`: those of calls that run.
pub fn rules_in_force(policy: &Policy<'_>, verdicts: &Verdicts) -> Vec<&'static ArgumentRule> {
    let checks = checks(policy, verdicts).into_iter();
    checks.map(|(rule, _)| rule).collect()
}

/// The same, with what they check.
pub(super) fn checks(
    policy: &Policy<'_>,
    verdicts: &Verdicts,
) -> Vec<(&'static ArgumentRule, Check)> {
    let families = families(policy);
    let runs = |call: &str| {
        let verdict = verdicts.get(call);
        verdict.is_some_and(|verdict| verdict.standing == Standing::Allowed)
    };
    let rules = argument_rules().iter();
    let listless = matches!(policy.base, Base::None(_));
    let rules = rules.filter(|rule| !listless || rule.guards_host_files());
    let rules = rules.filter(|rule| rule.calls.iter().any(|call| runs(call)));
    rules
        .filter_map(|rule| Some((rule, rule.check(&policy.grants, families)?)))
        .collect()
}
