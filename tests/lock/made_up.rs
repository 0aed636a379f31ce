//! A directory that stands for the root of a host.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sandbox::packages::{Owners, owners};

pub struct Host {
    dir: tempfile::TempDir,
}

impl Host {
    pub fn new() -> Host {
        Host {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub fn link(&self, path: &str, target: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    pub fn ask(&self, files: &[&str]) -> Owners {
        owners(self.root(), files.iter().map(Path::new))
    }

    /// `PATH: MANAGER NAME ARCH VERSION` of each file that has an owner; no note is left.
    pub fn owners(&self, files: &[&str]) -> Vec<String> {
        let Owners { packages, notes } = self.ask(files);
        assert_eq!(notes, []);
        shown(&packages)
    }
}

pub fn shown(packages: &BTreeMap<PathBuf, sandbox::packages::Package>) -> Vec<String> {
    let packages = packages.iter().map(|(path, package)| {
        let sandbox::packages::Package {
            manager,
            name,
            architecture,
            version,
        } = package;
        let path = path.display();
        format!("{path}: {manager} {name} {architecture} {version}")
    });
    packages.collect()
}
