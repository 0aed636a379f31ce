//! A profile with all of its bases: which files they are, each read once.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::diag::{At, FileId, Origin, Problem, Problems, Sources};
use crate::model::{SandboxName, nearest};

use super::merge::{self, Link, Merged, Naming};
use super::params::{self, GivenParams};
use super::parse::parse_file;
use super::raw::{RawFile, RawParam, RawProfile};
use super::read::{self, FileText};
use super::shelves::{Found, Keeper, Shelves};
use super::trust::{Caller, Trust};

/// So many files above each other are read; more are a mistake, or meant to keep us busy.
pub const MOST_LEVELS: usize = 16;

/// So many files make one profile at most.
pub const MOST_FILES: usize = 256;

/// How the name of a base begins that is one of the bundles.
const BUNDLES: &str = "base/";

/// Where names are looked up, found out where the first one is: most profiles are named by their paths, and the search
/// for the top of a checkout takes its time.
pub type LazyShelves = LazyCell<Shelves, Box<dyn FnOnce() -> Shelves>>;

/// What is asked for, and what by.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// `PROFILE` of the command line: a path when it holds a `/` or ends with `.toml`, else a name.
    pub profile: &'a Path,
    /// Where names are looked up.
    pub shelves: &'a LazyShelves,
    /// Who asks.
    pub caller: Caller,
    /// `--param`.
    pub params: &'a GivenParams,
}

/// A profile with all of its files read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What they say together; nothing where the meaning of a file is a guess.
    pub raw: Option<RawProfile>,
    /// What the command line may set.
    pub params: Vec<RawParam>,
    /// The file that was asked for.
    pub path: PathBuf,
    /// The name of a profile that states none.
    pub stem: String,
    /// The directory of each file, absolute and without links.
    pub directories: BTreeMap<FileId, PathBuf>,
}

/// Reads what is asked for. Every mistake of every file is noted in `problems`.
pub fn load(asked: &Asked<'_>, sources: &mut Sources, problems: &mut Problems) -> Loaded {
    let Asked {
        profile,
        shelves,
        caller,
        params,
    } = asked;
    let mut loader = Loader::new(shelves, *caller, sources, problems);
    let path = match is_path(profile) {
        true => {
            loader.visit(profile, None, Naming::Own, &Trust::Named);
            profile.to_path_buf()
        }
        false => match loader.shelf(profile) {
            Some(found) => {
                let trust = loader.trust(&[]);
                loader.visit_found(&found, None, Naming::Own, &trust);
                found.path
            }
            None => profile.to_path_buf(),
        },
    };
    let Loader {
        links, directories, ..
    } = loader;
    // A guess at what one of the files means would be a guess at the whole.
    let sound = !links.is_empty() && links.iter().all(|link| link.raw.is_some());
    let merged = merge::merge(links, &directories, problems);
    let declared = merged.params.clone();
    let mut of_params = Problems::new();
    let raw = params::fill(merged, params, &mut of_params);
    // What a file that was not read declares and uses, nobody knows.
    let told = of_params.sorted().into_iter();
    for problem in told.filter(|problem| sound || !params::is_of_every_file(problem)) {
        problems.push(problem);
    }
    Loaded {
        params: declared,
        raw: sound.then_some(raw),
        stem: stem(&path),
        path,
        directories,
    }
}

/// A text that comes from no file: what it says alone.
///
/// `extends` is an error in it: there is no place where its bases could lie.
pub fn parse(file: FileId, text: &str, problems: &mut Problems) -> Option<RawProfile> {
    let raw = parse_file(file, text, problems)?;
    for base in &raw.extends {
        let message = format!("base `{}` cannot be read: this text is no file", base.value);
        problems.push(base.error("extends.no-file", message));
    }
    let link = Link {
        raw: Some(raw),
        bases: BTreeSet::new(),
        file,
        naming: Naming::Own,
    };
    let merged: Merged = merge::merge(vec![link], &BTreeMap::new(), problems);
    Some(params::fill(merged, &GivenParams::new(), problems))
}

/// Whether `PROFILE` is a path and no name.
pub fn is_path(profile: &Path) -> bool {
    let text = profile.to_string_lossy();
    text.contains('/') || text.ends_with(".toml")
}

/// A file under way.
struct Open {
    identity: (u64, u64),
    name: String,
}

struct Loader<'a> {
    shelves: &'a LazyShelves,
    caller: Caller,
    sources: &'a mut Sources,
    problems: &'a mut Problems,
    directories: BTreeMap<FileId, PathBuf>,
    links: Vec<Link>,
    taken: BTreeMap<(u64, u64), FileId>,
    /// From the first file to the one that is read now.
    open: Vec<Open>,
}

impl<'a> Loader<'a> {
    fn new(
        shelves: &'a LazyShelves,
        caller: Caller,
        sources: &'a mut Sources,
        problems: &'a mut Problems,
    ) -> Loader<'a> {
        Loader {
            shelves,
            caller,
            sources,
            problems,
            directories: BTreeMap::new(),
            links: Vec::new(),
            taken: BTreeMap::new(),
            open: Vec::new(),
        }
    }

    fn trust(&self, owners: &[u32]) -> Trust {
        Trust::Kept {
            caller: self.caller,
            owners: owners.to_vec(),
        }
    }

    /// The file, with every base before it; nothing where it cannot be read.
    fn visit(
        &mut self,
        path: &Path,
        from: Option<&At<String>>,
        naming: Naming,
        trust: &Trust,
    ) -> Option<FileId> {
        if let Some(problem) = self.too_many(from) {
            self.problems.push(problem);
            return None;
        }
        let read = read::read_kept(path, trust).map_err(|problem| match from {
            Some(base) => at_base(problem, base),
            None => self.perhaps_named(problem, path),
        });
        let FileText {
            text,
            identity,
            owners,
        } = self.problems.take(read)?;
        let name = path.to_string_lossy().into_owned();
        if self.open.iter().any(|open| open.identity == identity) {
            let problem = self.in_a_loop(&name, from);
            self.problems.push(problem);
            return None;
        }
        if let Some(taken) = self.taken.get(&identity) {
            return Some(*taken);
        }
        let file = self.sources.add(name.clone(), text.clone());
        self.taken.insert(identity, file);
        self.directories.insert(file, directory(path));
        let raw = parse_file(file, &text, self.problems);
        self.open.push(Open { identity, name });
        let bases = self.visit_bases(path, raw.as_ref(), &owners);
        self.open.pop();
        self.links.push(Link {
            raw,
            bases,
            file,
            naming,
        });
        Some(file)
    }

    fn visit_bases(
        &mut self,
        path: &Path,
        raw: Option<&RawFile>,
        owners: &[u32],
    ) -> BTreeSet<FileId> {
        let mut bases = BTreeSet::new();
        let named = raw.map_or(&[][..], |raw| &raw.extends);
        if let Some(first) = named.get(MOST_FILES) {
            let message = format!("the profile is made of more than {MOST_FILES} files");
            self.problems.push(first.error("extends.files", message));
        }
        for base in named.iter().take(MOST_FILES) {
            // Whoever could have written the file could have said in it what the base says.
            let trust = self.trust(owners);
            let found = match base.value.ends_with(".toml") {
                true => {
                    let path = beside(path, &base.value);
                    self.visit(&path, Some(base), Naming::Base, &trust)
                }
                false => match self.named_base(base) {
                    Some(found) => {
                        let trust = self.trust(&[]);
                        self.visit_found(&found, Some(base), Naming::Base, &trust)
                    }
                    None => None,
                },
            };
            if let Some(file) = found {
                bases.insert(file);
                let below = self.links.iter().find(|link| link.file == file);
                bases.extend(
                    below
                        .into_iter()
                        .flat_map(|link| link.bases.iter().copied()),
                );
            }
        }
        bases
    }

    /// A profile that was found by name, and what is added to it.
    fn visit_found(
        &mut self,
        found: &Found,
        from: Option<&At<String>>,
        naming: Naming,
        trust: &Trust,
    ) -> Option<FileId> {
        let first = self.visit(&found.path, from, naming, trust);
        let mut last = first;
        for addition in &found.additions {
            let added = self.visit(addition, from, naming, trust);
            if let (Some(added), Some(before)) = (added, last) {
                self.builds_on(added, before);
            }
            last = added.or(last);
        }
        last
    }

    /// Notes that the file `upper` builds on `lower` and on all of its bases.
    fn builds_on(&mut self, upper: FileId, lower: FileId) {
        let below = self.links.iter().find(|link| link.file == lower);
        let mut bases = below.map(|link| link.bases.clone()).unwrap_or_default();
        bases.insert(lower);
        for link in self.links.iter_mut().filter(|link| link.file == upper) {
            link.bases.extend(bases.iter().copied());
        }
    }

    fn named_base(&mut self, base: &At<String>) -> Option<Found> {
        let text = &base.value;
        if let Some(bundle) = text.strip_prefix(BUNDLES) {
            return self.bundle(bundle, base);
        }
        if text.contains('/') {
            let message = format!("base `{text}` is neither a name nor the path of a `.toml` file");
            let problem = base.error("extends.name", message);
            self.problems.push(problem.help(format!(
                "write `{text}.toml` for a path, or a name such as `base`"
            )));
            return None;
        }
        self.by_name(text, &base.origin)
    }

    /// One of the shipped bases below `base/`.
    fn bundle(&mut self, name: &str, base: &At<String>) -> Option<Found> {
        let parsed = name.parse::<SandboxName>();
        let found = parsed.ok().and_then(|name| self.shelves.bundle(&name));
        if found.is_none() {
            let message = format!(
                "there is no bundle `{}` in {}",
                base.value,
                self.shelves.places()
            );
            let problem = base.error("extends.name", message);
            self.problems.push(problem.help(format!(
                "write `{}.toml` for a path that is relative to this file",
                base.value
            )));
        }
        found
    }

    fn shelf(&mut self, profile: &Path) -> Option<Found> {
        self.by_name(&profile.to_string_lossy(), &Origin::CommandLine)
    }

    fn by_name(&mut self, text: &str, origin: &Origin) -> Option<Found> {
        let found = match text.parse::<SandboxName>() {
            Ok(name) => {
                let all = self.shelves.all(&name);
                let mut others = all.iter().skip(1);
                let hidden = others.clone().find(|found| found.keeper != Keeper::Project);
                let rival = others.find(|found| found.keeper == Keeper::Project);
                match (all.first(), rival, hidden) {
                    (Some(first), Some(rival), _) => Err(ambiguous(text, origin, first, rival)),
                    (Some(first), None, hidden) => {
                        let told = hidden.map(|hidden| shadowed(text, origin, first, hidden));
                        self.problems.extend(told.unwrap_or_default());
                        Ok(first.clone())
                    }
                    (None, ..) => Err(self.unknown(text, origin)),
                }
            }
            Err(why) => {
                let message = format!("`{text}` is no name of a profile: it {why}");
                let problem = Problem::error("profile.unknown-name", origin, message);
                Err(problem.help(format!("write `{text}.toml` for a file of this name")))
            }
        };
        self.problems.take(found)
    }

    fn unknown(&self, name: &str, origin: &Origin) -> Problem {
        let message = format!("there is no profile `{name}` in {}", self.shelves.places());
        let problem = Problem::error("profile.unknown-name", origin, message);
        let known = self.shelves.names();
        let near = nearest(name, known.iter().map(SandboxName::as_str));
        match near {
            Some(near) if near != name => problem.help(format!("write `{near}`")),
            _ if Path::new(name).is_file() => problem.help(format!(
                "write `./{name}` for the file in the current directory"
            )),
            _ => problem.help("see all with `sandbox list`, or name a file: `./NAME.toml`"),
        }
    }

    /// `dev.toml` is a path, and `dev` the name of a profile.
    fn perhaps_named(&self, problem: Problem, path: &Path) -> Problem {
        let stem = stem(path);
        let is_bare = path.as_os_str() == format!("{stem}.toml").as_str();
        let name = stem.parse::<SandboxName>().ok().filter(|_| is_bare);
        let found = name.and_then(|name| self.shelves.all(&name).into_iter().next());
        match found {
            Some(found) if problem.code == "profile.not-found" => {
                problem.help(format!("write `{stem}` for `{}`", found.path.display()))
            }
            _ => problem,
        }
    }

    fn too_many(&self, from: Option<&At<String>>) -> Option<Problem> {
        let origin = from.map_or(&Origin::CommandLine, |base| &base.origin);
        if self.open.len() >= MOST_LEVELS {
            let message = format!("the profile has more than {MOST_LEVELS} levels of bases");
            let problem = Problem::error("extends.depth", origin, message);
            let chain = self.chain(from.map_or("", |base| &base.value));
            return Some(problem.label(chain).help("let one of them extend less"));
        }
        if self.taken.len() >= MOST_FILES {
            let message = format!("the profile is made of more than {MOST_FILES} files");
            return Some(Problem::error("extends.files", origin, message));
        }
        None
    }

    fn in_a_loop(&self, name: &str, from: Option<&At<String>>) -> Problem {
        let origin = from.map_or(&Origin::CommandLine, |base| &base.origin);
        let message = format!("`{name}` extends itself");
        let problem = Problem::error("extends.loop", origin, message);
        let problem = problem.label(self.chain(name));
        problem.help("leave out this base, or the one that leads back here")
    }

    /// `a.toml -> b.toml -> NAME`.
    fn chain(&self, name: &str) -> String {
        let names = self.open.iter().map(|open| open.name.as_str());
        let names: Vec<&str> = names.chain([name]).collect();
        names.join(" -> ")
    }
}

/// A sandbox that may write the checkout can add the directory that the other one is not in: no order of the two
/// could be trusted.
fn ambiguous(name: &str, origin: &Origin, first: &Found, rival: &Found) -> Problem {
    let (path, other) = (first.path.display(), rival.path.display());
    let message = format!("profile `{name}` is `{path}` and `{other}`");
    let problem = Problem::error("profile.ambiguous", origin, message);
    problem.help(format!(
        "name one by its path: `{path}`, or remove the other"
    ))
}

/// Whoever wrote the directory that the caller stands in chose what this name means.
fn shadowed(name: &str, origin: &Origin, first: &Found, hidden: &Found) -> Problems {
    if first.keeper != Keeper::Project {
        return Problems::new();
    }
    let (path, other) = (first.path.display(), hidden.path.display());
    let message = format!("profile `{name}` is `{path}` of this project, which hides `{other}`");
    let problem = Problem::warning("profile.hides-another", origin, message);
    let help = format!("look at it, or name the other by its path: `{other}`");
    Problems::from(problem.help(help))
}

/// What is wrong with a base is told where it is named.
fn at_base(mut problem: Problem, base: &At<String>) -> Problem {
    problem.label.origin = base.origin.clone();
    if problem.code == "profile.not-found" {
        let help = "a path is relative to the file that states it; a name has no `.toml`";
        problem.help = Some(help.to_owned());
    }
    problem
}

/// A path in the directory of a file.
fn beside(file: &Path, base: &str) -> PathBuf {
    let parent = file.parent().unwrap_or(Path::new(""));
    let base = base.strip_prefix("./").unwrap_or(base);
    parent.join(base)
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// The directory of a file that was read, absolute and without links.
fn directory(path: &Path) -> PathBuf {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    // It was read a moment ago; where it is gone, the paths of the profile are too.
    std::fs::canonicalize(parent).unwrap_or_else(|_| parent.to_owned())
}
