//! From a path on the command line to settings.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::Args;

use crate::diag::{At, FileId, Problem, Problems, Sources};
use crate::host;
use crate::model::Facts;
use crate::plan::{Attempt, Given, Knowledge, Settings, attempt, resolve};
use crate::profile::load::{Asked, LazyShelves};
use crate::profile::params::GivenParams;
use crate::profile::raw::RawParam;
use crate::profile::shelves::{Keeper, Shelf, Shelves};
use crate::profile::trust::Caller;
use crate::profile::{self, RawProfile};

use super::exit::Exit;
use super::output;

/// A profile as it was read, and what the command gives beside it.
pub struct Loaded {
    /// Its files, for messages.
    pub sources: Sources,
    /// What was wrong so far.
    pub problems: Problems,
    /// The file that was asked for: where a name was found.
    pub path: PathBuf,
    /// What the command line may set.
    pub declared: Vec<RawParam>,
    raw: Option<RawProfile>,
    given: Given,
}

impl Loaded {
    fn nothing(given: Given) -> Loaded {
        Loaded {
            sources: Sources::default(),
            problems: Problems::new(),
            path: PathBuf::new(),
            declared: Vec::new(),
            raw: None,
            given,
        }
    }

    /// A profile that is not there.
    pub fn missing(path: PathBuf, problem: Problem) -> Loaded {
        let mut loaded = Loaded::nothing(Given::default());
        loaded.path = path;
        loaded.problems.push(problem);
        loaded
    }

    /// Reads the profile that the command line names, with all of its bases.
    pub fn read(profile: &Path, given: Given) -> Loaded {
        Loaded::read_from(shelves, profile, given)
    }

    /// The same, with names looked up there, where any are.
    pub fn read_from(
        shelves: impl FnOnce() -> Shelves + 'static,
        profile: &Path,
        given: Given,
    ) -> Loaded {
        let mut loaded = Loaded::nothing(given);
        let shelves = LazyShelves::new(Box::new(shelves));
        let asked = Asked {
            profile,
            shelves: &shelves,
            caller: caller(),
            params: &loaded.given.params,
        };
        let profile::load::Loaded {
            raw,
            params,
            path,
            stem,
            directories,
        } = profile::load(&asked, &mut loaded.sources, &mut loaded.problems);
        loaded.raw = raw;
        loaded.declared = params;
        loaded.path = path;
        loaded.given.file_stem = stem;
        loaded.given.profile_dir_names = dir_names(&directories);
        loaded.given.profile_dirs = directories;
        loaded
    }

    /// Decodes a profile that is no file.
    pub fn of_text(text: &str, given: Given) -> Loaded {
        let mut loaded = Loaded::nothing(given);
        let file = loaded.sources.add("built in", text.to_owned());
        loaded.raw = profile::parse(file, text, &mut loaded.problems);
        loaded
    }

    /// Calls the files below `from` by names that begin with `to`, in all that is said of them.
    pub fn rename(&mut self, from: &str, to: &str) {
        self.sources.rename(from, to);
        self.problems.rename(from, to);
        let path = self.path.to_string_lossy();
        if let Some(rest) = path.strip_prefix(from) {
            self.path = PathBuf::from(format!("{to}{rest}"));
        }
    }

    /// The directories of its files, absolute and without links.
    pub fn directory_paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.given.profile_dirs.values()
    }

    /// The same, as texts.
    pub fn directories(&self) -> Vec<String> {
        let directories = self.given.profile_dirs.values();
        directories
            .filter_map(|directory| directory.to_str().map(str::to_owned))
            .collect()
    }

    /// The directories of bases below that of the profile, as its own text names them.
    pub fn directories_below(&self) -> Vec<String> {
        let mut all = self.given.profile_dirs.values();
        let Some(first) = all.next() else {
            return Vec::new();
        };
        let below = all.filter_map(|base| base.strip_prefix(first).ok()?.to_str());
        let below = below.filter(|rest| !rest.is_empty());
        below
            .map(|rest| format!("${{PROFILE_DIR}}/{rest}"))
            .collect()
    }

    /// What it says of itself.
    pub fn description(&self) -> Option<String> {
        let description = self.raw.as_ref()?.description.as_ref()?;
        Some(description.value.clone())
    }

    /// The patterns of `env.inherit`: which variables they are is for a host to say.
    pub fn inherited(&self) -> &[At<String>] {
        self.raw.as_ref().map_or(&[], |raw| &raw.env.inherit)
    }

    /// Judges the text alone.
    pub fn judge_text(&mut self) -> Option<Settings> {
        let raw = self.raw.as_ref()?;
        resolve(raw, &self.given, Knowledge::Symbolic, &mut self.problems)
    }

    /// The same, with what is wrong printed; nothing where there is an error.
    pub fn judge_text_aloud(&mut self) -> Option<Settings> {
        let settings = self.judge_text();
        let failed = self.problems.has_errors();
        output::problems(std::mem::take(&mut self.problems), &self.sources);
        settings.filter(|_| !failed)
    }

    /// Judges it for this host. The host is asked about nothing else than what the profile names.
    pub fn judge_for_host(&mut self) -> Option<(Settings, Facts)> {
        let raw = self.raw.as_ref()?;
        let before = std::mem::take(&mut self.problems);
        let last = Cell::new(None);
        let facts = host::facts(|known| {
            let Attempt {
                settings,
                problems,
                wanted,
            } = attempt(raw, &self.given, known, &before);
            last.set(Some((settings, problems)));
            wanted
        });
        let (settings, problems) = last.take()?;
        self.problems = problems;
        settings.map(|settings| (settings, facts))
    }
}

/// What stands for the directory of each base that lies in another one than the profile, where no host is asked. It is
/// told relative to the profile's, as both are in one project and that may lie anywhere; those that lie on a shelf of
/// the host or the user have their own place.
fn dir_names(directories: &BTreeMap<FileId, PathBuf>) -> BTreeMap<FileId, String> {
    let mut all = directories.iter();
    let Some((_, own)) = all.next() else {
        return BTreeMap::new();
    };
    let others = all.filter(|(_, directory)| *directory != own);
    let named = others.map(|(file, directory)| (*file, dir_name(own, directory)));
    named.collect()
}

fn dir_name(own: &Path, directory: &Path) -> String {
    let shelves = own_shelves().0;
    // Those of profiles are without links.
    let mut shelves = shelves
        .iter()
        .filter_map(|shelf| shelf.directory.canonicalize().ok());
    if !directory.starts_with(own) && shelves.any(|shelf| directory.starts_with(shelf)) {
        return directory.to_string_lossy().into_owned();
    }
    let pairs = own.components().zip(directory.components());
    let shared = pairs.take_while(|(one, other)| one == other).count();
    let mut name = "${PROFILE_DIR}".to_owned();
    name += &"/..".repeat(own.components().count() - shared);
    for part in directory.components().skip(shared) {
        name += &format!("/{}", part.as_os_str().to_string_lossy());
    }
    name
}

/// Where profiles are looked up by name: those of the directory that the caller stands in come first, then those at
/// the top of the checkout around it.
pub fn shelves() -> Shelves {
    let tops = [Some(Path::new(".")), checkout_above()];
    let of_project = tops.into_iter().flatten().flat_map(|top| {
        PROJECT.map(|name| Shelf {
            directory: top.join(name),
            keeper: Keeper::Project,
        })
    });
    Shelves(of_project.chain(own_shelves().0).collect())
}

/// The same without those of the project: a checkout has no say in what a wrapped `git` may do there.
pub fn own_shelves() -> Shelves {
    let user = host::places::config().map(|config| (config.join("profiles"), Keeper::User));
    let others = [
        (PathBuf::from("/etc/sandbox/profiles"), Keeper::Host),
        (
            PathBuf::from("/usr/share/sandbox/profiles"),
            Keeper::Package,
        ),
    ];
    let all = user.into_iter().chain(others);
    let shelves = all.map(|(directory, keeper)| Shelf { directory, keeper });
    Shelves(shelves.collect())
}

/// The directories of profiles in a project.
pub const PROJECT: [&str; 2] = ["profiles", ".sandbox"];

/// The top of the checkout that the caller stands in, where that is another directory: `..`, `../..`. Many profiles
/// can be read in one run, and it stays where it is.
fn checkout_above() -> Option<&'static Path> {
    static ABOVE: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let here = std::env::current_dir().ok()?;
        let top = host::checkout_top(&here)?;
        let below = here.strip_prefix(&top).ok()?.components().count();
        (below > 0).then(|| PathBuf::from_iter(std::iter::repeat_n("..", below)))
    });
    ABOVE.as_deref()
}

/// Who asks.
pub fn caller() -> Caller {
    Caller {
        uid: nix::unistd::geteuid().as_raw(),
        gid: nix::unistd::getegid().as_raw(),
    }
}

/// `--param`, for every command that judges a profile.
#[derive(Debug, Clone, Default, Args)]
pub struct Params {
    /// Set a parameter that the profile declares under `[params]`
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
}

impl Params {
    /// What is set.
    ///
    /// # Errors
    /// When one is spelt wrong: wrong usage.
    pub fn given(&self) -> Result<GivenParams, Problem> {
        profile::params::given(&self.params)
    }

    /// A profile's surroundings with what is set; else as [`Params::read`].
    pub fn alone(&self) -> Result<Given, Exit> {
        self.read().map(|params| Given {
            params,
            ..Given::default()
        })
    }

    /// What is set, or the exit code of wrong usage with the mistake printed.
    pub fn read(&self) -> Result<GivenParams, Exit> {
        self.given()
            .map_err(|problem| output::refuse(problem, Exit::USAGE))
    }
}

/// A problem that belongs to no line.
pub fn general(code: &'static str, message: impl Into<String>) -> Problem {
    Problem::error(code, &crate::diag::Origin::Default, message)
}

/// What the host refused, under the code of whoever asked.
pub fn failed(code: &'static str, what: &str, error: &std::io::Error) -> Problem {
    general(code, format!("cannot {what}: {error}"))
}
