//! Programs with all that they need to start.

use std::collections::{BTreeSet, HashSet};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use super::build::{Builder, Failure};
use super::error::Trouble;
use super::exclude::Exclude;
use super::host;
use super::interpreters::{self, Piece};
use super::view::View;
use crate::diag::At;
use crate::elf::{Closure, Needed, Why, find_in_path};
use crate::model::nearest;

impl Builder<'_> {
    /// Brings programs and files opened at run time, with the closure of each.
    pub(super) fn programs(
        &mut self,
        search_path: &[PathBuf],
        programs: &[At<String>],
        extra: &[At<PathBuf>],
    ) -> Result<(), Failure> {
        self.brought.clear();
        let mut known = HashSet::new();
        for At { value, origin } in programs {
            let at = |trouble| Failure {
                origin: Some(origin.clone()),
                trouble,
            };
            let path = self.find(value, search_path).map_err(at)?;
            self.closure(&path).map_err(at)?;
            self.other_names(&path, value, search_path).map_err(at)?;
            self.runtimes(&path, &mut known).map_err(at)?;
        }
        for At { value, origin } in extra {
            self.closure(value).map_err(|trouble| Failure {
                origin: Some(origin.clone()),
                trouble,
            })?;
        }
        Ok(())
    }

    fn find(&mut self, name: &str, search_path: &[PathBuf]) -> Result<PathBuf, Trouble> {
        if Path::new(name).is_absolute() {
            return Ok(PathBuf::from(name));
        }
        // A program that appears earlier in the search path later is another program.
        let plain = !name.contains('/');
        let found = find_in_path(name, search_path).filter(|_| plain);
        for dir in search_path {
            let candidate = dir.join(name);
            if found.as_ref() == Some(&candidate) {
                break;
            }
            self.stamps.now(&candidate);
        }
        found.ok_or_else(|| Trouble::NotFound {
            name: name.to_owned(),
            looked: search_path.to_vec(),
            nearest: nearest_program(name, search_path),
        })
    }

    /// Brings the links by which other directories of the search path lead to the same file: on a
    /// host where /bin is a link to usr/bin, `/bin/sh` works inside as well as `/usr/bin/sh`.
    fn other_names(
        &mut self,
        program: &Path,
        name: &str,
        search_path: &[PathBuf],
    ) -> Result<(), Trouble> {
        let end = host::find(self.host.as_fd(), program)?.path;
        for dir in search_path {
            let other = host::find(self.host.as_fd(), &dir.join(name));
            let Some(other) = other.ok().filter(|other| other.path == end) else {
                continue;
            };
            self.bring_trail(&other.trail)?;
        }
        Ok(())
    }

    /// Brings the libraries of the interpreters that a program is or is run by, and that are not known yet.
    fn runtimes(&mut self, program: &Path, known: &mut HashSet<PathBuf>) -> Result<(), Trouble> {
        // Resolved a moment ago: no file is read again.
        let resolved = self.resolver.closure(program);
        let mut closure = resolved.map_err(Trouble::Unresolved)?;
        closure
            .files
            .retain(|file| file.why == Why::Library || known.insert(file.path.clone()));
        let view = View::open(Path::new("/"))?;
        let pieces = interpreters::pieces(&view, &closure);
        self.watch_view(view);
        pieces
            .iter()
            .try_for_each(|Piece { path, exclude }| self.bring_whole(path, exclude))
    }

    fn closure(&mut self, program: &Path) -> Result<(), Trouble> {
        let resolved = self.resolver.closure(program);
        let Closure { files, looked_at } = resolved.map_err(Trouble::Unresolved)?;
        for path in looked_at {
            self.stamps.now(&path);
        }
        let everything = Exclude::new(&[])?;
        for Needed { path, .. } in files {
            if self.brought.insert(path.clone()) {
                self.bring(&path, None, &everything)?;
            }
        }
        Ok(())
    }
}

fn nearest_program(name: &str, search_path: &[PathBuf]) -> Option<String> {
    let dirs = search_path
        .iter()
        .filter_map(|dir| std::fs::read_dir(dir).ok());
    let names = dirs
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let names: BTreeSet<String> = names.collect();
    nearest(name, names.iter().map(String::as_str)).map(str::to_owned)
}
