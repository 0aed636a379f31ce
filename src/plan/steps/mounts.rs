//! The steps that mount.

use crate::diag::{At, Origin};
use crate::model::{Access, NetworkMode, ProcMount, SysMount, Writes};
use crate::plan::step::{Action, Lane, MountAction, Phase, Slot, SysSource};
use crate::plan::{
    HostDevice, HostIds, Missing, Mount, MountKind, MountPointKind, OpenBind, OwnerMap, Settings,
    Terminal, UserIds,
};

use super::Steps;

/// The devices that every program may expect, with the kernel's numbers (Documentation/admin-guide/devices.txt).
const DEVICES: [(&str, (u32, u32)); 6] = [
    ("/dev/null", (1, 3)),
    ("/dev/zero", (1, 5)),
    ("/dev/full", (1, 7)),
    ("/dev/random", (1, 8)),
    ("/dev/urandom", (1, 9)),
    ("/dev/tty", (5, 0)),
];

/// Parts of /proc that tell of the host (rule 12): empty inside.
const PROC_MASKS: [&str; 13] = [
    "acpi",
    "asound",
    "interrupts",
    "kallsyms",
    "kcore",
    "keys",
    "kmsg",
    "latency_stats",
    "sched_debug",
    "scsi",
    "timer_list",
    "timer_stats",
    "vmallocinfo",
];

/// Parts of /proc that change the host when root writes them: read-only inside.
const PROC_SEALS: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

/// Parts of /sys that tell of the host or reach its firmware: empty inside.
const SYS_MASKS: [&str; 8] = [
    "devices/virtual/powercap",
    "firmware",
    "fs/bpf",
    "fs/pstore",
    "fs/selinux",
    "kernel/debug",
    "kernel/security",
    "kernel/tracing",
];

const PHASE: Phase = Phase::Mounts;

impl Steps<'_> {
    fn mounts(&mut self, action: impl Into<Action>, why: &'static str, origin: &Origin) {
        self.add(Lane::Init, PHASE, action, why, origin);
    }

    /// Opens the tree and every bind as detached copies, while the host's names resolve.
    pub(super) fn open_mounts(&mut self, lane: Lane, phase: Phase) {
        let settings = self.settings;
        let access = match settings.writes.value {
            Writes::Deny | Writes::Discard => Access::ReadOnly,
        };
        let owner = match self.host_ids() {
            HostIds::Range(_) => OwnerMap::Mapped(UserIds { uid: 0, gid: 0 }),
            HostIds::Caller(_) | HostIds::Same => OwnerMap::Kept,
        };
        let why = "the built tree, never written";
        let action = Action::OpenTree { owner, access };
        self.add(lane, phase, action, why, &settings.writes.origin);
        for (slot, mount) in numbered_binds(settings) {
            let MountKind::Bind {
                source,
                shape,
                access,
                owner,
                missing,
            } = &mount.value.kind
            else {
                continue;
            };
            let action = Action::OpenBind(OpenBind {
                slot,
                source: source.clone(),
                shape: *shape,
                access: *access,
                options: mount.value.options.clone(),
                owner: *owner,
                missing: *missing,
            });
            self.add(lane, phase, action, "resolved once", &mount.origin);
        }
    }

    pub(super) fn mount_everything(&mut self) {
        self.mount_root();
        self.mount_dev();
        self.mount_proc();
        self.mount_sys();
        self.mount_profile();
    }

    fn mount_root(&mut self) {
        let settings = self.settings;
        match settings.writes.value {
            Writes::Deny => {
                let why = "writes fail";
                self.mounts(MountAction::MountRoot, why, &settings.writes.origin);
            }
            Writes::Discard => {
                let size = settings.writes_size.value;
                let why = "writes are gone at exit";
                let action = MountAction::MountOverlay { size };
                self.mounts(action, why, &settings.writes.origin);
            }
        }
    }

    fn mount_dev(&mut self) {
        let settings = self.settings;
        let system = &settings.system;
        self.mounts(
            MountAction::MountDev,
            "named devices only",
            &Origin::Default,
        );
        for (path, number) in DEVICES {
            if let Ok(path) = path.parse() {
                let action = MountAction::MountDevice(HostDevice {
                    path,
                    shape: MountPointKind::File,
                    number: Some(number),
                    missing: Missing::Refused,
                });
                self.mounts(action, "every program expects it", &Origin::Default);
            }
        }
        for device in &system.devices {
            let action = MountAction::MountDevice(HostDevice {
                path: device.value.path.clone(),
                shape: device.value.kind,
                number: None,
                missing: device.value.missing,
            });
            self.mounts(action, "named by the profile", &device.origin);
        }
        self.mounts(
            MountAction::MountPts,
            "no terminal of the host's",
            &Origin::Default,
        );
        let terminal = &settings.command.terminal;
        if terminal.value == Terminal::Own {
            let why = "the caller's own is out of reach";
            self.mounts(MountAction::OpenTerminal, why, &terminal.origin);
        }
        let size = system.shm.value;
        let why = "shared memory of its own";
        self.mounts(MountAction::MountShm { size }, why, &system.shm.origin);
        if system.mqueue.value.is_on() {
            let why = "message queues of its own";
            self.mounts(MountAction::MountMqueue, why, &system.mqueue.origin);
        }
        self.mounts(MountAction::SealDev, "nothing is added", &Origin::Default);
    }

    fn mount_proc(&mut self) {
        let settings = self.settings;
        let proc = &settings.system.proc;
        if proc.value != ProcMount::None {
            let action = MountAction::MountProc(proc.value);
            self.mounts(action, "its own processes", &proc.origin);
        }
        if settings.namespaces.user.value.is_on() {
            // Before /proc/sys becomes read-only.
            let why = "a new one would give all capabilities again";
            self.mounts(Action::ForbidUserNamespaces, why, &Origin::Default);
        }
        if proc.value != ProcMount::Private {
            return;
        }
        for path in PROC_MASKS {
            self.mounts(
                MountAction::MaskProc(path),
                "tells of the host",
                &proc.origin,
            );
        }
        for path in PROC_SEALS {
            self.mounts(
                MountAction::SealProc(path),
                "changes the host",
                &proc.origin,
            );
        }
    }

    fn mount_sys(&mut self) {
        let settings = self.settings;
        let sys = &settings.system.sys;
        if sys.value == SysMount::ReadOnly {
            let source = match settings.network.value {
                NetworkMode::None => SysSource::New,
                NetworkMode::Host => SysSource::Host,
            };
            let action = MountAction::MountSys(source);
            self.mounts(action, "devices as the kernel shows them", &sys.origin);
            for path in SYS_MASKS {
                self.mounts(MountAction::MaskSys(path), "reaches the host", &sys.origin);
            }
        }
        if self.shows_groups() {
            let why = "its own limits";
            let origin = &settings.system.cgroup.origin;
            self.mounts(MountAction::MountCgroup, why, origin);
        }
    }

    fn mount_profile(&mut self) {
        let settings = self.settings;
        let mut slots = numbered_binds(settings).map(|(slot, _)| slot);
        for mount in &settings.mounts {
            let (target, point) = (mount.value.target.clone(), mount.value.point);
            let action = match &mount.value.kind {
                MountKind::Bind { shape, .. } => {
                    let Some(slot) = slots.next() else { continue };
                    let shape = *shape;
                    MountAction::Attach {
                        slot,
                        target,
                        shape,
                        point,
                    }
                }
                MountKind::Tmpfs { size, mode } => MountAction::MountTmpfs {
                    target,
                    size: *size,
                    mode: *mode,
                    options: mount.value.options.clone(),
                    point,
                },
            };
            self.mounts(action, "granted by the profile", &mount.origin);
        }
    }
}

/// Each bind with the slot that it waits in.
fn numbered_binds(settings: &Settings) -> impl Iterator<Item = (Slot, &At<Mount>)> {
    let mounts = settings.mounts.iter();
    let binds = mounts.filter(|mount| matches!(mount.value.kind, MountKind::Bind { .. }));
    (Slot::TREE.0 + 1..).map(Slot).zip(binds)
}
