//! What a run needs of its kept data: found, or made at its first use.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::renameat;
use nix::sys::stat::{Mode, fchmod, fstat, mkdirat};
use nix::sys::statfs::fstatfs;
use nix::unistd::{Gid, Uid, fchown};

use crate::diag::{Origin, Problem};
use crate::model::KeptPlace;
use crate::plan::{HostIds, KeptPart, Missing, OpenKept, OwnerMap, Plan, UserIds};

use super::entry::{Entry, look};
use super::layer::unreadable;
use super::name::{Name, OVERLAYS, TREE, VOLUMES, made};
use super::place::{failed, open_absolute, open_dir};
use super::record::{self, OverlayRecord, TreeRecord, Unreadable};

/// File systems on which no upper layer can lie (linux/magic.h): they lack whiteouts, extended
/// attributes, or are overlays themselves.
const UNFIT: [(i64, &str); 6] = [
    (0x794c_7630, "overlay"),
    (0x0102_1997, "9p"),
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb"),
    (0x4d44, "vfat"),
];

/// Every place that the plan keeps something in, in the order of [`Plan::kept`]; nothing for an overlay
/// over an optional directory that is not there. `tree` is the built root tree.
///
/// # Errors
/// Under the line that asked for it: when something cannot be made, the host directory of an overlay is
/// another than before, or has mounts below it.
pub fn prepare(name: &Name, plan: &Plan, tree: &Path) -> Result<Vec<Option<KeptPlace>>, Problem> {
    let preparation = Preparation { name, plan };
    let places = plan.kept().map(|(kept, origin)| {
        let place = preparation.place(kept, tree);
        place.map_err(|problem| under(problem, origin))
    });
    places.collect()
}

/// The problem under the line that asked for what failed.
fn under(mut problem: Problem, origin: &Origin) -> Problem {
    problem.label.origin = origin.clone();
    problem
}

struct Preparation<'a> {
    name: &'a Name,
    plan: &'a Plan,
}

/// The ids and the mode of a directory that is made.
#[derive(Clone, Copy)]
struct Look {
    owner: Option<UserIds>,
    mode: u32,
}

impl Preparation<'_> {
    fn place(&self, kept: &OpenKept, tree: &Path) -> Result<Option<KeptPlace>, Problem> {
        let owner = match kept.owner {
            OwnerMap::Mapped(owner) => Some(owner),
            // On disk the program's files are root's.
            OwnerMap::Ranged => Some(UserIds { uid: 0, gid: 0 }),
            OwnerMap::Kept | OwnerMap::KeptByWish => None,
        };
        match &kept.part {
            KeptPart::Tree => self.tree(owner, tree).map(Some),
            KeptPart::Overlay {
                source,
                target,
                missing,
            } => self.overlay(source, target.as_str(), *missing, owner),
            KeptPart::Volume { name, .. } => self.volume(name.as_str(), owner).map(Some),
        }
    }

    fn tree(&self, owner: Option<UserIds>, tree: &Path) -> Result<KeptPlace, Problem> {
        let path = self.name.path.join(TREE);
        let dir = made(&self.name.dir, TREE).map_err(failed("make", &path))?;
        refuse_unfit(&dir, &path)?;
        let record = TreeRecord::new(tree.to_string_lossy().into_owned());
        if record::read::<TreeRecord>(dir.as_fd()).as_ref() != Ok(&record) {
            record::write(dir.as_fd(), &record).map_err(failed("write the record in", &path))?;
        }
        self.layers(&dir, &path, Look { owner, mode: 0o755 })
    }

    fn overlay(
        &self,
        source: &str,
        target: &str,
        missing: Missing,
        owner: Option<UserIds>,
    ) -> Result<Option<KeptPlace>, Problem> {
        let lower = match open_absolute(Path::new(source)) {
            Err(Errno::ENOENT | Errno::ENOTDIR) if missing == Missing::Skipped => return Ok(None),
            lower => lower.map_err(failed("open", Path::new(source)))?,
        };
        refuse_mounts(source)?;
        let found = look(lower.as_fd(), OsStr::new(""));
        let found = found.ok().flatten();
        let found = found.ok_or_else(|| failed("look at", Path::new(source))(Errno::ENOENT))?;
        let id = overlay_id(source, target);
        let path = self.name.path.join(OVERLAYS).join(&id);
        let dir = made(&self.name.dir, OVERLAYS).and_then(|overlays| made(&overlays, &id));
        let dir = dir.map_err(failed("make", &path))?;
        refuse_unfit(&dir, &path)?;
        self.recorded(
            &dir,
            &path,
            &OverlayRecord::new(source, target, &found),
            &found,
        )?;
        // Without a user namespace nothing maps the owner, so the top has that of what it lies over.
        let same = UserIds {
            uid: found.uid,
            gid: found.gid,
        };
        let owner = owner.or(self.is_root_itself().then_some(same));
        let mode = found.mode;
        self.layers(&dir, &path, Look { owner, mode }).map(Some)
    }

    /// Writes the record of a new overlay, and makes sure that an old one is about the same directory.
    fn recorded(
        &self,
        dir: &OwnedFd,
        path: &Path,
        new: &OverlayRecord,
        found: &Entry,
    ) -> Result<(), Problem> {
        let is_new = matches!(open_dir(dir, OsStr::new("layers")), Err(Errno::ENOENT));
        match record::read::<OverlayRecord>(dir.as_fd()) {
            Ok(record) if record.is_about(found) => Ok(()),
            Ok(_) | Err(Unreadable::Missing | Unreadable::Misshapen) if is_new => {
                record::write(dir.as_fd(), new).map_err(failed("write the record in", path))
            }
            Ok(_) => {
                let message = format!(
                    "`{}` is another directory than the one whose writes are kept",
                    new.source
                );
                let problem = Problem::error("kept.other-directory", &Origin::Default, message);
                Err(problem.help(self.drop_help()))
            }
            Err(why) => Err(unreadable(&why, path)),
        }
    }

    fn drop_help(&self) -> String {
        let name = &self.name.name;
        format!(
            "look at them with `sandbox changes {name}`, drop them with `sandbox discard {name}`"
        )
    }

    fn volume(&self, volume: &str, owner: Option<UserIds>) -> Result<KeptPlace, Problem> {
        let path = self.name.path.join(VOLUMES).join(volume);
        let owner = owner.or(self
            .is_root_itself()
            .then_some(self.plan.settings.identity.user.value));
        let fail = failed("make", &path);
        let volumes = made(&self.name.dir, VOLUMES).map_err(&fail)?;
        let look = Look { owner, mode: 0o755 };
        let dir = self
            .finished(&volumes, volume, look, |_| Ok(()))
            .map_err(&fail)?;
        self.verify_owner(&dir, look, &path)?;
        place(&dir, path)
    }

    /// The directory with the upper layer, overlayfs's own, and the place for the lower one.
    fn layers(&self, dir: &OwnedFd, path: &Path, top: Look) -> Result<KeptPlace, Problem> {
        let private = Look { mode: 0o700, ..top };
        let fill = |layers: &OwnedFd| {
            directory(layers, "upper", top)?;
            directory(layers, "work", private)?;
            directory(layers, "lower", private)
        };
        let layers = self.finished(dir, "layers", private, fill);
        let layers = layers.map_err(failed("make", path))?;
        self.verify_owner(&layers, top, path)?;
        place(&layers, path.join("layers"))
    }

    /// Opens `name`, or makes it aside and renames it, so that after a crash it is there whole or not.
    fn finished(
        &self,
        parent: &OwnedFd,
        name: &str,
        look: Look,
        fill: impl Fn(&OwnedFd) -> nix::Result<()>,
    ) -> nix::Result<OwnedFd> {
        match open_dir(parent, OsStr::new(name)) {
            Err(Errno::ENOENT) => {}
            found => return found,
        }
        // No volume has a name that begins so.
        let draft = format!(".{name}");
        let mut trash = super::remove::Trash::open(self.name.dir.as_fd())?;
        trash.take(parent.as_fd(), OsStr::new(&draft))?;
        directory(parent, &draft, look)?;
        let made = open_dir(parent, OsStr::new(&draft))?;
        fill(&made)?;
        renameat(parent, draft.as_str(), parent, name)?;
        Ok(made)
    }

    fn verify_owner(&self, dir: &OwnedFd, look: Look, path: &Path) -> Result<(), Problem> {
        let Some(owner) = look.owner else {
            return Ok(());
        };
        let found = fstat(dir).map_err(failed("look at", path))?;
        if (found.st_uid, found.st_gid) == (owner.uid, owner.gid) {
            return Ok(());
        }
        let message = format!(
            "what is kept belongs to {}:{}, and its owner is now {}:{}",
            found.st_uid, found.st_gid, owner.uid, owner.gid
        );
        let problem = Problem::error("kept.other-owner", &Origin::Default, message);
        Err(problem.help(format!(
            "give `{}` and all below it to the new owner, or drop it",
            path.display()
        )))
    }

    fn is_root_itself(&self) -> bool {
        self.plan.settings.identity.host == HostIds::Same
    }
}

fn directory(parent: &OwnedFd, name: &str, look: Look) -> nix::Result<()> {
    mkdirat(parent, name, Mode::S_IRWXU)?;
    let dir = open_dir(parent, OsStr::new(name))?;
    if let Some(UserIds { uid, gid }) = look.owner {
        fchown(&dir, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    // After the owner, and whatever the umask is.
    fchmod(&dir, Mode::from_bits_truncate(look.mode))
}

fn place(dir: &OwnedFd, path: PathBuf) -> Result<KeptPlace, Problem> {
    let found = fstat(dir).map_err(failed("look at", &path))?;
    Ok(KeptPlace {
        path,
        device: found.st_dev,
        inode: found.st_ino,
    })
}

/// One for each pair, the same at every run.
fn overlay_id(source: &str, target: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(source.as_bytes());
    hasher.update(b"\0");
    hasher.update(target.as_bytes());
    let mut id = hasher.finalize().to_hex().to_string();
    id.truncate(16);
    id
}

fn refuse_unfit(dir: &OwnedFd, path: &Path) -> Result<(), Problem> {
    let kind = fstatfs(dir).map_err(failed("look at", path))?;
    // The type's width differs between architectures; the numbers are of 32 bits.
    let kind = kind.filesystem_type().0 as i64 & 0xffff_ffff;
    let Some((_, unfit)) = UNFIT.iter().find(|(magic, _)| *magic == kind) else {
        return Ok(());
    };
    let message = format!(
        "`{}` lies on a file system of type {unfit}, which cannot hold the writes of an overlay",
        path.display()
    );
    let help = "let `XDG_DATA_HOME` name a directory on ext4, btrfs or XFS, or on tmpfs from Linux 6.6 on; \
                as root, mount such a file system at /var/lib/sandbox";
    Err(Problem::error("kept.file-system", &Origin::Default, message).help(help))
}

/// The kernel takes no directory with mounts below it, and would show what they hide.
fn refuse_mounts(source: &str) -> Result<(), Problem> {
    let list = "/proc/self/mountinfo";
    let unread = |error| failed("read", Path::new(list))(record::errno(&error));
    let mounts = std::fs::read(list).map_err(unread)?;
    let mounts = String::from_utf8_lossy(&mounts);
    let mut points = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(unescaped);
    let below = |point: &String| {
        let rest = point.strip_prefix(source.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
    };
    match points.find(below) {
        None => Ok(()),
        Some(point) => {
            let message = format!(
                "`{point}` is mounted below `{source}`, over which then no overlay can lie"
            );
            let problem = Problem::error("mount.overlay-mounts", &Origin::Default, message);
            Err(problem.help("bind a directory without mounts below it, or unmount that one"))
        }
    }
}

/// Undoes the octal escapes of proc_pid_mountinfo(5).
fn unescaped(field: &str) -> String {
    ["\\040", "\\011", "\\012", "\\043", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "#", "\\"])
        .fold(field.to_owned(), |text, (escape, plain)| {
            text.replace(escape, plain)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_of_paths_has_its_own_place() {
        let id = overlay_id("/a", "/b");
        assert_eq!(id, overlay_id("/a", "/b"));
        assert_eq!(id.len(), 16);
        assert_ne!(id, overlay_id("/a/b", ""));
        assert_ne!(id, overlay_id("/b", "/a"));
    }

    #[test]
    fn mount_points_are_read_as_the_kernel_means_them() {
        assert_eq!(unescaped(r"/a\040b\134040c"), r"/a b\040c");
        assert!(refuse_mounts("/").is_err());
        assert!(refuse_mounts("/no/such").is_ok());
    }
}
