//! Which package of the host owns a file, and in which version.
//!
//! The databases of the package managers are read as files; none of their programs is run. A database
//! that is not there answers nothing. One that cannot be read answers nothing and leaves a note: who
//! asks knows less then, and is told so.
//!
//! - **Only what is asked is kept.** A host lists 300,000 paths in 3,000 files. Each listed path is
//!   looked up among the asked ones by its last name first; only then are links followed.
//! - **Links in a listed path are followed in the root that is read.** dpkg lists `/bin/bash` where
//!   `/bin` is a link to `usr/bin`. Following links in general, not only those at the top, also covers
//!   `/usr/sbin` and `/usr/lib64`, which became links on Arch and Fedora.
//! - **Several owners**: the first of [`Manager`] wins, then the smaller name, so that the answer does
//!   not depend on an order of files. Packages of several architectures share their documentation.
//! - **rpm** stores headers in SQLite since 4.16. A reader in Rust takes them from its pages and its log,
//!   within a budget that the size of the file sets; SQLite itself would be C code in front of a file that
//!   may be corrupt, and wants to write beside it. The older formats (ndb, Berkeley DB) are not read; a
//!   note says so and how the database is rebuilt.

mod apk;
mod asked;
mod dpkg;
mod pacman;
mod root;
mod rpm;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use asked::Asked;
use root::Root;

/// The package managers whose databases are read, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Manager {
    /// Debian and its children, distroless images too.
    Dpkg,
    /// Alpine.
    Apk,
    /// Fedora, openSUSE and their relatives.
    Rpm,
    /// Arch.
    Pacman,
}

impl Manager {
    /// All of them.
    pub const ALL: [Manager; 4] = [Manager::Dpkg, Manager::Apk, Manager::Rpm, Manager::Pacman];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Manager::Dpkg => "dpkg",
            Manager::Apk => "apk",
            Manager::Rpm => "rpm",
            Manager::Pacman => "pacman",
        }
    }
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An installed package. Its words hold visible ASCII characters only, and are never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Who installed it.
    pub manager: Manager,
    /// Its name.
    pub name: String,
    /// Its architecture, in the manager's own spelling.
    pub architecture: String,
    /// Its whole version: with epoch and release.
    pub version: String,
}

impl Package {
    /// Nothing for words that no package has.
    fn new(manager: Manager, name: &[u8], architecture: &[u8], version: &[u8]) -> Option<Package> {
        Some(Package {
            manager,
            name: word(name)?,
            architecture: word(architecture)?,
            version: word(version)?,
        })
    }
}

/// No manager allows other characters; longer ones are nonsense.
fn word(bytes: &[u8]) -> Option<String> {
    let sound = !bytes.is_empty() && bytes.len() <= 256 && bytes.iter().all(u8::is_ascii_graphic);
    sound.then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// Who owns the files that were asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owners {
    /// The owner of each file that has one.
    pub packages: BTreeMap<PathBuf, Package>,
    /// What could not be read.
    pub notes: Vec<Note>,
}

/// A database that is there and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Which file of it.
    pub path: PathBuf,
    /// Why not, and what can be done.
    pub reason: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Note { path, reason } = self;
        let path = path.display();
        write!(f, "package database `{path}` cannot be read: {reason}")
    }
}

/// Finds the owners of `files` in the databases below `root` (`/` for the host itself).
///
/// The files are absolute paths in that root, and free of links but for their last part.
pub fn owners<'a>(root: &Path, files: impl IntoIterator<Item = &'a Path>) -> Owners {
    let mut asked = Asked::new(Root::new(root), files);
    if !asked.is_empty() {
        for manager in Manager::ALL {
            match manager {
                Manager::Dpkg => dpkg::read(&mut asked),
                Manager::Apk => apk::read(&mut asked),
                Manager::Rpm => rpm::read(&mut asked),
                Manager::Pacman => pacman::read(&mut asked),
            }
        }
    }
    asked.finish()
}

/// A database that is not there is no trouble.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
