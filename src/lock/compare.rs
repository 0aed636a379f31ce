//! What differs between two locks: upgrades first, with all that they explain.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Entry, GivenBy, Installed, LiveKind, Lock, LockedTree, PackageName};

/// One difference, in the order in which they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The lock is of a profile with another name.
    Profile {
        /// In the lock before.
        was: String,
        /// Now.
        is: String,
    },
    /// A package came, went, or has another version.
    Package {
        /// As much of its name as tells it apart.
        name: String,
        /// Which.
        change: PackageChange,
        /// All changes of files that it explains, by path.
        files: Vec<FileChange>,
    },
    /// A path that no package's change explains.
    File(FileChange),
    /// A place where something is live came or went.
    Live {
        /// Inside.
        path: PathBuf,
        /// What is or was mounted.
        kind: LiveKind,
        /// Whether it is there now.
        now: Presence,
    },
}

/// Whether something is there now, and was not, or the reverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It came.
    Came,
    /// It went.
    Went,
}

/// What became of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageChange {
    /// Another version, or another manager's.
    Version {
        /// In the lock before.
        was: Installed,
        /// Now.
        is: Installed,
    },
    /// No file of it was in the tree before.
    Came(Installed),
    /// No file of it is in the tree any more.
    Went(Installed),
}

/// What happened to one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Inside.
    pub path: PathBuf,
    /// What happened; a path can have several.
    pub what: Vec<What>,
    /// Whose file it is, or was.
    pub giver: Giver,
}

/// Whose file it is, as far as that tells something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Giver {
    /// A package that has the same version as before.
    SameVersion {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
    },
    /// A package that has changed too.
    Package,
    /// The host, and no package.
    Host,
    /// The profile.
    Profile,
    /// Nobody in particular: directories and second names.
    Nobody,
}

/// One thing that happened to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It was not there before.
    Came(Shape),
    /// It is not there any more.
    Went(Shape),
    /// It is of another kind.
    Shape {
        /// Before.
        was: Shape,
        /// Now.
        is: Shape,
    },
    /// A file has another content, of this many bytes.
    Content {
        /// Before.
        was: u64,
        /// Now.
        is: u64,
    },
    /// Other permission bits.
    Mode {
        /// Before.
        was: u32,
        /// Now.
        is: u32,
    },
    /// A link has another text.
    Target {
        /// Before.
        was: OsString,
        /// Now.
        is: OsString,
    },
    /// It is another name of another file.
    First {
        /// Before.
        was: PathBuf,
        /// Now.
        is: PathBuf,
    },
    /// Somebody else gives it.
    Giver {
        /// Before.
        was: GivenBy,
        /// Now.
        is: GivenBy,
    },
    /// The same content has another build-id: one of the two locks was edited.
    BuildId,
}

/// What lies at a path, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A symbolic link.
    Symlink,
    /// Another name of a file.
    HardLink,
    /// A file made for the caller.
    Generated,
}

impl Shape {
    fn of(entry: &Entry) -> Shape {
        match entry {
            Entry::Directory { .. } => Shape::Directory,
            Entry::File { .. } => Shape::File,
            Entry::Symlink { .. } => Shape::Symlink,
            Entry::HardLink(_) => Shape::HardLink,
            Entry::Generated { .. } => Shape::Generated,
        }
    }
}

/// Everything in which `is` differs from `was`; nothing for equal locks.
pub fn compare(was: &Lock, is: &Lock) -> Vec<Difference> {
    let mut differences = Vec::new();
    if was.profile != is.profile {
        differences.push(Difference::Profile {
            was: was.profile.clone(),
            is: is.profile.clone(),
        });
    }
    let packages = changed_packages(&was.tree, &is.tree);
    let (mut explained, rest) = sort(changed_files(&was.tree, &is.tree), &packages);
    let names = Names::of(&was.tree, &is.tree);
    for (name, change) in packages {
        differences.push(Difference::Package {
            files: explained.remove(&name).unwrap_or_default(),
            name: names.shown(&name),
            change,
        });
    }
    let rest = rest.into_iter().map(|(change, giver)| {
        let giver = names.giver(giver, &is.tree, &was.tree);
        Difference::File(FileChange { giver, ..change })
    });
    differences.extend(rest);
    for (path, pair) in pairs(&was.live, &is.live) {
        let (kind, now) = match pair {
            Pair::Both(was, is) if was == is => continue,
            Pair::Was(kind) => (*kind, Presence::Went),
            Pair::Both(_, kind) | Pair::Is(kind) => (*kind, Presence::Came),
        };
        let path = path.clone();
        differences.push(Difference::Live { path, kind, now });
    }
    differences
}

/// What two maps have at one key.
enum Pair<'a, V> {
    Both(&'a V, &'a V),
    Was(&'a V),
    Is(&'a V),
}

fn pairs<'a, K: Ord, V>(
    was: &'a BTreeMap<K, V>,
    is: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, Pair<'a, V>)> {
    let keys: BTreeSet<&K> = was.keys().chain(is.keys()).collect();
    keys.into_iter().filter_map(|key| {
        let pair = match (was.get(key), is.get(key)) {
            (Some(was), Some(is)) => Pair::Both(was, is),
            (Some(was), None) => Pair::Was(was),
            (None, Some(is)) => Pair::Is(is),
            (None, None) => return None,
        };
        Some((key, pair))
    })
}

fn changed_packages(was: &LockedTree, is: &LockedTree) -> BTreeMap<PackageName, PackageChange> {
    let changes = pairs(&was.packages, &is.packages).filter_map(|(name, pair)| {
        let change = match pair {
            Pair::Both(was, is) if was == is => return None,
            Pair::Both(was, is) => PackageChange::Version {
                was: was.clone(),
                is: is.clone(),
            },
            Pair::Was(was) => PackageChange::Went(was.clone()),
            Pair::Is(is) => PackageChange::Came(is.clone()),
        };
        Some((name.clone(), change))
    });
    changes.collect()
}

/// A change, and who gives or gave the file.
type Found<'a> = (FileChange, Option<&'a GivenBy>);

fn changed_files<'a>(was: &'a LockedTree, is: &'a LockedTree) -> Vec<Found<'a>> {
    let mut changes: Vec<Found<'a>> = Vec::new();
    for (path, pair) in pairs(&was.entries, &is.entries) {
        let (what, giver) = match pair {
            Pair::Both(was, is) => (changes_of(was, is), is.giver().or(was.giver())),
            Pair::Was(was) => (vec![What::Went(Shape::of(was))], was.giver()),
            Pair::Is(is) => (vec![What::Came(Shape::of(is))], is.giver()),
        };
        if what.is_empty() {
            continue;
        }
        drop_implied(&mut changes, path, &what);
        let change = FileChange {
            path: path.clone(),
            what,
            giver: Giver::Nobody,
        };
        changes.push((change, giver));
    }
    changes
}

/// A new path says that the directories above it are new too, and so for old ones.
fn drop_implied(changes: &mut Vec<Found<'_>>, path: &Path, what: &[What]) {
    let above = changes
        .last()
        .filter(|(last, _)| path.parent() == Some(&last.path));
    let implied = above.is_some_and(|(above, _)| {
        matches!(
            (above.what.as_slice(), what),
            ([What::Came(Shape::Directory)], [What::Came(_)])
                | ([What::Went(Shape::Directory)], [What::Went(_)])
        )
    });
    if implied {
        changes.pop();
    }
}

fn changes_of(was: &Entry, is: &Entry) -> Vec<What> {
    let mut what = Vec::new();
    match (was, is) {
        (Entry::Directory { mode: was }, Entry::Directory { mode: is })
        | (Entry::Generated { mode: was }, Entry::Generated { mode: is }) => {
            what.extend(mode(*was, *is));
        }
        (
            Entry::File {
                mode: was_mode,
                size: was,
                sha256: was_sha256,
                build_id: was_id,
                giver: _,
            },
            Entry::File {
                mode: is_mode,
                size: is,
                sha256: is_sha256,
                build_id: is_id,
                giver: _,
            },
        ) => {
            if (was, was_sha256) != (is, is_sha256) {
                what.push(What::Content { was: *was, is: *is });
            } else if was_id != is_id {
                what.push(What::BuildId);
            }
            what.extend(mode(*was_mode, *is_mode));
        }
        (Entry::Symlink { target: was, .. }, Entry::Symlink { target: is, .. }) if was != is => {
            what.push(What::Target {
                was: was.clone(),
                is: is.clone(),
            });
        }
        (Entry::HardLink(was), Entry::HardLink(is)) if was != is => what.push(What::First {
            was: was.clone(),
            is: is.clone(),
        }),
        (Entry::Symlink { .. }, Entry::Symlink { .. })
        | (Entry::HardLink(_), Entry::HardLink(_)) => {}
        (was, is) => what.push(What::Shape {
            was: Shape::of(was),
            is: Shape::of(is),
        }),
    }
    if let (Some(was), Some(is)) = (was.giver(), is.giver())
        && was != is
    {
        what.push(What::Giver {
            was: was.clone(),
            is: is.clone(),
        });
    }
    what
}

fn mode(was: u32, is: u32) -> Option<What> {
    (was != is).then_some(What::Mode { was, is })
}

/// The changes that a changed package explains, and all others.
fn sort<'a>(
    changes: Vec<Found<'a>>,
    packages: &BTreeMap<PackageName, PackageChange>,
) -> (BTreeMap<PackageName, Vec<FileChange>>, Vec<Found<'a>>) {
    let mut explained: BTreeMap<PackageName, Vec<FileChange>> = BTreeMap::new();
    let mut rest = Vec::new();
    for (change, giver) in changes {
        match giver {
            Some(GivenBy::Package(name)) if packages.contains_key(name) => {
                let giver = Giver::Package;
                let files = explained.entry(name.clone()).or_default();
                files.push(FileChange { giver, ..change });
            }
            _ => rest.push((change, giver)),
        }
    }
    (explained, rest)
}

/// Which names stand for packages of several architectures.
struct Names<'a> {
    architectures: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Names<'a> {
    fn of(was: &'a LockedTree, is: &'a LockedTree) -> Names<'a> {
        let mut architectures: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for name in was.packages.keys().chain(is.packages.keys()) {
            let of_name = architectures.entry(&name.name).or_default();
            of_name.insert(&name.architecture);
        }
        Names { architectures }
    }

    /// The architecture is told where the name alone is not enough.
    fn shown(&self, name: &PackageName) -> String {
        let several = self
            .architectures
            .get(name.name.as_str())
            .map_or(0, BTreeSet::len)
            > 1;
        match several {
            true => name.to_string(),
            false => name.name.clone(),
        }
    }

    fn giver(&self, giver: Option<&GivenBy>, is: &LockedTree, was: &LockedTree) -> Giver {
        match giver {
            None => Giver::Nobody,
            Some(GivenBy::Host) => Giver::Host,
            Some(GivenBy::Profile) => Giver::Profile,
            Some(GivenBy::Package(name)) => {
                let installed = is.packages.get(name).or_else(|| was.packages.get(name));
                installed.map_or(Giver::Package, |installed| Giver::SameVersion {
                    name: self.shown(name),
                    version: installed.version.clone(),
                })
            }
        }
    }
}
