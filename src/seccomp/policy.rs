//! From a policy's name to its programs.

use std::fmt;
use std::str::FromStr;

use crate::model::Capability;
use crate::model::guard::{self, Guard};

use super::answer::Answer;
use super::arch::{Arch, Known, look_up, syscall_number};
use super::arguments::argument_rules;
use super::grants::{Grants, openings};
use super::groups::{Standing, groups};
use super::instruction::Instruction;
use super::program::{Decision, assemble};
use super::ready;

/// A named policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The allow-list of [`groups`], with the checks of [`argument_rules`].
    Default,
    /// No filter.
    None,
}

/// The programs to load with seccomp(2), in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Each is at most [`Filter::LONGEST`] instructions long.
    pub programs: Vec<Vec<Instruction>>,
}

impl Filter {
    /// The kernel's BPF_MAXINSNS.
    pub const LONGEST: usize = 4096;
}

/// Why a policy has no programs.
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

/// Calls whose arguments are checked and that programs make all the time.
const FREQUENT: &[&str] = &["openat", "ioctl"];

/// The programs of `policy` for one architecture. Nothing is read from the system.
///
/// The default policy is one program, because each one that is loaded costs time at every start.
/// Without grants it is ready in the binary: compiling it would cost more than loading it.
///
/// # Errors
///
/// A grant that names no capability; the other two mean that the policy itself is broken.
pub fn compile(policy: &Policy, arch: Arch, grants: &Grants<'_>) -> Result<Filter, CompileError> {
    if let Some(name) = unknown_capability(grants) {
        return Err(CompileError::UnknownCapability(name.to_owned()));
    }
    if *policy == Policy::Default && *grants == Grants::NONE && is_whole() {
        let programs = vec![ready::program(arch)];
        return Ok(Filter { programs });
    }
    compile_anew(policy, arch, grants)
}

/// The same without the programs that are ready: what these are made by and compared with.
///
/// # Errors
///
/// As [`compile`].
pub fn compile_anew(
    policy: &Policy,
    arch: Arch,
    grants: &Grants<'_>,
) -> Result<Filter, CompileError> {
    match policy {
        Policy::None => Ok(Filter::default()),
        Policy::Default => {
            let decisions = decisions(arch, grants)?;
            let frequent: Vec<u32> = FREQUENT
                .iter()
                .filter_map(|name| syscall_number(arch, name))
                .collect();
            let program = assemble(arch, &decisions, &frequent);
            if program.len() > Filter::LONGEST {
                return Err(CompileError::TooLong(program.len()));
            }
            Ok(Filter {
                programs: vec![program],
            })
        }
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

/// What is decided about each number: by group, then by grant, then by argument.
fn decisions(arch: Arch, grants: &Grants<'_>) -> Result<Vec<Option<Decision>>, CompileError> {
    let mut decisions = Vec::new();
    for group in groups() {
        let decision = Decision::Always(answer(group.standing));
        for call in group.calls() {
            decide(&mut decisions, arch, call, &decision)?;
        }
    }
    for opening in openings()
        .iter()
        .filter(|opening| opening.is_granted(grants))
    {
        for call in opening.calls {
            decide(&mut decisions, arch, call, &Decision::Always(Answer::Allow))?;
        }
    }
    for rule in argument_rules() {
        if let Some(check) = rule.check(grants) {
            let decision = Decision::Checked(check);
            for call in rule.calls {
                decide(&mut decisions, arch, call, &decision)?;
            }
        }
    }
    Ok(decisions)
}

fn answer(standing: Standing) -> Answer {
    match standing {
        Standing::Allowed => Answer::Allow,
        Standing::Refused if guard::holds(Guard::RefusedCalls) => Answer::EPERM,
        Standing::Absent if guard::holds(Guard::MemoryArguments) => Answer::ENOSYS,
        Standing::Refused | Standing::Absent => Answer::Allow,
    }
}

fn decide(
    decisions: &mut Vec<Option<Decision>>,
    arch: Arch,
    call: &'static str,
    decision: &Decision,
) -> Result<(), CompileError> {
    let place = match look_up(arch, call) {
        Known::Number(number) => number as usize,
        Known::Elsewhere => return Ok(()),
        Known::Nowhere => return Err(CompileError::UnknownCall(call)),
    };
    if decisions.len() <= place {
        decisions.resize(place + 1, None);
    }
    decisions[place] = Some(decision.clone());
    Ok(())
}
