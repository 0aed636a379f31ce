//! From a finished tree to its lock.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::digest::{Digest, digests, sha256};
use super::{Entry, GivenBy, Installed, LockedTree, PackageName};
use crate::packages::{Note, Owners, owners};
use crate::rootfs::{self, EntryKind, Manifest};

/// A tree's lock, and what could not be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// The lock.
    pub tree: LockedTree,
    /// Databases of packages that could not be read: files of theirs count as the host's own.
    pub notes: Vec<Note>,
}

/// A file of the tree that cannot be read, so that nothing can vouch for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Inside the tree.
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unreadable { path, reason } = self;
        let path = path.display();
        write!(f, "`{path}` in the root tree cannot be read: {reason}")
    }
}

impl std::error::Error for Unreadable {}

/// Reads every file of the tree at `root`, which `manifest` describes; packages are looked up in the
/// databases below `host`, which is `/` but in tests. The texts of `generated` are made for the caller, and not
/// locked where the tree has them: a source may have given the file after all.
///
/// # Errors
/// At the first file that cannot be read, such as one whose mode keeps its owner out.
pub fn collect(
    manifest: &Manifest,
    root: &Path,
    host: &Path,
    generated: &BTreeMap<&Path, &str>,
) -> Result<Collected, Unreadable> {
    let files: Vec<&Path> = manifest
        .entries
        .iter()
        .filter(|entry| matches!(entry.kind, EntryKind::File { .. }))
        .map(|entry| entry.path.as_path())
        .collect();
    let mut contents = BTreeMap::new();
    for (path, digest) in files.iter().zip(digests(root, &files)) {
        let digest = digest.map_err(|error| Unreadable {
            path: path.to_path_buf(),
            reason: error.to_string().to_lowercase(),
        })?;
        contents.insert(*path, digest);
    }
    let Owners { packages, notes } = owners(host, owned(manifest, host));
    let mut tree = LockedTree::default();
    for entry in &manifest.entries {
        let package = entry.from.as_ref().and_then(|from| packages.get(from));
        if let Some(package) = package {
            let installed = || Installed {
                version: package.version.clone(),
                manager: package.manager,
            };
            let name = PackageName::from(package);
            tree.packages.entry(name).or_insert_with(installed);
        }
        let giver = match (package, &entry.from) {
            (Some(package), _) => GivenBy::Package(package.into()),
            (None, Some(_)) => GivenBy::Host,
            (None, None) => GivenBy::Profile,
        };
        let content = contents.remove(entry.path.as_path());
        let text = generated.get(entry.path.as_path());
        let locked = match (text, &content) {
            (Some(text), Some(content)) if sha256(text) == content.sha256 => {
                Entry::Generated { mode: entry.mode }
            }
            _ => locked(entry, giver, content)?,
        };
        tree.entries.insert(entry.path.clone(), locked);
    }
    Ok(Collected { tree, notes })
}

/// The host's paths that a package may own. Directories belong to many, which tells nothing; so does
/// a link to one: dpkg lists `/lib` in every package that puts a file below it.
fn owned<'a>(manifest: &'a Manifest, host: &'a Path) -> impl Iterator<Item = &'a Path> {
    manifest.entries.iter().filter_map(|entry| {
        let from = entry.from.as_deref()?;
        let outside = || host.join(from.strip_prefix("/").unwrap_or(from));
        let owned = match entry.kind {
            EntryKind::File { .. } => true,
            EntryKind::Symlink(_) => !outside().is_dir(),
            EntryKind::Directory | EntryKind::HardLink(_) => false,
        };
        owned.then_some(from)
    })
}

fn locked(
    entry: &rootfs::Entry,
    giver: GivenBy,
    digest: Option<Digest>,
) -> Result<Entry, Unreadable> {
    let rootfs::Entry {
        path, mode, kind, ..
    } = entry;
    Ok(match (kind, digest) {
        (EntryKind::Directory, _) => Entry::Directory { mode: *mode },
        (EntryKind::Symlink(target), _) => Entry::Symlink {
            target: target.clone(),
            giver,
        },
        (EntryKind::HardLink(first), _) => Entry::HardLink(first.clone()),
        (EntryKind::File { .. }, Some(digest)) => Entry::File {
            mode: *mode,
            size: digest.size,
            sha256: digest.sha256,
            build_id: digest.build_id,
            giver,
        },
        (EntryKind::File { .. }, None) => {
            return Err(Unreadable {
                path: path.clone(),
                reason: "it was not read".to_owned(),
            });
        }
    })
}
