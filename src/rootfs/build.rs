//! From a plan to a tree: each source in its turn and the mount points go into a layout, which is then
//! written.

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode};

use super::error::{BuildError, Earlier, Part, Shape, SystemProblem, Trouble};
use super::exclude::Exclude;
use super::inventory::{Inventory, inventory};
use super::key::Key;
use super::layout::{Body, Content, Layout, Meta, NodeId, Supply};
use super::linker::Altered;
use super::pool::Pool;
use super::progress::Progress;
use super::record::Notes;
use super::stamps::{Identity, Stamp, Stamps};
use super::times::Times;
use super::walk::Last;
use super::write::{Failed, Job, Written, write};
use crate::diag::{At, Origin};
use crate::elf::{Environment, Resolver};
use crate::model::{FileMode, InsidePath};
use crate::plan::{Existing, Missing, MountPoint, MountPointKind, TreePlan, TreeSource};

/// Mode of files that nobody described.
const FILE_MODE: u32 = 0o644;

/// Where a tree is built, and what there is to build it from.
pub(super) struct Site<'a> {
    /// The empty directory that becomes the tree's root.
    pub root: BorrowedFd<'a>,
    /// A directory beside it for the contents of archives, by their keys.
    pub received: BorrowedFd<'a>,
    /// What other trees have.
    pub pool: &'a Pool,
    /// What times its file system holds.
    pub times: Times,
    /// The store's own directory, and what it is.
    pub store: BorrowedFd<'a>,
    pub store_stat: &'a FileStat,
}

/// What a build leaves beside the tree.
#[derive(Default)]
pub(super) struct Product {
    pub notes: Notes,
    /// For a quick look.
    pub quick: Vec<Stamp>,
    /// For a whole look.
    pub whole: Vec<Stamp>,
    /// Everything in the tree.
    pub inventory: Inventory,
    /// Files of other trees that are not as they were written.
    pub altered: Vec<Altered>,
}

/// Builds the tree of `plan`.
pub(super) fn build(
    plan: &TreePlan,
    site: &Site<'_>,
    progress: &mut dyn Progress,
) -> Result<Product, BuildError> {
    let mut builder = Builder::begin(plan, site).map_err(in_store)?;
    for (index, source) in plan.sources.iter().enumerate() {
        builder.layout.source = index;
        builder.layout.layer += 1;
        builder.source(source)?;
    }
    builder.layout.source = plan.sources.len();
    for point in &plan.mount_points {
        let made = builder.mount_point(point);
        made.map_err(|trouble| BuildError {
            part: Part::MountPoint(point.path.clone()),
            trouble: builder.explain(trouble),
        })?;
    }
    builder.write(progress)
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

/// How closely a file is watched for changes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Watch {
    /// At each look.
    Always,
    /// As one of many in a directory's copy, this deep.
    Among(usize),
}

/// A file whose stamp is known when it has been read.
pub(super) struct Watched {
    pub path: PathBuf,
    pub id: NodeId,
    pub watch: Watch,
}

/// A build under way.
pub(super) struct Builder<'a> {
    plan: &'a TreePlan,
    pub site: &'a Site<'a>,
    pub layout: Layout,
    pub stamps: Stamps,
    pub watched: Vec<Watched>,
    pub notes: Notes,
    /// The host's root.
    pub host: OwnedFd,
    /// The host directories that files lie in.
    pub host_dirs: Vec<PathBuf>,
    /// Files of the host that have several names, by device and inode.
    pub linked: HashMap<(u64, u64), (NodeId, Identity)>,
    /// The numbers of file systems that have one of their own, by device.
    pub volumes: HashMap<u64, u64>,
    /// The contents of archives that lie beside the tree.
    pub received: HashMap<Key, Supply>,
    /// What cannot be read, by source.
    pub unreadable: Vec<(usize, PathBuf)>,
    pub resolver: Resolver,
    /// Host paths that the programs of this source have brought.
    pub brought: HashSet<PathBuf>,
}

impl<'a> Builder<'a> {
    fn begin(plan: &'a TreePlan, site: &'a Site<'a>) -> Result<Builder<'a>, Trouble> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let host =
            open("/", flags, Mode::empty()).map_err(SystemProblem::at("open", Path::new("/")))?;
        Ok(Builder {
            plan,
            site,
            layout: Layout::new(),
            stamps: Stamps::begin(),
            watched: Vec::new(),
            notes: Notes::default(),
            host,
            host_dirs: Vec::new(),
            linked: HashMap::new(),
            volumes: HashMap::new(),
            received: HashMap::new(),
            unreadable: Vec::new(),
            resolver: Resolver::new(Environment {
                path: plan.search_path.clone(),
                library_path: plan.library_path.clone(),
            }),
            brought: HashSet::new(),
        })
    }

    fn source(&mut self, source: &At<TreeSource>) -> Result<(), BuildError> {
        self.one_source(&source.value)
            .map_err(|Failure { origin, trouble }| BuildError {
                part: Part::Source {
                    index: self.layout.source,
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
                existing,
            } => {
                let inside = to.as_ref().map_or(from.as_path(), InsidePath::as_path);
                if *existing == Existing::Replaced || !self.is_given(inside)? {
                    self.copy(from, to.as_ref(), &Exclude::new(exclude)?, *missing)?;
                }
            }
            TreeSource::Programs { programs, extra } => {
                let search_path = &self.plan.search_path;
                self.programs(search_path, programs, extra)?;
            }
            TreeSource::Bundle { bundles } => self.bundles(bundles)?,
            TreeSource::Archive { path, sha256, to } => {
                self.archive(path, sha256.as_ref(), to.as_path())?;
            }
            TreeSource::Image(name) => self.image(name)?,
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
                self.watch_absent(from);
                Ok(())
            }
            done => done,
        }
    }

    fn is_given(&mut self, path: &Path) -> Result<bool, Trouble> {
        Ok(self.layout.place(path, Last::Kept)?.found.is_some())
    }

    fn file(
        &mut self,
        path: &InsidePath,
        text: &str,
        mode: FileMode,
        existing: Existing,
    ) -> Result<(), Trouble> {
        let text = text.as_bytes().to_vec();
        self.given(path, mode.0, Body::File(Content::Text(text)), existing)
    }

    fn symlink(
        &mut self,
        path: &InsidePath,
        target: &str,
        existing: Existing,
    ) -> Result<(), Trouble> {
        self.given(path, 0o777, Body::Symlink(target.into()), existing)
    }

    fn given(
        &mut self,
        path: &InsidePath,
        mode: u32,
        body: Body,
        existing: Existing,
    ) -> Result<(), Trouble> {
        let place = self.layout.place(path.as_path(), Last::Kept)?;
        if place.found.is_some() && existing == Existing::Kept {
            return Ok(());
        }
        let meta = Meta {
            mode,
            ..Meta::default()
        };
        let id = self.layout.add(meta, body);
        self.layout.put(&place, id)
    }

    fn dir(&mut self, path: &InsidePath, FileMode(mode): FileMode) -> Result<(), Trouble> {
        let spot = self.layout.directory(path.as_path())?;
        let meta = Meta {
            mode,
            ..Meta::default()
        };
        self.layout.describe(spot.id, meta);
        Ok(())
    }

    fn mount_point(&mut self, MountPoint { path, kind }: &MountPoint) -> Result<(), Trouble> {
        self.refuse_kernel_links(path)?;
        match kind {
            MountPointKind::Directory => self.layout.directory(path.as_path()).map(drop),
            MountPointKind::File => self.file_mount_point(path.as_path()),
        }
    }

    /// What is mounted at /proc, /sys and /dev is meant to be found there and nowhere else.
    fn refuse_kernel_links(&mut self, path: &InsidePath) -> Result<(), Trouble> {
        if !matches!(path.names().next(), Some("proc" | "sys" | "dev")) {
            return Ok(());
        }
        let mut here = NodeId::ROOT;
        let mut prefix = PathBuf::from("/");
        for name in path.names() {
            prefix.push(name);
            let Some(found) = self.layout.child(here, name.as_ref()) else {
                break;
            };
            if self.layout.shape(found) == Shape::Link {
                return Err(Trouble::LinkedMountPoint(prefix));
            }
            here = found;
        }
        Ok(())
    }

    fn file_mount_point(&mut self, path: &Path) -> Result<(), Trouble> {
        let place = self.layout.place(path, Last::Followed)?;
        match place.found {
            Some(id) if self.layout.shape(id) == Shape::File => Ok(()),
            Some(id) => Err(self.layout.clash(place.path, Shape::File, id)),
            None => {
                let meta = Meta {
                    mode: FILE_MODE,
                    ..Meta::default()
                };
                let empty = Body::File(Content::Text(Vec::new()));
                let id = self.layout.add(meta, empty);
                self.layout.put(&place, id)
            }
        }
    }

    /// Writes the layout, and gathers what is known only then.
    fn write(mut self, progress: &mut dyn Progress) -> Result<Product, BuildError> {
        let site = self.site;
        let job = Job {
            layout: &self.layout,
            root: site.root,
            host: self.host.as_fd(),
            host_dirs: &self.host_dirs,
            received: site.received,
            pool: site.pool,
            times: site.times,
            store: site.store,
        };
        let unreadable = std::mem::take(&mut self.unreadable);
        let written = write(job, unreadable, progress).map_err(|failed| self.blame(failed))?;
        self.sum_up(&written);
        let inventory = inventory(&self.layout, &self.host_dirs, &written);
        let Builder {
            mut stamps,
            watched,
            notes,
            ..
        } = self;
        for Watched { path, id, watch } in watched {
            // What was gone when it was opened has changed its directory.
            let done = written.files.get(&id);
            let Some(identity) = done.and_then(|done| done.identity) else {
                continue;
            };
            match watch {
                Watch::Always => stamps.always(&path, Some(identity)),
                Watch::Among(depth) => stamps.file(&path, identity, depth),
            }
        }
        let (quick, whole) = stamps.finish();
        Ok(Product {
            notes,
            quick,
            whole,
            inventory,
            altered: written.altered,
        })
    }

    fn sum_up(&mut self, written: &Written) {
        let notes = &mut self.notes;
        notes.attributes += written.without_attributes;
        for done in written.files.values() {
            notes.privileges += u64::from(done.stripped);
            notes.files += 1;
            notes.bytes += done.size;
            if done.supply == Supply::Shared {
                notes.shared_files += 1;
                notes.shared_bytes += done.size;
            }
        }
    }

    fn blame(&self, Failed { source, trouble }: Failed) -> BuildError {
        let trouble = self.explain(trouble);
        let part = match self.plan.sources.get(source) {
            Some(At { origin, .. }) => Part::Source {
                index: source,
                origin: origin.clone(),
            },
            None => Part::Store,
        };
        BuildError { part, trouble }
    }

    /// Adds to a clash the line of the earlier source.
    fn explain(&self, trouble: Trouble) -> Trouble {
        let Trouble::Clash {
            path,
            wanted,
            found,
            earlier,
        } = trouble
        else {
            return trouble;
        };
        let earlier = earlier.and_then(|Earlier { index, .. }| {
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
