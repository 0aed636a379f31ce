//! Stand-in with the agreed interface; the real module replaces it.
#![allow(missing_docs, clippy::all)]

use std::path::{Path, PathBuf};

pub struct Environment {
    pub path: Vec<PathBuf>,
    pub library_path: Vec<PathBuf>,
}

pub struct Resolver(#[allow(dead_code)] Environment);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    Asked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    pub path: PathBuf,
    pub why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Closure {
    pub files: Vec<Needed>,
    pub looked_at: Vec<PathBuf>,
}

#[derive(Debug)]
pub struct ResolveError(String);

impl std::fmt::Display for ResolveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ResolveError {}

impl Resolver {
    pub fn new(environment: Environment) -> Resolver {
        Resolver(environment)
    }

    pub fn closure(&mut self, program: &Path) -> Result<Closure, ResolveError> {
        let fail = |error: std::io::Error| ResolveError(error.to_string());
        std::fs::metadata(program).map_err(fail)?;
        let ldd = std::process::Command::new("ldd")
            .arg(program)
            .output()
            .map_err(fail)?;
        let mut files = vec![program.to_owned()];
        for word in String::from_utf8_lossy(&ldd.stdout).split_whitespace() {
            if word.starts_with('/') && Path::new(word).exists() {
                files.push(word.into());
            }
        }
        let files = files
            .into_iter()
            .map(|path| Needed {
                path,
                why: Why::Asked,
            })
            .collect();
        Ok(Closure {
            files,
            looked_at: vec!["/etc/ld.so.preload".into()],
        })
    }
}

pub fn find_in_path(name: &str, path: &[PathBuf]) -> Option<PathBuf> {
    path.iter()
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}
