//! The libraries of interpreters: what `import`, `use` and `require` find without any package.
//!
//! An interpreter is known by the name of its file behind all links, so that it is found however it is reached: by
//! another name, by a `#!` line, by `env`. Where its library lies is told by the rules of each language and by files that
//! are there, never by running it. Packages that were installed beside it are no part of it: a profile copies them.

mod node;
mod perl;
mod python;
mod ruby;
mod strings;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::view::View;
use crate::elf::{Closure, Why};

/// A directory or file of an interpreter's library.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub path: PathBuf,
    /// What of it stays out, in the patterns of a copy.
    pub exclude: &'static [&'static str],
}

impl Piece {
    fn whole(path: PathBuf) -> Piece {
        Piece { path, exclude: &[] }
    }
}

/// An interpreter of a closure.
struct Interpreter<'a> {
    /// As it is started: a virtual environment is told by this name.
    started: &'a Path,
    /// Behind all links.
    file: PathBuf,
    /// The libraries of the closure, among which may be that of the interpreter.
    libraries: Vec<&'a Path>,
}

impl Interpreter<'_> {
    /// The name of its file.
    fn name(&self) -> &str {
        self.file
            .file_name()
            .and_then(OsStr::to_str)
            .unwrap_or_default()
    }

    /// Its file and the libraries whose names begin like this: what may hold its settings.
    fn images(&self, library: &str) -> Vec<&Path> {
        let named = |path: &&Path| {
            let name = path.file_name().and_then(OsStr::to_str);
            name.is_some_and(|name| name.starts_with(library))
        };
        let libraries = self.libraries.iter().copied().filter(named);
        std::iter::once(self.file.as_path())
            .chain(libraries)
            .collect()
    }
}

/// What the interpreters of a program need; nothing when it is none and none runs it.
pub(super) fn pieces(view: &View, closure: &Closure) -> Vec<Piece> {
    let of = |why: &[Why]| {
        let files = closure.files.iter();
        let chosen = files.filter(|file| why.contains(&file.why));
        chosen.map(|file| file.path.as_path()).collect::<Vec<_>>()
    };
    let libraries = of(&[Why::Library]);
    let mut pieces = Vec::new();
    for started in of(&[Why::Program, Why::Script]) {
        let Some(found) = view.find(started) else {
            continue;
        };
        let interpreter = Interpreter {
            started,
            file: found.path,
            libraries: libraries.clone(),
        };
        pieces.extend(library(view, &interpreter));
    }
    pieces
}

fn library(view: &View, interpreter: &Interpreter<'_>) -> Vec<Piece> {
    let name = interpreter.name();
    let versioned = |word: &str| {
        let rest = name.strip_prefix(word);
        rest.is_some_and(|rest| {
            rest.chars()
                .next()
                .is_none_or(|c| c.is_ascii_digit() || c == '-')
        })
    };
    if versioned("python") {
        python::pieces(view, interpreter)
    } else if versioned("perl") {
        perl::pieces(view, interpreter)
    } else if versioned("ruby") {
        ruby::pieces(view, interpreter)
    } else if versioned("node") || versioned("nodejs") {
        node::pieces(view, interpreter)
    } else {
        Vec::new()
    }
}
