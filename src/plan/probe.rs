//! What a plan for tests does in place of the program.

use serde::Serialize;

use crate::model::Expectation;
use crate::seccomp::{Arch, syscall_number};

use super::Settings;

/// One expectation on its way inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// Its place in [`Settings::expect`].
    pub place: usize,
    /// What is expected.
    pub what: Expectation,
    /// The number of its system call here, where it is about one that this architecture has.
    pub number: Option<u32>,
}

/// The probes of these settings in the order of trying: those that use memory up come last, the
/// smallest first, since the first one that meets the limit ends the whole sandbox.
pub(super) fn probes(settings: &Settings) -> Vec<Probe> {
    let numbered = settings.expect.iter().enumerate();
    let mut probes: Vec<Probe> = numbered
        .map(|(place, expect)| Probe {
            place,
            what: expect.value.what.clone(),
            number: number(&expect.value.what),
        })
        .collect();
    probes.sort_by_key(|probe| match probe.what {
        Expectation::MaxMemory(size) => Some(size.0),
        _ => None,
    });
    probes
}

fn number(what: &Expectation) -> Option<u32> {
    match what {
        Expectation::SystemCall { name, .. } => syscall_number(Arch::native()?, name),
        _ => None,
    }
}
