//! What the root tree holds.

use std::path::PathBuf;

use serde::Serialize;

use crate::diag::At;
use crate::model::{Bundle, FileMode, ImageName, InsidePath, Sha256};

/// The root tree of a sandbox: sources in order, a later one over an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TreePlan {
    /// What goes in.
    pub sources: Vec<At<TreeSource>>,
    /// Where something is mounted at the start, so that nothing has to be made then.
    pub mount_points: Vec<MountPoint>,
    /// Where programs are looked for: the PATH that the program will have.
    pub search_path: Vec<PathBuf>,
    /// LD_LIBRARY_PATH that the program will have.
    pub library_path: Vec<PathBuf>,
}

/// One thing that goes into a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum TreeSource {
    /// A host file or directory, copied. Links on the way to it come too, with what they point to;
    /// links inside a directory come as they are, wherever they point.
    Copy {
        /// Absolute host path.
        from: PathBuf,
        /// Where to, when not to the same path; then the links on the way stay behind.
        to: Option<InsidePath>,
        /// Patterns of what stays out of a directory: without a slash names at any depth (`*.pyc`),
        /// with one paths relative to the source (`/cache`, `lib/**/*.a`), with one at the end
        /// directories only.
        exclude: Vec<String>,
        /// What happens when the host has no such path.
        missing: Missing,
        /// Whether it gives way.
        existing: Existing,
    },
    /// Programs with their interpreters, loaders and libraries, at their host paths; every link
    /// on the way to each of them comes along, also by the other directories of the search path.
    /// A Python, Perl, Ruby or Node among them comes with its own library.
    Programs {
        /// Names to find in the search path, or absolute host paths.
        programs: Vec<At<String>>,
        /// Files opened at run time (absolute host paths), with their libraries.
        extra: Vec<At<PathBuf>>,
    },
    /// What programs open at run time, at its host paths; a link that leads elsewhere brings
    /// what it leads to, and plug-ins bring their libraries.
    Bundle {
        /// What for.
        bundles: Vec<At<Bundle>>,
    },
    /// All members of a tar file: plain, or packed with gzip, zstd or xz.
    Archive {
        /// Absolute host path.
        path: PathBuf,
        /// What the file has to hash to, where it is said.
        sha256: Option<Sha256>,
        /// The directory that it is unpacked in.
        to: InsidePath,
    },
    /// All layers of an image, one over the other.
    Image(ImageName),
    /// A file with this text.
    File {
        /// Path inside.
        path: InsidePath,
        /// Its content.
        text: String,
        /// Its permission bits.
        mode: FileMode,
        /// Whether it gives way.
        existing: Existing,
    },
    /// A directory.
    Dir {
        /// Path inside.
        path: InsidePath,
        /// Its permission bits.
        mode: FileMode,
    },
    /// A symbolic link.
    Symlink {
        /// Path inside.
        path: InsidePath,
        /// Its text.
        target: String,
        /// Whether it gives way.
        existing: Existing,
    },
}

/// What happens when a source's host path is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Missing {
    /// It is an error.
    Refused,
    /// It is left out.
    Skipped,
}

/// What happens when an earlier source gave the same path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Existing {
    /// It is replaced.
    Replaced,
    /// It stays.
    Kept,
}

/// A place where something is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MountPoint {
    /// Path inside.
    pub path: InsidePath,
    /// A directory's mount needs a directory, everything else's a file.
    pub kind: MountPointKind,
}

/// What a mount point has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum MountPointKind {
    /// A directory.
    Directory,
    /// A file.
    File,
}
