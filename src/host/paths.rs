//! What lies at a path.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::model::{PathFact, PathKind};

/// What lies at `path`, links followed. The file itself is not opened: it may be a device or a pipe.
pub(super) fn look(path: &Path) -> PathFact {
    match present(path) {
        Ok(fact) => fact,
        Err(error) if is_nothing(&error) => PathFact::Missing,
        Err(error) => PathFact::Hidden(reason(&error)),
    }
}

fn present(path: &Path) -> io::Result<PathFact> {
    let place = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_CLOEXEC)
        .open(path)?;
    let metadata = place.metadata()?;
    let real = real_path(&place, path)?;
    let real = (real != path).then_some(real);
    let link = match &real {
        Some(_) => std::fs::read_link(path).ok(),
        None => None,
    };
    Ok(PathFact::Present {
        kind: kind(&metadata),
        uid: metadata.uid(),
        gid: metadata.gid(),
        link,
        real,
    })
}

/// Where an open place really lies: the kernel knows without another walk.
fn real_path(place: &File, path: &Path) -> io::Result<PathBuf> {
    let link = format!("/proc/self/fd/{}", place.as_raw_fd());
    std::fs::read_link(link).or_else(|_| path.canonicalize())
}

fn kind(metadata: &Metadata) -> PathKind {
    let kind = metadata.file_type();
    if kind.is_dir() {
        PathKind::Directory
    } else if kind.is_char_device() || kind.is_block_device() {
        PathKind::Device
    } else if kind.is_socket() {
        PathKind::Socket
    } else if kind.is_fifo() {
        PathKind::Pipe
    } else {
        PathKind::File
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The error as a clause, without its number.
fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_lowercase(),
        None => error.to_string(),
    }
}

/// The paths whose last name matches that of `pattern`, where `*` stands for any text; sorted.
pub(super) fn matching(pattern: &Path) -> Vec<PathBuf> {
    let (Some(directory), Some(name)) = (pattern.parent(), pattern.file_name()) else {
        return Vec::new();
    };
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    let mut found: Vec<PathBuf> = names
        .filter(|found| matches(name, found))
        .map(|found| directory.join(found))
        .collect();
    found.sort();
    found
}

fn matches(pattern: &OsStr, name: &OsStr) -> bool {
    let (pattern, name) = (pattern.to_string_lossy(), name.to_string_lossy());
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    // The earliest place for each piece leaves the most for those behind it.
    for piece in pieces {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn scratch(name: &str) -> PathBuf {
        let directory =
            std::env::temp_dir().join(format!("sandbox-paths-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&directory));
        std::fs::create_dir(&directory).unwrap();
        directory.canonicalize().unwrap()
    }

    #[test]
    fn links_are_told_with_where_they_lead() {
        let directory = scratch("links");
        std::fs::create_dir(directory.join("real")).unwrap();
        std::fs::write(directory.join("real/file"), "").unwrap();
        symlink("real", directory.join("link")).unwrap();
        symlink("absent", directory.join("dangling")).unwrap();
        symlink("loop", directory.join("loop")).unwrap();
        let seen = |path: &str| match look(&directory.join(path)) {
            PathFact::Present {
                kind, link, real, ..
            } => (kind, link, real),
            other => panic!("{other:?}"),
        };
        assert_eq!(seen("real"), (PathKind::Directory, None, None));
        let real = Some(directory.join("real"));
        assert_eq!(
            seen("link"),
            (PathKind::Directory, Some("real".into()), real)
        );
        let real = Some(directory.join("real/file"));
        assert_eq!(seen("link/file"), (PathKind::File, None, real));
        assert_eq!(look(&directory.join("dangling")), PathFact::Missing);
        assert_eq!(look(&directory.join("real/file/x")), PathFact::Missing);
        assert!(matches!(look(&directory.join("loop")), PathFact::Hidden(_)));
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn devices_and_sockets_are_not_opened() {
        assert!(matches!(
            look(Path::new("/dev/null")),
            PathFact::Present {
                kind: PathKind::Device,
                ..
            }
        ));
    }

    #[test]
    fn a_star_stands_for_any_text() {
        let fits = |pattern: &str, name: &str| matches(OsStr::new(pattern), OsStr::new(name));
        assert!(fits("nvidia*", "nvidia0") && fits("nvidia*", "nvidia"));
        assert!(fits("*", "x") && fits("a*b*c", "a-b-b-c"));
        assert!(!fits("a*b*c", "a-c-b") && !fits("nvidia*", "vidia") && !fits("a*a", "a"));
    }
}
