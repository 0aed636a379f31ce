//! Programs of musl, where its loader is installed (or named in `MUSL_LOADER`): it lists them itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sandbox::elf::{ResolveError, Why};

use super::fixture::{Fixture, closure, failure, paths, resolver};
use super::ldd::{listed, resolved};

/// The loader, or nothing and the reason on standard output.
fn loader() -> Option<PathBuf> {
    let named = std::env::var_os("MUSL_LOADER").map(PathBuf::from);
    let usual = PathBuf::from(format!("/lib/ld-musl-{}.so.1", std::env::consts::ARCH));
    let found = named.into_iter().chain([usual]).find(|path| path.exists());
    if found.is_none() {
        println!("not run: the loader of musl is not installed");
    }
    found
}

/// Neither may bring the C library of this host.
fn library(fixture: &Fixture, below: &str, soname: &str, arguments: &[&str]) -> PathBuf {
    fixture.library(below, soname, &[&["-nostdlib"], arguments].concat())
}

fn program(fixture: &Fixture, loader: &Path, arguments: &[&str]) -> PathBuf {
    let interpreter = format!("-Wl,-e,main,--dynamic-linker,{}", loader.display());
    fixture.program("x", &[&["-nostdlib", &interpreter], arguments].concat())
}

fn list(loader: &Path, program: &Path, library_path: &[&Path]) -> BTreeSet<PathBuf> {
    let output = Command::new(loader)
        .arg("--list")
        .arg(program)
        .env(
            "LD_LIBRARY_PATH",
            std::env::join_paths(library_path).expect("paths"),
        )
        .output()
        .expect("the loader runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    listed(&String::from_utf8(output.stdout).expect("text"))
}

/// Unlike glibc, musl lets `DT_RUNPATH` serve the libraries of libraries, and asks the environment first.
#[test]
fn runpath_is_inherited_and_the_environment_is_first() {
    let Some(loader) = loader() else { return };
    let fixture = Fixture::new("musl-inherited");
    let inner = library(&fixture, "lib/libinner.so", "libinner.so", &[]);
    let outer = library(
        &fixture,
        "lib/libouter.so",
        "libouter.so",
        &[inner.to_str().expect("text")],
    );
    let x = program(
        &fixture,
        &loader,
        &[outer.to_str().expect("text"), "-Wl,-rpath,$ORIGIN/lib"],
    );
    let ours = closure(&x);
    assert_eq!(resolved(&ours), list(&loader, &x, &[]));
    assert_eq!(paths(&ours, Why::Library), [outer, inner.clone()]);
    let other = fixture.directory("other");
    fs::copy(&inner, other.join("libinner.so")).expect("a copy");
    let ours = resolver(&[&other]).closure(&x).expect("a closure");
    assert_eq!(resolved(&ours), list(&loader, &x, &[&other]));
    assert!(paths(&ours, Why::Library).contains(&other.join("libinner.so")));
}

/// A token that musl does not know drops the list.
#[test]
fn only_origin_is_known() {
    let Some(loader) = loader() else { return };
    let fixture = Fixture::new("musl-tokens");
    let one = library(&fixture, "lib/libone.so", "libone.so", &[]);
    let x = program(
        &fixture,
        &loader,
        &[one.to_str().expect("text"), "-Wl,-rpath,$ORIGIN/lib:$LIB"],
    );
    let error = failure(&x);
    let ResolveError::MissingLibrary { name, searched, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(name, "libone.so");
    assert!(!searched.contains(&fixture.path("lib")));
}

/// The loader is the C library: whatever the parts of that are called, no file is opened for them.
#[test]
fn parts_of_the_c_library_are_the_loader() {
    let Some(loader) = loader() else { return };
    let fixture = Fixture::new("musl-parts");
    let parts = ["libc.so.6", "libm.so.6", "libpthread.so.0"]
        .map(|name| library(&fixture, name, name, &[]));
    let parts: Vec<&str> = parts.iter().filter_map(|path| path.to_str()).collect();
    let x = program(&fixture, &loader, &parts);
    let ours = closure(&x);
    assert_eq!(resolved(&ours), list(&loader, &x, &[]));
    assert_eq!(paths(&ours, Why::Library), [] as [PathBuf; 0]);
}
