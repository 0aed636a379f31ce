//! Host directories that are brought whole, with what they need from elsewhere.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::build::Builder;
use super::error::{Shape, Trouble};
use super::exclude::Exclude;
use super::host;
use super::view::View;
use super::walk::{HostPlace, shape};
use crate::elf::{Closure, ResolveError};

/// Where the kernel puts files of its own, inside as well.
const OF_KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// What of a directory leads out of it.
#[derive(Default)]
struct Ways {
    links: Vec<PathBuf>,
    plug_ins: Vec<PathBuf>,
}

/// A link, and the directory that was brought with it.
struct Way {
    link: PathBuf,
    top: PathBuf,
}

impl Builder<'_> {
    /// Brings a host path; for a link in it what it leads to, and for a plug-in its libraries.
    ///
    /// What is broken on the host stays as broken: a link that leads nowhere, a plug-in whose library
    /// is not installed. A program that wants it finds what it finds outside.
    pub(super) fn bring_whole(&mut self, path: &Path, exclude: &[&str]) -> Result<(), Trouble> {
        let patterns: Vec<String> = exclude.iter().map(|text| (*text).to_owned()).collect();
        let mut links = self.bring_one(path, &Exclude::new(&patterns)?)?;
        let everything = Exclude::new(&[])?;
        while let Some(Way { link, top }) = links.pop() {
            if !self.leads_on(&link, &top) {
                continue;
            }
            match self.bring_one(&link, &everything) {
                Ok(more) => links.extend(more),
                Err(Trouble::Missing(_) | Trouble::Special(_) | Trouble::KernelFile(_)) => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// Brings a host path with the libraries of its plug-ins; the links in it are left to be followed.
    fn bring_one(&mut self, path: &Path, exclude: &Exclude) -> Result<Vec<Way>, Trouble> {
        let HostPlace {
            path: real,
            stat,
            mut trail,
            ..
        } = host::find(self.host.as_fd(), path)?;
        if self.holds(&real) {
            trail.retain(|link| !self.holds(&link.path));
            self.bring_trail(&trail)?;
            return Ok(Vec::new());
        }
        self.bring(path, None, exclude)?;
        self.brought.insert(real.clone());
        let mut ways = Ways::default();
        match shape(&stat) {
            Shape::Directory => ways.gather(&real, &real, exclude),
            _ => ways.note(&real, Shape::File),
        }
        for plug_in in &ways.plug_ins {
            self.plug_in(plug_in)?;
        }
        let way = |link| Way {
            link,
            top: real.clone(),
        };
        Ok(ways.links.into_iter().map(way).collect())
    }

    /// Whether a link in the directory `top`, which came with it, leads to something that has to come too.
    fn leads_on(&mut self, link: &Path, top: &Path) -> bool {
        let found = match host::find(self.host.as_fd(), link) {
            Ok(found) => found,
            Err(Trouble::Missing(_)) => {
                self.watch_absent(link);
                return false;
            }
            Err(_) => return false,
        };
        // A link upwards does not make the copy of a directory one of all that is around it.
        let upwards = top.starts_with(&found.path);
        let of_kernel = OF_KERNEL.iter().any(|dir| found.path.starts_with(dir));
        let readable = access(&found.path, AccessFlags::R_OK).is_ok();
        !upwards && !of_kernel && readable
    }

    /// Brings the libraries of a plug-in that has come.
    fn plug_in(&mut self, path: &Path) -> Result<(), Trouble> {
        let Closure { files, looked_at } = match self.resolver.closure(path) {
            Ok(closure) => closure,
            Err(error) => {
                self.watch_missing(&error);
                return Ok(());
            }
        };
        for path in looked_at {
            if !self.holds(&path) {
                self.stamps.now(&path);
            }
        }
        let everything = Exclude::new(&[])?;
        for needed in files {
            if !self.holds(&needed.path) {
                self.bring(&needed.path, None, &everything)?;
                self.brought.insert(needed.path);
            }
        }
        Ok(())
    }

    /// A library that appears later makes another tree.
    fn watch_missing(&mut self, error: &ResolveError) {
        if let ResolveError::MissingLibrary { name, searched, .. } = error {
            for place in searched {
                self.stamps.now(place);
                self.stamps.now(&place.join(name));
            }
        }
    }

    /// Whether this source has brought a path, or a directory above it.
    fn holds(&self, path: &Path) -> bool {
        let plain = !path.components().any(|part| part == Component::ParentDir);
        plain && path.ancestors().any(|dir| self.brought.contains(dir))
    }

    /// Every look checks what a view has decided by.
    pub(super) fn watch_view(&mut self, view: View) {
        for path in view.looked() {
            self.stamps.now(&path);
        }
    }
}

impl Ways {
    /// Goes through what was copied of the directory `dir`; what cannot be read has failed the copy already.
    fn gather(&mut self, top: &Path, dir: &Path, exclude: &Exclude) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let shape = match entry.file_type() {
                Ok(kind) if kind.is_dir() => Shape::Directory,
                Ok(kind) if kind.is_symlink() => Shape::Link,
                Ok(_) => Shape::File,
                Err(_) => continue,
            };
            let below = path.strip_prefix(top).unwrap_or(&path);
            if exclude.holds(&entry.file_name(), below, shape) {
                continue;
            }
            match shape {
                Shape::Directory => self.gather(top, &path, exclude),
                _ => self.note(&path, shape),
            }
        }
    }

    fn note(&mut self, path: &Path, shape: Shape) {
        match shape {
            Shape::Link => self.links.push(path.to_owned()),
            Shape::File if path.file_name().is_some_and(is_plug_in) => {
                self.plug_ins.push(path.to_owned());
            }
            Shape::File | Shape::Directory => {}
        }
    }
}

/// Whether a name is that of a shared object: `x.so`, or `libx.so.2`.
fn is_plug_in(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(b".so") || name.windows(4).any(|part| part == b".so.")
}
