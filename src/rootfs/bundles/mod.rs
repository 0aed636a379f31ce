//! Bundles: what programs open at run time, and no list of libraries names.

mod table;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use nix::sys::stat::SFlag;

use super::build::{Builder, Failure};
use super::error::Trouble;
use super::view::View;
use super::walk::kind;
use crate::diag::At;
use crate::model::Bundle;
use table::{Weight, packages, rows};

impl Builder<'_> {
    /// Brings bundles.
    pub(super) fn bundles(&mut self, bundles: &[At<Bundle>]) -> Result<(), Failure> {
        self.brought.clear();
        for At { value, origin } in bundles {
            self.bundle(*value).map_err(|trouble| Failure {
                origin: Some(origin.clone()),
                trouble,
            })?;
        }
        Ok(())
    }

    fn bundle(&mut self, bundle: Bundle) -> Result<(), Trouble> {
        let view = View::open(Path::new("/"))?;
        let found = find(&view, bundle);
        self.watch_view(view);
        for path in found.ok_or_else(|| none_of(bundle))? {
            self.bring_whole(&path, &[])?;
        }
        Ok(())
    }
}

/// The paths of a bundle; none when the host has nothing that would be enough.
fn find(view: &View, bundle: Bundle) -> Option<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut enough = false;
    for row in rows(bundle) {
        let paths = view.matching(Path::new(row.pattern));
        enough |= row.weight == Weight::Enough && paths.iter().any(|path| holds_any(view, path));
        found.extend(paths);
    }
    enough.then_some(found)
}

/// Whether a path is something to be read: a file, or a directory that is not empty.
fn holds_any(view: &View, path: &Path) -> bool {
    view.find(path)
        .is_some_and(|found| match kind(&found.stat) {
            SFlag::S_IFDIR => !view.names(path).is_empty(),
            _ => true,
        })
}

fn none_of(bundle: Bundle) -> Trouble {
    let enough = rows(bundle)
        .iter()
        .filter(|row| row.weight == Weight::Enough);
    Trouble::NoBundle {
        bundle,
        looked: enough.map(|row| row.pattern).collect(),
        packages: packages(bundle),
    }
}
