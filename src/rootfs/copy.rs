//! Copies of host files and directories: what is there goes into the layout, and is read later.

use std::collections::hash_map::Entry;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlink, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, major};
use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, fstatfs};
use nix::sys::statvfs::fstatvfs;

use super::build::{Builder, Watch, Watched};
use super::error::{SystemProblem, Trouble};
use super::exclude::Exclude;
use super::host;
use super::key;
use super::layout::{Body, Content, Gone, HostFile, Meta, NodeId, Spot};
use super::remove::names;
use super::stamps::{Identity, settled};
use super::walk::{HostPlace, Last, MOST_LINKS, TrailLink, kind, look, open_dir, shape};

/// Directories within each other; each holds a descriptor open while it is read.
const DEEPEST: usize = 256;

/// The reading of one directory.
struct DirCopy<'a> {
    /// The host directory.
    top: PathBuf,
    exclude: &'a Exclude,
}

impl DirCopy<'_> {
    fn leaves_out(&self, name: &OsStr, path: &Path, stat: &FileStat) -> bool {
        let below = path.strip_prefix(&self.top).unwrap_or(path);
        self.exclude.holds(name, below, shape(stat))
    }
}

/// A directory of the host that is being read.
struct From<'a> {
    fd: &'a OwnedFd,
    stat: &'a FileStat,
    /// Its place among the directories of the build.
    index: usize,
    depth: usize,
}

impl Builder<'_> {
    /// Copies a host path with all links on the way: each link comes to its own place, what is
    /// at the end comes to its place free of links. With `to`, only what is at the end comes.
    pub(super) fn bring(
        &mut self,
        from: &Path,
        to: Option<&Path>,
        exclude: &Exclude,
    ) -> Result<(), Trouble> {
        let found = host::find(self.host.as_fd(), from)?;
        match to {
            None => self.bring_trail(&found.trail)?,
            Some(_) => self.watch_trail(&found.trail),
        }
        match kind(&found.stat) {
            SFlag::S_IFDIR => self.bring_dir(found, to, exclude),
            SFlag::S_IFREG => self.bring_file(found, to),
            _ => Err(Trouble::Special(found.path)),
        }
    }

    /// Makes links of the host at their own places.
    pub(super) fn bring_trail(&mut self, trail: &[TrailLink]) -> Result<(), Trouble> {
        self.watch_trail(trail);
        trail.iter().try_for_each(|link| self.bring_link(link))
    }

    fn watch_trail(&mut self, trail: &[TrailLink]) {
        for TrailLink { path, stat, .. } in trail {
            self.stamps.always(path, Some(Identity::of(stat)));
        }
    }

    /// Watches a path at which nothing is. A stamp is about the link itself where the path ends with one, so
    /// each of those gets its own.
    pub(super) fn watch_absent(&mut self, path: &Path) {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let Ok(text) = readlink(&path) else {
                break;
            };
            self.stamps.now(&path);
            path = path.parent().unwrap_or(Path::new("/")).join(text);
        }
        self.stamps.always(&path, None);
    }

    fn bring_link(&mut self, link: &TrailLink) -> Result<(), Trouble> {
        let place = self.layout.place(&link.path, Last::Kept)?;
        let is_there = place
            .found
            .is_some_and(|id| match &self.layout.node(id).body {
                Body::Symlink(text) => *text == link.text,
                Body::Directory(_) | Body::File(_) => false,
            });
        if is_there {
            return Ok(());
        }
        let body = Body::Symlink(link.text.clone());
        let id = self.layout.add(self.meta(&link.stat), body);
        self.layout.node_mut(id).from = Some(link.path.clone());
        self.layout.put(&place, id)
    }

    fn bring_file(&mut self, found: HostPlace, to: Option<&Path>) -> Result<(), Trouble> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = openat(&found.parent, found.name.as_os_str(), flags, Mode::empty())
            .map_err(SystemProblem::at("look at", &found.path))?;
        if host::is_of_kernel(file.as_fd(), &found.path)? {
            return Err(Trouble::KernelFile(found.path));
        }
        self.learn_volume(file.as_fd(), &found.stat, &found.path)?;
        let place = self.layout.place(to.unwrap_or(&found.path), Last::Kept)?;
        let dir = self.host_dir(found.path.parent().unwrap_or(Path::new("/")));
        let file = HostFile {
            dir,
            name: found.name,
            volume: self.volume(&found.stat),
            stat: found.stat,
            gone: Gone::Refused,
        };
        let id = self.add_file(file, found.path, Watch::Always);
        self.layout.put(&place, id)
    }

    /// A file of the host, or the node that stands for it already under another of its names.
    fn add_file(&mut self, file: HostFile, path: PathBuf, watch: Watch) -> NodeId {
        let identity = Identity::of(&file.stat);
        let has_names = file.stat.st_nlink > 1;
        let meta = self.meta(&file.stat);
        let inode = (file.stat.st_dev, file.stat.st_ino);
        let id = match self.linked.entry(inode) {
            Entry::Occupied(known) if has_names && known.get().1 == identity => known.get().0,
            entry => {
                let id = self.layout.add(meta, Body::File(Content::Host(file)));
                if has_names {
                    entry.insert_entry((id, identity));
                }
                id
            }
        };
        self.watched.push(Watched { path, id, watch });
        id
    }

    fn bring_dir(
        &mut self,
        found: HostPlace,
        to: Option<&Path>,
        exclude: &Exclude,
    ) -> Result<(), Trouble> {
        let HostPlace {
            parent,
            name,
            mut path,
            ..
        } = found;
        let dir = open_dir(&parent, &name, OFlag::O_RDONLY)
            .map_err(|errno| unreadable("open", &path, errno))?;
        if host::is_of_kernel(dir.as_fd(), &path)? {
            return Err(Trouble::KernelFile(path));
        }
        let into = self.layout.directory(to.unwrap_or(&path))?;
        let copy = DirCopy {
            top: path.clone(),
            exclude,
        };
        self.copy_dir(&copy, &dir, &mut path, &into, 0)
    }

    fn copy_dir(
        &mut self,
        copy: &DirCopy,
        fd: &OwnedFd,
        path: &mut PathBuf,
        into: &Spot,
        depth: usize,
    ) -> Result<(), Trouble> {
        if depth > DEEPEST {
            return Err(Trouble::Deep(path.clone()));
        }
        let stat = settled(|| fstat(fd));
        let stat = stat.map_err(SystemProblem::at("look at", path))?;
        self.stamps.dir(path, Identity::of(&stat), depth);
        self.learn_volume(fd.as_fd(), &stat, path)?;
        self.describe(into, fd, &stat, path)?;
        let store = self.site.store_stat;
        if (stat.st_dev, stat.st_ino) == (store.st_dev, store.st_ino) {
            return Ok(());
        }
        let names = names(fd.as_fd()).map_err(SystemProblem::at("list", path))?;
        let index = self.host_dir(path);
        let from = From {
            fd,
            stat: &stat,
            index,
            depth,
        };
        for name in names {
            path.push(&name);
            self.copy_entry(copy, &from, &name, path, into)?;
            path.pop();
        }
        Ok(())
    }

    fn describe(
        &mut self,
        into: &Spot,
        from: &OwnedFd,
        stat: &FileStat,
        path: &Path,
    ) -> Result<(), Trouble> {
        let found =
            key::attributes(from.as_fd()).map_err(SystemProblem::at("read attributes of", path))?;
        self.notes.privileges += u64::from(stat.st_mode & 0o6000 != 0);
        let meta = Meta {
            attributes: found.attributes,
            ..self.meta(stat)
        };
        self.layout.describe(into.id, meta);
        self.layout.node_mut(into.id).from = Some(path.to_owned());
        Ok(())
    }

    fn copy_entry(
        &mut self,
        copy: &DirCopy,
        from: &From,
        name: &OsStr,
        path: &mut PathBuf,
        into: &Spot,
    ) -> Result<(), Trouble> {
        let found = look(from.fd, name).map_err(SystemProblem::at("look at", path))?;
        let Some(stat) = found.filter(|stat| !copy.leaves_out(name, path, stat)) else {
            return Ok(());
        };
        match kind(&stat) {
            SFlag::S_IFDIR => self.copy_child(copy, from, name, path, into),
            SFlag::S_IFREG => {
                let file = HostFile {
                    dir: from.index,
                    name: name.to_owned(),
                    volume: self.volume(&stat),
                    stat,
                    gone: Gone::LeftOut,
                };
                let watch = Watch::Among(from.depth + 1);
                let id = self.add_file(file, path.clone(), watch);
                self.layout.put_at(into.id, name, &into.path.join(name), id)
            }
            SFlag::S_IFLNK => self.copy_link(from.fd.as_fd(), name, &stat, path, into),
            _ => {
                self.notes.special += 1;
                Ok(())
            }
        }
    }

    fn copy_child(
        &mut self,
        copy: &DirCopy,
        from: &From,
        name: &OsStr,
        path: &mut PathBuf,
        into: &Spot,
    ) -> Result<(), Trouble> {
        let dir = match open_dir(from.fd, name, OFlag::O_RDONLY) {
            Ok(dir) => dir,
            Err(Errno::EACCES | Errno::EPERM) => {
                self.unreadable.push((self.layout.source, path.clone()));
                return Ok(());
            }
            // Gone, or another kind now: its directory has changed, which its stamp tells.
            Err(Errno::ENOENT | Errno::ELOOP | Errno::ENOTDIR) => return Ok(()),
            Err(errno) => return Err(SystemProblem::at("open", path)(errno).into()),
        };
        let spot = self.layout.enter(into, name)?;
        let stat = fstat(&dir).map_err(SystemProblem::at("look at", path))?;
        // Only a mount can be of another file system.
        if stat.st_dev == from.stat.st_dev || !host::is_of_kernel(dir.as_fd(), path)? {
            return self.copy_dir(copy, &dir, path, &spot, from.depth + 1);
        }
        self.notes.kernel_mounts += 1;
        self.describe(&spot, &dir, &stat, path)
    }

    fn copy_link(
        &mut self,
        dir: BorrowedFd,
        name: &OsStr,
        stat: &FileStat,
        path: &Path,
        into: &Spot,
    ) -> Result<(), Trouble> {
        let text = match readlinkat(dir, name) {
            Ok(text) => text,
            // Gone, or no link any more: its directory has changed, which its stamp tells.
            Err(Errno::ENOENT | Errno::EINVAL) => return Ok(()),
            Err(errno) => return Err(SystemProblem::at("read the link", path)(errno).into()),
        };
        let id = self.layout.add(self.meta(stat), Body::Symlink(text));
        self.layout.node_mut(id).from = Some(path.to_owned());
        self.layout.put_at(into.id, name, &into.path.join(name), id)
    }

    /// Finds out which file system an open file lies in, by a number that no other one has.
    ///
    /// Those without a device of their own (btrfs, tmpfs, nfs) get a number at each mount, which is another
    /// one the next time; some of them have a number of their own that stays. What an overlay gives as its
    /// own is that of a layer, which has other files with the same inode numbers.
    fn learn_volume(
        &mut self,
        file: BorrowedFd,
        stat: &FileStat,
        path: &Path,
    ) -> Result<(), Trouble> {
        if major(stat.st_dev) != 0 || self.volumes.contains_key(&stat.st_dev) {
            return Ok(());
        }
        let failed = SystemProblem::at("look at the file system of", path);
        let of = fstatfs(file).and_then(|of| Ok((of.filesystem_type(), fstatvfs(file)?)));
        let (kind, of) = of.map_err(failed)?;
        let own = of.filesystem_id();
        if own != 0 && kind != OVERLAYFS_SUPER_MAGIC {
            self.volumes.insert(stat.st_dev, own);
        }
        Ok(())
    }

    /// The number of a file's file system, as far as it is known.
    fn volume(&self, stat: &FileStat) -> u64 {
        let known = self.volumes.get(&stat.st_dev);
        known.copied().unwrap_or(stat.st_dev)
    }

    fn meta(&self, stat: &FileStat) -> Meta {
        Meta::of(stat, self.site.times)
    }

    /// The place of a host directory among those of the build.
    fn host_dir(&mut self, path: &Path) -> usize {
        if self.host_dirs.last().is_none_or(|last| last != path) {
            self.host_dirs.push(path.to_owned());
        }
        self.host_dirs.len() - 1
    }
}

fn unreadable(doing: &'static str, path: &Path, errno: Errno) -> Trouble {
    match errno {
        Errno::EACCES | Errno::EPERM => Trouble::Unreadable {
            first: path.to_owned(),
            count: 1,
        },
        Errno::ENOENT => Trouble::Missing(path.to_owned()),
        errno => SystemProblem::at(doing, path)(errno).into(),
    }
}
