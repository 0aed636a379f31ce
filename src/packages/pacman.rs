//! pacman: a directory a package, with `desc` and `files`.

use std::path::{Path, PathBuf};

use super::asked::Asked;
use super::{Manager, Package};

const LOCAL: &str = "/var/lib/pacman/local";

pub(super) fn read(asked: &mut Asked<'_>) {
    let names = asked.root.list(LOCAL);
    for name in asked.take(LOCAL, names).unwrap_or_default() {
        let directory = Path::new(LOCAL).join(name);
        let Some(files) = part(asked, directory.join("files")) else {
            continue;
        };
        let listed = values(&files, b"%FILES%");
        let found: Vec<&Path> = listed
            .filter_map(|path| asked.find(&[b"/", path].concat()))
            .collect();
        if found.is_empty() {
            continue;
        }
        let package = part(asked, directory.join("desc")).and_then(|desc| package(&desc));
        if let Some(package) = package {
            for path in found {
                asked.own(path, &package);
            }
        }
    }
}

/// A file of a package; the directory also holds a file that belongs to none.
fn part(asked: &mut Asked<'_>, path: PathBuf) -> Option<Vec<u8>> {
    let bytes = asked.root.read(&path);
    asked.take(&path.to_string_lossy(), bytes)
}

fn package(desc: &[u8]) -> Option<Package> {
    let value = |title: &'static [u8]| values(desc, title).next();
    Package::new(
        Manager::Pacman,
        value(b"%NAME%")?,
        value(b"%ARCH%")?,
        value(b"%VERSION%")?,
    )
}

/// The lines from behind `title` to the next empty one.
fn values<'t>(text: &'t [u8], title: &'static [u8]) -> impl Iterator<Item = &'t [u8]> {
    text.split(|byte| *byte == b'\n')
        .skip_while(move |line| *line != title)
        .skip(1)
        .take_while(|line| !line.is_empty())
}
