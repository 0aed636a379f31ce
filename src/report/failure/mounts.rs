//! Why something could not be opened or mounted.

use std::path::Path;

use nix::errno::Errno;

use crate::diag::At;
use crate::model::{Access, InsidePath, MountOption, Switch};
use crate::plan::{
    HostDevice, Missing, Mount, MountAction, MountKind, MountPointKind, OpenBind, OpenKept,
    OwnerMap, Slot, SysSource, TargetPoint,
};

use super::{Cause, Failed};

/// How a container shows all of /proc.
pub(super) const UNMASK: &str = "start the container with `--security-opt systempaths=unconfined` \
     (docker), `--security-opt unmask=ALL` (podman) or `procMount: Unmasked` (Kubernetes)";

impl Failed<'_> {
    pub(super) fn open_tree(&self, owner: OwnerMap) -> Option<Cause> {
        match (self.errno, owner) {
            (Errno::ENOENT, _) => Some(
                self.refused("host.tree-gone", "the built tree is not there any more")
                    .help("start it again: the tree is then built anew"),
            ),
            (Errno::EINVAL | Errno::EOVERFLOW, OwnerMap::Mapped(_)) => {
                let kind = self
                    .host
                    .tree
                    .as_deref()
                    .and_then(|tree| self.file_system(tree));
                let message = match kind {
                    Some(kind) => format!("the store lies on {kind}, which has no idmapped mounts"),
                    None => "the file system of the store has no idmapped mounts".to_owned(),
                };
                let help = "set XDG_CACHE_HOME to a directory on ext4, btrfs, XFS or tmpfs, or use a \
                     newer kernel";
                Some(self.refused("host.store-unmappable", &message).help(help))
            }
            _ => None,
        }
    }

    /// The type of the file system that a path of the host lies on, in backticks.
    fn file_system(&self, path: &Path) -> Option<String> {
        let kind = self.host.file_system_of(path)?;
        Some(format!("`{kind}`"))
    }

    pub(super) fn open_bind(&self, bind: &OpenBind) -> Option<Cause> {
        let source = self.texts.plain(&bind.source);
        let kind = |wrong: &str| {
            let message = format!("host path `{source}` {wrong}");
            Cause::new("mount.source-kind", message)
                .help("plan again: it was something else before")
        };
        match (self.errno, bind.shape) {
            (Errno::ENOENT, _) => Some(missing(&source, bind.missing)),
            (Errno::ENOTDIR, MountPointKind::Directory) => Some(kind("is no directory")),
            (Errno::ENOTDIR, MountPointKind::File) => Some(missing(&source, bind.missing)),
            (Errno::EISDIR, _) => Some(kind("is a directory")),
            (Errno::ELOOP, _) => Some(Cause::new(
                "mount.source-missing",
                format!("host path `{source}` is a loop of links"),
            )),
            (Errno::ENOTSOCK, _) => Some(kind("is no Unix socket")),
            (Errno::EUCLEAN, MountPointKind::File) => {
                let message = format!(
                    "host path `{source}` is a set-id file, which the program could fill with other content"
                );
                let cause = Cause::new("mount.source-set-id", message);
                Some(cause.help("bind it read-only, or take the bits away: `chmod ug-s`"))
            }
            (Errno::EACCES, _) => Some(
                Cause::new(
                    "mount.source-hidden",
                    format!("host path `{source}` cannot be reached by this user"),
                )
                .help("give the user the right to search every directory on the way to it"),
            ),
            (Errno::EINVAL | Errno::EOVERFLOW | Errno::EPERM, _) => self.bind_flags(bind, &source),
            _ => None,
        }
    }

    fn bind_flags(&self, bind: &OpenBind, source: &str) -> Option<Cause> {
        if let OwnerMap::Mapped(_) = bind.owner {
            let kind = self.file_system(Path::new(&bind.source));
            let message = format!(
                "the file system of `{source}`{} cannot show its files as the sandbox's user ({})",
                kind.map_or(String::new(), |kind| format!(", {kind},")),
                super::words::of(self.errno)
            );
            return Some(
                Cause::new("mount.owner-unmappable", message)
                    .help("write `owner = \"keep\"` in this mount, or bind a directory of another file system"),
            );
        }
        if bind.access == Access::Overlay && self.errno == Errno::EINVAL {
            let message = format!("`{source}` has mounts below it, over which no overlay can lie");
            return Some(
                Cause::new("mount.overlay-mounts", message)
                    .help("bind a directory without mounts below it"),
            );
        }
        let changes_times = bind.options.contains(&MountOption::NoAtime);
        if self.errno == Errno::EPERM && changes_times {
            let message =
                format!("`noatime` is refused on `{source}`: the host locks its own setting");
            return Some(
                Cause::new("mount.option-locked", message).help("remove `noatime` from `options`"),
            );
        }
        None
    }

    pub(super) fn mount(&self, action: &MountAction) -> Option<Cause> {
        match action {
            MountAction::MountOverlay { .. } => self.overlay(
                "the file system of the store cannot lie below an overlay",
                "write `rootfs.writes = \"deny\"` and mount a `tmpfs` where the program writes",
            ),
            MountAction::MountKept { .. } => self.overlay(
                "the file system of the kept data, or of the store, cannot be a part of an overlay",
                "write `rootfs.writes = \"deny\"` and mount a `volume` where the program writes",
            ),
            MountAction::AttachOverlay {
                lower,
                target,
                point,
                ..
            } => self.overlay_at(*lower, target, *point),
            MountAction::MountDevice(device) => self.device(device),
            MountAction::MountProc(_) => self.proc(),
            MountAction::MountSys(source) => self.sysfs(*source),
            MountAction::Attach {
                target,
                shape,
                point,
                ..
            } => self.target(target, *shape, *point),
            MountAction::MountTmpfs { target, point, .. } => {
                let place = self.target(target, MountPointKind::Directory, *point);
                place.or_else(|| self.no_file_system("tmpfs"))
            }
            MountAction::GuardPart(part) => self.part(part),
            MountAction::CheckMissing { target, .. } => self.appeared(target),
            MountAction::MountDev | MountAction::MountEmpty | MountAction::MountShm { .. } => {
                self.no_file_system("tmpfs")
            }
            MountAction::MountPts => self.no_file_system("devpts"),
            MountAction::MountMqueue => self.no_file_system("mqueue"),
            MountAction::MountRoot
            | MountAction::OpenTerminal
            | MountAction::JoinTerminals
            | MountAction::SealDev
            | MountAction::MaskProc(_)
            | MountAction::SealProc(_)
            | MountAction::MaskSys(_)
            | MountAction::MountCgroup => None,
        }
    }

    fn no_file_system(&self, name: &str) -> Option<Cause> {
        let reason = format!("this kernel does not have the file system `{name}`");
        (self.errno == Errno::ENODEV).then(|| self.refused("host.no-file-system", &reason))
    }

    fn overlay_at(&self, lower: Slot, target: &InsidePath, point: TargetPoint) -> Option<Cause> {
        let place = self.target(target, MountPointKind::Directory, point);
        let refused = || {
            let source = self.texts.source(lower).map(|bind| bind.source.as_str());
            let source = self.texts.plain(source.unwrap_or_default());
            let reason = format!(
                "`{source}` has a mount below it, or its file system, or that of the kept data, \
                 cannot be a part of an overlay"
            );
            self.overlay(
                &reason,
                "bind what is written with `access = \"rw\"`, or a directory without mounts below it",
            )
        };
        place.or_else(refused)
    }

    pub(super) fn open_kept(&self, kept: &OpenKept) -> Option<Cause> {
        match (self.errno, kept.owner) {
            (Errno::ENOENT | Errno::ESTALE | Errno::ELOOP | Errno::ENOTDIR, _) => Some(
                self.refused("kept.changed", "it was moved meanwhile")
                    .help("start it again"),
            ),
            (Errno::EINVAL | Errno::EOVERFLOW, OwnerMap::Mapped(_)) => Some(
                self.refused(
                    "kept.unmappable",
                    "the file system of the kept data has no idmapped mounts",
                )
                .help("keep it on ext4, btrfs, XFS or tmpfs: mount one at /var/lib/sandbox"),
            ),
            _ => None,
        }
    }

    fn overlay(&self, unfit: &str, help: &str) -> Option<Cause> {
        let host = self.host;
        let reason = match self.errno {
            Errno::ENODEV => "this kernel does not have overlayfs",
            Errno::EPERM if host.is_older_than((5, 11)) => {
                "before Linux 5.11 only root may mount an overlay"
            }
            Errno::EINVAL if host.is_older_than((6, 6)) => {
                "before Linux 6.6 an overlay cannot write to memory"
            }
            Errno::EINVAL => unfit,
            _ => return None,
        };
        Some(self.refused("host.no-overlay", reason).help(help))
    }

    fn device(&self, device: &HostDevice) -> Option<Cause> {
        let path = self.texts.plain(device.path.as_str());
        match self.errno {
            Errno::ENOENT => Some(
                Cause::new(
                    "system.dev-missing",
                    format!("this host has no device `{path}`"),
                )
                .help("create the device, or write `optional = true` beside it"),
            ),
            Errno::ENODEV => Some(Cause::new(
                "system.dev-no-device",
                format!("`{path}` of this host is not the device of that name"),
            )),
            _ => None,
        }
    }

    fn proc(&self) -> Option<Cause> {
        let pid = &self.plan.settings.namespaces.pid;
        match self.errno {
            Errno::EPERM if !pid.value.is_on() => Some(
                self.refused(
                    "namespaces.pid-proc",
                    "a new /proc needs a PID namespace of its own",
                )
                .at(&pid.origin)
                .help("write `namespaces.pid = true`, or `system.proc = \"none\"`"),
            ),
            Errno::EPERM if !self.host.mounts_below_proc.is_empty() => {
                let first = self.host.mounts_below_proc.first();
                let first = first
                    .map(|path| path.display().to_string())
                    .unwrap_or_default();
                let reason =
                    format!("the container hides parts of its own /proc, such as `{first}`");
                Some(self.proc_masked(&reason))
            }
            Errno::EPERM if self.host.proc_read_only == Some(Switch::On) => {
                Some(self.proc_masked("the /proc of this container is read-only"))
            }
            _ => self.no_file_system("proc"),
        }
    }

    /// The kernel gives nobody a view that its own /proc does not have (mount_too_revealing).
    fn proc_masked(&self, reason: &str) -> Cause {
        self.refused("host.proc-masked", reason)
            .help(format!("{UNMASK}; or write `system.proc = \"none\"`"))
    }

    fn sysfs(&self, source: SysSource) -> Option<Cause> {
        match (self.errno, source) {
            (Errno::EPERM, SysSource::New) => Some(
                self.refused(
                    "host.sys-masked",
                    "the container hides parts of its own /sys",
                )
                .help(format!("write `system.sys = \"none\"`; or {UNMASK}")),
            ),
            _ => self.no_file_system("sysfs"),
        }
    }

    pub(super) fn pivot(&self) -> Option<Cause> {
        let first = self.host.root_type.as_deref() == Some("rootfs");
        (self.errno == Errno::EINVAL && first).then(|| {
            self.refused(
                "host.initramfs",
                "the kernel's first file system cannot be left",
            )
            .help("switch to a root of your own first: `switch_root`")
        })
    }

    /// The place inside where something is to be mounted.
    fn target(
        &self,
        target: &InsidePath,
        shape: MountPointKind,
        point: TargetPoint,
    ) -> Option<Cause> {
        let shown = self.texts.plain(target.as_str());
        match (self.errno, point) {
            (Errno::ENOENT, TargetPoint::MustExist) => Some(self.missing_below_bind(target, shape)),
            (Errno::ENOENT, _) => Some(Cause::new(
                "mount.target-missing",
                format!("mount target `{shown}` is not in the tree"),
            )),
            (Errno::ENOTDIR | Errno::EISDIR, _) => {
                let kind = noun(shape);
                let message = format!("mount target `{shown}` is not {kind}, or lies below a file");
                Some(Cause::new("mount.target-kind", message).help(format!("make it {kind}")))
            }
            (Errno::ELOOP | Errno::EXDEV, _) => Some(Cause::new(
                "mount.target-link",
                format!("mount target `{shown}` is reached by a link that may not be followed"),
            )),
            _ => None,
        }
    }

    /// Nothing is made in the user's own files, so the place has to be there.
    fn missing_below_bind(&self, target: &InsidePath, shape: MountPointKind) -> Cause {
        let shown = self.texts.plain(target.as_str());
        let kind = noun(shape);
        let covering = self.bind_above(target);
        let Some((mount, source)) = covering else {
            let message = format!("mount target `{shown}` is not there");
            return Cause::new("mount.target-missing", message)
                .help(format!("create {kind} there"));
        };
        let above = self.texts.plain(mount.value.target.as_str());
        let rest = target.as_str().strip_prefix(mount.value.target.as_str());
        let rest = rest.unwrap_or_default().trim_start_matches('/');
        let path = format!("{}/{rest}", source.trim_end_matches('/'));
        let message =
            format!("mount target `{shown}` is not there, and nothing is made in `{above}`");
        Cause::new("mount.target-missing", message).help(format!(
            "create {kind} at `{}` on the host",
            self.texts.plain(&path)
        ))
    }

    /// The bind that `target` lies in: the innermost.
    fn bind_above(&self, target: &InsidePath) -> Option<(&At<Mount>, &str)> {
        let above = self.plan.settings.mounts.iter().filter_map(|mount| {
            let MountKind::Bind { source, .. } = &mount.value.kind else {
                return None;
            };
            let is_above = target.is_within(&mount.value.target) && *target != mount.value.target;
            is_above.then_some((mount, source.as_str()))
        });
        above.max_by_key(|(mount, _)| mount.value.target.as_str().len())
    }
}

fn missing(source: &str, missing: Missing) -> Cause {
    let cause = Cause::new(
        "mount.source-missing",
        format!("host path `{source}` is not there any more"),
    );
    match missing {
        Missing::Refused => cause.help("create it, or write `optional = true` in this mount"),
        Missing::Skipped => cause,
    }
}

fn noun(shape: MountPointKind) -> &'static str {
    match shape {
        MountPointKind::Directory => "a directory",
        MountPointKind::File => "a file",
    }
}
