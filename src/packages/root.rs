//! Files below a directory that stands for `/`, without a way out of it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// The kernel's own limit (`MAXSYMLINKS`).
const MOST_LINKS: u32 = 40;

/// A database file larger than this is none: 1 GiB.
const MOST_BYTES: u64 = 1 << 30;

/// A directory that stands for `/`.
pub(super) struct Root {
    dir: PathBuf,
    /// Where each directory and link that was met leads to.
    known: RefCell<HashMap<PathBuf, PathBuf>>,
}

impl Root {
    pub fn new(dir: &Path) -> Root {
        Root {
            dir: dir.to_owned(),
            known: RefCell::default(),
        }
    }

    /// An absolute path in this root without links, as far as it is there.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        let mut links = MOST_LINKS;
        self.follow(PathBuf::from("/"), path, &mut links)
    }

    fn follow(&self, mut at: PathBuf, path: &Path, links: &mut u32) -> PathBuf {
        for part in path.components() {
            match part {
                Component::RootDir => at = PathBuf::from("/"),
                Component::ParentDir => {
                    at.pop();
                }
                Component::Normal(name) => {
                    at.push(name);
                    at = self.step(at, links);
                }
                Component::CurDir | Component::Prefix(_) => {}
            }
        }
        at
    }

    /// Where `path` leads to, whose directory is free of links.
    fn step(&self, path: PathBuf, links: &mut u32) -> PathBuf {
        if let Some(known) = self.known.borrow().get(&path) {
            return known.clone();
        }
        let target = fs::read_link(self.outside(&path));
        let end = match target {
            Ok(target) if *links > 0 => {
                *links -= 1;
                let dir = path.parent().unwrap_or(Path::new("/")).to_owned();
                self.follow(dir, &target, links)
            }
            _ => path.clone(),
        };
        self.known.borrow_mut().insert(path, end.clone());
        end
    }

    /// Where a resolved path of this root is for the kernel.
    fn outside(&self, path: &Path) -> PathBuf {
        self.dir.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The path by which the kernel finds `path` of this root.
    pub fn host_path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.outside(&self.resolve(path.as_ref()))
    }

    /// A regular file, and its size in bytes.
    pub fn open(&self, path: impl AsRef<Path>) -> io::Result<(File, u64)> {
        let file = open(&self.host_path(path))?;
        let size = file.metadata()?.len();
        match size < MOST_BYTES {
            true => Ok((file, size)),
            false => Err(io::Error::other("it is larger than 1 GiB")),
        }
    }

    /// All of a regular file.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let (file, _) = self.open(path)?;
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == MOST_BYTES {
            return Err(io::Error::other("it is larger than 1 GiB"));
        }
        Ok(bytes)
    }

    /// The names in a directory, sorted.
    pub fn list(&self, path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
        let entries = fs::read_dir(self.host_path(path))?;
        let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
        let mut names = names.collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }
}

/// Opens a regular file without waiting: a pipe or a device would block or act.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_stay_in_the_root() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["usr/bin", "var/lib"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        for (name, target) in [
            ("bin", "usr/bin"),
            ("sbin", "/bin"),
            ("out", "../../../etc"),
            ("a", "b"),
            ("b", "a"),
        ] {
            symlink(target, dir.path().join(name)).unwrap();
        }
        let root = Root::new(dir.path());
        let ends = |path: &str| root.resolve(Path::new(path)).display().to_string();
        assert_eq!(ends("/bin/bash"), "/usr/bin/bash");
        assert_eq!(ends("/sbin/init"), "/usr/bin/init");
        assert_eq!(ends("/out/passwd"), "/etc/passwd");
        assert_eq!(ends("/usr/../bin/x"), "/usr/bin/x");
        // A loop ends somewhere.
        assert!(ends("/a/x").ends_with("/x"));
        assert!(root.read("/out/passwd").is_err());
    }

    #[test]
    fn only_regular_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&dir.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let root = Root::new(dir.path());
        assert!(root.read("/pipe").is_err());
        assert!(root.read("/").is_err());
        assert!(super::super::is_absent(&root.read("/none").unwrap_err()));
    }
}
