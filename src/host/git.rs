//! The checkout around a directory, by git's own rules and without running git.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A git checkout.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checkout {
    /// The top of the working tree: `git rev-parse --show-toplevel`.
    pub root: PathBuf,
    /// What all working trees share: `git rev-parse --git-common-dir`, absolute.
    pub common_dir: PathBuf,
}

/// The checkout in which `start` lies, an absolute path without links.
///
/// Like git, the search ends at the border of a file system, at a repository that has no working tree and
/// below each directory of `GIT_CEILING_DIRECTORIES`. A `.git` of another user does not count (CVE-2022-24765): it would choose what is bound.
/// Root takes one of the user whose directory it stands in, as builds in containers do.
pub(super) fn checkout(start: &Path, uid: u32) -> Option<Checkout> {
    let here = start.metadata().ok()?;
    let trusted = |path: &Path| {
        let owner = path.symlink_metadata().map(|found| found.uid());
        owner.is_ok_and(|owner| owner == uid || owner == 0 || (uid == 0 && owner == here.uid()))
    };
    let ceilings = std::env::var_os("GIT_CEILING_DIRECTORIES").unwrap_or_default();
    for root in start.ancestors() {
        if root != start && std::env::split_paths(&ceilings).any(|ceiling| ceiling == root) {
            return None;
        }
        if root.metadata().ok()?.dev() != here.dev() {
            return None;
        }
        let dot_git = root.join(".git");
        if let Some(git_dir) = git_dir(&dot_git, root) {
            return trusted(&dot_git).then(|| Checkout {
                root: root.to_owned(),
                common_dir: common_dir(&git_dir),
            });
        }
        if is_repository(root, root) {
            return None;
        }
    }
    None
}

/// The repository of a working tree whose `.git` this is: the directory itself, or what the file
/// names (worktrees, submodules).
fn git_dir(dot_git: &Path, root: &Path) -> Option<PathBuf> {
    let found = if dot_git.metadata().ok()?.is_dir() {
        dot_git.to_owned()
    } else {
        let text = small_text(dot_git)?;
        root.join(text.strip_prefix("gitdir:")?.trim())
    };
    is_repository(&found, &common_dir(&found)).then_some(found)
}

/// What git takes for a repository: a HEAD, and where the shared part is, objects and refs.
fn is_repository(git_dir: &Path, common_dir: &Path) -> bool {
    git_dir.join("HEAD").symlink_metadata().is_ok()
        && common_dir.join("objects").is_dir()
        && common_dir.join("refs").is_dir()
}

/// The shared part of a repository: of a worktree's, what its file `commondir` names.
fn common_dir(git_dir: &Path) -> PathBuf {
    let named = small_text(&git_dir.join("commondir"));
    let shared = match named {
        Some(text) => git_dir.join(text.trim()),
        None => git_dir.to_owned(),
    };
    shared.canonicalize().unwrap_or(shared)
}

/// The text of a regular file of a few lines: what is longer is no pointer of git's.
fn small_text(path: &Path) -> Option<String> {
    const MOST: u64 = 8192;
    let found = path.metadata().ok()?;
    let fits = found.is_file() && found.len() <= MOST;
    fits.then(|| std::fs::read_to_string(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("sandbox-git-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir(&path).unwrap();
        path.canonicalize().unwrap()
    }

    fn repository(path: &Path) {
        fs::create_dir_all(path.join("objects")).unwrap();
        fs::create_dir_all(path.join("refs")).unwrap();
        fs::write(path.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    }

    fn uid() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    #[test]
    fn the_nearest_directory_with_a_repository_is_the_root() {
        let top = scratch("plain");
        repository(&top.join(".git"));
        fs::create_dir_all(top.join("a/.git")).unwrap();
        fs::create_dir_all(top.join("a/b")).unwrap();
        // An empty `.git` is no repository.
        let found = checkout(&top.join("a/b"), uid()).unwrap();
        assert_eq!(found.root, top);
        assert_eq!(found.common_dir, top.join(".git"));
        // Inside the repository there is no working tree.
        assert_eq!(checkout(&top.join(".git/refs"), uid()), None);
        fs::remove_dir_all(top).unwrap();
    }

    #[test]
    fn a_worktree_names_the_shared_repository() {
        let top = scratch("worktree");
        repository(&top.join("main/.git"));
        let own = top.join("main/.git/worktrees/w");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("HEAD"), "").unwrap();
        fs::write(own.join("commondir"), "../..\n").unwrap();
        fs::create_dir_all(top.join("w/src")).unwrap();
        fs::write(top.join("w/.git"), format!("gitdir: {}\n", own.display())).unwrap();
        let found = checkout(&top.join("w/src"), uid()).unwrap();
        assert_eq!(found.root, top.join("w"));
        assert_eq!(found.common_dir, top.join("main/.git"));
        fs::remove_dir_all(top).unwrap();
    }

    #[test]
    fn another_users_repository_does_not_count() {
        let top = scratch("planted");
        repository(&top.join(".git"));
        let planted = checkout(&top, uid() + 1);
        let own = uid() == 0;
        assert_eq!(planted.is_some(), own, "root's own counts for everyone");
        fs::remove_dir_all(top).unwrap();
    }
}
