//! Where paths lie in their file systems: two paths may lead to one file through mounts of it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::model::Placed;

/// The places of each path. One of which nothing is known has none.
pub(super) fn look(wanted: &BTreeSet<PathBuf>) -> Vec<(PathBuf, Vec<Placed>)> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let text = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mounts = parse(&text);
    let found = wanted.iter();
    found
        .map(|path| (path.clone(), places(&real(path), &mounts)))
        .collect()
}

/// Without links. What is missing keeps its names below what is there.
fn real(path: &Path) -> PathBuf {
    let mut ancestors = path.ancestors();
    let found = ancestors.find_map(|above| Some((above, above.canonicalize().ok()?)));
    match found {
        Some((above, real)) => match path.strip_prefix(above) {
            Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
            Ok(_) | Err(_) => real,
        },
        None => path.to_owned(),
    }
}

/// A line of mountinfo (proc_pid_mountinfo(5)).
#[derive(Debug, PartialEq, Eq)]
struct Mounted {
    /// `major:minor`.
    device: String,
    /// What of the file system is mounted.
    root: PathBuf,
    /// Where.
    point: PathBuf,
}

fn parse(text: &[u8]) -> Vec<Mounted> {
    let lines = text.split(|byte| *byte == b'\n');
    let mounts = lines.filter_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ').skip(2);
        Some(Mounted {
            device: String::from_utf8(fields.next()?.to_vec()).ok()?,
            root: unescaped(fields.next()?),
            point: unescaped(fields.next()?),
        })
    });
    mounts.collect()
}

/// A space, a tab, a line break and a backslash are written as a backslash and three octal digits.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, behind @ ..] = rest {
        let octal = |digit: &u8| matches!(digit, b'0'..=b'7').then(|| u32::from(digit - b'0'));
        let code = match (first, behind) {
            (b'\\', [a, b, c, ..]) => octal(a)
                .zip(octal(b))
                .zip(octal(c))
                .and_then(|((a, b), c)| u8::try_from(a * 64 + b * 8 + c).ok()),
            _ => None,
        };
        let (byte, length) = code.map_or((*first, 1), |code| (code, 4));
        bytes.push(byte);
        rest = &rest[length..];
    }
    OsString::from_vec(bytes).into()
}

/// Where `path` itself lies, and what is mounted below it.
fn places(path: &Path, mounts: &[Mounted]) -> Vec<Placed> {
    // Of two at one point the later one is seen.
    let on = mounts.iter().filter(|mount| path.starts_with(&mount.point));
    let on = on.max_by_key(|mount| mount.point.as_os_str().len());
    let own = on.and_then(|mount| {
        let rest = path.strip_prefix(&mount.point).ok()?;
        Some(placed(mount, &mount.root.join(rest), PathBuf::new()))
    });
    let below = mounts.iter().filter_map(|mount| {
        let below = mount.point.strip_prefix(path).ok()?;
        let is_below = !below.as_os_str().is_empty();
        is_below.then(|| placed(mount, &mount.root, below.to_owned()))
    });
    own.into_iter().chain(below).collect()
}

fn placed(mount: &Mounted, path: &Path, below: PathBuf) -> Placed {
    Placed {
        device: mount.device.clone(),
        // `join` of nothing leaves a slash at the end.
        path: path.components().collect(),
        below,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"20 1 8:1 / / rw - ext4 a rw\n\
        21 20 8:2 / /data rw - ext4 b rw\n\
        22 20 8:1 /work /mnt/alias\\040x rw shared:1 - ext4 a rw\n\
        23 21 8:1 /etc /data/etc rw - ext4 a rw\n";

    fn told(path: &str) -> Vec<(String, String, String)> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let found = places(Path::new(path), &parse(MOUNTS)).into_iter();
        found
            .map(|placed| (placed.device, text(&placed.path), text(&placed.below)))
            .collect()
    }

    fn place(device: &str, path: &str, below: &str) -> (String, String, String) {
        (device.to_owned(), path.to_owned(), below.to_owned())
    }

    #[test]
    fn a_path_has_the_place_of_its_mount_and_of_all_below() {
        assert_eq!(told("/work/a"), [place("8:1", "/work/a", "")]);
        assert_eq!(told("/mnt/alias x/a"), [place("8:1", "/work/a", "")]);
        assert_eq!(told("/mnt/alias x"), [place("8:1", "/work", "")]);
        let data = [place("8:2", "/", ""), place("8:1", "/etc", "etc")];
        assert_eq!(told("/data"), data);
        assert_eq!(told("/data/x"), [place("8:2", "/x", "")]);
        assert_eq!(told("/").len(), 4);
    }

    #[test]
    fn links_are_followed_and_what_is_missing_keeps_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        std::os::unix::fs::symlink(".", top.join("link")).unwrap();
        assert_eq!(real(&top.join("link/gone/x")), top.join("gone/x"));
        assert_eq!(real(&top.join("link")), top);
        let [ref it] = look(&BTreeSet::from([top]))[..] else {
            panic!("one was asked for");
        };
        assert_eq!(it.1.len(), 1);
    }
}
