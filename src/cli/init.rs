//! `sandbox init`: a profile to start from.

mod starter;

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use clap::Args;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};

use crate::diag::Problem;
use crate::host;
use crate::report::printable;

use super::exit::Exit;
use super::output;
use super::profile::{PROJECT, general};
use starter::{Starter, Template};

/// Write a commented profile for this checkout, to start from and to edit
///
/// What it is built with is told by its files: Cargo.toml, package.json, pyproject.toml, go.mod, Makefile. Nothing
/// is overwritten. Exits with 0 when it is written, with 1 when not, with 2 for wrong usage.
#[derive(Debug, Args)]
pub struct Init {
    /// What it is built with, in place of what is found
    #[arg(long, value_enum, value_name = "TEMPLATE")]
    template: Option<Template>,
    /// The file; with the usual one, `sandbox up dev` finds it
    #[arg(value_name = "PATH", default_value = ".sandbox/dev.toml")]
    path: PathBuf,
}

impl Init {
    /// Runs the command.
    pub fn run(self) -> Exit {
        match self.write() {
            Ok(told) if output::told(&told).is_ok() => Exit::DONE,
            Ok(_) => Exit::NO,
            Err(problem) => output::refuse(problem, Exit::NO),
        }
    }

    fn write(&self) -> Result<String, Problem> {
        let here = std::env::current_dir().map_err(|error| {
            general(
                "init.directory",
                format!("cannot tell where this is: {error}"),
            )
        })?;
        let root = host::checkout_top(&here);
        let top = root.as_deref().unwrap_or(&here);
        let templates = match self.template {
            Some(template) => vec![template],
            None => Template::detect(|mark| top.join(mark).is_file()),
        };
        let name = self.called();
        if let Some(other) = self.namesake(&here, top) {
            return Err(taken(&name, &other));
        }
        let protected = self.within(&here, top);
        let there = PROJECT
            .into_iter()
            .filter(|name| top.join(name).is_dir() || protected.as_deref() == Some(name))
            .collect();
        let text = Starter {
            templates: &templates,
            checkout: match root {
                Some(_) => "${GIT_ROOT}",
                None => "${CWD}",
            },
            shell: shell(),
            profile: &name,
            protected: protected.as_deref(),
            there,
        }
        .text();
        create(&self.path, &text)?;
        let (path, name) = (printable(&self.path.to_string_lossy()), printable(&name));
        Ok(format!(
            "{path}: written; look through it, then start it with `sandbox up {name}`\n"
        ))
    }

    /// How commands call the profile: by its name where that finds it.
    fn called(&self) -> String {
        let directory = self.path.parent().unwrap_or(Path::new(""));
        let stem = self.path.file_stem().unwrap_or_default();
        let found = [".sandbox", "./.sandbox", "profiles", "./profiles"];
        let is_named = found.iter().any(|name| directory == Path::new(name));
        let is_profile = self.path.extension().is_some_and(|ending| ending == "toml");
        match is_named && is_profile {
            true => stem.to_string_lossy().into_owned(),
            false => self.path.display().to_string(),
        }
    }

    /// The profile that has this name in the project already: with two, neither is found by it.
    fn namesake(&self, here: &Path, top: &Path) -> Option<PathBuf> {
        let file = self.path.file_name()?;
        // A name that is a path has no namesake.
        (self.called() != self.path.display().to_string()).then_some(())?;
        let own = here.join(&self.path);
        let others = [here, top]
            .into_iter()
            .flat_map(|place| PROJECT.map(|shelf| place.join(shelf).join(file)));
        let mut others = others.filter(|other| other.components().ne(own.components()));
        let other = others.find(|other| other.symlink_metadata().is_ok())?;
        Some(
            other
                .strip_prefix(here)
                .map_or(other.clone(), Path::to_owned),
        )
    }

    /// Its directory as the checkout's tree names it, or the file itself at the top; nothing outside of the tree.
    fn within(&self, here: &Path, top: &Path) -> Option<String> {
        let file = here.join(&self.path);
        let below = file.strip_prefix(top).ok()?;
        let below = match below.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            _ => below,
        };
        let plain =
            |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
        let text = below
            .to_str()
            .filter(|text| !text.contains(['"', '\\', '$', '?']));
        text.filter(|_| below.components().all(plain))
            .map(str::to_owned)
    }
}

fn taken(name: &str, other: &Path) -> Problem {
    let other = other.display();
    let message = format!("there is a profile `{name}` already: `{other}`");
    general("init.name-taken", message).help(format!(
        "start that one with `sandbox up {name}`, or give the new one another name: `sandbox init \
         .sandbox/NAME.toml`"
    ))
}

fn shell() -> &'static str {
    match Path::new("/bin/bash").is_file() {
        true => "/bin/bash",
        false => "/bin/sh",
    }
}

/// Makes a new file, and its directory where there is none. No file is replaced and no link followed: whoever
/// wrote the checkout may have laid one there.
fn create(path: &Path, text: &str) -> Result<(), Problem> {
    let failed = |errno: Errno| {
        let name = path.display();
        match errno {
            Errno::EEXIST => general("init.exists", format!("`{name}` is there already"))
                .help("edit it, or name another file"),
            _ => {
                let reason = errno.desc().to_lowercase();
                general("init.write", format!("cannot write `{name}`: {reason}"))
            }
        }
    };
    let name = path.file_name().ok_or_else(|| failed(Errno::EISDIR))?;
    let directory = directory(path).map_err(failed)?;
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mode = Mode::from_bits_truncate(0o644);
    let file = openat(&directory, name, flags, mode).map_err(failed)?;
    let mut file = File::from(file);
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    written.map_err(|error| failed(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)))
}

/// The directory of `path`; the last part of it is made where it is missing, and is no link.
fn directory(path: &Path) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let Some(parent) = parent else {
        return open(".", flags, Mode::empty());
    };
    match mkdirat(AT_FDCWD, parent, Mode::from_bits_truncate(0o755)) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno),
    }
    open(parent, flags | OFlag::O_NOFOLLOW, Mode::empty())
}
