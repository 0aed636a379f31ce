//! Archives and images: opened, watched for changes, and unpacked into the layout.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::{FileStat, lstat};

use super::build::Builder;
use super::error::{SystemProblem, Trouble};
use super::receive::Receiving;
use super::stamps::{Identity, settled};
use crate::archive::{Archive, WalkError};
use crate::model::{ImageName, Sha256};
use crate::oci::{Image, ImageWalkError};

/// Links that are followed on the way to a file, as the kernel does.
const LINKS: usize = 40;

impl Builder<'_> {
    /// Unpacks the archive at `path` into the directory `to` inside.
    pub(super) fn archive(
        &mut self,
        path: &Path,
        sha256: Option<&Sha256>,
        to: &Path,
    ) -> Result<(), Trouble> {
        let archive = Archive::open(path, sha256).map_err(Trouble::Archive)?;
        let real = self.watch_links(path)?;
        let skipped = archive.walk(&mut Receiving::new(self, to));
        self.notes.special += skipped.map_err(|error| match error {
            WalkError::Archive(error) => Trouble::Archive(error),
            WalkError::Receiver(trouble) => trouble,
        })?;
        self.watch_file(&real, archive.stat())
    }

    /// Unpacks the layers of an image into the root.
    pub(super) fn image(&mut self, name: &ImageName) -> Result<(), Trouble> {
        let image = Image::open(name).map_err(Trouble::Image)?;
        let real = self.watch_links(&name.path)?;
        let skipped = image.walk(&mut Receiving::new(self, Path::new("/")));
        self.notes.special += skipped.map_err(|error| match error {
            ImageWalkError::Image(error) => Trouble::Image(error),
            ImageWalkError::Receiver(trouble) => trouble,
        })?;
        for (path, stat) in image.files() {
            let below = path.strip_prefix(&name.path).unwrap_or(Path::new(""));
            let path = match below.as_os_str().is_empty() {
                true => real.clone(),
                false => real.join(below),
            };
            let path = self.watch_links(&path)?;
            self.watch_file(&path, &stat)?;
        }
        Ok(())
    }

    /// Stamps a file as it was when it was opened. A change within one tick of the last one would not
    /// show in its times, so a young file is looked at again a tick later.
    fn watch_file(&mut self, path: &Path, opened: &FileStat) -> Result<(), Trouble> {
        let look = || lstat(path);
        let now = settled(look);
        let now = now.map_err(SystemProblem::at("look at", path))?;
        let (opened, now) = (Identity::of(opened), Identity::of(&now));
        if opened != now {
            return Err(Trouble::Changing(path.to_owned()));
        }
        self.stamps.always(path, Some(now));
        Ok(())
    }

    /// Stamps every link on the way to `path`, and gives the path without them.
    fn watch_links(&mut self, path: &Path) -> Result<PathBuf, Trouble> {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            let Some((link, target)) = first_link(&path)? else {
                return Ok(path);
            };
            self.stamps.now(&link);
            let rest = path.strip_prefix(&link).unwrap_or(Path::new(""));
            let beside = link.parent().unwrap_or(Path::new("/"));
            let mut next = beside.join(target);
            // A `/` at the end would ask for a directory.
            if !rest.as_os_str().is_empty() {
                next.push(rest);
            }
            path = next;
        }
        Err(Trouble::Loop(path))
    }
}

/// The first link on the way to `path`, that itself counted, and its text.
fn first_link(path: &Path) -> Result<Option<(PathBuf, PathBuf)>, Trouble> {
    let mut prefix = PathBuf::new();
    for name in path.components() {
        prefix.push(name);
        match nix::fcntl::readlink(&prefix) {
            Ok(target) => return Ok(Some((prefix, target.into()))),
            // No link.
            Err(Errno::EINVAL) => {}
            Err(errno) => return Err(SystemProblem::at("look at", &prefix)(errno).into()),
        }
    }
    Ok(None)
}
