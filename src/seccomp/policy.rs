//! From a policy to its program.

use std::fmt;
use std::str::FromStr;

use crate::model::guard::{self, Guard};
use crate::model::{Capability, OnDeny};

use super::answer::Answer;
use super::arch::{Arch, syscall_number};
use super::arguments::socketcall;
use super::entry::Entry;
use super::grants::Grants;
use super::groups::Standing;
use super::instruction::{Instruction, replace_answer};
use super::program::{Decision, Numbers, assemble};
use super::ready;
use super::verdict::{Verdicts, checks};
use super::x86::{self, Basis};

/// The lists that a policy begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The allow-list of [`groups`](super::groups()).
    Default,
    /// The same without [`lacks`](super::lacks()).
    Strict,
    /// No list: every call that is known runs, but none that makes a set-id file (hardening rule 11).
    None(HostFiles),
}

/// Whether the program may make files that lie on the host, where others find them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostFiles {
    /// It is shown such a place. Calls that make files and whose modes no filter sees are closed then, even
    /// without a list: `openat2`, and `io_uring_setup`.
    Writable,
    /// It is not: what it makes is the sandbox's own.
    Apart,
}

/// A policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy<'a> {
    /// What it begins with.
    pub base: Base,
    /// What the rest of the profile opens.
    pub grants: Grants<'a>,
    /// What it opens.
    pub allow: &'a [Entry],
    /// What it closes, also where something else opens it.
    pub deny: &'a [Entry],
    /// What becomes of what is refused.
    pub on_deny: OnDeny,
    /// Whether programs of 32-bit x86 run.
    pub x86: X86,
}

/// What becomes of the calls of 32-bit x86 on x86-64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum X86 {
    /// They end the process.
    Killed,
    /// They are judged by the same policy.
    Filtered,
}

impl Policy<'static> {
    /// The default policy and nothing beside.
    pub const DEFAULT: Policy<'static> = Policy::of(Base::Default);
    /// The strict one.
    pub const STRICT: Policy<'static> = Policy::of(Base::Strict);

    const fn of(base: Base) -> Policy<'static> {
        Policy {
            base,
            grants: Grants::NONE,
            allow: &[],
            deny: &[],
            on_deny: OnDeny::DEFAULT,
            x86: X86::Killed,
        }
    }
}

/// A program to load with seccomp(2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// It answers by itself. At most [`Filter::LONGEST`] instructions.
    pub program: Vec<Instruction>,
    /// The same before it is said what becomes of a refusal.
    undecided: Vec<Instruction>,
    on_deny: OnDeny,
}

/// Who ends a process for a call of another architecture, and, where `on_deny` says so, for a refused one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// The kernel: it needs nobody, and tells nobody which call it was.
    ByKernel,
    /// Who listens.
    ByListener,
}

impl Filter {
    /// The kernel's BPF_MAXINSNS.
    pub const LONGEST: usize = 4096;

    /// The same with a listener in the place of each refusal, who names and counts them; none where there would
    /// be nothing to hear.
    pub fn listened(&self, ends: Ends) -> Option<Vec<Instruction>> {
        let heard = |program: &[Instruction], old| replace_answer(program, old, Answer::Notify);
        match (self.on_deny, ends) {
            (OnDeny::Log, _) | (OnDeny::Kill, Ends::ByKernel) => None,
            (OnDeny::Errno(_), Ends::ByKernel) => Some(heard(&self.undecided, Answer::EPERM)),
            (OnDeny::Errno(_) | OnDeny::Kill, Ends::ByListener) => {
                let refusals = heard(&self.undecided, Answer::EPERM);
                Some(heard(&refusals, Answer::Kill))
            }
        }
    }
}

/// Why a policy has no program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompileError {
    /// A grant names a capability that does not exist, so that it would open nothing in silence.
    UnknownCapability(String),
    /// The policy names a call that the table lacks.
    UnknownCall(&'static str),
    /// The program has this many instructions, more than the kernel takes.
    TooLong(usize),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompileError::UnknownCapability(name) => {
                write!(f, "`{name}` is no capability of Linux")
            }
            CompileError::UnknownCall(name) => write!(f, "`{name}` is no system call of Linux"),
            CompileError::TooLong(length) => write!(
                f,
                "the program has {length} instructions, the kernel takes {}",
                Filter::LONGEST
            ),
        }
    }
}

impl std::error::Error for CompileError {}

/// It makes files whose modes no filter sees, of any kind and at any place.
pub(super) const PAST_THE_FILTER: &str = "io_uring_setup";

/// Calls whose arguments are checked and that programs make all the time.
const FREQUENT: &[&str] = &["openat", "ioctl"];

/// The program of `policy` for a 64-bit architecture. Nothing is read from the system.
///
/// A policy is one program, because each one that is loaded costs time at every start. Where it grants nothing
/// it is ready in the binary: compiling it would cost more than loading it.
///
/// # Errors
///
/// A grant that names no capability; the other two mean that the policy itself is broken.
pub fn compile(policy: &Policy<'_>, arch: Arch) -> Result<Filter, CompileError> {
    let bare = Policy {
        base: policy.base,
        on_deny: policy.on_deny,
        ..Policy::DEFAULT
    };
    let program = match (policy.on_deny, ready::program(policy.base, arch)) {
        // What runs there is decided call by call.
        (OnDeny::Log, _) => return compile_anew(policy, arch),
        (OnDeny::Errno(_) | OnDeny::Kill, Some(program)) if bare == *policy && is_whole() => {
            program
        }
        _ => return compile_anew(policy, arch),
    };
    Ok(finish(policy, program))
}

/// The same without the programs that are ready: what these are made by and compared with.
///
/// # Errors
///
/// As [`compile`].
pub fn compile_anew(policy: &Policy<'_>, arch: Arch) -> Result<Filter, CompileError> {
    if let Some(name) = unknown_capability(&policy.grants) {
        return Err(CompileError::UnknownCapability(name.to_owned()));
    }
    let verdicts = Verdicts::of(policy)?;
    let numbers = numbers(policy, &verdicts, arch);
    let x86 = match (policy.x86, arch) {
        (X86::Filtered, Arch::X86_64) => Some(self::numbers(policy, &verdicts, Arch::X86)),
        _ => None,
    };
    let program = assemble(&numbers, x86.as_ref());
    if program.len() > Filter::LONGEST {
        return Err(CompileError::TooLong(program.len()));
    }
    Ok(finish(policy, program))
}

/// Puts what becomes of a refusal in the place of EPERM. Other errors stay: programs fall back on them.
fn finish(policy: &Policy<'_>, program: Vec<Instruction>) -> Filter {
    let refusal = match policy.on_deny {
        OnDeny::Errno(errno) => Answer::Errno(errno),
        OnDeny::Kill => Answer::Kill,
        // What is left of them are rules over arguments, which are no trial.
        OnDeny::Log => Answer::EPERM,
    };
    Filter {
        program: replace_answer(&program, Answer::EPERM, refusal),
        undecided: program,
        on_deny: policy.on_deny,
    }
}

/// Whether no guard of the filter is off, so that what is ready is what is meant.
fn is_whole() -> bool {
    const OWN: [Guard; 11] = [
        Guard::Architecture,
        Guard::X32,
        Guard::SetIdModes,
        Guard::TerminalCalls,
        Guard::NamespaceFlags,
        Guard::Sockets,
        Guard::SocketPairs,
        Guard::Personality,
        Guard::ProcessControl,
        Guard::MemoryArguments,
        Guard::RefusedCalls,
    ];
    OWN.into_iter().all(guard::holds)
}

fn unknown_capability<'a>(grants: &Grants<'a>) -> Option<&'a str> {
    let mut names = grants.capabilities.iter().copied();
    names.find(|name| Capability::from_str(name).is_err())
}

/// What is decided about each number of `arch`.
fn numbers(policy: &Policy<'_>, verdicts: &Verdicts, arch: Arch) -> Numbers {
    let checks = checks(policy, verdicts);
    let has_list = !matches!(policy.base, Base::None(_));
    let always = |standing| Decision::Always(answer(policy, standing));
    let decide = |name: &str| {
        let standing = verdicts
            .get(name)
            .map_or(Standing::Absent, |verdict| verdict.standing);
        let mut rules = checks.iter();
        let check = rules.find(|(rule, _)| rule.calls.contains(&name));
        match (standing, check) {
            (Standing::Allowed, Some((_, check))) => Decision::Checked(check.clone()),
            // What it opens works past the filter: a trial of the policy is no reason to give rule 11 up.
            (Standing::Refused, _) if name == PAST_THE_FILTER && policy.on_deny == OnDeny::Log => {
                Decision::Always(Answer::EPERM)
            }
            _ => always(standing),
        }
    };
    let mut decisions = Vec::new();
    for (name, number) in arch.calls() {
        let basis = match arch {
            Arch::X86 => x86::basis(name),
            Arch::X86_64 | Arch::Aarch64 => Basis::Like(name),
        };
        let decision = match basis {
            Basis::Like(name) => decide(name),
            Basis::Fixed(_) | Basis::Reaches(_) if !has_list => always(Standing::Allowed),
            Basis::Fixed(standing) => always(standing),
            Basis::Reaches(calls) => {
                let standing = worst(verdicts, calls);
                match name {
                    "socketcall" if standing == Standing::Allowed => {
                        Decision::Checked(socketcall())
                    }
                    _ => always(standing),
                }
            }
        };
        let place = number as usize;
        if decisions.len() <= place {
            decisions.resize(place + 1, None);
        }
        decisions[place] = Some(decision);
    }
    let frequent = FREQUENT.iter();
    Numbers {
        arch,
        decisions,
        frequent: frequent
            .filter_map(|name| syscall_number(arch, name))
            .collect(),
    }
}

/// Where a call stands that reaches all of `calls`.
pub(super) fn worst(verdicts: &Verdicts, calls: &[&str]) -> Standing {
    let mut standings = calls
        .iter()
        .filter_map(|call| Some(verdicts.get(call)?.standing));
    match standings.any(|standing| standing != Standing::Allowed) {
        true => Standing::Refused,
        false => Standing::Allowed,
    }
}

fn answer(policy: &Policy<'_>, standing: Standing) -> Answer {
    match (standing, policy.on_deny) {
        (Standing::Allowed, _) => Answer::Allow,
        (Standing::Refused, _) if !guard::holds(Guard::RefusedCalls) => Answer::Allow,
        (Standing::Absent, _) if !guard::holds(Guard::MemoryArguments) => Answer::Allow,
        (Standing::Refused, OnDeny::Log) => Answer::Log,
        (Standing::Refused, _) => Answer::EPERM,
        (Standing::Absent, _) => Answer::ENOSYS,
    }
}
