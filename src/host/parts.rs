//! What lies at paths below a bind. A program of an earlier run may have laid links there, so none is
//! followed, and no way leads out.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::model::PartFact;
use crate::sys;
use crate::sys::file::How;

/// What lies at each (directory, path below it); a directory with many paths is opened once.
pub(super) fn look(wanted: &BTreeSet<(PathBuf, PathBuf)>) -> Vec<((PathBuf, PathBuf), PartFact)> {
    let mut opened: Option<(&Path, io::Result<File>)> = None;
    let mut found = Vec::with_capacity(wanted.len());
    for (top, below) in wanted {
        let (_, directory) = match opened.take() {
            Some(known) if known.0 == top => opened.insert(known),
            _ => opened.insert((top, open(top))),
        };
        let fact = match directory {
            Ok(directory) => part(directory, below),
            Err(error) => of_error(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)),
        };
        found.push(((top.clone(), below.clone()), fact));
    }
    found
}

fn open(top: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_CLOEXEC)
        .open(top)
}

fn part(top: &File, below: &Path) -> PartFact {
    let Ok(path) = CString::new(below.as_os_str().as_bytes()) else {
        return PartFact::Missing;
    };
    let resolve = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS;
    let place = sys::file::open(top.as_fd(), &path, How::existing(libc::O_PATH, resolve));
    let status = place.and_then(|place| sys::file::status(place.as_fd()));
    match status {
        Ok(status) if status.st_mode & libc::S_IFMT == libc::S_IFDIR => PartFact::Directory,
        Ok(status) => PartFact::File {
            names: status.st_nlink,
        },
        Err(errno) => of_error(errno),
    }
}

fn of_error(errno: Errno) -> PartFact {
    match errno {
        Errno::ENOENT | Errno::ENOTDIR => PartFact::Missing,
        Errno::ELOOP => PartFact::Link,
        errno => PartFact::Hidden(errno.desc().to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn no_link_is_followed_below_a_bind() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path();
        std::fs::create_dir(top.join("real")).unwrap();
        std::fs::write(top.join("real/file"), "").unwrap();
        std::fs::hard_link(top.join("real/file"), top.join("second")).unwrap();
        symlink("real", top.join("link")).unwrap();
        symlink("absent", top.join("dangling")).unwrap();
        let names = [
            "real",
            "real/file",
            "link",
            "link/file",
            "dangling",
            "absent",
            "real/file/x",
            "/etc",
        ];
        let wanted = names.map(|name| (top.to_owned(), PathBuf::from(name)));
        let found = look(&BTreeSet::from(wanted.clone()));
        let fact = |name: &str| {
            let of = |found: &&((PathBuf, PathBuf), PartFact)| found.0.1 == Path::new(name);
            found.iter().find(of).unwrap().1.clone()
        };
        assert_eq!(found.len(), names.len());
        assert_eq!(fact("real"), PartFact::Directory);
        assert_eq!(fact("real/file"), PartFact::File { names: 2 });
        for link in ["link", "link/file", "dangling"] {
            assert_eq!(fact(link), PartFact::Link, "{link}");
        }
        assert_eq!(fact("absent"), PartFact::Missing);
        assert_eq!(fact("real/file/x"), PartFact::Missing);
        assert!(matches!(fact("/etc"), PartFact::Hidden(_)));
        let gone = BTreeSet::from([(top.join("gone"), PathBuf::from("x"))]);
        assert_eq!(look(&gone)[0].1, PartFact::Missing);
    }
}
