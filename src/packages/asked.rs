//! The files that are asked about, and the owners that were found.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::root::Root;
use super::{Note, Owners, Package, is_absent};

/// Questions and answers of one call.
pub(super) struct Asked<'a> {
    pub root: Root,
    paths: HashSet<&'a Path>,
    /// The last parts of all paths.
    names: HashSet<&'a OsStr>,
    owners: HashMap<&'a Path, Package>,
    notes: Vec<Note>,
}

impl<'a> Asked<'a> {
    pub fn new(root: Root, files: impl IntoIterator<Item = &'a Path>) -> Asked<'a> {
        let paths: HashSet<&Path> = files.into_iter().collect();
        Asked {
            root,
            names: paths.iter().filter_map(|path| path.file_name()).collect(),
            paths,
            owners: HashMap::new(),
            notes: Vec::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The file that a database means by this absolute path, if it is asked about.
    pub fn find(&self, listed: &[u8]) -> Option<&'a Path> {
        let start = listed.iter().rposition(|byte| *byte == b'/')? + 1;
        let name = OsStr::from_bytes(&listed[start..]);
        if !self.names.contains(name) {
            return None;
        }
        let listed = Path::new(OsStr::from_bytes(listed));
        if let Some(path) = self.paths.get(listed) {
            return Some(path);
        }
        let path = self.root.resolve(listed.parent()?).join(name);
        self.paths.get(path.as_path()).copied()
    }

    /// Notes an owner. Of several the smallest stays.
    pub fn own(&mut self, path: &'a Path, package: &Package) {
        let owner = self.owners.entry(path).or_insert_with(|| package.clone());
        if package < owner {
            *owner = package.clone();
        }
    }

    /// The value, or nothing with a note; what is not there needs none.
    pub fn take<T>(&mut self, path: &str, result: io::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                if !is_absent(&error) {
                    self.note(path, error.to_string().to_lowercase());
                }
                None
            }
        }
    }

    pub fn note(&mut self, path: &str, reason: impl Into<String>) {
        self.notes.push(Note {
            path: path.into(),
            reason: reason.into(),
        });
    }

    pub fn finish(self) -> Owners {
        let owners = self.owners.into_iter();
        Owners {
            packages: owners
                .map(|(path, package)| (path.to_owned(), package))
                .collect(),
            notes: self.notes,
        }
    }
}
