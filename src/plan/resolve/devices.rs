//! The devices that the control groups let through.

use crate::plan::{DEVICES, Device, DeviceRule, System, Terminal};

/// Of the sandbox's own devpts: /dev/ptmx, then every terminal of it (devices.txt).
const TERMINALS: [(u32, Option<u32>); 2] = [(5, Some(2)), (136, None)];

/// The devices that the sandbox's /dev has.
pub(super) fn rules(system: &System, terminal: Terminal) -> Vec<DeviceRule> {
    let always = DEVICES.map(|(_, (major, minor))| (major, Some(minor)));
    let numbers = always.into_iter().chain(TERMINALS);
    let numbers = numbers.map(|(major, minor)| DeviceRule::Number { major, minor });
    let named = system.devices.iter().map(|at| {
        let Device {
            path,
            kind: _,
            // What is gone needs no rule.
            missing: _,
        } = &at.value;
        DeviceRule::Path(path.clone())
    });
    let streams = (terminal == Terminal::Inherited).then_some(DeviceRule::Streams);
    numbers.chain(named).chain(streams).collect()
}
