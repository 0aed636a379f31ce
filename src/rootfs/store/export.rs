//! A tree as a directory of its own, which shares nothing with the store.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, UtimensatFlags, fchmod, fstat, futimens, mkdirat, utimensat};
use nix::unistd::{linkat, symlinkat};

use super::{ROOT, Tree};
use crate::rootfs::content::Content;
use crate::rootfs::error::{StoreError, SystemProblem};
use crate::rootfs::inventory::{Item, ItemKind};
use crate::rootfs::key::{attach, attributes, finish, time};
use crate::rootfs::layout::Meta;
use crate::rootfs::remove::names;
use crate::rootfs::walk::{open_below, open_dir};

impl Tree {
    /// Copies the tree into `output`, a directory that is empty or not there yet.
    ///
    /// # Errors
    /// When something is in the directory already, and when it cannot be written; then it may hold a part of
    /// the tree.
    pub fn export(&self, output: &Path) -> Result<(), StoreError> {
        let Some(inventory) = self.inventory() else {
            return Err(StoreError::Damaged {
                path: self.root.clone(),
            });
        };
        let from = open_dir(&self.lock, OsStr::new(ROOT), OFlag::O_RDONLY)
            .map_err(SystemProblem::at("open", &self.root))?;
        let into = empty_dir(output)?;
        let mut export = Export {
            from,
            into,
            content: Content::default(),
        };
        for item in &inventory.items {
            let made = export.make(item);
            made.map_err(SystemProblem::at("write", &shown(output, item)))?;
        }
        // The deepest first: neither a read-only directory nor what is written into one is in the way.
        let dirs = inventory.items.iter().rev();
        for item in dirs.filter(|item| item.kind == ItemKind::Directory) {
            let done = export.finish_dir(item);
            done.map_err(SystemProblem::at("set the mode of", &shown(output, item)))?;
        }
        Ok(())
    }
}

fn shown(output: &Path, item: &Item) -> std::path::PathBuf {
    output.join(item.path().strip_prefix("/").unwrap_or(item.path()))
}

fn empty_dir(path: &Path) -> Result<OwnedFd, SystemProblem> {
    match nix::unistd::mkdir(path, Mode::S_IRWXU) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(SystemProblem::at("make the directory", path)(errno)),
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let dir = nix::fcntl::open(path, flags, Mode::empty())
        .map_err(SystemProblem::at("open the directory", path))?;
    match names(dir.as_fd()) {
        Ok(names) if names.is_empty() => Ok(dir),
        Ok(_) => Err(SystemProblem::at("write into", path)(Errno::ENOTEMPTY)),
        Err(errno) => Err(SystemProblem::at("list", path)(errno)),
    }
}

struct Export {
    from: OwnedFd,
    into: OwnedFd,
    content: Content,
}

impl Export {
    fn make(&mut self, item: &Item) -> nix::Result<()> {
        let path = item.path();
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return self.dir_attributes(item);
        };
        let dir = open_below(self.into.as_fd(), parent, OFlag::O_PATH)?;
        match &item.kind {
            ItemKind::Directory => {
                mkdirat(&dir, name, Mode::S_IRWXU)?;
                self.dir_attributes(item)
            }
            ItemKind::Symlink(text) => {
                symlinkat(OsStr::from_bytes(text), &dir, name)?;
                let modified = time(item.modified);
                let kept = UtimensatFlags::NoFollowSymlink;
                utimensat(&dir, name, &modified, &modified, kept)
            }
            ItemKind::HardLink(first) => {
                let first = Path::new(OsStr::from_bytes(first));
                let first_dir = open_below(
                    self.into.as_fd(),
                    first.parent().unwrap_or(first),
                    OFlag::O_PATH,
                )?;
                let first_name = first.file_name().ok_or(Errno::EINVAL)?;
                linkat(&first_dir, first_name, &dir, name, AtFlags::empty())
            }
            ItemKind::File(_) => self.file(item, &dir, name),
        }
    }

    fn file(&mut self, item: &Item, dir: &OwnedFd, name: &OsStr) -> nix::Result<()> {
        let path = item.path();
        let source_dir = open_below(
            self.from.as_fd(),
            path.parent().unwrap_or(path),
            OFlag::O_PATH,
        )?;
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let from = File::from(openat(&source_dir, name, flags, Mode::empty())?);
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let into = openat(dir, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
        let into = File::from(into);
        self.content.transfer(&from, &into, &fstat(&from)?)?;
        let mut meta = Meta {
            mode: item.mode,
            modified: item.modified,
            attributes: attributes(from.as_fd())?.attributes,
        };
        finish(&into, &mut meta).map(drop)
    }

    fn dir_attributes(&self, item: &Item) -> nix::Result<()> {
        let from = open_below(self.from.as_fd(), item.path(), OFlag::O_RDONLY)?;
        let into = open_below(self.into.as_fd(), item.path(), OFlag::O_RDONLY)?;
        let found = attributes(from.as_fd())?;
        attach(into.as_fd(), &found.attributes).map(drop)
    }

    fn finish_dir(&self, item: &Item) -> nix::Result<()> {
        let dir = open_below(self.into.as_fd(), item.path(), OFlag::O_RDONLY)?;
        let modified = time(item.modified);
        futimens(&dir, &modified, &modified)?;
        fchmod(&dir, Mode::from_bits_truncate(item.mode))
    }
}
