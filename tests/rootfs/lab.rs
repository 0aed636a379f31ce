//! A host directory, a store beside it, and short ways to write plans.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sandbox::diag::{At, Origin};
use sandbox::model::FileMode;
use sandbox::plan::{Existing, Missing, MountPoint, MountPointKind, TreePlan, TreeSource};
use sandbox::rootfs::{BuildError, Refresh, Silent, Store, Tree};

/// Everything of one test, removed at its end.
pub struct Lab {
    dir: tempfile::TempDir,
    pub store: Store,
}

impl Lab {
    pub fn new() -> Lab {
        let dir = tempfile::tempdir().unwrap();
        // Links on the way to the lab itself would come along.
        let store = Store::open(&dir.path().join("store")).unwrap();
        fs::create_dir(dir.path().join("h")).unwrap();
        Lab { dir, store }
    }

    /// A path of the pretended host.
    pub fn host(&self, below: &str) -> PathBuf {
        let dir = self.dir.path().canonicalize().unwrap();
        dir.join("h").join(below)
    }

    pub fn store_dir(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub fn file(&self, below: &str, text: &str) -> PathBuf {
        let path = self.host(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub fn link(&self, below: &str, target: &str) -> PathBuf {
        let path = self.host(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, &path).unwrap();
        path
    }

    pub fn try_build(&self, plan: &TreePlan) -> Result<Tree, BuildError> {
        self.store.tree(plan, Refresh::Quick, &mut Silent)
    }

    pub fn build(&self, plan: &TreePlan) -> Tree {
        self.try_build(plan)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// What the error says and where it points, after a check that no half tree was left.
    pub fn refused(&self, plan: &TreePlan) -> BuildError {
        let error = self.try_build(plan).map(|tree| tree.root).unwrap_err();
        assert!(
            self.list("trees").is_empty(),
            "a tree was left after: {error}"
        );
        assert!(
            self.list("building").is_empty(),
            "a half tree was left after: {error}"
        );
        error
    }

    pub fn list(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.store_dir().join(folder))
            .into_iter()
            .flatten();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

/// A path inside a tree that stands for an absolute host path.
pub fn inside(tree: &Tree, path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    tree.root.join(path.strip_prefix("/").unwrap_or(path))
}

pub fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref()).unwrap_or_else(|error| panic!("{:?}: {error}", path.as_ref()))
}

pub fn mode(path: impl AsRef<Path>) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

pub fn chmod(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Sources get the origins `1-1`, `2-2`, … of the first file.
pub fn plan(sources: impl IntoIterator<Item = TreeSource>) -> TreePlan {
    let place = |index: usize| Origin::profile(sandbox::diag::FileId::FIRST, index..index);
    let sources = sources.into_iter().enumerate();
    TreePlan {
        sources: sources
            .map(|(index, source)| At::new(source, place(index + 1)))
            .collect(),
        mount_points: Vec::new(),
        search_path: Vec::new(),
        library_path: Vec::new(),
    }
}

pub fn copy(from: impl Into<PathBuf>) -> TreeSource {
    TreeSource::Copy {
        from: from.into(),
        to: None,
        exclude: Vec::new(),
        missing: Missing::Refused,
        existing: Existing::Replaced,
    }
}

pub fn copy_to(from: impl Into<PathBuf>, to: &str) -> TreeSource {
    copy_without(from, to, &[])
}

pub fn copy_without(from: impl Into<PathBuf>, to: &str, exclude: &[&str]) -> TreeSource {
    TreeSource::Copy {
        from: from.into(),
        to: Some(to.parse().unwrap()),
        exclude: exclude
            .iter()
            .map(|pattern| (*pattern).to_owned())
            .collect(),
        missing: Missing::Refused,
        existing: Existing::Replaced,
    }
}

pub fn file(path: &str, text: &str) -> TreeSource {
    TreeSource::File {
        path: path.parse().unwrap(),
        text: text.to_owned(),
        mode: FileMode(0o640),
        existing: Existing::Replaced,
    }
}

pub fn dir(path: &str, mode: u32) -> TreeSource {
    TreeSource::Dir {
        path: path.parse().unwrap(),
        mode: FileMode(mode),
    }
}

pub fn symlink(path: &str, target: &str) -> TreeSource {
    TreeSource::Symlink {
        path: path.parse().unwrap(),
        target: target.to_owned(),
        existing: Existing::Replaced,
    }
}

pub fn mount_point(path: &str, kind: MountPointKind) -> MountPoint {
    MountPoint {
        path: path.parse().unwrap(),
        kind,
    }
}
