//! The rules of Landlock, from what is mounted.

use crate::model::{Access, InsidePath, ProcMount, Writes};
use crate::plan::step::{Lane, Phase, ProgramAction};
use crate::plan::{
    LandlockPlace, LandlockReach, LandlockRules, Missing, Mount, MountKind, MountPointKind,
};

use super::Steps;

impl Steps<'_> {
    /// After all that may fail by it, before the filter.
    pub(super) fn landlock(&mut self) {
        let landlock = self.settings.landlock.clone();
        let Some(abi) = landlock.value.enforced() else {
            return;
        };
        let named = self.settings.command.fds.iter().map(|fd| fd.value);
        let rules = self.rules.cloned().unwrap_or_else(|| LandlockRules {
            abi,
            places: self.landlock_places(),
            descriptors: (0..3).chain(named).collect(),
        });
        let why = "a second wall behind the mounts";
        let action = ProgramAction::Landlock(rules);
        self.add(
            Lane::Program,
            Phase::Lockdown,
            action,
            why,
            &landlock.origin,
        );
    }

    /// Rules add up on the way to the root: where that can be written, nothing below is refused.
    fn landlock_places(&self) -> Vec<LandlockPlace> {
        use LandlockReach::{Device, Kernel, Read, Write};
        let settings = self.settings;
        let system = &settings.system;
        let root = match settings.writes.value {
            Writes::Deny => Read,
            Writes::Discard | Writes::Keep => Write,
        };
        let mut places = Vec::new();
        places.extend(directory("/", root));
        places.extend(directory("/dev", Device));
        if root == Write {
            return places;
        }
        if system.proc.value != ProcMount::None {
            places.extend(directory("/proc", Kernel));
        }
        places.extend(directory("/dev/shm", Write));
        if system.mqueue.value.is_on() {
            places.extend(directory("/dev/mqueue", Write));
        }
        let mounts = settings.mounts.iter();
        places.extend(mounts.filter_map(|mount| writable(&mount.value)));
        places
    }
}

fn directory(path: &str, reach: LandlockReach) -> Option<LandlockPlace> {
    let path: InsidePath = path.parse().ok()?;
    Some(LandlockPlace {
        path,
        shape: MountPointKind::Directory,
        reach,
        missing: Missing::Refused,
    })
}

fn writable(mount: &Mount) -> Option<LandlockPlace> {
    let (shape, missing) = match &mount.kind {
        MountKind::Bind {
            access: Access::ReadOnly,
            ..
        } => return None,
        // What covers a part grants nothing, and a socket is talked to without writing a file.
        MountKind::Part { .. } | MountKind::Socket { .. } => return None,
        MountKind::Bind { shape, missing, .. } => (*shape, *missing),
        MountKind::Volume { .. } | MountKind::Tmpfs { .. } => {
            (MountPointKind::Directory, Missing::Refused)
        }
    };
    Some(LandlockPlace {
        path: mount.target.clone(),
        shape,
        reach: LandlockReach::Write,
        missing,
    })
}
