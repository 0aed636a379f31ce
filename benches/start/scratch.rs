//! A directory that holds all that a run makes, and goes with it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The directory; removed when this is dropped, also after an error or an interrupt.
pub struct Scratch {
    dir: TempDir,
}

impl Scratch {
    /// Makes it where temporary files go, open to read for the mapped ids of the contenders.
    pub fn create() -> Result<Self, String> {
        let dir = tempfile::Builder::new()
            .prefix("sandbox-bench-")
            .tempdir()
            .map_err(|error| format!("no scratch directory: {error}"))?;
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755))
            .map_err(|error| format!("{}: {error}", dir.path().display()))?;
        Ok(Self { dir })
    }

    /// A path in it.
    pub fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// A directory in it, made with its parents.
    pub fn folder(&self, below: &str) -> Result<PathBuf, String> {
        let path = self.path(below);
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }

    /// A file in it, in a directory that is there.
    pub fn file(&self, below: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.path(below);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    /// A tree may hold directories that their owner may not write: these are opened first.
    fn drop(&mut self) {
        let path = self.dir.path();
        let opened = Command::new("chmod")
            .args(["-R", "u+rwX"])
            .arg(path)
            .status();
        if !opened.is_ok_and(|status| status.success()) || fs::remove_dir_all(path).is_err() {
            println!("left behind: {}", path.display());
        }
    }
}

/// A tree with one program in it, its loader and libraries, and the places for mounts.
pub fn build_tree(tree: &Path, program: &Path) -> Result<(), String> {
    for place in ["proc", "dev", "tmp", "etc", "sys"] {
        let path = tree.join(place);
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    copy_into(tree, program)?;
    for library in libraries(program)? {
        copy_into(tree, Path::new(&library))?;
    }
    // It spares the loader its search, in every tool's tree alike.
    let cache = Path::new("/etc/ld.so.cache");
    if cache.exists() {
        copy_into(tree, cache)?;
    }
    Ok(())
}

/// What `ldd` prints, the paths only; a static program has none.
fn libraries(program: &Path) -> Result<Vec<String>, String> {
    let output = Command::new("ldd")
        .arg(program)
        .output()
        .map_err(|error| format!("ldd: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .filter(|word| word.starts_with('/') && !word.ends_with(':'))
        .map(str::to_owned)
        .collect())
}

fn copy_into(tree: &Path, file: &Path) -> Result<(), String> {
    let say = |error: std::io::Error| format!("{}: {error}", file.display());
    let to = tree.join(file.strip_prefix("/").map_err(|error| error.to_string())?);
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(say)?;
    }
    fs::copy(file, &to).map_err(say)?;
    Ok(())
}
