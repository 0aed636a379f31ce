//! Who uses which tree: profiles and locks, by their paths.
//!
//! `users/HASH` holds the key of a plan and the path of the file that asked for its tree; HASH is of the
//! path. While that file is there, garbage collection keeps the tree.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::files::{read, remove_file, replace};
use super::{Store, Tree, USERS};
use crate::rootfs::content::errno;
use crate::rootfs::error::{StoreError, SystemProblem};
use crate::rootfs::record::ID;

/// A file that uses a tree.
pub(super) struct User {
    /// Its place below `users`.
    pub name: String,
    /// The key of the tree's plan.
    pub key: String,
    pub path: PathBuf,
}

impl Store {
    /// Notes that the file at `path`, a profile or a lock, uses this tree, and no other one any more.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn note_user(&self, tree: &Tree, path: &Path) -> Result<(), StoreError> {
        // Links stay in it: looking for them at each start would cost more than a second note.
        let path = std::path::absolute(path).map_err(errno);
        let path = path.map_err(SystemProblem::at("find", Path::new(".")))?;
        if !path.exists() {
            // Gone since it was read: nothing to find the tree's user by.
            return Ok(());
        }
        let mut text = tree.key.clone().into_bytes();
        text.push(b'\n');
        text.extend(path.as_os_str().as_bytes());
        let name = format!("{USERS}/{}", name_of(&path));
        // A start writes nothing where nothing has changed.
        if read(&self.fd, &name).is_ok_and(|noted| noted == text) {
            return Ok(());
        }
        let written = replace(&self.fd, &name, &text);
        Ok(written.map_err(self.problem("write", &name))?)
    }

    /// Everything that was noted.
    pub(super) fn users(&self) -> Vec<User> {
        let names = self.names_in(USERS).into_iter();
        // A longer name is of one that was never given its own.
        let names = names.filter(|name| name.len() == ID);
        let read = |name: String| {
            let text = read(&self.fd, &format!("{USERS}/{name}")).ok()?;
            let (key, path) = text.split_at_checked(ID)?;
            let path = Path::new(OsStr::from_bytes(path.strip_prefix(b"\n")?)).to_owned();
            let key = str::from_utf8(key).ok()?.to_owned();
            Some(User { name, key, path })
        };
        names.filter_map(read).collect()
    }

    /// The users that are still there, by the key of their tree.
    pub(super) fn users_by_key(&self) -> HashMap<String, Vec<PathBuf>> {
        let mut by_key: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for user in self.users() {
            if user.is_there() {
                by_key.entry(user.key).or_default().push(user.path);
            }
        }
        by_key
    }

    /// Forgets a user.
    pub(super) fn forget(&self, user: &User) -> nix::Result<()> {
        remove_file(&self.fd, &format!("{USERS}/{}", user.name))
    }
}

impl User {
    /// What cannot be looked at (a file system that is not mounted, a directory that is closed) counts as there:
    /// only what is known to be gone frees a tree.
    pub(super) fn is_there(&self) -> bool {
        self.path.try_exists().unwrap_or(true)
    }
}

fn name_of(path: &Path) -> String {
    let hash = blake3::hash(path.as_os_str().as_bytes()).to_hex();
    hash.as_str().chars().take(ID).collect()
}
