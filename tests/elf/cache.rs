//! The cache file and what is compiled into the loader.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sandbox::elf::{ResolveError, Why};

use super::fixture::{Fixture, closure, failure, paths};

fn loader() -> PathBuf {
    paths(&closure(Path::new("/bin/sh")), Why::Loader)
        .pop()
        .expect("the shell is dynamic")
}

/// The loader's own list of its directories, hardware names included.
#[test]
fn directories_are_the_loaders() {
    let output = Command::new(loader()).arg("--list-diagnostics").output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let directories: Vec<PathBuf> = text
        .lines()
        .filter(|line| line.starts_with("path.system_dirs["))
        .filter_map(|line| Some(line.split_once("=\"")?.1.trim_end_matches('"').into()))
        .collect();
    assert!(!directories.is_empty(), "{text}");
    let fixture = Fixture::new("directories");
    let library = fixture.library("libnowhere.so", "libnowhere.so", &[]);
    let program = fixture.program("x", &[library.to_str().expect("text")]);
    let ResolveError::MissingLibrary { searched, .. } = failure(&program) else {
        panic!("it is in no directory of the system");
    };
    assert_eq!(searched[0], Path::new("/etc/ld.so.cache"));
    assert_eq!(searched[1..], directories);
}

#[test]
fn hardware_names_are_the_loaders() {
    let output = Command::new(loader()).arg("--help").output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let supported: BTreeSet<&str> = text
        .lines()
        .filter(|line| line.contains("(supported, searched)"))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| name.starts_with("x86-64-v"))
        .collect();
    let fixture = Fixture::new("hardware");
    let directory = fixture.directory("lib");
    let library = fixture.library("libone.so", "libone.so", &[]);
    let program = fixture.program("x", &[library.to_str().expect("text")]);
    let closure = super::fixture::resolver(&[&directory, &fixture.path("")])
        .closure(&program)
        .expect("a closure");
    let asked: BTreeSet<&str> = closure
        .looked_at
        .iter()
        .filter_map(|path| path.strip_prefix(directory.join("glibc-hwcaps")).ok())
        .filter_map(|path| path.to_str())
        .collect();
    assert_eq!(asked, supported);
}

/// Every name that `ldconfig -p` prints is found through the file, under the path that is printed first.
#[test]
fn cache_is_needed_where_it_served() {
    let closure = closure(Path::new("/bin/sh"));
    assert_eq!(paths(&closure, Why::SearchList), [Path::new("/etc/ld.so.cache")]);
    let libc = paths(&closure, Why::Library);
    let printed = Command::new("/sbin/ldconfig").arg("-p").output().expect("it runs");
    let printed = String::from_utf8(printed.stdout).expect("text");
    let line = format!("libc.so.6 (libc6,x86-64) => {}", libc[0].display());
    assert!(!cfg!(target_arch = "x86_64") || printed.contains(&line), "{printed}");
}

/// A loader with another cache file compiled in: the same loader with the name of its cache and of a directory changed.
struct OtherRoot {
    fixture: Fixture,
    program: PathBuf,
    cache: PathBuf,
}

impl OtherRoot {
    /// The name of the cache has to be as long as `/etc/ld.so.cache`, so it lies in `/tmp`.
    fn new(name: &str, letter: char) -> OtherRoot {
        let fixture = Fixture::new(name);
        let cache = PathBuf::from(format!("/tm{letter}/ld.so.cache"));
        let mut image = fs::read(loader()).expect("the loader");
        let at = find(&image, b"/etc/ld.so.cache\0");
        image[at..at + 16].copy_from_slice(cache.to_str().expect("text").as_bytes());
        let other = fixture.file("ld.so", image, 0o755);
        let library = fixture.library("libcached.so.1", "libcached.so.1", &[]);
        let interpreter = format!("-Wl,--dynamic-linker,{}", other.display());
        let program = fixture.program("x", &[library.to_str().expect("text"), &interpreter]);
        fs::create_dir_all(cache.parent().expect("a parent")).expect("a directory");
        OtherRoot { fixture, program, cache }
    }

    /// A cache of this directory, written by `ldconfig` itself.
    fn write_cache(&self) {
        let root = self.fixture.path("");
        let status = Command::new("/sbin/ldconfig")
            .args(["-f", "/dev/null", "-C"])
            .arg(&self.cache)
            .arg(root)
            .status();
        assert!(status.expect("ldconfig runs").success());
    }
}

impl Drop for OtherRoot {
    fn drop(&mut self) {
        let directory = self.cache.parent().expect("a parent");
        let _left = fs::remove_dir_all(directory);
    }
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    bytes
        .windows(part.len())
        .position(|window| window == part)
        .expect("the loader names its cache")
}

#[test]
fn cache_is_the_one_that_the_loader_names() {
    let other = OtherRoot::new("other-cache", '0');
    assert!(matches!(failure(&other.program), ResolveError::MissingLibrary { .. }));
    other.write_cache();
    let closure = closure(&other.program);
    assert_eq!(paths(&closure, Why::SearchList), [other.cache.clone()]);
    super::fixture::agrees(&other.program, &[], &other.fixture.path("libcached.so.1"));
}

/// `ldconfig` notes libraries in `glibc-hwcaps`, and the loader takes the best that the processor can use.
#[test]
fn cache_knows_hardware_directories() {
    let other = OtherRoot::new("hwcaps-cache", '1');
    let plain = other.fixture.path("libcached.so.1");
    for level in ["x86-64-v2", "x86-64-v3", "x86-64-v4"] {
        let directory = other.fixture.directory(&format!("glibc-hwcaps/{level}"));
        fs::copy(&plain, directory.join("libcached.so.1")).expect("a copy");
        other.write_cache();
        let closure = closure(&other.program);
        assert_eq!(
            super::fixture::resolved(&closure),
            super::fixture::traced(&other.program, &[]),
            "{level}"
        );
    }
}

/// Cut anywhere, or with any number of its header replaced, the file finds something or nothing, but never panics.
#[test]
fn damaged_caches_are_survived() {
    let other = OtherRoot::new("damaged-cache", '2');
    other.fixture.directory("glibc-hwcaps/x86-64-v2");
    fs::copy(
        other.fixture.path("libcached.so.1"),
        other.fixture.path("glibc-hwcaps/x86-64-v2/libcached.so.1"),
    )
    .expect("a copy");
    other.write_cache();
    let whole = fs::read(&other.cache).expect("the cache");
    let attempt = |bytes: &[u8]| {
        fs::write(&other.cache, bytes).expect("the cache");
        let _either = super::fixture::resolver(&[]).closure(&other.program);
    };
    for length in 0..whole.len() {
        attempt(&whole[..length]);
    }
    for at in 0..whole.len().saturating_sub(4) {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&[0xff, 0xff, 0xff, 0x7f]);
        attempt(&bytes);
    }
    let old = [b"ld.so-1.7.0\0".as_slice(), &[0xff; 4], &whole].concat();
    attempt(&old);
}
