//! From a plan to a draft: each source in its turn, then the mount points.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat};

use super::content::{Content, errno};
use super::draft::{ALLOWED_BITS, DirMeta, Draft, clash};
use super::error::{BuildError, Earlier, Part, Shape, SystemProblem, Trouble};
use super::exclude::Exclude;
use super::progress::Progress;
use super::record::Notes;
use super::stamps::{Stamp, Stamps};
use super::walk::{Last, kind, shape};
use crate::diag::{At, Origin};
use crate::elf::{Environment, Resolver};
use crate::model::{FileMode, InsidePath};
use crate::plan::{Existing, Missing, MountPoint, MountPointKind, TreePlan, TreeSource};

/// Mode of files that nobody described.
const FILE_MODE: u32 = 0o644;

/// What a build leaves beside the tree.
pub(super) struct Product {
    pub notes: Notes,
    /// For a quick look.
    pub quick: Vec<Stamp>,
    /// For a whole look.
    pub whole: Vec<Stamp>,
}

/// Builds the tree of `plan` in the empty directory `aside` of the store `store`.
pub(super) fn build(
    plan: &TreePlan,
    aside: OwnedFd,
    store: &FileStat,
    progress: &mut dyn Progress,
) -> Result<Product, BuildError> {
    let mut builder = Builder::begin(plan, aside, store, progress).map_err(in_store)?;
    for (index, source) in plan.sources.iter().enumerate() {
        builder.index = index;
        builder.source(source)?;
    }
    builder.index = plan.sources.len();
    for point in &plan.mount_points {
        let made = builder.mount_point(point);
        made.map_err(|trouble| BuildError {
            part: Part::MountPoint(point.path.clone()),
            trouble: builder.explain(trouble),
        })?;
    }
    let Builder {
        draft,
        stamps,
        notes,
        ..
    } = builder;
    draft.finish().map_err(in_store)?;
    let (quick, whole) = stamps.finish();
    Ok(Product {
        notes,
        quick,
        whole,
    })
}

/// An error that no source is to blame for.
pub(super) fn in_store(trouble: impl Into<Trouble>) -> BuildError {
    BuildError {
        part: Part::Store,
        trouble: trouble.into(),
    }
}

/// What is wrong with a source, and where in it when that is known more closely.
pub(super) struct Failure {
    pub origin: Option<Origin>,
    pub trouble: Trouble,
}

impl<T: Into<Trouble>> From<T> for Failure {
    fn from(trouble: T) -> Failure {
        Failure {
            origin: None,
            trouble: trouble.into(),
        }
    }
}

/// A build under way.
pub(super) struct Builder<'a> {
    plan: &'a TreePlan,
    pub draft: Draft,
    pub stamps: Stamps,
    pub notes: Notes,
    pub content: Content,
    pub progress: &'a mut dyn Progress,
    /// The host's root.
    pub host: OwnedFd,
    /// Device and inode of the store, which no copy enters.
    pub store: (u64, u64),
    pub resolver: Resolver,
    /// Host paths that the programs of this source have brought.
    pub brought: HashSet<PathBuf>,
    /// Which source gave what: paths inside, with all below.
    pub given: Vec<(PathBuf, usize)>,
    index: usize,
}

impl<'a> Builder<'a> {
    fn begin(
        plan: &'a TreePlan,
        aside: OwnedFd,
        store: &FileStat,
        progress: &'a mut dyn Progress,
    ) -> Result<Builder<'a>, Trouble> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let host =
            open("/", flags, Mode::empty()).map_err(SystemProblem::at("open", Path::new("/")))?;
        Ok(Builder {
            plan,
            draft: Draft::begin(aside)?,
            stamps: Stamps::begin(),
            notes: Notes::default(),
            content: Content::default(),
            progress,
            host,
            store: (store.st_dev, store.st_ino),
            resolver: Resolver::new(Environment {
                path: plan.search_path.clone(),
                library_path: plan.library_path.clone(),
            }),
            brought: HashSet::new(),
            given: Vec::new(),
            index: 0,
        })
    }

    fn source(&mut self, source: &At<TreeSource>) -> Result<(), BuildError> {
        self.one_source(&source.value)
            .map_err(|Failure { origin, trouble }| BuildError {
                part: Part::Source {
                    index: self.index,
                    origin: origin.unwrap_or_else(|| source.origin.clone()),
                },
                trouble: self.explain(trouble),
            })
    }

    fn one_source(&mut self, source: &TreeSource) -> Result<(), Failure> {
        match source {
            TreeSource::Copy {
                from,
                to,
                exclude,
                missing,
            } => self.copy(from, to.as_ref(), &Exclude::new(exclude)?, *missing)?,
            TreeSource::Programs { programs, extra } => {
                let search_path = &self.plan.search_path;
                self.programs(search_path, programs, extra)?;
            }
            TreeSource::File {
                path,
                text,
                mode,
                existing,
            } => self.file(path, text, *mode, *existing)?,
            TreeSource::Dir { path, mode } => self.dir(path, *mode)?,
            TreeSource::Symlink {
                path,
                target,
                existing,
            } => self.symlink(path, target, *existing)?,
        }
        Ok(())
    }

    fn copy(
        &mut self,
        from: &Path,
        to: Option<&InsidePath>,
        exclude: &Exclude,
        missing: Missing,
    ) -> Result<(), Trouble> {
        match self.bring(from, to.map(InsidePath::as_path), exclude) {
            Err(Trouble::Missing(path)) if missing == Missing::Skipped && path == from => {
                self.stamps.always(from, None);
                Ok(())
            }
            done => done,
        }
    }

    fn file(
        &mut self,
        path: &InsidePath,
        text: &str,
        mode: FileMode,
        existing: Existing,
    ) -> Result<(), Trouble> {
        let place = self.draft.place(path.as_path(), Last::Kept)?;
        if place.found.is_some() && existing == Existing::Kept {
            return Ok(());
        }
        self.give(path.as_path());
        let file = self
            .draft
            .new_file(place.parent.as_fd(), &place.name, &place.path)?;
        let mut file = File::from(file);
        let written = file.write_all(text.as_bytes()).map_err(errno);
        written.map_err(SystemProblem::at("write", &place.path))?;
        set_mode(&file, mode.0, &place.path)
    }

    fn dir(&mut self, path: &InsidePath, FileMode(mode): FileMode) -> Result<(), Trouble> {
        self.give(path.as_path());
        let spot = self.draft.directory(path.as_path())?;
        self.draft
            .describe(&spot.path, DirMeta { mode, times: None });
        Ok(())
    }

    fn symlink(
        &mut self,
        path: &InsidePath,
        target: &str,
        existing: Existing,
    ) -> Result<(), Trouble> {
        let place = self.draft.place(path.as_path(), Last::Kept)?;
        if place.found.is_some() && existing == Existing::Kept {
            return Ok(());
        }
        self.give(path.as_path());
        self.draft.link(&place, target.as_ref(), None)
    }

    fn mount_point(&mut self, MountPoint { path, kind }: &MountPoint) -> Result<(), Trouble> {
        self.refuse_kernel_links(path)?;
        match kind {
            MountPointKind::Directory => self.draft.directory(path.as_path()).map(drop),
            MountPointKind::File => self.file_mount_point(path.as_path()),
        }
    }

    /// What is mounted at /proc, /sys and /dev is meant to be found there and nowhere else.
    fn refuse_kernel_links(&mut self, path: &InsidePath) -> Result<(), Trouble> {
        if !matches!(path.names().next(), Some("proc" | "sys" | "dev")) {
            return Ok(());
        }
        let mut prefix = PathBuf::from("/");
        for name in path.names() {
            prefix.push(name);
            let place = self.draft.place(&prefix, Last::Kept)?;
            match place.found {
                Some(stat) if kind(&stat) == SFlag::S_IFLNK => {
                    return Err(Trouble::LinkedMountPoint(place.path));
                }
                Some(_) => {}
                None => break,
            }
        }
        Ok(())
    }

    fn file_mount_point(&mut self, path: &Path) -> Result<(), Trouble> {
        let place = self.draft.place(path, Last::Followed)?;
        match &place.found {
            Some(stat) if kind(stat) == SFlag::S_IFREG => Ok(()),
            Some(stat) => Err(clash(place.path, Shape::File, shape(stat))),
            None => {
                let file = self
                    .draft
                    .new_file(place.parent.as_fd(), &place.name, &place.path)?;
                set_mode(&file, FILE_MODE, &place.path)
            }
        }
    }

    /// Remembers that this source gives `path` inside.
    pub(super) fn give(&mut self, path: &Path) {
        self.given.push((path.to_owned(), self.index));
    }

    /// Adds to a clash which earlier source it is with.
    fn explain(&self, trouble: Trouble) -> Trouble {
        let Trouble::Clash {
            path,
            wanted,
            found,
            earlier: None,
        } = trouble
        else {
            return trouble;
        };
        let gave = |(given, index): &&(PathBuf, usize)| {
            // What was made on the way to a gift was made by the giver too.
            (path.starts_with(given) || given.starts_with(&path)) && *index < self.index
        };
        let index = self.given.iter().rev().find(gave).map(|(_, index)| *index);
        let earlier = index.and_then(|index| {
            let origin = self.plan.sources.get(index)?.origin.clone();
            Some(Earlier { index, origin })
        });
        Trouble::Clash {
            path,
            wanted,
            found,
            earlier,
        }
    }
}

/// Sets a file's permission bits, less those that no file of a tree has.
pub(super) fn set_mode(file: impl AsFd, mode: u32, path: &Path) -> Result<(), Trouble> {
    let mode = Mode::from_bits_truncate(mode & ALLOWED_BITS);
    fchmod(file, mode).map_err(SystemProblem::at("set the mode of", path))?;
    Ok(())
}

/// What an open file is.
pub(super) fn stat_of(file: impl AsFd, path: &Path) -> Result<FileStat, Trouble> {
    Ok(fstat(file).map_err(SystemProblem::at("look at", path))?)
}
