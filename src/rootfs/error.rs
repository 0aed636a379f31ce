//! What can go wrong while a tree is built or found.

use std::fmt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::archive::ArchiveError;
use crate::diag::Origin;
use crate::elf::ResolveError;
use crate::model::{Bundle, InsidePath};
use crate::oci::ImageError;

/// A store that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The directory belongs to somebody else, who could change every tree in it.
    Foreign {
        /// The store.
        dir: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// Others may write the directory.
    Writable {
        /// The store.
        dir: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file of the store is missing, or not what was written.
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// A system call failed.
    System(SystemProblem),
}

impl StoreError {
    /// What to do about it, as an imperative.
    pub fn help(&self) -> Option<String> {
        match self {
            StoreError::Foreign { .. } => {
                Some("set XDG_CACHE_HOME to a directory of your own".to_owned())
            }
            StoreError::Writable { dir, .. } => Some(format!("run `chmod 0700 {}`", dir.display())),
            StoreError::Damaged { .. } => {
                Some("build the tree again: `sandbox build --verify PROFILE`".to_owned())
            }
            StoreError::System(problem) => problem.help(),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Foreign { dir, owner } => {
                write!(f, "store `{}` belongs to user {owner}", dir.display())
            }
            StoreError::Writable { dir, mode } => {
                let dir = dir.display();
                write!(
                    f,
                    "store `{dir}` can be written by others (mode {mode:04o})"
                )
            }
            StoreError::Damaged { path } => {
                write!(f, "`{}` in the store is missing or damaged", path.display())
            }
            StoreError::System(problem) => problem.fmt(f),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<SystemProblem> for StoreError {
    fn from(problem: SystemProblem) -> StoreError {
        StoreError::System(problem)
    }
}

/// A system call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemProblem {
    /// What it was for: "copy", "make the directory".
    pub doing: &'static str,
    /// On what: a path of the store, of the host, or inside the tree.
    pub path: PathBuf,
    /// Why not.
    pub errno: Errno,
}

impl SystemProblem {
    /// For `map_err`: the errno of a call on `path`.
    pub(super) fn at(doing: &'static str, path: &Path) -> impl FnOnce(Errno) -> SystemProblem {
        move |errno| SystemProblem {
            doing,
            path: path.to_owned(),
            errno,
        }
    }

    /// What to do about it, as an imperative.
    pub fn help(&self) -> Option<String> {
        let help = match self.errno {
            Errno::ENOSPC | Errno::EDQUOT => {
                "make room, or set XDG_CACHE_HOME to a directory on another file system"
            }
            Errno::EROFS => "set XDG_CACHE_HOME to a directory that can be written",
            Errno::EMFILE => "raise the limit of open files (`ulimit -n`)",
            _ => return None,
        };
        Some(help.to_owned())
    }
}

impl fmt::Display for SystemProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SystemProblem { doing, path, errno } = self;
        write!(
            f,
            "cannot {doing} `{}`: {}",
            path.display(),
            meaning(*errno)
        )
    }
}

/// What an errno means here: only the store is ever written.
fn meaning(errno: Errno) -> String {
    match errno {
        Errno::ENOSPC => "the store's file system is full".to_owned(),
        Errno::EDQUOT => "the disk quota on the store's file system is used up".to_owned(),
        Errno::EROFS => "the store's file system is read-only".to_owned(),
        errno => errno.desc().to_lowercase(),
    }
}

/// A tree that could not be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    /// Which part of the plan it is about.
    pub part: Part,
    /// What is wrong.
    pub trouble: Trouble,
}

impl BuildError {
    /// Where the part that failed was asked for.
    pub fn origin(&self) -> Option<&Origin> {
        match &self.part {
            Part::Source { origin, .. } => Some(origin),
            Part::Store | Part::MountPoint(_) => None,
        }
    }

    /// What to do about it, as an imperative.
    pub fn help(&self) -> Option<String> {
        self.trouble.help()
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Part::Store | Part::Source { .. } => self.trouble.fmt(f),
            Part::MountPoint(path) => write!(f, "mount point `{path}`: {}", self.trouble),
        }
    }
}

impl std::error::Error for BuildError {}

/// The part of a tree's plan that an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// None: the store itself.
    Store,
    /// `sources[index]`, or a value in it.
    Source {
        /// Its place in the plan.
        index: usize,
        /// The line that asked for it.
        origin: Origin,
    },
    /// A mount point.
    MountPoint(InsidePath),
}

/// What is wrong with one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The host has no such path.
    Missing(PathBuf),
    /// Host files that the caller may not read.
    Unreadable {
        /// The first of them.
        first: PathBuf,
        /// How many.
        count: usize,
    },
    /// A host file was written while it was copied, twice.
    Changing(PathBuf),
    /// A host path that names neither a file nor a directory.
    Special(PathBuf),
    /// A host path in a file system that the kernel makes up.
    KernelFile(PathBuf),
    /// A program that is nowhere in the search path.
    NotFound {
        /// Its name.
        name: String,
        /// Where it was looked for.
        looked: Vec<PathBuf>,
        /// The most similar name there.
        nearest: Option<String>,
    },
    /// A bundle of which the host has nothing.
    NoBundle {
        /// Which.
        bundle: Bundle,
        /// Where it was looked for; `*` stands for any part of a name.
        looked: Vec<&'static str>,
        /// What to install, as the end of a sentence.
        packages: &'static str,
    },
    /// A program whose needs cannot be told.
    Unresolved(ResolveError),
    /// A pattern that is none.
    Pattern {
        /// As written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two sources give one path as different kinds of file.
    Clash {
        /// The path inside.
        path: PathBuf,
        /// What this source wants there.
        wanted: Shape,
        /// What is there.
        found: Shape,
        /// The source that put it there.
        earlier: Option<Earlier>,
    },
    /// A mount point of the kernel's file systems is a link (CVE-2019-16884).
    LinkedMountPoint(PathBuf),
    /// More than 40 links on the way.
    Loop(PathBuf),
    /// Directories nested too deep to be copied.
    Deep(PathBuf),
    /// More files and directories than a tree may have.
    Crowded {
        /// The path inside that asks for one more.
        path: PathBuf,
        /// How many a tree may have.
        most: usize,
    },
    /// Another name for a file that an archive does not have.
    HardLink {
        /// The path inside of the name.
        path: PathBuf,
        /// What it should be a name of.
        target: PathBuf,
    },
    /// The bytes of this file of an archive cannot be read, and why.
    Content(PathBuf, String),
    /// An archive that is not taken in.
    Archive(ArchiveError),
    /// An image that is not taken in.
    Image(ImageError),
    /// The store cannot be used.
    Store(StoreError),
    /// A system call failed.
    System(SystemProblem),
}

/// The source that made something first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Its place in the plan.
    pub index: usize,
    /// The line that asked for it.
    pub origin: Origin,
}

/// The kinds of file that cannot stand for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A symbolic link.
    Link,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::Directory => "a directory",
            Shape::File => "a file",
            Shape::Link => "a symbolic link",
        })
    }
}

impl From<SystemProblem> for Trouble {
    fn from(problem: SystemProblem) -> Trouble {
        Trouble::System(problem)
    }
}

impl Trouble {
    fn help(&self) -> Option<String> {
        let help = match self {
            Trouble::Missing(_) => "correct the path, or write `optional = true`".to_owned(),
            Trouble::Unreadable { first, count } => unreadable_help(first, *count),
            Trouble::Changing(path) => {
                format!(
                    "stop what writes it, or add it to `exclude`: `{}`",
                    name_of(path)
                )
            }
            Trouble::KernelFile(_) => {
                "write a `symlink` source for it, or switch `[system]` on".to_owned()
            }
            Trouble::NotFound { nearest, .. } => format!("write `{}`", nearest.as_ref()?),
            Trouble::NoBundle { packages, .. } => format!("install {packages}"),
            Trouble::Clash { .. } => "give one of the two another place with `to`".to_owned(),
            Trouble::Archive(error) => error.help()?,
            Trouble::Image(error) => error.help()?,
            Trouble::Store(error) => error.help()?,
            Trouble::System(problem) => problem.help()?,
            _ => return None,
        };
        Some(help)
    }
}

fn unreadable_help(first: &Path, count: usize) -> String {
    let name = name_of(first);
    match count {
        1 => format!("leave it out: `exclude = [\"{name}\"]`"),
        _ => format!("leave them out: `exclude = [\"{name}\", …]`"),
    }
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Missing(path) => write!(f, "`{}` does not exist", path.display()),
            Trouble::Unreadable { first, count: 1 } => {
                write!(f, "`{}` cannot be read: permission denied", first.display())
            }
            Trouble::Unreadable { first, count } => {
                let (first, others) = (first.display(), count - 1);
                write!(
                    f,
                    "`{first}` and {others} more cannot be read: permission denied"
                )
            }
            Trouble::Changing(path) => {
                write!(f, "`{}` changed while it was copied", path.display())
            }
            Trouble::Special(path) => {
                write!(f, "`{}` is neither a file nor a directory", path.display())
            }
            Trouble::KernelFile(path) => {
                let path = path.display();
                write!(
                    f,
                    "`{path}` lies in a file system of the kernel and cannot be copied"
                )
            }
            Trouble::NotFound { name, looked, .. } => not_found(f, name, looked),
            Trouble::NoBundle { bundle, looked, .. } => no_bundle(f, *bundle, looked),
            Trouble::Unresolved(error) => error.fmt(f),
            Trouble::Pattern { pattern, reason } => {
                write!(f, "`{pattern}` is not a pattern: {reason}")
            }
            Trouble::Clash {
                path,
                wanted,
                found,
                earlier,
            } => clash(f, path, (*wanted, *found), earlier.as_ref()),
            Trouble::LinkedMountPoint(path) => {
                let path = path.display();
                write!(
                    f,
                    "`{path}` is a symbolic link, through which nothing is mounted"
                )
            }
            Trouble::Loop(path) => write!(f, "`{}` leads through too many links", path.display()),
            Trouble::Deep(path) => write!(f, "`{}` is nested too deep", path.display()),
            Trouble::Crowded { path, most } => write!(
                f,
                "`{}` is too much: a tree has at most {most} files and directories",
                path.display()
            ),
            Trouble::HardLink { path, target } => {
                let (path, target) = (path.display(), target.display());
                write!(
                    f,
                    "`{path}` is a hard link to `{target}`, which is no file of the archive"
                )
            }
            Trouble::Content(path, reason) => {
                write!(f, "`{}` cannot be unpacked: {reason}", path.display())
            }
            Trouble::Archive(error) => error.fmt(f),
            Trouble::Image(error) => error.fmt(f),
            Trouble::Store(error) => error.fmt(f),
            Trouble::System(problem) => problem.fmt(f),
        }
    }
}

fn not_found(f: &mut fmt::Formatter<'_>, name: &str, looked: &[PathBuf]) -> fmt::Result {
    write!(f, "program `{name}` was not found")?;
    for (index, dir) in looked.iter().enumerate() {
        let before = if index == 0 { " in" } else { "," };
        write!(f, "{before} `{}`", dir.display())?;
    }
    Ok(())
}

fn no_bundle(f: &mut fmt::Formatter<'_>, bundle: Bundle, looked: &[&str]) -> fmt::Result {
    write!(
        f,
        "this host has nothing for the bundle `{bundle}`: it is not in"
    )?;
    for (index, path) in looked.iter().enumerate() {
        let before = if index == 0 { "" } else { "," };
        write!(f, "{before} `{path}`")?;
    }
    Ok(())
}

fn clash(
    f: &mut fmt::Formatter<'_>,
    path: &Path,
    (wanted, found): (Shape, Shape),
    earlier: Option<&Earlier>,
) -> fmt::Result {
    write!(f, "`{}` would be {wanted}, but ", path.display())?;
    match earlier {
        Some(earlier) => write!(f, "source {} made it {found}", earlier.index + 1),
        None => write!(f, "is {found} already"),
    }
}
