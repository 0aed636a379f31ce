//! Profiles of a revision, as git keeps it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::host::revisions::Revision;
use crate::plan::Given;
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
    /// As [`Revision::of`].
    pub fn of(name: &OsStr) -> Result<Named, String> {
        Ok(Named {
            name: name.to_string_lossy().into_owned(),
            revision: Revision::of(name)?,
        })
    }

    /// A profile of it with all of its bases, each named `REV:path`. A path that begins with `./` is of the
    /// directory that the caller stands in, any other of the top of the checkout, as git has it.
    pub fn read(&self, path: &Path) -> Loaded {
        let top = self.revision.top();
        let path = match path.strip_prefix("./") {
            Ok(rest) if path.as_os_str().as_bytes().starts_with(b"./") => {
                self.revision.prefix.join(rest)
            }
            _ => path.to_owned(),
        };
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

    /// Whether a file is one of ours: every profile says the version of its language, by a number. What
    /// cannot be read or understood may be one.
    pub fn is_profile(&self, path: &Path) -> bool {
        let Ok(text) = std::fs::read_to_string(self.revision.top().join(path)) else {
            return true;
        };
        match text.parse::<toml::Table>() {
            Ok(table) => table.get("version").is_some_and(toml::Value::is_integer),
            Err(_) => text.contains("version"),
        }
    }

    /// As [`shelves`], with the project's as the revision has them.
    fn shelves(&self) -> impl FnOnce() -> Shelves + 'static {
        let here = self.revision.top().join(&self.revision.prefix);
        move || {
            let mut all = shelves();
            let of_project = all
                .0
                .iter_mut()
                .filter(|shelf| shelf.keeper == Keeper::Project);
            of_project.for_each(|shelf| shelf.directory = here.join(&shelf.directory));
            all
        }
    }
}
