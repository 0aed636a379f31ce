//! What an attack could change in a directory of the host, to compare before and after.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Path, then mode, owner, group, links and size, then both times, then the content.
pub type Seen = (PathBuf, [u64; 5], [i64; 4], Vec<u8>);

/// All that lies there, itself too, by path; of a link its text.
pub fn everything_in(directory: &Path) -> Vec<Seen> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        let status = fs::symlink_metadata(&path).unwrap();
        let mut text = Vec::new();
        if status.is_dir() {
            left.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if status.is_file() {
            text = fs::read(&path).unwrap();
        } else if status.is_symlink() {
            text = fs::read_link(&path)
                .unwrap()
                .into_os_string()
                .into_encoded_bytes();
        }
        let (mode, uid, gid) = (
            status.mode().into(),
            status.uid().into(),
            status.gid().into(),
        );
        let numbers = [mode, uid, gid, status.nlink(), status.size()];
        let times = [
            status.mtime(),
            status.mtime_nsec(),
            status.ctime(),
            status.ctime_nsec(),
        ];
        found.push((path, numbers, times, text));
    }
    found.sort();
    found
}
