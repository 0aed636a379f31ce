//! The cache file and what is compiled into the loader.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    let output = Command::new(loader())
        .arg("--list-diagnostics")
        .output()
        .expect("it runs");
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
    let output = Command::new(loader())
        .arg("--help")
        .output()
        .expect("it runs");
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

#[test]
fn cache_is_needed_where_it_served() {
    let closure = closure(Path::new("/bin/sh"));
    assert_eq!(
        paths(&closure, Why::SearchList),
        [Path::new("/etc/ld.so.cache")]
    );
    let libc = paths(&closure, Why::Library);
    let printed = Command::new("/sbin/ldconfig")
        .arg("-p")
        .output()
        .expect("it runs");
    let printed = String::from_utf8(printed.stdout).expect("text");
    let line = format!("libc.so.6 (libc6,x86-64) => {}", libc[0].display());
    assert!(
        !cfg!(target_arch = "x86_64") || printed.contains(&line),
        "{printed}"
    );
}

/// As long as the name that is compiled into the loader.
const OTHER_CACHE: &str = "/tmp/ld.so.cache";
static OTHER_CACHE_IN_USE: Mutex<()> = Mutex::new(());

/// A program whose loader has another cache file compiled in: a copy of the loader with that one string replaced.
struct OtherCache {
    fixture: Fixture,
    program: PathBuf,
    _one_at_a_time: MutexGuard<'static, ()>,
}

impl OtherCache {
    fn new(name: &str) -> OtherCache {
        let in_use = OTHER_CACHE_IN_USE
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let fixture = Fixture::new(name);
        let mut image = fs::read(loader()).expect("the loader");
        let at = find(&image, b"/etc/ld.so.cache\0");
        image[at..at + OTHER_CACHE.len()].copy_from_slice(OTHER_CACHE.as_bytes());
        let other = fixture.file("ld.so", image, 0o755);
        let library = fixture.library("libcached.so.1", "libcached.so.1", &[]);
        let interpreter = format!("-Wl,--dynamic-linker,{}", other.display());
        let program = fixture.program("x", &[library.to_str().expect("text"), &interpreter]);
        OtherCache {
            fixture,
            program,
            _one_at_a_time: in_use,
        }
    }

    /// A cache of this directory, written by `ldconfig` itself.
    fn write_cache(&self) {
        let root = self.fixture.path("");
        let status = Command::new("/sbin/ldconfig")
            .args(["-f", "/dev/null", "-C"])
            .arg(OTHER_CACHE)
            .arg(root)
            .status();
        assert!(status.expect("ldconfig runs").success());
    }
}

impl Drop for OtherCache {
    fn drop(&mut self) {
        let _absent = fs::remove_file(OTHER_CACHE);
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
    let other = OtherCache::new("other-cache");
    assert!(matches!(
        failure(&other.program),
        ResolveError::MissingLibrary { .. }
    ));
    other.write_cache();
    let closure = closure(&other.program);
    assert_eq!(paths(&closure, Why::SearchList), [Path::new(OTHER_CACHE)]);
    super::fixture::agrees(&other.program, &[], &other.fixture.path("libcached.so.1"));
}

/// `ldconfig` notes libraries in `glibc-hwcaps`, and the loader takes the best that the processor can use.
#[test]
fn cache_knows_hardware_directories() {
    let other = OtherCache::new("hwcaps-cache");
    let plain = other.fixture.path("libcached.so.1");
    for level in ["x86-64-v2", "x86-64-v3", "x86-64-v4"] {
        let directory = other.fixture.directory(&format!("glibc-hwcaps/{level}"));
        fs::copy(&plain, directory.join("libcached.so.1")).expect("a copy");
        other.write_cache();
        let closure = closure(&other.program);
        assert_eq!(
            super::ldd::resolved(&closure),
            super::ldd::traced(&other.program, &[]),
            "{level}"
        );
    }
}
