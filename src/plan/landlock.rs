//! The second wall behind the mounts: which parts of the tree the program may use, and how.

use serde::Serialize;

use crate::model::{InsidePath, LandlockAbi};

use super::{Missing, MountPointKind};

/// Whether the program is put under Landlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Landlock {
    /// With all that this version of the kernel's interface has.
    Enforced(LandlockAbi),
    /// The kernel has none, and the profile does not insist.
    Lacking(LandlockAbi),
    /// Not asked for.
    Off,
}

impl Landlock {
    /// The version that is used, where one is.
    pub fn enforced(self) -> Option<LandlockAbi> {
        match self {
            Landlock::Enforced(abi) => Some(abi),
            Landlock::Lacking(_) | Landlock::Off => None,
        }
    }

    /// Whether the host's abstract sockets are out of reach by it.
    pub fn has_scopes(self) -> bool {
        self.enforced().is_some_and(LandlockAbi::has_scopes)
    }
}

/// Everything that the program may do with files; what no place allows is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LandlockRules {
    /// What the kernel knows; nothing else is asked of it.
    pub abi: LandlockAbi,
    /// What lies below each, parents before children.
    pub places: Vec<LandlockPlace>,
    /// Descriptors that pass: what they show may be opened again, for what they were opened for.
    pub descriptors: Vec<u32>,
    // Ports of TCP belong here (version 4), beside the rules of the network.
}

/// A part of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LandlockPlace {
    /// Path inside.
    pub path: InsidePath,
    /// Whether it is a directory.
    pub shape: MountPointKind,
    /// What is allowed there.
    pub reach: LandlockReach,
    /// What happens when it is gone.
    pub missing: Missing,
}

/// What is allowed below a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LandlockReach {
    /// Read and execute.
    Read,
    /// That, and everything that changes files, but no device is made.
    Write,
    /// Read, write and command: what lies in /dev.
    Device,
    /// Write to what is there: what lies in /proc.
    Kernel,
}

impl LandlockReach {
    /// Its name in printed plans.
    pub fn name(self) -> &'static str {
        match self {
            LandlockReach::Read => "read",
            LandlockReach::Write => "write",
            LandlockReach::Device => "device",
            LandlockReach::Kernel => "kernel",
        }
    }
}
