//! Which disk is behind a path.

use std::fs::metadata;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::model::DiskFact;

/// The whole disk that `path` names, or that its file system lies on.
///
/// The kernel limits disks, not their partitions (block/blk-throttle.c, `blkg_conf_open_bdev`).
/// File systems that show no device of their own (tmpfs, overlayfs, btrfs) have none to be found.
pub(super) fn look(path: &Path) -> DiskFact {
    let found = match metadata(path) {
        Ok(found) => found,
        Err(error) => {
            return match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory => DiskFact::Missing,
                _ => DiskFact::Hidden(error.kind().to_string()),
            };
        }
    };
    let kind = found.file_type();
    let number = match kind.is_block_device() {
        true => found.rdev(),
        // A character device is nothing that lies on a disk: its node does.
        false if kind.is_char_device() => return DiskFact::None,
        false => found.dev(),
    };
    whole(libc::major(number), libc::minor(number)).unwrap_or(DiskFact::None)
}

/// The disk with this number, or around it; nothing where no block device has it.
fn whole(major: u32, minor: u32) -> Option<DiskFact> {
    let device = PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
    if !device.exists() {
        return None;
    }
    if !device.join("partition").exists() {
        return Some(DiskFact::Whole { major, minor });
    }
    // The link leads to `…/block/vda/vda1`.
    let around = device.canonicalize().ok()?.parent()?.join("dev");
    let text = std::fs::read_to_string(around).ok()?;
    let (major, minor) = text.trim().split_once(':')?;
    Some(DiskFact::Whole {
        major: major.parse().ok()?,
        minor: minor.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_disk_is_told() {
        assert_eq!(look(Path::new("/absent")), DiskFact::Missing);
        assert_eq!(look(Path::new("/dev/null")), DiskFact::None);
        assert_eq!(look(Path::new("/proc/self")), DiskFact::None);
    }

    #[test]
    fn every_disk_of_this_host_is_found_by_its_number() {
        let disks = std::fs::read_dir("/sys/block").into_iter().flatten();
        for disk in disks.flatten() {
            let text = std::fs::read_to_string(disk.path().join("dev")).unwrap();
            let (major, minor) = text.trim().split_once(':').unwrap();
            let (major, minor) = (major.parse().unwrap(), minor.parse().unwrap());
            let expected = DiskFact::Whole { major, minor };
            assert_eq!(whole(major, minor), Some(expected.clone()));
            for part in std::fs::read_dir(disk.path()).unwrap().flatten() {
                if part.path().join("partition").exists() {
                    let text = std::fs::read_to_string(part.path().join("dev")).unwrap();
                    let (major, minor) = text.trim().split_once(':').unwrap();
                    let found = whole(major.parse().unwrap(), minor.parse().unwrap());
                    assert_eq!(found, Some(expected.clone()), "{part:?}");
                }
            }
        }
    }
}
