//! What the loader itself says, and whether a closure agrees.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use sandbox::elf::{Closure, ResolveError, Why};

/// Why the two answers may differ; whatever is not here is a mistake.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Equal,
    /// `ldd` has no list for a program without a loader; the closure is the program alone.
    Static,
    /// Both say that a library is missing; `ldd` lists the rest, the closure is an error that names the same.
    Missing,
    /// `ldd` starts the loader with the program's name, and the loader then takes `$ORIGIN` from a link in it. Started by
    /// the kernel, the program itself lists what the closure holds.
    OriginOfLink,
    /// `ldd` starts the loader, and this kernel does not run it: x32 where it was left out of the kernel.
    LoaderDoesNotRun,
    /// No explanation.
    Unexplained(String),
}

/// Every ELF file of `/usr/bin` and `/usr/sbin`, links to one included.
pub fn elf_files() -> BTreeSet<PathBuf> {
    ["/usr/bin", "/usr/sbin"]
        .iter()
        .flat_map(|directory| fs::read_dir(directory).expect("a directory"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file() && is_elf(path))
        .collect()
}

/// Whether a file is an ELF program or library, of any machine; object files and core dumps are neither.
pub fn is_elf(path: &Path) -> bool {
    let mut head = [0; 18];
    fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut head).is_ok())
        && head.starts_with(b"\x7fELF")
        && matches!(head[16..], [2 | 3, 0])
}

/// What `ldd` prints about one file, complaints included.
pub fn ldd(path: &Path) -> String {
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

/// Compares a closure with what `ldd` printed about the same file.
pub fn judge(path: &Path, ours: &Result<Closure, ResolveError>, printed: &str) -> Verdict {
    let without_loader = printed.contains("statically linked") || printed.contains("not a dynamic");
    match ours {
        Ok(closure) if without_loader && closure.files.len() == 1 => Verdict::Static,
        Ok(closure) if without_loader && !loader_runs(closure) => Verdict::LoaderDoesNotRun,
        Ok(closure) if resolved(closure) == listed(printed) && !printed.contains("not found") => {
            Verdict::Equal
        }
        Ok(closure) if path.is_symlink() && resolved(closure) == traced(path, &[]) => {
            Verdict::OriginOfLink
        }
        Ok(closure) => {
            Verdict::Unexplained(format!("ours: {:?}\nldd: {printed}", resolved(closure)))
        }
        Err(ResolveError::MissingLibrary { name, .. })
            if printed.contains(&format!("{name} => not found")) =>
        {
            Verdict::Missing
        }
        Err(error) => Verdict::Unexplained(format!("{error}\nldd: {printed}")),
    }
}

/// Whether the loader among the files of a closure can be started.
fn loader_runs(closure: &Closure) -> bool {
    let mut names = closure.files.iter().map(|file| file.path.as_path());
    let loader = names.find(|path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with("ld")
    });
    loader.is_none_or(|loader| Command::new(loader).arg("--version").output().is_ok())
}

/// The libraries and the loader, with all links resolved.
pub fn resolved(closure: &Closure) -> BTreeSet<PathBuf> {
    closure
        .files
        .iter()
        .filter(|file| matches!(file.why, Why::Library | Why::Loader))
        .map(|file| file.path.canonicalize().expect("a file of the closure"))
        .collect()
}

/// What the loader itself says that it maps.
pub fn traced(program: &Path, library_path: &[&Path]) -> BTreeSet<PathBuf> {
    let mut command = Command::new(program);
    command.env_clear().env("LD_TRACE_LOADED_OBJECTS", "1");
    if !library_path.is_empty() {
        let list = std::env::join_paths(library_path).expect("paths without colons");
        command.env("LD_LIBRARY_PATH", list);
    }
    let output = command.output().expect("the loader runs");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(
        !text.contains("not found"),
        "the loader misses a library: {text}"
    );
    listed(&text)
}

/// The paths in the list that the loader prints.
pub fn listed(text: &str) -> BTreeSet<PathBuf> {
    text.lines()
        .filter_map(|line| line.rsplit_once(" (0x"))
        .map(|(entry, _)| entry.rsplit(" => ").next().unwrap_or(entry).trim())
        .filter(|path| path.starts_with('/'))
        .map(|path| {
            Path::new(path)
                .canonicalize()
                .expect("a file that the loader mapped")
        })
        .collect()
}
