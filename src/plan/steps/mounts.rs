//! The steps that mount.

use crate::diag::{At, Origin};
use crate::model::{Access, NetworkMode, ProcMount, SysMount, Writes};
use crate::plan::step::{Action, Lane, MountAction, Phase, Slot, SysSource};
use crate::plan::{
    Accepts, HostDevice, HostIds, KeptPart, Missing, Mount, MountKind, MountPointKind, OpenBind,
    OpenKept, OwnerMap, Settings, Terminal, UserIds,
};

use super::{Steps, parts};

/// The devices that every program may expect, with the kernel's numbers (Documentation/admin-guide/devices.txt).
pub(crate) const DEVICES: [(&str, (u32, u32)); 6] = [
    ("/dev/null", (1, 3)),
    ("/dev/zero", (1, 5)),
    ("/dev/full", (1, 7)),
    ("/dev/random", (1, 8)),
    ("/dev/urandom", (1, 9)),
    ("/dev/tty", (5, 0)),
];

/// Parts of /proc that tell of the host (rule 12): empty inside.
pub(crate) const PROC_MASKS: [&str; 13] = [
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
pub(crate) const PROC_SEALS: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

/// Parts of /sys that tell of the host or reach its firmware: empty inside.
pub(crate) const SYS_MASKS: [&str; 8] = [
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
            Writes::Deny | Writes::Discard | Writes::Keep => Access::ReadOnly,
        };
        let owner = match self.host_ids() {
            HostIds::Range(_) => OwnerMap::Mapped(UserIds { uid: 0, gid: 0 }),
            HostIds::Caller(_) | HostIds::Same => OwnerMap::Kept,
        };
        let why = "the built tree, never written";
        let action = Action::OpenTree { owner, access };
        self.add(lane, phase, action, why, &settings.writes.origin);
        if settings.writes.value == Writes::Keep {
            let slot = upper_slots(settings).next().unwrap_or(Slot::TREE);
            let kept = self.kept(slot, KeptPart::Tree, OwnerMap::Kept);
            let why = "what earlier runs wrote";
            self.add(lane, phase, kept, why, &settings.writes.origin);
        }
        let mut uppers = overlay_slots(settings);
        for (slot, mount) in numbered(settings) {
            for (action, why) in self.open_mount(slot, &mount.value, &mut uppers) {
                self.add(lane, phase, action, why, &mount.origin);
            }
        }
    }

    fn open_mount(
        &self,
        slot: Slot,
        mount: &Mount,
        uppers: &mut impl Iterator<Item = Slot>,
    ) -> Vec<(Action, &'static str)> {
        let target = mount.target.clone();
        match &mount.kind {
            MountKind::Bind {
                source,
                shape,
                access,
                owner,
                missing,
            } => {
                let (source, missing) = (source.clone(), *missing);
                let bind = Action::OpenBind(OpenBind {
                    slot,
                    source: source.clone(),
                    shape: *shape,
                    access: *access,
                    options: mount.options.clone(),
                    owner: *owner,
                    missing,
                    accepts: Accepts::Any,
                });
                let mut actions = vec![(bind, "resolved once")];
                let upper = match access {
                    Access::Overlay => uppers.next(),
                    Access::ReadOnly | Access::ReadWrite => None,
                };
                if let Some(upper) = upper {
                    let part = KeptPart::Overlay {
                        source,
                        target,
                        missing,
                    };
                    actions.push((self.kept(upper, part, *owner), "what earlier runs wrote"));
                }
                actions
            }
            MountKind::Volume { name } => {
                let part = KeptPart::Volume {
                    name: name.clone(),
                    target,
                };
                let mut kept = self.kept(slot, part, OwnerMap::Kept);
                if let Action::OpenKept(kept) = &mut kept {
                    kept.options.clone_from(&mount.options);
                }
                vec![(kept, "the sandbox's own")]
            }
            MountKind::Socket {
                source,
                owner,
                missing,
                dangerous: _,
            } => {
                let action = parts::open_socket(slot, source, *owner, *missing);
                vec![(action, "resolved once")]
            }
            MountKind::Tmpfs { .. } | MountKind::Part { .. } => Vec::new(),
        }
    }

    /// On the host its files are root's, or those of the owner of the directory below; the program's
    /// own id there is nobody's and may change.
    fn kept(&self, slot: Slot, part: KeptPart, owner: OwnerMap) -> Action {
        let owner = match (self.host_ids(), owner) {
            (HostIds::Range(_), OwnerMap::Kept) if self.settings.identity.maps.value.is_range() => {
                OwnerMap::Ranged
            }
            (HostIds::Range(_), OwnerMap::Kept) => OwnerMap::Mapped(UserIds { uid: 0, gid: 0 }),
            (_, owner) => owner,
        };
        Action::OpenKept(OpenKept {
            slot,
            part,
            owner,
            options: Vec::new(),
        })
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
            Writes::Keep => {
                let upper = upper_slots(settings).next().unwrap_or(Slot::TREE);
                let why = "writes stay for the next run";
                let action = MountAction::MountKept { upper };
                self.mounts(action, why, &settings.writes.origin);
            }
        }
    }

    fn mount_dev(&mut self) {
        let settings = self.settings;
        let system = &settings.system;
        if let Some(first) = parts::first_hidden(settings) {
            // Before /dev, which then lies over them.
            let why = "nothing of the tree is taken for it";
            self.mounts(MountAction::MountEmpty, why, &first.origin);
        }
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
        let nested = settings.nested_userns.value.is_on();
        if settings.namespaces.user.value.is_on() && !nested {
            // Before /proc/sys becomes read-only.
            let why = "a new one would give all capabilities again";
            self.mounts(Action::ForbidUserNamespaces, why, &Origin::Default);
        }
        // A /proc with mounts over it is all that the kernel would let a user namespace inside mount; with
        // root of the host unmapped, neither masks nor seals hold anything that modes do not.
        if proc.value != ProcMount::Private || nested {
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
        let mut slots = numbered(settings).map(|(slot, _)| slot);
        let mut uppers = overlay_slots(settings);
        let tops = parts::tops(settings);
        for mount in &settings.mounts {
            let (target, point) = (mount.value.target.clone(), mount.value.point);
            let mut attach = |shape| {
                slots.next().map(|slot| MountAction::Attach {
                    slot,
                    target: target.clone(),
                    shape,
                    point,
                })
            };
            let action = match &mount.value.kind {
                MountKind::Bind {
                    access: Access::Overlay,
                    ..
                } => {
                    let options = mount.value.options.clone();
                    let (lower, upper) = (slots.next(), uppers.next());
                    lower
                        .zip(upper)
                        .map(|(lower, upper)| MountAction::AttachOverlay {
                            lower,
                            upper,
                            target,
                            options,
                            point,
                        })
                }
                MountKind::Bind { shape, .. } => attach(*shape),
                MountKind::Socket { .. } => attach(MountPointKind::File),
                // Each right behind its bind.
                MountKind::Part {
                    top,
                    guard,
                    shape,
                    // On a host it is there.
                    may_miss: _,
                } => parts::guard(&tops, top, &mount.value.target, *guard, *shape),
                MountKind::Volume { .. } => attach(MountPointKind::Directory),
                MountKind::Tmpfs { size, mode } => Some(MountAction::MountTmpfs {
                    target,
                    size: *size,
                    mode: *mode,
                    options: mount.value.options.clone(),
                    point,
                }),
            };
            if let Some(action) = action {
                self.mounts(action, parts::why(&mount.value.kind), &mount.origin);
            }
        }
        for part in &settings.unprotected {
            if let Some(action) = parts::check_missing(&tops, &part.value) {
                self.mounts(action, "the report says so", &part.origin);
            }
        }
    }
}

/// Each bind and volume with the slot that it waits in.
pub(super) fn numbered(settings: &Settings) -> impl Iterator<Item = (Slot, &At<Mount>)> {
    let mounts = settings.mounts.iter();
    let opened = mounts.filter(|mount| match mount.value.kind {
        MountKind::Tmpfs { .. } | MountKind::Part { .. } => false,
        MountKind::Bind { .. } | MountKind::Socket { .. } | MountKind::Volume { .. } => true,
    });
    (Slot::TREE.0 + 1..).map(Slot).zip(opened)
}

/// The slots behind those: of the tree's upper layer where it is kept, then of each overlay's.
fn upper_slots(settings: &Settings) -> impl Iterator<Item = Slot> {
    let last = numbered(settings).last();
    let last = last.map_or(Slot::TREE, |(slot, _)| slot);
    (last.0 + 1..).map(Slot)
}

fn overlay_slots(settings: &Settings) -> impl Iterator<Item = Slot> {
    let of_tree = usize::from(settings.writes.value == Writes::Keep);
    upper_slots(settings).skip(of_tree)
}
