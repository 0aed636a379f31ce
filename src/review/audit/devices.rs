//! Devices of the host.

use super::score::{Dimension, Weight};
use super::{Found, Rule, Subject};

/// One rule: the table says what each kind weighs.
pub(super) const RULES: &[Rule] = &[Rule {
    code: "audit.device",
    dimension: Dimension::Kernel,
    weight: Weight::tenths(95),
    title: "a device of the host",
    why: "a driver knows no sandbox: what the device's mode allows its user, the program may do",
    judge: device,
}];

/// A kind of device: a path, or the start of several with `*`.
struct Kind {
    path: &'static str,
    weight: u8,
    opens: &'static str,
}

const fn kind(path: &'static str, weight: u8, opens: &'static str) -> Kind {
    Kind {
        path,
        weight,
        opens,
    }
}

/// The first that fits counts.
const KINDS: &[Kind] = &[
    kind("/dev/mem", 95, "all memory of the host"),
    kind("/dev/kmem", 95, "all memory of the kernel"),
    kind("/dev/port", 95, "all ports of the machine"),
    kind("/dev/sd*", 90, "a whole disk, below all file systems"),
    kind("/dev/nvme*", 90, "a whole disk, below all file systems"),
    kind("/dev/vd*", 90, "a whole disk, below all file systems"),
    kind("/dev/xvd*", 90, "a whole disk, below all file systems"),
    kind("/dev/mmcblk*", 90, "a whole disk, below all file systems"),
    kind("/dev/dm-*", 90, "a whole volume, below its file system"),
    kind(
        "/dev/mapper*",
        90,
        "whole volumes, below their file systems",
    ),
    kind("/dev/md*", 90, "a whole array, below its file system"),
    kind("/dev/loop*", 80, "files of the host as disks"),
    kind("/dev/disk*", 90, "whole disks, below all file systems"),
    kind("/dev/sg*", 90, "commands to disks"),
    kind("/dev/input*", 60, "every key press"),
    kind("/dev/uinput", 60, "key presses of its own making"),
    kind(
        "/dev/vhost*",
        30,
        "code of the kernel that moves memory of others",
    ),
    kind("/dev/hidraw*", 30, "keyboards and security keys"),
    kind("/dev/bus*", 30, "every device at USB"),
    kind("/dev/tpm*", 30, "keys of this machine"),
    kind("/dev/nvidia*", 20, "a large driver of its own"),
    kind("/dev/kfd", 20, "a large driver of its own"),
    kind(
        "/dev/kvm",
        20,
        "virtual machines, and the kernel's code for them",
    ),
    kind("/dev/video*", 20, "the camera"),
    kind("/dev/snd*", 20, "the microphone"),
    kind(
        "/dev/dri*",
        15,
        "the graphics driver, and on some what other programs draw",
    ),
    kind(
        "/dev/fuse",
        15,
        "file systems of its own, with which it can make others wait",
    ),
    kind("/dev/net*", 10, "network devices of its own"),
];

/// What no kind fits.
const OTHER: Kind = kind("", 20, "whatever its driver does");

fn device(subject: &Subject<'_>) -> Vec<Found> {
    let devices = subject.settings.system.devices.iter();
    let found = devices.map(|device| {
        let path = device.value.path.as_str();
        let kind = KINDS.iter().find(|kind| kind.fits(path)).unwrap_or(&OTHER);
        let message = format!("the program has `{path}`: {}", kind.opens);
        let fix = "leave it out, where the program runs without it";
        Found::new(&device.origin, message, fix).weighing(Weight::tenths(kind.weight))
    });
    found.collect()
}

impl Kind {
    fn fits(&self, path: &str) -> bool {
        match self.path.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == self.path,
        }
    }
}
