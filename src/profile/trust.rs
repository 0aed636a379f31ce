//! Whose file a profile may be that nobody named by its path.
//!
//! What is named by its path on the command line is read whoever owns it, as `ssh -F FILE` and
//! `sh FILE` do. A profile that is found by name, and a base, were not looked at by the caller: as
//! for `~/.ssh/config` and `/etc/sudoers`, nobody else may be able to put words into them. Each has
//! to belong to root or the caller (a base also to the owner of the file that names it or of a directory
//! above that, who could have written the same there), and neither it nor a directory above it may be writable by others:
//! sticky directories are well, as nobody can replace another's file in them (unlink(2), EPERM). A
//! group may write when it is the caller's private one, as where the umask is 002.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::diag::{Origin, Problem};
use crate::model::guard::{self, Guard};

/// Who starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The effective user id.
    pub uid: u32,
    /// The effective group id.
    pub gid: u32,
}

/// Who may write a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Anybody: the caller named this very file.
    Named,
    /// Root, the caller, and these.
    Kept {
        /// The caller.
        caller: Caller,
        /// Owners beside root and the caller.
        owners: Vec<u32>,
    },
}

impl Trust {
    /// Judges the file that was opened at `path`.
    ///
    /// # Errors
    /// `profile.foreign-owner` and `profile.others-write`, at [`Origin::CommandLine`].
    pub(super) fn judge(&self, path: &Path, file: &Metadata) -> Result<(), Problem> {
        let Trust::Kept { caller, owners } = self else {
            return Ok(());
        };
        if !guard::holds(Guard::KeptProfiles) {
            return Ok(());
        }
        judge_one(*caller, owners, path, file, What::File)?;
        for (directory, metadata) in above(path) {
            judge_one(*caller, owners, &directory, &metadata, What::Directory)?;
        }
        Ok(())
    }
}

/// Who can put another file in the place of the one at `path`: its owner, and those of the directories above it.
pub(super) fn owners(path: &Path, file: &Metadata) -> Vec<u32> {
    let above = above(path).into_iter();
    let owners = above.map(|(_, metadata)| metadata.uid());
    let owners: BTreeSet<u32> = owners.chain([file.uid()]).collect();
    owners.into_iter().collect()
}

/// The directories above a file. The place where it was found can be a link to where it is: both ways count.
fn above(path: &Path) -> Vec<(PathBuf, Metadata)> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let written = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut found = Vec::new();
    for start in [written, real] {
        let directories = start.ancestors().skip(1);
        // One that cannot be looked at cannot have led to the file either.
        found.extend(directories.filter_map(|directory| {
            let metadata = directory.metadata().ok()?;
            Some((directory.to_owned(), metadata))
        }));
    }
    found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    File,
    Directory,
}

fn judge_one(
    caller: Caller,
    owners: &[u32],
    path: &Path,
    metadata: &Metadata,
    what: What,
) -> Result<(), Problem> {
    let noun = match what {
        What::File => "profile",
        What::Directory => "directory",
    };
    let name = path.display();
    let owner = metadata.uid();
    if owner != 0 && owner != caller.uid && !owners.contains(&owner) {
        let message = format!("{noun} `{name}` belongs to user {owner}, not to you or root");
        let problem = Problem::error("profile.foreign-owner", &Origin::CommandLine, message);
        return Err(problem.help(match what {
            What::File => "look at it; then take it over with chown, or name it by its path",
            What::Directory => "keep profiles where only you and root can put files",
        }));
    }
    let mode = metadata.mode();
    let sticky = what == What::Directory && mode & 0o1000 != 0;
    let private_group = metadata.gid() == 0 || is_private_group(caller, metadata.gid());
    let writer = match mode {
        _ if sticky => return Ok(()),
        mode if mode & 0o002 != 0 => "everybody",
        mode if mode & 0o020 != 0 && !private_group => "its group",
        _ => return Ok(()),
    };
    let message = format!("{noun} `{name}` can be written by {writer}");
    let problem = Problem::error("profile.others-write", &Origin::CommandLine, message);
    Err(problem.help(format!(
        "run `chmod go-w {name}`, and look at what it holds"
    )))
}

/// A group of the caller alone has, by convention, the caller's own number.
fn is_private_group(caller: Caller, gid: u32) -> bool {
    gid == caller.gid && caller.gid == caller.uid
}
