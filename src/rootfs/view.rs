//! The host's files, looked at before it is decided what to bring.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use glob::Pattern;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag};

use super::error::SystemProblem;
use super::host;
use super::walk::{HostPlace, kind};

/// A tree of files, the host's or a test's; links in it lead nowhere else.
pub(super) struct View {
    root: PathBuf,
    fd: OwnedFd,
    /// What decided something and comes to no copy: absent paths, and directories that were listed.
    looked: RefCell<BTreeSet<PathBuf>>,
}

impl View {
    /// The files below `root`.
    pub fn open(root: &Path) -> Result<View, SystemProblem> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = open(root, flags, Mode::empty()).map_err(SystemProblem::at("open", root))?;
        Ok(View {
            root: root.to_owned(),
            fd,
            looked: RefCell::default(),
        })
    }

    /// What lies at `path` behind all links; none where that is nothing, or nothing that is reached.
    pub fn find(&self, path: &Path) -> Option<HostPlace> {
        let found = host::find(self.fd.as_fd(), path).ok();
        if found.is_none() {
            self.looked.borrow_mut().insert(path.to_owned());
        }
        found
    }

    /// Whether a file lies at `path`.
    pub fn is_file(&self, path: &Path) -> bool {
        let found = self.find(path);
        found.is_some_and(|found| kind(&found.stat) == SFlag::S_IFREG)
    }

    /// Whether a directory lies at `path`.
    pub fn is_dir(&self, path: &Path) -> bool {
        let found = self.find(path);
        found.is_some_and(|found| kind(&found.stat) == SFlag::S_IFDIR)
    }

    /// The names in a directory, sorted; none where it cannot be listed.
    pub fn names(&self, dir: &Path) -> Vec<OsString> {
        let Some(found) = self.find(dir) else {
            return Vec::new();
        };
        self.looked.borrow_mut().insert(found.path.clone());
        let entries = std::fs::read_dir(self.outside(&found.path));
        let entries = entries.into_iter().flatten().flatten();
        let names: BTreeSet<OsString> = entries.map(|entry| entry.file_name()).collect();
        names.into_iter().collect()
    }

    /// The first `limit` bytes of a file; nothing where it cannot be read.
    pub fn read(&self, path: &Path, limit: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Some(found) = self.find(path) else {
            return bytes;
        };
        if kind(&found.stat) != SFlag::S_IFREG {
            return bytes;
        }
        let file = File::open(self.outside(&found.path));
        match file.and_then(|file| file.take(limit).read_to_end(&mut bytes)) {
            Ok(_) => bytes,
            Err(_) => Vec::new(),
        }
    }

    /// Every path that a pattern means: `*` stands for any part of one name.
    pub fn matching(&self, pattern: &Path) -> Vec<PathBuf> {
        let mut found = vec![PathBuf::from("/")];
        for part in pattern.components() {
            let Component::Normal(name) = part else {
                continue;
            };
            let text = name.to_string_lossy();
            let pattern = Pattern::new(&text).ok().filter(|_| text.contains('*'));
            found = match pattern {
                None => found.iter().map(|dir| dir.join(name)).collect(),
                Some(pattern) => self.entries(&found, &pattern),
            };
        }
        found.retain(|path| self.find(path).is_some());
        found
    }

    fn entries(&self, dirs: &[PathBuf], pattern: &Pattern) -> Vec<PathBuf> {
        let names = |dir: &PathBuf| {
            let names = self.names(dir).into_iter();
            let dir = dir.clone();
            let fits = |name: &OsString| pattern.matches(&name.to_string_lossy());
            names.filter(fits).map(move |name| dir.join(name))
        };
        dirs.iter().flat_map(names).collect()
    }

    /// What decided something, and has to be looked at again by who wants to know whether it still is so.
    pub fn looked(self) -> BTreeSet<PathBuf> {
        self.looked.into_inner()
    }

    /// A path free of links, for calls that do not know the root.
    fn outside(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }
}
