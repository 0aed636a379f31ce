//! Every program of the host: what is found equals what `ldd` prints.

use std::fs;

use sandbox::elf::{ResolveError, Why};

use super::fixture::resolver;
use super::ldd::{Verdict, elf_files, judge, ldd};

#[test]
fn every_program_agrees_with_ldd() {
    let resolver = resolver(&[]);
    let files = elf_files();
    assert!(files.len() > 20, "this host has hardly any programs");
    let (mut equal, mut different) = (0, Vec::new());
    for path in &files {
        match judge(path, &resolver.closure(path), &ldd(path)) {
            Verdict::Equal => equal += 1,
            Verdict::Unexplained(text) => different.push(format!("{}: {text}", path.display())),
            explained @ (Verdict::Static
            | Verdict::Missing
            | Verdict::OriginOfLink
            | Verdict::LoaderDoesNotRun) => {
                println!("{}: {explained:?}", path.display())
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
    assert!(equal > files.len() / 2, "{equal} of {}", files.len());
}

/// Scripts have no `ldd`; each has a closure, or an error that is true.
#[test]
fn every_script_has_an_answer() {
    let resolver = resolver(&[]);
    let mut scripts = 0;
    for entry in fs::read_dir("/usr/bin").expect("a directory") {
        let path = entry.expect("an entry").path();
        if !fs::read(&path).is_ok_and(|bytes| bytes.starts_with(b"#!")) {
            continue;
        }
        scripts += 1;
        match resolver.closure(&path) {
            Ok(closure) => {
                let last = closure.files.iter().any(|file| file.why == Why::Script);
                assert!(last, "{}", path.display());
            }
            Err(ResolveError::MissingInterpreter { interpreter, .. }) => {
                assert!(!interpreter.exists(), "{}", interpreter.display());
            }
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
    println!("{scripts} scripts");
}
