//! Set-id files below directories that a sandbox may write: looked for when somebody asks, not at a start.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::model::{SetIdFiles, Switch};

/// How many entries are looked at below all of them: some seconds on a slow disk.
pub const MOST_ENTRIES: usize = 50_000;

/// The set-id files at or below each of `tops`, no link followed. What cannot be read is passed over.
pub fn set_id_files(tops: impl Iterator<Item = PathBuf>) -> Vec<SetIdFiles> {
    let mut left = MOST_ENTRIES;
    tops.map(|top| below(top, &mut left)).collect()
}

fn below(top: PathBuf, left: &mut usize) -> SetIdFiles {
    let mut files = Vec::new();
    let mut open = vec![top.clone()];
    while let Some(path) = open.pop() {
        if *left == 0 {
            open.push(path);
            break;
        }
        *left -= 1;
        // Links in the profile's own path count: that one is what is bound.
        let found = match path == top {
            true => fs::metadata(&path),
            false => fs::symlink_metadata(&path),
        };
        match found {
            Ok(found) if found.is_dir() => open.extend(entries(&path)),
            Ok(found) if gives_rights(&found) => files.push(path),
            Ok(_) | Err(_) => {}
        }
    }
    files.sort();
    SetIdFiles {
        top,
        files,
        whole: Switch::from(open.is_empty()),
    }
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let entries = entries.filter_map(|entry| Some(entry.ok()?.path()));
    entries.collect()
}

/// Whether execve(2) changes ids for it: S_ISGID counts where the group may run it (inode(7)).
fn gives_rights(found: &Metadata) -> bool {
    let mode = found.mode();
    found.is_file() && (mode & 0o4000 != 0 || mode & 0o2010 == 0o2010)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn set_id_files_are_found_and_no_link_is_followed() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().join("top");
        fs::create_dir_all(top.join("a/b")).unwrap();
        for (name, mode) in [
            ("a/b/user", 0o4755),
            ("a/group", 0o2755),
            ("a/lock", 0o2644),
            ("plain", 0o755),
            ("../outside", 0o4755),
        ] {
            fs::write(top.join(name), "").unwrap();
            fs::set_permissions(top.join(name), Permissions::from_mode(mode)).unwrap();
        }
        symlink("..", top.join("link")).unwrap();
        fs::set_permissions(top.join("a"), Permissions::from_mode(0o2755)).unwrap();
        let found = below(top.clone(), &mut 100);
        assert_eq!(found.files, [top.join("a/b/user"), top.join("a/group")]);
        assert_eq!(found.whole, Switch::On);
        let in_part = below(top.clone(), &mut 2);
        assert_eq!(in_part.whole, Switch::Off);
        let one = below(top.join("a/b/user"), &mut 1);
        assert_eq!((one.files.len(), one.whole), (1, Switch::On));
    }
}
