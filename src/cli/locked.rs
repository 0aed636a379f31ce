//! Locks as files beside their profiles, and what `--locked` makes of them.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::diag::{Origin, Problem, Problems, Sources};
use crate::lock::{self, Detail, Lock, LockedTree, compare, render};
use crate::plan::Plan;
use crate::rootfs::{Refresh, Store, Tree};

use super::output;
use super::profile::general;
use super::tree::{self, Wanted};

/// Differences that an error lists.
pub const MOST_LINES: usize = 20;

/// A lock larger than this is refused: a tree of a million files has one of half the size.
const MOST_BYTES: u64 = 512 << 20;

/// A lock's file, read.
pub struct Held {
    /// As it stands there.
    pub text: String,
    /// What it says.
    pub lock: Lock,
}

/// What may be taken from an earlier look at the same tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Its digests, and its packages as they were when it was first locked: a tree never changes.
    Tree,
    /// Nothing: each file is read, each package looked up.
    Nothing,
}

/// A profile and the place of its lock: `dev.lock` for `dev.toml`.
pub struct Place<'a> {
    profile: &'a Path,
    /// The lock's path, whether it is there or not.
    pub file: PathBuf,
}

impl<'a> Place<'a> {
    /// The place beside a profile.
    ///
    /// # Errors
    /// When the profile has that name itself.
    pub fn beside(profile: &'a Path) -> Result<Place<'a>, Problem> {
        let file = profile.with_extension("lock");
        if file == profile {
            let name = profile.display();
            let message = format!("profile `{name}` has the name that its lock would have");
            let problem = general("lock.name", message);
            return Err(problem.help("rename it, so that it ends with `.toml`"));
        }
        Ok(Place { profile, file })
    }

    /// The same, where there is a lock: who has none is told before a tree is built.
    ///
    /// # Errors
    /// When there is none.
    pub fn filled(profile: &'a Path) -> Result<Place<'a>, Problem> {
        let place = Place::beside(profile)?;
        match place.file.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(place.unreadable(&error)),
            _ => Ok(place),
        }
    }

    /// The command that writes the lock.
    fn command(&self) -> String {
        format!("`sandbox lock {}`", self.profile.display())
    }

    fn unreadable(&self, error: &io::Error) -> Problem {
        let (name, command) = (self.file.display(), self.command());
        match error.kind() {
            ErrorKind::NotFound => general("lock.missing", format!("there is no lock `{name}`"))
                .help(format!("write it with {command}, and keep it in git")),
            ErrorKind::InvalidData => {
                general("lock.unreadable", format!("lock `{name}` is not UTF-8")).help(format!(
                    "restore it from git, or write it anew with {command}"
                ))
            }
            _ => general(
                "lock.unreadable",
                format!("lock `{name}` cannot be read: {error}"),
            ),
        }
    }
}

/// The tree of a plan, after a look at every file that it was made of.
///
/// # Errors
/// When it cannot be had.
pub fn look(profile: &Path, plan: &Plan) -> Result<(Store, Tree), Box<Problem>> {
    let store = tree::open_store()?;
    let wanted = Wanted {
        plan: &plan.settings.tree,
        profile,
        refresh: Refresh::Look,
    };
    let tree = tree::obtain(&store, &wanted)?;
    Ok((store, tree))
}

/// The lock of a tree that is in use.
pub fn lock(plan: &Plan, tree: &Tree, known: Known) -> Result<Lock, Problem> {
    let kept = match known {
        Known::Tree => tree.locked().and_then(|text| lock::parse_tree(&text)),
        Known::Nothing => None,
    };
    let locked = match kept {
        Some(kept) => kept,
        None => read_tree(plan, tree)?,
    };
    let whole = Lock {
        tree: locked,
        ..head(plan)
    };
    Ok(whole.without(&plan.settings.private))
}

/// A lock without its tree.
fn head(plan: &Plan) -> Lock {
    Lock {
        profile: plan.settings.name.value.as_str().to_owned(),
        live: lock::live(&plan.settings),
        tree: LockedTree::default(),
    }
}

fn read_tree(plan: &Plan, tree: &Tree) -> Result<LockedTree, Problem> {
    let manifest = tree.manifest();
    let manifest = manifest.map_err(|error| general("store.manifest", error.to_string()))?;
    let collected = lock::collect(
        &manifest,
        &tree.root,
        Path::new("/"),
        &lock::generated(&plan.settings.tree),
    );
    let lock::Collected {
        tree: locked,
        notes,
    } = collected.map_err(|error| {
        general("lock.unreadable", error.to_string())
            .help("give it a mode that lets its owner read it, or leave it out")
    })?;
    for note in notes {
        output::error_text(&format!("sandbox: note: {note}\n"));
    }
    // Without it the next start reads the tree again; a full disk is no reason not to start.
    tree.keep_locked(&locked.to_string()).ok();
    Ok(locked)
}

/// Whether the tree is the one that the lock at `place` describes.
///
/// # Errors
/// Every way in which it is not, in words.
pub fn verify(
    place: &Place<'_>,
    plan: &Plan,
    tree: &Tree,
    known: Known,
    sources: &mut Sources,
) -> Result<(), Problems> {
    if known == Known::Tree && is_kept(&place.file, plan, tree) {
        return Ok(());
    }
    let was = read(place, sources)?.lock;
    let mut is = lock(plan, tree, known)?;
    if is_renamed(plan) {
        is.profile.clone_from(&was.profile);
    }
    let differences = compare(&was, &is);
    let Some(first) = differences.first() else {
        return Ok(());
    };
    let name = place.file.display();
    let more = match differences.len() - 1 {
        0 => String::new(),
        1 => ", and 1 more difference".to_owned(),
        more => format!(", and {more} more differences"),
    };
    if differences.len() > 1 {
        output::error_text(&render(&differences, Detail::Lines(MOST_LINES)));
    }
    let message = format!("the root tree is not the one that `{name}` locks: {first}{more}");
    let (profile, command) = (place.profile.display(), place.command());
    let help = format!(
        "see all with `sandbox lock --diff {profile}`; if they are wanted, write the lock anew with {command}"
    );
    let problem = general("lock.differs", message).help(help);
    Err(problem.into())
}

/// Whether the name is the command line's (`--name`): it names a run, and the profile is the same.
fn is_renamed(plan: &Plan) -> bool {
    plan.settings.name.origin == Origin::CommandLine
}

/// Whether the file holds, byte by byte, the lock that was made of this tree before: the usual case, in
/// which nothing is parsed.
fn is_kept(file: &Path, plan: &Plan, tree: &Tree) -> bool {
    // With a private value the file does not show the tree's own paths.
    if !plan.settings.private.is_empty() || is_renamed(plan) {
        return false;
    }
    let head = head(plan).to_string();
    let mut found = vec![0; head.len()];
    let Ok(mut text) = open_text(file) else {
        return false;
    };
    text.read_exact(&mut found).is_ok() && found == head.as_bytes() && tree.has_locked(text)
}

/// Reads the lock at `place`.
///
/// # Errors
/// `lock.missing`, `lock.unreadable`, and `lock.syntax` for each line that is none of a lock.
pub fn read(place: &Place<'_>, sources: &mut Sources) -> Result<Held, Problems> {
    let text = read_text(&place.file).map_err(|error| place.unreadable(&error))?;
    let mut problems = Problems::new();
    let id = sources.add(place.file.to_string_lossy(), text.clone());
    match lock::parse(id, &text, &mut problems) {
        Some(lock) => Ok(Held { text, lock }),
        None => Err(problems),
    }
}

fn read_text(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    open_text(file)?.read_to_string(&mut text)?;
    Ok(text)
}

fn open_text(file: &Path) -> io::Result<impl Read> {
    // Opening a pipe could wait for ever.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(file)?;
    let metadata = opened.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.len() > MOST_BYTES {
        return Err(io::Error::other("it is larger than 512 MiB"));
    }
    Ok(opened.take(MOST_BYTES))
}

/// Writes a lock: a new file takes the place of the old one, whatever that was, in one step.
///
/// # Errors
/// When the directory cannot be written, or the disk is full: the old file is still there.
pub fn write(file: &Path, text: &str) -> Result<(), Problem> {
    let failed = |errno: Errno| {
        let (name, reason) = (file.display(), errno.desc().to_lowercase());
        general(
            "lock.write",
            format!("cannot write the lock `{name}`: {reason}"),
        )
    };
    let parent = file.parent().filter(|dir| !dir.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let dir = open(parent, flags, Mode::empty()).map_err(failed)?;
    let name = file.file_name().unwrap_or_default();
    let new = format!(".{}.{}", name.to_string_lossy(), std::process::id());
    let written = create(&dir, &new, text).and_then(|()| renameat(&dir, new.as_str(), &dir, name));
    if written.is_err() {
        // Where it was not even made there is none.
        unlinkat(&dir, new.as_str(), UnlinkatFlags::NoRemoveDir).ok();
    }
    written.map_err(failed)
}

/// Makes the new file; a link that somebody laid under its name is not followed, nor is a file reused.
fn create(dir: impl AsFd, name: &str, text: &str) -> nix::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let mode = Mode::from_bits_truncate(0o666);
    let made = match openat(&dir, name, flags, mode) {
        // Left by a process that was killed and had the same id.
        Err(Errno::EEXIST) => {
            unlinkat(&dir, name, UnlinkatFlags::NoRemoveDir)?;
            openat(&dir, name, flags, mode)
        }
        made => made,
    };
    let mut file = File::from(made?);
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    written.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}
