//! dpkg: `status`, the lists of `info`, diversions; and `status.d` of distroless images.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::asked::Asked;
use super::{Manager, Package};

const STATUS: &str = "/var/lib/dpkg/status";
const INFO: &str = "/var/lib/dpkg/info";
const DIVERSIONS: &str = "/var/lib/dpkg/diversions";

/// One file a package: its paragraph of `status`, and beside it the digests of its files.
const STATUS_D: &str = "/var/lib/dpkg/status.d";

/// Files by the package that lists them: `NAME`, or `NAME:ARCH` where several may be installed.
type Listed<'a> = BTreeMap<Vec<u8>, Vec<&'a Path>>;

pub(super) fn read(asked: &mut Asked<'_>) {
    let listed = lists(asked);
    if !listed.is_empty() {
        let status = asked.root.read(STATUS);
        if let Some(status) = asked.take(STATUS, status) {
            own(asked, &listed, &packages(&status));
        }
    }
    distroless(asked);
}

fn own<'a>(asked: &mut Asked<'a>, listed: &Listed<'a>, packages: &HashMap<Vec<u8>, Package>) {
    for (stem, paths) in listed {
        let Some(package) = packages.get(stem) else {
            continue;
        };
        for path in paths {
            asked.own(path, package);
        }
    }
}

fn lists<'a>(asked: &mut Asked<'a>) -> Listed<'a> {
    let names = asked.root.list(INFO);
    let names = asked.take(INFO, names).unwrap_or_default();
    if names.is_empty() {
        return Listed::new();
    }
    let diversions = diversions(asked);
    let mut listed = Listed::new();
    for name in names {
        let Some(stem) = name.as_bytes().strip_suffix(b".list") else {
            continue;
        };
        let path = Path::new(INFO).join(&name);
        let list = asked.root.read(&path);
        let Some(list) = asked.take(&path.to_string_lossy(), list) else {
            continue;
        };
        let package = stem.split(|byte| *byte == b':').next().unwrap_or(stem);
        let paths = lines(&list).filter_map(|line| {
            let diverted = diversions.get(line).filter(|to| to.by != package);
            asked.find(diverted.map_or(line, |to| &to.path))
        });
        let paths: Vec<&Path> = paths.collect();
        if !paths.is_empty() {
            listed.insert(stem.to_owned(), paths);
        }
    }
    listed
}

/// Where the file of every other package went.
struct Diversion {
    path: Vec<u8>,
    /// The package whose file stands at the place; `:` for the administrator's own.
    by: Vec<u8>,
}

/// Three lines each: the place, where its file went, for whom (dpkg-divert(1)).
fn diversions(asked: &mut Asked<'_>) -> HashMap<Vec<u8>, Diversion> {
    let text = asked.root.read(DIVERSIONS);
    let text = asked.take(DIVERSIONS, text).unwrap_or_default();
    let mut lines = lines(&text).map(<[u8]>::to_vec);
    let mut diversions = HashMap::new();
    while let (Some(from), Some(path), Some(by)) = (lines.next(), lines.next(), lines.next()) {
        diversions.insert(from, Diversion { path, by });
    }
    diversions
}

/// The installed packages of a status file, by `NAME` and by `NAME:ARCH`.
fn packages(status: &[u8]) -> HashMap<Vec<u8>, Package> {
    let mut packages = HashMap::new();
    for package in paragraphs(status).filter_map(package) {
        let full = format!("{}:{}", package.name, package.architecture);
        packages.insert(full.into_bytes(), package.clone());
        packages.insert(package.name.clone().into_bytes(), package);
    }
    packages
}

/// Paragraphs end with an empty line.
fn paragraphs(text: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let mut lines = text.split(|byte| *byte == b'\n').peekable();
    std::iter::from_fn(move || {
        lines.peek()?;
        Some(lines.by_ref().take_while(|line| !line.is_empty()).collect())
    })
}

fn package(paragraph: Vec<&[u8]>) -> Option<Package> {
    let field = |name: &str| {
        let value = |line: &&[u8]| {
            let rest = line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?;
            Some(rest.trim_ascii().to_vec())
        };
        paragraph.iter().find_map(value)
    };
    // Removed, with its settings left: the files that are still listed are there.
    let installed = field("Status").is_none_or(|state| !state.ends_with(b"not-installed"));
    if !installed {
        return None;
    }
    Package::new(
        Manager::Dpkg,
        &field("Package")?,
        &field("Architecture")?,
        &field("Version")?,
    )
}

fn distroless(asked: &mut Asked<'_>) {
    let names = asked.root.list(STATUS_D);
    for name in asked.take(STATUS_D, names).unwrap_or_default() {
        let path = Path::new(STATUS_D).join(&name);
        let Some(sums) = path.to_str().map(|path| format!("{path}.md5sums")) else {
            continue;
        };
        let Ok(sums) = asked.root.read(&sums) else {
            continue;
        };
        let status = asked.root.read(&path);
        let Some(status) = asked.take(&path.to_string_lossy(), status) else {
            continue;
        };
        let Some(package) = paragraphs(&status).next().and_then(package) else {
            continue;
        };
        for line in lines(&sums) {
            // `DIGEST  usr/bin/x`
            let path = line.splitn(2, |byte| *byte == b' ').nth(1);
            let path = path.map(|path| [b"/", path.trim_ascii_start()].concat());
            if let Some(path) = path.and_then(|path| asked.find(&path)) {
                asked.own(path, &package);
            }
        }
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
}
