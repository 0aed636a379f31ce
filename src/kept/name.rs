//! The directory of what is kept, and the part of it that belongs to one name.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, openat};
use nix::sys::stat::{Mode, fstat, mkdirat};
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};

use crate::diag::{Origin, Problem};
use crate::model::{SandboxName, nearest};
use crate::sys::pidfd::Identity;

use super::entry::{look, open_file};
use super::layer::Layer;
use super::place::{c_name, failed, names, open_absolute, open_dir};
use super::remove::Trash;

/// How long to wait for a lock that a dying sandbox holds: the kernel ends its processes in less.
const PATIENCE: (u32, Duration) = (30, Duration::from_millis(10));

/// Where the upper layer over the tree lies.
pub(super) const TREE: &str = "root";
/// Where those over host directories lie, one directory each.
pub(super) const OVERLAYS: &str = "overlays";
/// Where volumes lie.
pub(super) const VOLUMES: &str = "volumes";

/// The first process of the last run, until that is over.
const PROCESS: &str = "process";

/// Longer than two numbers.
const LONGEST_NOTE: u64 = 64;

/// What becomes of the volumes of a name that is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volumes {
    /// They stay.
    Kept,
    /// They are removed too.
    Dropped,
}

/// Everything that is kept for one user.
#[derive(Debug)]
pub struct Store {
    top: OwnedFd,
    path: PathBuf,
}

impl Store {
    /// Opens the directory at `place`, and makes it, with mode 0700, where there is none.
    ///
    /// # Errors
    /// When it cannot be made, is a link, belongs to another user, or is open to others.
    pub fn create(place: &Path) -> Result<Store, Problem> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(place);
        made.map_err(|error| failed("make the directory", place)(super::record::errno(&error)))?;
        Store::find(place)?.ok_or_else(|| failed("open", place)(Errno::ENOENT))
    }

    /// Opens the directory at `place`; nothing where there is none.
    ///
    /// # Errors
    /// When it is a link, belongs to another user, or is open to others.
    pub fn find(place: &Path) -> Result<Option<Store>, Problem> {
        // Links above it are the user's own affair.
        let parent = place.parent().unwrap_or(Path::new("/"));
        let Ok(parent) = parent.canonicalize() else {
            return Ok(None);
        };
        let name = place.file_name().unwrap_or(OsStr::new("."));
        let path = parent.join(name);
        let opened = open_absolute(&parent).and_then(|dir| open_dir(dir, name));
        match opened {
            Err(Errno::ENOENT) => Ok(None),
            Err(Errno::ELOOP | Errno::ENOTDIR) => Err(not_private(&path)),
            Err(errno) => Err(failed("open", &path)(errno)),
            Ok(top) => {
                verify_private(&top, &path)?;
                Ok(Some(Store { top, path }))
            }
        }
    }

    /// What is kept under `name`, without a lock: to be looked at.
    ///
    /// # Errors
    /// When nothing is, or it is not the caller's own.
    pub fn name(&self, name: &SandboxName) -> Result<Name, Problem> {
        let dir = match open_dir(&self.top, OsStr::new(name.as_str())) {
            Err(Errno::ENOENT) => return Err(self.unknown(name)),
            Err(Errno::ELOOP | Errno::ENOTDIR) => return Err(not_private(&self.path_of(name))),
            dir => dir.map_err(failed("open", &self.path_of(name)))?,
        };
        verify_private(&dir, &self.path_of(name))?;
        Ok(Name {
            dir,
            path: self.path_of(name),
            name: name.clone(),
            lock: None,
        })
    }

    /// The same, held by nobody else until it is dropped.
    ///
    /// # Errors
    /// As [`Store::name`], and `kept.in-use` while a sandbox of that name runs.
    pub fn lock(&self, name: &SandboxName) -> Result<Name, Problem> {
        let (tries, pause) = PATIENCE;
        for _ in 0..tries {
            let mut found = self.name(name)?;
            let dir = found
                .dir
                .try_clone()
                .map_err(|error| failed("hold", &found.path)(super::record::errno(&error)))?;
            match Flock::lock(dir, FlockArg::LockExclusiveNonblock) {
                Ok(_) if !found.last_run_is_over()? => std::thread::sleep(pause),
                // Somebody may have removed it, and another made it anew, between the two calls.
                Ok(lock) if self.is_at(name, &lock) => {
                    found.lock = Some(lock);
                    return Ok(found);
                }
                Ok(_) => {}
                Err((_, Errno::EWOULDBLOCK)) => std::thread::sleep(pause),
                Err((_, errno)) => return Err(failed("lock", &found.path)(errno)),
            }
        }
        Err(in_use(name))
    }

    /// Locks `name`, which is made where it is new.
    ///
    /// # Errors
    /// As [`Store::lock`], and when it cannot be made.
    pub fn take(&self, name: &SandboxName) -> Result<Name, Problem> {
        loop {
            match mkdirat(&self.top, name.as_str(), Mode::S_IRWXU) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(failed("make", &self.path_of(name))(errno)),
            }
            match self.lock(name) {
                // Removed in between by one who resets it.
                Err(problem) if problem.code == "kept.nothing" => {}
                taken => return taken,
            }
        }
    }

    fn is_at(&self, name: &SandboxName, dir: &OwnedFd) -> bool {
        let there = look(self.top.as_fd(), OsStr::new(name.as_str()));
        let inode = fstat(dir).map(|status| status.st_ino);
        matches!((there, inode), (Ok(Some(there)), Ok(inode)) if there.inode == inode)
    }

    fn path_of(&self, name: &SandboxName) -> PathBuf {
        self.path.join(name.as_str())
    }

    fn unknown(&self, name: &SandboxName) -> Problem {
        let known = names(&self.top).unwrap_or_default();
        let known: Vec<String> = known
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .collect();
        let problem = nothing(name);
        match nearest(name.as_str(), known.iter().map(String::as_str)) {
            Some(near) => problem.help(format!("write `{near}`")),
            None => problem,
        }
    }
}

/// That nothing is kept under a name.
pub(super) fn nothing(name: &SandboxName) -> Problem {
    let message = format!("nothing is kept under the name `{name}`");
    Problem::error("kept.nothing", &Origin::Default, message)
}

fn in_use(name: &SandboxName) -> Problem {
    let message = format!("a sandbox of the name `{name}` runs, and holds what is kept under it");
    Problem::error("kept.in-use", &Origin::Default, message).help("wait until it has ended")
}

/// A directory of the caller's alone: others could lay links in it.
fn verify_private(dir: &OwnedFd, path: &Path) -> Result<(), Problem> {
    let status = fstat(dir).map_err(failed("look at", path))?;
    let own = status.st_uid == geteuid().as_raw() && status.st_mode & 0o077 == 0;
    match own {
        true => Ok(()),
        false => Err(not_private(path)),
    }
}

fn not_private(path: &Path) -> Problem {
    let message = format!("`{}` is not a directory of yours alone", path.display());
    Problem::error("kept.not-private", &Origin::Default, message)
        .help("move it away, or give it to yourself with mode 0700")
}

/// What is kept under one name.
#[derive(Debug)]
pub struct Name {
    pub(super) dir: OwnedFd,
    pub(super) path: PathBuf,
    /// The name.
    pub name: SandboxName,
    lock: Option<Flock<OwnedFd>>,
}

impl Name {
    /// The upper layers: that over the tree first, then those of overlays by their targets.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn layers(&self) -> Result<Vec<Layer>, Problem> {
        let mut layers = Vec::new();
        if let Some(dir) = self.open(Path::new(TREE))? {
            layers.extend(Layer::of_tree(dir, &self.path.join(TREE))?);
        }
        if let Some(overlays) = self.open(Path::new(OVERLAYS))? {
            let path = self.path.join(OVERLAYS);
            for id in names(&overlays).map_err(failed("read", &path))? {
                let dir = open_dir(&overlays, &id).map_err(failed("open", &path))?;
                layers.extend(Layer::of_overlay(dir, &path.join(&id), id)?);
            }
        }
        layers.sort_by(|a, b| (&a.target, a.source()).cmp(&(&b.target, b.source())));
        Ok(layers)
    }

    /// Where a run notes its first process: see [`Name::last_run_is_over`].
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn note(&self) -> Result<File, Problem> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_NOFOLLOW;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let note = openat(&self.dir, PROCESS, flags | OFlag::O_CLOEXEC, mode);
        let note = note.map_err(failed("make", &self.path.join(PROCESS)))?;
        Ok(File::from(note))
    }

    /// Whether nobody in a sandbox writes here any more. The lock alone does not tell, where the supervisor
    /// was killed: the first process dies with it and closes what it holds, and the kernel ends all others
    /// only then.
    fn last_run_is_over(&self) -> Result<bool, Problem> {
        let fail = failed("read", &self.path.join(PROCESS));
        let mut note = match open_file(self.dir.as_fd(), OsStr::new(PROCESS)) {
            Err(Errno::ENOENT) => return Ok(true),
            note => note.map_err(&fail)?.take(LONGEST_NOTE),
        };
        let mut text = String::new();
        let read = note.read_to_string(&mut text);
        read.map_err(|error| fail(super::record::errno(&error)))?;
        match text.parse::<Identity>() {
            Ok(process) => process.is_over().map_err(fail),
            // A run that did not come to its start.
            Err(_) => Ok(true),
        }
    }

    fn open(&self, name: &Path) -> Result<Option<OwnedFd>, Problem> {
        match open_dir(&self.dir, name.as_os_str()) {
            Err(Errno::ENOENT) => Ok(None),
            dir => dir.map(Some).map_err(failed("open", &self.path.join(name))),
        }
    }

    /// Removes everything, and the volumes where that is asked for.
    ///
    /// # Errors
    /// When something cannot be removed; what was begun is finished by the next command.
    pub fn reset(self, volumes: Volumes) -> Result<(), Problem> {
        self.drop_overlays()?;
        self.remove(&[TREE])?;
        if volumes == Volumes::Dropped {
            self.remove(&[VOLUMES])?;
        }
        let fail = failed("remove", &self.path);
        let rest = names(&self.dir).map_err(&fail)?;
        if rest.iter().all(|name| name == "trash" || name == PROCESS) {
            let dir = UnlinkatFlags::RemoveDir;
            unlinkat(&self.dir, "trash", dir).map_err(&fail)?;
            match unlinkat(&self.dir, PROCESS, UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(fail(errno)),
            }
            let parent = self.path.parent().unwrap_or(Path::new("/"));
            let parent = open_absolute(parent).map_err(&fail)?;
            unlinkat(parent, self.name.as_str(), dir).map_err(&fail)?;
        }
        Ok(())
    }

    /// Removes the writes of all overlays.
    ///
    /// # Errors
    /// As [`Name::reset`].
    pub fn drop_overlays(&self) -> Result<(), Problem> {
        self.remove(&[OVERLAYS])
    }

    fn remove(&self, names: &[&str]) -> Result<(), Problem> {
        let fail = failed("remove what is kept in", &self.path);
        let mut trash = Trash::open(self.dir.as_fd()).map_err(&fail)?;
        for name in names {
            trash
                .take(self.dir.as_fd(), OsStr::new(name))
                .map_err(&fail)?;
        }
        Ok(())
    }

    /// Removes all writes of one overlay.
    pub(super) fn drop_overlay(&self, layer: &Layer, trash: &mut Trash) -> Result<(), Problem> {
        let path = self.path.join(OVERLAYS);
        let dropped = open_dir(&self.dir, OsStr::new(OVERLAYS))
            .and_then(|overlays| trash.take(overlays.as_fd(), &layer.id));
        dropped.map_err(failed("remove what is kept in", &path))
    }

    /// The place of what is being removed.
    pub(super) fn trash(&self) -> Result<Trash, Problem> {
        Trash::open(self.dir.as_fd()).map_err(failed("remove what is kept in", &self.path))
    }

    /// Whether a sandbox, or a command that changes something, holds it now.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn is_in_use(&self) -> Result<bool, Problem> {
        let fail = failed("look at", &self.path);
        let dir = open_dir(&self.dir, OsStr::new(".")).map_err(&fail)?;
        match Flock::lock(dir, FlockArg::LockSharedNonblock) {
            Ok(_) => self.last_run_is_over().map(|over| !over),
            Err((_, Errno::EWOULDBLOCK)) => Ok(true),
            Err((_, errno)) => Err(fail(errno)),
        }
    }
}

/// Opens a directory of `parent`, which is made, with this mode, where there is none.
pub(super) fn made(parent: &OwnedFd, name: &str) -> nix::Result<OwnedFd> {
    c_name(OsStr::new(name))?;
    match mkdirat(parent, name, Mode::S_IRWXU) {
        Ok(()) | Err(Errno::EEXIST) => open_dir(parent, OsStr::new(name)),
        Err(errno) => Err(errno),
    }
}
