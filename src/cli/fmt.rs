//! `sandbox fmt`: profiles in their layout.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use clap::Args;
use similar::TextDiff;

use crate::diag::{Problem, Problems, Sources};
use crate::format::{Unformatted, format};
use crate::profile::{self, read};
use crate::report::printable;

use super::exit::Exit;
use super::output;
use super::profile::{PROJECT, general};

/// Bring profiles into their layout: keys and sections in order, every comment kept
///
/// Keys and sections come in the order of sandbox-profile(5), with normal spacing. Where lines break in an array
/// stays as it is, and so does the order of what has one: sources, mounts, arguments. What a profile means does not
/// change, and TOML 1.0 can read the result.
///
/// A comment moves with the key or section that it stands above. Right below the last key of a section, with an
/// empty line behind it, it belongs to that section; at the top of the file it stays there.
///
/// Without a FILE all profiles in ./profiles and ./.sandbox are meant. A directory stands for the profiles in it and
/// below it: files NAME.toml that state a `version`. `-` is standard input, which goes to standard output.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sandbox fmt                          the profiles of this checkout
  sandbox fmt --check                  what would change in them; exits with 1 when something would
  sandbox fmt profiles/dev.toml        one file
  sandbox fmt - <dev.toml              to standard output, as editors want it")]
pub struct Fmt {
    /// Write nothing: print what would change, and exit with 1 when something would
    #[arg(long)]
    check: bool,
    /// Profiles, directories of them, or `-`
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What became of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Well,
    /// With `--check` alone.
    Differs,
}

impl Fmt {
    /// Runs the command.
    pub fn run(self) -> Exit {
        let files = match self.found() {
            Ok(files) => files,
            Err(problem) => {
                return output::refuse(*problem, Exit::NO);
            }
        };
        let mut exit = Exit::DONE;
        for file in files {
            let mut sources = Sources::default();
            match self.format(&file, &mut sources) {
                Ok(Done::Well) => {}
                Ok(Done::Differs) => exit = Exit::NO,
                Err(problems) => {
                    output::problems(problems, &sources);
                    exit = Exit::NO;
                }
            }
        }
        exit
    }

    /// The files that are meant.
    fn found(&self) -> Result<Vec<PathBuf>, Box<Problem>> {
        let mut found = Vec::new();
        if self.files.is_empty() {
            for directory in PROJECT.iter().map(Path::new).filter(|path| path.is_dir()) {
                profiles_below(directory, &mut found)?;
            }
            if found.is_empty() {
                let message = "no profile is in ./profiles or ./.sandbox";
                let problem = general("fmt.no-profile", message);
                return Err(Box::new(problem.help("name the files")));
            }
        }
        for path in &self.files {
            match path.is_dir() {
                true => profiles_below(path, &mut found)?,
                false => found.push(path.clone()),
            }
        }
        Ok(found)
    }

    fn format(&self, file: &Path, sources: &mut Sources) -> Result<Done, Problems> {
        let standard_input = file == Path::new("-");
        let (name, text) = match standard_input {
            true => ("standard input".to_owned(), from_standard_input()?),
            false => (printable(&file.to_string_lossy()), read::read(file)?),
        };
        let formatted = layout(&name, &text, sources)?;
        match (self.check, standard_input) {
            (true, _) if formatted == text => Ok(Done::Well),
            (true, _) => {
                print(&difference(&name, &text, &formatted))?;
                Ok(Done::Differs)
            }
            (false, true) => {
                print(&formatted)?;
                Ok(Done::Well)
            }
            (false, false) if formatted == text => Ok(Done::Well),
            (false, false) => {
                replace(file, &formatted).map_err(|error| not_written(file, &error))?;
                Ok(Done::Well)
            }
        }
    }
}

/// The layout of a text, or the mistakes that `check` would find in its syntax.
fn layout(name: &str, text: &str, sources: &mut Sources) -> Result<String, Problems> {
    let file = sources.add(name.to_owned(), text.to_owned());
    let mut problems = Problems::new();
    profile::syntax(file, text, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    format(text).map_err(|unformatted| {
        let why = match unformatted {
            Unformatted::Syntax => "its TOML is not understood",
            Unformatted::Changed => "its layout would change what it says",
        };
        let message = format!("`{name}` is left as it is: {why}");
        let help = "report this profile: it should have a layout";
        general("fmt.no-layout", message).help(help).into()
    })
}

fn from_standard_input() -> Result<String, Problem> {
    let mut bytes = Vec::new();
    let read = io::stdin()
        .take(read::MOST_BYTES + 1)
        .read_to_end(&mut bytes);
    let why = match read {
        Err(error) => format!("cannot be read: {error}"),
        Ok(length) if length as u64 > read::MOST_BYTES => "is larger than 1 MiB".to_owned(),
        Ok(_) => match String::from_utf8(bytes) {
            Ok(text) => return Ok(text),
            Err(_) => "is not UTF-8".to_owned(),
        },
    };
    Err(general("fmt.input", format!("standard input {why}")))
}

/// The files of a directory that may be profiles: what states no `version` is somebody else's TOML. Links to
/// directories are not followed, so the walk ends.
fn profiles_below(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), Box<Problem>> {
    let unreadable = |error: io::Error| {
        let message = format!(
            "directory `{}` cannot be read: {error}",
            directory.display()
        );
        Box::new(general("fmt.directory", message))
    };
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?);
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            profiles_below(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "toml") && read::is_profile(&path)
        {
            found.push(path);
        }
    }
    Ok(())
}

fn difference(name: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let to = format!("{name} (formatted)");
    diff.unified_diff().header(name, &to).to_string()
}

fn print(text: &str) -> Result<(), Problem> {
    output::text(text).map_err(|error| {
        let message = format!("cannot write to standard output: {error}");
        general("command-line.output", message)
    })
}

/// A new file takes the place of the old one in one step, with its mode and owner. A link stays: the file that it
/// leads to is replaced.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let file = fs::canonicalize(file)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let draft = file.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = write_draft(&file, &draft, text).and_then(|()| fs::rename(&draft, &file));
    if written.is_err() {
        // Where it was not even made there is none.
        fs::remove_file(&draft).ok();
    }
    written
}

fn write_draft(file: &Path, draft: &Path, text: &str) -> io::Result<()> {
    let was = fs::metadata(file)?;
    // Whoever may not write the file may not replace it either.
    OpenOptions::new().write(true).open(file)?;
    let mut new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    new.write_all(text.as_bytes())?;
    let is = new.metadata()?;
    if (is.uid(), is.gid()) != (was.uid(), was.gid()) {
        fchown(&new, Some(was.uid()), Some(was.gid()))?;
    }
    new.set_permissions(fs::Permissions::from_mode(was.mode() & 0o7777))?;
    new.sync_all()
}

fn not_written(file: &Path, error: &io::Error) -> Problem {
    let message = format!("profile `{}` cannot be written: {error}", file.display());
    let help = "check the permissions of the file and of its directory";
    general("fmt.write", message).help(help)
}
