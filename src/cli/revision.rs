//! Profiles of a revision, as git keeps it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::host::revisions::{Commit, Refused, Revision};
use crate::plan::Given;
use crate::profile::read;
use crate::profile::shelves::{Keeper, Shelves};

use super::profile::{Loaded, general, own_shelves, shelves};

/// A revision, and what the caller calls it.
pub struct Named {
    pub name: String,
    pub revision: Revision,
}

/// `REV:path` of the command line; nothing for what is a file.
pub fn split(profile: &Path) -> Option<(&OsStr, &Path)> {
    let bytes = profile.as_os_str().as_bytes();
    if profile.symlink_metadata().is_ok() {
        return None;
    }
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let (name, path) = (bytes.get(..colon)?, bytes.get(colon + 1..)?);
    Some((OsStr::from_bytes(name), Path::new(OsStr::from_bytes(path))))
}

impl Named {
    /// The revision `name`.
    ///
    /// # Errors
    /// As [`Commit::of`] and [`Revision::of`].
    pub fn of(name: &OsStr) -> Result<Named, Refused> {
        Ok(Named {
            name: name.to_string_lossy().into_owned(),
            revision: Revision::of(&Commit::of(name)?)?,
        })
    }

    /// A commit that nobody gave a name.
    ///
    /// # Errors
    /// As [`Revision::of`].
    pub fn of_commit(commit: &Commit) -> Result<Named, Refused> {
        Ok(Named {
            name: commit.short(),
            revision: Revision::of(commit)?,
        })
    }

    /// A profile of it with all of its bases, each named `REV:path`. A path that begins with `./` is of the
    /// directory that the caller stands in, any other of the top of the checkout, as git has it.
    pub fn read(&self, path: &Path) -> Loaded {
        let top = self.revision.top();
        let path = match path.strip_prefix("./") {
            Ok(rest) if path.as_os_str().as_bytes().starts_with(b"./") => {
                reached(&self.revision.prefix, rest)
            }
            _ => path.to_owned(),
        };
        // What leads out of the directory may be laid there by others.
        let mut parts = path.components();
        let inside = parts.all(|part| matches!(part, Component::Normal(_)));
        if !inside || top.join(&path).metadata().is_err() {
            return self.missing(&path);
        }
        let mut loaded = Loaded::read_from(self.shelves(), &top.join(path), Given::default());
        let real = top.canonicalize().unwrap_or_else(|_| top.to_owned());
        let kept: Vec<PathBuf> = own_shelves()
            .0
            .iter()
            .filter_map(|shelf| shelf.directory.canonicalize().ok())
            .collect();
        let known = |directory: &&PathBuf| {
            directory.starts_with(&real) || kept.iter().any(|shelf| directory.starts_with(shelf))
        };
        let outside = loaded
            .directory_paths()
            .find(|directory| !known(directory))
            .cloned();
        if let Some(outside) = outside {
            let message = format!(
                "a base of `{}` lies in `{}`, outside of the revision",
                self.name,
                outside.display()
            );
            let problem = general("diff.base-outside", message);
            loaded
                .problems
                .push(problem.help("keep bases in the checkout, or look them up by name"));
        }
        loaded.rename(&format!("{}/", top.display()), &format!("{}:", self.name));
        loaded
    }

    fn missing(&self, path: &Path) -> Loaded {
        let name = format!("{}:{}", self.name, path.display());
        let link = self.revision.files.iter().any(|file| file == path);
        let (what, help) = match link {
            true => (
                "leads out of the revision",
                "keep what it is a link to in the checkout",
            ),
            false => (
                "is no TOML file of the revision",
                "a path is of the top of the checkout; write `./` before one of this directory",
            ),
        };
        let problem = general("profile.not-found", format!("`{name}` {what}"));
        Loaded::missing(PathBuf::from(name), problem.help(help))
    }

    /// Whether a file may be a profile.
    pub fn is_profile(&self, path: &Path) -> bool {
        read::is_profile(&self.revision.top().join(path))
    }

    /// As [`shelves`], with the project's as the revision has them.
    fn shelves(&self) -> impl FnOnce() -> Shelves + 'static {
        let top = self.revision.top().to_owned();
        let prefix = self.revision.prefix.clone();
        move || {
            let mut all = shelves();
            let of_project = all
                .0
                .iter_mut()
                .filter(|shelf| shelf.keeper == Keeper::Project);
            for shelf in of_project {
                shelf.directory = top.join(reached(&prefix, &shelf.directory));
            }
            all
        }
    }
}

/// Where a relative path leads from a directory, by the text: the revision may not have the directory.
fn reached(from: &Path, path: &Path) -> PathBuf {
    let mut place = from.to_owned();
    for part in path.components() {
        match part {
            Component::Normal(name) => place.push(name),
            Component::ParentDir => {
                place.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    place
}
