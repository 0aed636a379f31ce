//! Every program of the host: what is found equals what `ldd` prints.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use sandbox::elf::{Closure, ResolveError, Why};

use super::fixture::{listed, resolved, resolver};

/// Why the two answers may differ; whatever is not here is a mistake.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Equal,
    /// `ldd` has no list for a program without a loader; the closure is the program alone.
    Static,
    /// Both say that a library is missing; `ldd` lists the rest, the closure is an error that names the same.
    Missing,
    /// No explanation.
    Unexplained(String),
}

fn elf_files() -> BTreeSet<PathBuf> {
    ["/usr/bin", "/usr/sbin"]
        .iter()
        .flat_map(|directory| fs::read_dir(directory).expect("a directory"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file() && is_elf(path))
        .collect()
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut magic).is_ok())
        && magic == *b"\x7fELF"
}

/// What `ldd` prints about one file, complaints included.
fn ldd(path: &Path) -> String {
    let output = Command::new("ldd")
        .arg(path)
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("LD_PRELOAD")
        .env("LC_ALL", "C")
        .output()
        .expect("ldd runs");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}

fn judge(ours: &Result<Closure, ResolveError>, printed: &str) -> Verdict {
    let without_loader = printed.contains("statically linked") || printed.contains("not a dynamic");
    match ours {
        Ok(closure) if without_loader && closure.files.len() == 1 => Verdict::Static,
        Ok(closure) if printed.contains("not found") => {
            Verdict::Unexplained(format!("only ldd misses a library: {printed}\n{closure:?}"))
        }
        Ok(closure) if resolved(closure) == listed(printed) => Verdict::Equal,
        Ok(closure) => Verdict::Unexplained(format!(
            "ours: {:?}\nldd: {:?}",
            resolved(closure),
            listed(printed)
        )),
        Err(ResolveError::MissingLibrary { name, .. })
            if printed.contains(&format!("{name} => not found")) =>
        {
            Verdict::Missing
        }
        Err(error) => Verdict::Unexplained(format!("{error}\nldd: {printed}")),
    }
}

#[test]
fn every_program_agrees_with_ldd() {
    let resolver = resolver(&[]);
    let files = elf_files();
    assert!(files.len() > 20, "this host has hardly any programs");
    let (mut equal, mut different) = (0, Vec::new());
    for path in &files {
        match judge(&resolver.closure(path), &ldd(path)) {
            Verdict::Equal => equal += 1,
            Verdict::Unexplained(text) => different.push(format!("{}: {text}", path.display())),
            explained => println!("{}: {explained:?}", path.display()),
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
