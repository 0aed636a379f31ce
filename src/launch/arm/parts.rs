//! Parts of binds, made ready.

use std::ffi::CString;

use crate::plan::{Guard, GuardPart, MountPointKind, Slot};

use super::{Armable, slot_index};

/// Where a part of a bind is: the bind, and the path below it.
#[derive(Debug)]
pub(in super::super) struct ArmedPlace {
    /// The bind's slot.
    pub slot: usize,
    /// The path from there.
    pub below: CString,
}

/// A part of a bind, ready to be mounted over itself or hidden.
#[derive(Debug)]
pub(in super::super) struct ArmedPart {
    pub place: ArmedPlace,
    pub guard: Guard,
    pub shape: MountPointKind,
}

pub(super) fn part(part: &GuardPart) -> Armable<ArmedPart> {
    let GuardPart {
        slot,
        below,
        target: _,
        guard,
        shape,
    } = part;
    Ok(ArmedPart {
        place: place(*slot, below)?,
        guard: *guard,
        shape: *shape,
    })
}

pub(super) fn place(slot: Slot, below: &str) -> Armable<ArmedPlace> {
    Ok(ArmedPlace {
        slot: slot_index(slot),
        below: CString::new(below)?,
    })
}
