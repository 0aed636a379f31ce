//! Trials made ready for the process that makes them.

use std::ffi::CString;

use crate::model::{Endpoint, Expectation, Finding, InsidePath, PathUse};
use crate::plan::{Amount, Plan, Probe};
use crate::sys::probe::MARK;
use crate::sys::process::StringArray;
use crate::sys::seccomp::Instruction;

use super::super::probe::{ArmedProbe, LET_THROUGH, Trial};
use super::{Armable, Arming};

impl Arming<'_> {
    pub(super) fn probes(&self, probes: &[Probe]) -> Armable<Vec<ArmedProbe>> {
        let armed = probes.iter().map(|probe| {
            Ok(ArmedProbe {
                place: u32::try_from(probe.place).unwrap_or(u32::MAX),
                trial: self.trial(probe)?,
            })
        });
        armed.collect()
    }

    fn trial(&self, probe: &Probe) -> Armable<Trial> {
        Ok(match &probe.what {
            Expectation::Path { using, path, .. } => self.path(*using, path)?,
            Expectation::Connect { to, .. } => endpoint(to)?,
            Expectation::SystemCall { .. } => match probe.number {
                Some(number) => Trial::SystemCall {
                    number,
                    filter: let_marked_through().to_vec(),
                },
                // This architecture has none: whoever asks for it gets this.
                None => Trial::Known(Finding::Refused {
                    errno: libc::ENOSYS,
                }),
            },
            Expectation::EnvAbsent(pattern) => Trial::Known(variable(self.plan, pattern)),
            Expectation::MaxMemory(size) => match self.may_use(size.0) {
                true => Trial::Memory(size.0),
                false => Trial::Known(Finding::NotTried),
            },
            Expectation::MaxPids(most) => {
                Trial::Processes(u32::try_from(*most).unwrap_or(u32::MAX))
            }
            Expectation::MaxOpenFiles(most) => {
                Trial::OpenFiles(i32::try_from(*most).unwrap_or(i32::MAX))
            }
        })
    }

    fn path(&self, using: PathUse, path: &InsidePath) -> Armable<Trial> {
        let above = std::iter::successors(path.parent(), InsidePath::parent);
        let above: Armable<Vec<CString>> = above.map(|path| CString::new(path.as_str())).collect();
        let text = CString::new(path.as_str())?;
        Ok(Trial::Path {
            using,
            arguments: StringArray::new(vec![text.clone()]),
            path: text,
            above: above?,
            environment: self.environment()?,
        })
    }

    /// Where no limit of the sandbox stops it, the host must have half as much again.
    fn may_use(&self, bytes: u64) -> bool {
        let limits = &self.plan.settings.group_limits.list;
        let is_limited = limits
            .iter()
            .any(|limit| matches!(limit.amount, Amount::Memory(most) if most.0 <= bytes));
        let is_missing = self.resources.groups.missing.contains(&"limits.memory");
        (is_limited && !is_missing)
            || available().is_some_and(|free| bytes / 2 <= (free - bytes.min(free)))
    }
}

/// What the host could give without killing anything (proc_meminfo(5)).
fn available() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn endpoint(to: &Endpoint) -> Armable<Trial> {
    Ok(match to {
        Endpoint::Tcp(address) => Trial::Tcp(*address),
        Endpoint::Path(path) => {
            let path = CString::new(path.as_str())?;
            Trial::Unix {
                name: path.as_bytes_with_nul().to_vec(),
                path: Some(path),
            }
        }
        Endpoint::Abstract(name) => Trial::Unix {
            name: [b"\0", name.as_bytes()].concat(),
            path: None,
        },
        // Never in a plan for a host.
        Endpoint::Symbolic(_) => Trial::Known(Finding::Silent),
    })
}

/// Over the very list that the program would get.
fn variable(plan: &Plan, pattern: &str) -> Finding {
    let matches = |name: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    };
    let mut variables = plan.settings.command.env.iter();
    match variables.position(|variable| matches(&variable.value.name)) {
        Some(place) => Finding::Present {
            place: u32::try_from(place).unwrap_or(u32::MAX),
        },
        None => Finding::Absent,
    }
}

/// A filter that answers calls whose last argument is the mark, and lets all others through.
///
/// It is loaded before the policy's: of two refusals that weigh the same the kernel takes the one that
/// was loaded last (seccomp_run_filters), and of two answers the graver one. So a call that the policy
/// refuses shows the policy's answer, one that it allows shows this one, and none runs.
fn let_marked_through() -> [Instruction; 6] {
    /// Where `struct seccomp_data` has the sixth argument, on a little-endian machine.
    const LOW: u32 = 16 + 8 * 5;
    const HIGH: u32 = LOW + 4;
    let load = |offset| Instruction {
        code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16,
        jt: 0,
        jf: 0,
        k: offset,
    };
    let unless = |value: u64, skip| Instruction {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt: 0,
        jf: skip,
        k: (value & u64::from(u32::MAX)) as u32,
    };
    let give = |answer| Instruction {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: answer,
    };
    [
        load(LOW),
        unless(MARK, 3),
        load(HIGH),
        unless(MARK >> 32, 1),
        give(libc::SECCOMP_RET_ERRNO | u32::from(LET_THROUGH)),
        give(libc::SECCOMP_RET_ALLOW),
    ]
}
