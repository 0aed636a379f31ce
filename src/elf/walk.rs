//! The libraries of one program, in the order in which its loader opens them.

use std::collections::{HashMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::error::{Chain, Defect, ResolveError};
use super::ld_cache::Wanted;
use super::loader::{Loader, PathFile};
use super::machine::{Fit, x86_64_level};
use super::object::{DefaultDirectories, Demand, Object, Role};
use super::state::{Gathered, State, Why};
use super::store::{Content, Fault, FileId};
use super::tokens::{Dialect, Tokens};

/// A file in the memory of the program-to-be.
struct Loaded {
    path: PathBuf,
    id: FileId,
    object: Rc<Object>,
    /// Which one needed it first.
    by: Option<usize>,
    /// What `$ORIGIN` stands for.
    origin: PathBuf,
    rpath: Vec<PathBuf>,
    runpath: Vec<PathBuf>,
}

/// One place where a loader looks.
enum Place {
    Directory(PathBuf),
    /// `/etc/ld.so.cache`.
    Cache,
}

/// A file that was found.
struct Found {
    path: PathBuf,
    id: FileId,
    object: Rc<Object>,
}

/// A program's libraries, as far as they are known.
pub(super) struct Walk<'a> {
    state: &'a mut State,
    gathered: &'a mut Gathered,
    loader: Rc<Loader>,
    loaded: Vec<Loaded>,
    /// Names under which a file can be asked for without a search.
    names: HashMap<OsString, usize>,
    queue: VecDeque<usize>,
}

/// The file that the walk starts from.
pub(super) struct Start<'a> {
    pub path: &'a Path,
    pub id: FileId,
    pub object: Rc<Object>,
}

impl<'a> Walk<'a> {
    /// A walk under the rules of `loader`.
    pub fn new(state: &'a mut State, gathered: &'a mut Gathered, loader: Rc<Loader>) -> Walk<'a> {
        Walk {
            state,
            gathered,
            loader,
            loaded: Vec::new(),
            names: HashMap::new(),
            queue: VecDeque::new(),
        }
    }

    /// Adds everything that `start` needs, breadth first as the loader does.
    pub fn run(
        mut self,
        start: Start<'_>,
        interpreter: Option<Start<'_>>,
    ) -> Result<(), ResolveError> {
        self.note_path_file();
        let Start { path, id, object } = start;
        let origin = program_origin(path, &object);
        self.remember(path.to_owned(), id, object, None, origin);
        if let Some(Start { path, id, object }) = interpreter {
            // Loaded by the kernel: the loader finds itself by its names, and never reads its own needs.
            let index = self.remember(path.to_owned(), id, object, None, parent(path));
            self.names.insert(path.as_os_str().to_owned(), index);
            self.queue.pop_back();
        }
        while let Some(index) = self.queue.pop_front() {
            let object = Rc::clone(&self.loaded[index].object);
            for (name, demand) in &object.needed {
                self.load(name, *demand, index)?;
            }
        }
        Ok(())
    }

    fn note_path_file(&mut self) {
        if let Loader::Musl(musl) = &*self.loader {
            match musl.state {
                PathFile::Present => self.gathered.add(&musl.path_file, Why::SearchList),
                PathFile::Absent => self.gathered.look(&musl.path_file),
            }
        }
    }

    fn remember(
        &mut self,
        path: PathBuf,
        id: FileId,
        object: Rc<Object>,
        by: Option<usize>,
        origin: PathBuf,
    ) -> usize {
        let index = self.loaded.len();
        if let (Some(soname), Loader::Glibc(_)) = (&object.soname, &*self.loader) {
            self.names.entry(soname.clone()).or_insert(index);
        }
        let (rpath, runpath) = self.search_paths(&object, &origin);
        self.loaded.push(Loaded {
            path,
            id,
            object,
            by,
            origin,
            rpath,
            runpath,
        });
        self.queue.push_back(index);
        index
    }

    /// The directories that a file brings: with glibc `DT_RUNPATH` silences `DT_RPATH`, with musl both mean the same.
    fn search_paths(&self, object: &Object, origin: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let tokens = self.tokens(object, origin);
        let list = |list: &Option<OsString>, dialect| {
            list.as_ref()
                .map(|list| tokens.directories(list, dialect))
                .unwrap_or_default()
        };
        match (&*self.loader, &object.runpath) {
            (Loader::Musl(_), Some(_)) => (list(&object.runpath, Dialect::Musl), Vec::new()),
            (Loader::Musl(_), None) => (list(&object.rpath, Dialect::Musl), Vec::new()),
            (Loader::Glibc(_), Some(_)) => (Vec::new(), list(&object.runpath, Dialect::Glibc)),
            (Loader::Glibc(_), None) => (list(&object.rpath, Dialect::Glibc), Vec::new()),
        }
    }

    fn tokens<'t>(&'t self, object: &Object, origin: &'t Path) -> Tokens<'t> {
        let platform = object.machine.traits().and_then(|traits| traits.platform);
        match &*self.loader {
            Loader::Glibc(glibc) => Tokens {
                origin,
                lib: Some(&glibc.lib),
                platform: platform.map(OsStr::new),
            },
            Loader::Musl(_) => Tokens {
                origin,
                lib: None,
                platform: None,
            },
        }
    }

    /// Loads what file `by` calls `name`, unless it is there already.
    fn load(&mut self, name: &OsStr, demand: Demand, by: usize) -> Result<(), ResolveError> {
        let name = match self.expand(name, by) {
            Some(name) if !name.is_empty() => name,
            _ => return self.missing(name, demand, by, Vec::new()),
        };
        if self.names.contains_key(&name) || self.is_builtin(&name) {
            return Ok(());
        }
        let mut searched = Vec::new();
        let found = match name.as_bytes().contains(&b'/') {
            true => self.probe_named(Path::new(&name), by, &mut searched)?,
            false => self.search(&name, by, &mut searched)?,
        };
        match found {
            Some(found) => self.take(name, found, by),
            None => self.missing(&name, demand, by, searched),
        }
    }

    /// musl takes names as they are.
    fn expand(&self, name: &OsStr, by: usize) -> Option<OsString> {
        match &*self.loader {
            Loader::Glibc(_) => {
                let loaded = &self.loaded[by];
                self.tokens(&loaded.object, &loaded.origin).expand(name)
            }
            Loader::Musl(_) => Some(name.to_owned()),
        }
    }

    /// Names for which no file is opened: the kernel's own library, and with musl all parts of the C library.
    fn is_builtin(&self, name: &OsStr) -> bool {
        const PARTS: [&[u8]; 7] = [
            b"libc.",
            b"libpthread.",
            b"librt.",
            b"libm.",
            b"libdl.",
            b"libutil.",
            b"libxnet.",
        ];
        let name = name.as_bytes();
        match &*self.loader {
            Loader::Musl(_) => PARTS.iter().any(|part| name.starts_with(part)),
            Loader::Glibc(_) => matches!(name, b"linux-vdso.so.1" | b"linux-gate.so.1"),
        }
    }

    /// A name with a slash is opened as it is; one that is relative depends on the working directory.
    fn probe_named(
        &mut self,
        path: &Path,
        by: usize,
        searched: &mut Vec<PathBuf>,
    ) -> Result<Option<Found>, ResolveError> {
        if path.is_relative() {
            return Ok(None);
        }
        searched.push(path.to_owned());
        self.probe(path.to_owned(), by)
    }

    fn search(
        &mut self,
        name: &OsStr,
        by: usize,
        searched: &mut Vec<PathBuf>,
    ) -> Result<Option<Found>, ResolveError> {
        for place in self.places(by) {
            let (found, seen) = match place {
                Place::Directory(directory) => {
                    (self.search_directory(&directory, name, by)?, directory)
                }
                Place::Cache => self.search_cache(name, by)?,
            };
            if found.is_some() {
                return Ok(found);
            }
            if !searched.contains(&seen) {
                searched.push(seen);
            }
        }
        Ok(None)
    }

    /// Where the loader looks for what file `by` needs, in its order.
    fn places(&self, by: usize) -> Vec<Place> {
        let environment = self.library_path();
        let (before, after) = match &*self.loader {
            Loader::Musl(_) => (environment, self.inherited(by)),
            Loader::Glibc(_) => (self.inherited(by), environment),
        };
        let mut places: Vec<Place> = before
            .into_iter()
            .chain(after)
            .map(Place::Directory)
            .collect();
        let own = self.loaded[by].runpath.iter().cloned();
        places.extend(own.map(Place::Directory));
        match &*self.loader {
            Loader::Musl(musl) => {
                places.extend(musl.directories.iter().cloned().map(Place::Directory));
            }
            Loader::Glibc(glibc) => {
                places.push(Place::Cache);
                if self.loaded[by].object.default_directories == DefaultDirectories::Searched {
                    places.extend(glibc.directories.iter().cloned().map(Place::Directory));
                }
            }
        }
        places
    }

    /// `DT_RPATH` of the file and of those that loaded it, up to the program; not for a file with `DT_RUNPATH`.
    fn inherited(&self, by: usize) -> Vec<PathBuf> {
        let mut directories = Vec::new();
        let silent = self.loaded[by].object.runpath.is_some();
        if silent && matches!(&*self.loader, Loader::Glibc(_)) {
            return directories;
        }
        let mut next = Some(by);
        while let Some(index) = next {
            directories.extend(self.loaded[index].rpath.iter().cloned());
            next = self.loaded[index].by;
        }
        directories
    }

    /// `LD_LIBRARY_PATH`, in which glibc replaces tokens as the program's.
    fn library_path(&self) -> Vec<PathBuf> {
        let Some(program) = self.loaded.first() else {
            return Vec::new();
        };
        let tokens = self.tokens(&program.object, &program.origin);
        let entries = self.state.environment.library_path.iter();
        match &*self.loader {
            Loader::Glibc(_) => entries
                .flat_map(|entry| tokens.directories(entry.as_os_str(), Dialect::Glibc))
                .collect(),
            Loader::Musl(_) => entries
                .filter(|entry| entry.is_absolute())
                .cloned()
                .collect(),
        }
    }

    /// The directory's `glibc-hwcaps` for this processor, then itself.
    fn search_directory(
        &mut self,
        directory: &Path,
        name: &OsStr,
        by: usize,
    ) -> Result<Option<Found>, ResolveError> {
        let loader = Rc::clone(&self.loader);
        let hwcaps = match &*loader {
            Loader::Glibc(glibc) => glibc.hwcaps.as_slice(),
            Loader::Musl(_) => &[],
        };
        let special = hwcaps
            .iter()
            .map(|hwcap| directory.join("glibc-hwcaps").join(hwcap));
        for directory in special.chain([directory.to_owned()]) {
            if !self.state.store.is_directory(&directory) {
                self.gathered.look(&directory);
                continue;
            }
            let found = self.probe(directory.join(name), by)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// What `/etc/ld.so.cache` names, and the path of that file.
    fn search_cache(
        &mut self,
        name: &OsStr,
        by: usize,
    ) -> Result<(Option<Found>, PathBuf), ResolveError> {
        let loader = Rc::clone(&self.loader);
        let Loader::Glibc(glibc) = &*loader else {
            return Ok((None, PathBuf::new()));
        };
        self.gathered.look(&glibc.cache);
        let object = &self.loaded[by].object;
        let wanted = Wanted {
            id: object.machine.traits().map_or(3, |traits| traits.cache_id),
            hwcaps: &glibc.hwcaps,
            level: x86_64_level(),
        };
        let nodeflib = object.default_directories == DefaultDirectories::Skipped;
        let entry = self
            .state
            .ld_cache(&glibc.cache)
            .and_then(|cache| cache.lookup(name, &wanted))
            .filter(|path| path.is_absolute())
            .filter(|path| !nodeflib || !glibc.directories.iter().any(|d| path.starts_with(d)));
        let found = match entry {
            Some(path) => self.probe(path, by)?,
            None => None,
        };
        if found.is_some() {
            self.gathered.add(&glibc.cache, Why::SearchList);
        }
        Ok((found, glibc.cache.clone()))
    }

    /// The library at `path`; nothing when there is none, or when the loader steps over it.
    fn probe(&mut self, path: PathBuf, by: usize) -> Result<Option<Found>, ResolveError> {
        self.gathered.look(&path);
        let opened = match self.state.store.open(&path) {
            Ok(opened) => opened,
            Err(Fault::Absent | Fault::Denied(_)) => return Ok(None),
            Err(fault) => return Err(fault.at(&path, self.chain(by))),
        };
        let (machine, object) = match &opened.content {
            Content::Elf(machine, object) => (machine, object),
            Content::Malformed(defect) => return Err(self.malformed(path, *defect, by)),
            Content::Script(_) | Content::Other => {
                return Err(self.malformed(path, Defect::Invalid("ELF header"), by));
            }
        };
        let fit = machine.fit(&self.loaded[by].object.machine);
        match (&*self.loader, fit) {
            (_, Fit::Same) => {}
            (Loader::Glibc(_), Fit::Other) => return Ok(None),
            (Loader::Musl(_), Fit::Other) | (_, Fit::WrongOrder) => {
                return Err(ResolveError::WrongArchitecture {
                    path,
                    found: *machine,
                    chain: self.chain(by),
                });
            }
        }
        match object {
            Ok(object) if object.role == Role::Program => {
                Err(self.malformed(path, Defect::NotALibrary, by))
            }
            Ok(object) => Ok(Some(Found {
                path,
                id: opened.id,
                object: Rc::clone(object),
            })),
            Err(defect) => Err(self.malformed(path, *defect, by)),
        }
    }

    /// Takes a file in; one that is loaded under another name only gets that name, but the tree needs both.
    fn take(&mut self, name: OsString, found: Found, by: usize) -> Result<(), ResolveError> {
        let Found { path, id, object } = found;
        self.gathered.add(&path, Why::Library);
        let known = self.loaded.iter().position(|loaded| loaded.id == id);
        let index = match known {
            Some(index) => index,
            None => {
                let origin = parent(&path);
                self.remember(path, id, object, Some(by), origin)
            }
        };
        self.names.entry(name).or_insert(index);
        Ok(())
    }

    fn missing(
        &self,
        name: &OsStr,
        demand: Demand,
        by: usize,
        searched: Vec<PathBuf>,
    ) -> Result<(), ResolveError> {
        match demand {
            Demand::Optional => Ok(()),
            Demand::Required => Err(ResolveError::MissingLibrary {
                name: name.to_string_lossy().into_owned(),
                chain: self.chain(by),
                searched,
            }),
        }
    }

    fn malformed(&self, path: PathBuf, defect: Defect, by: usize) -> ResolveError {
        ResolveError::Malformed {
            path,
            defect,
            chain: self.chain(by),
        }
    }

    fn chain(&self, by: usize) -> Chain {
        let mut chain = Vec::new();
        let mut next = Some(by);
        while let Some(index) = next {
            chain.push(self.loaded[index].path.clone());
            next = self.loaded[index].by;
        }
        Chain(chain)
    }
}

/// A program's `$ORIGIN` is where `/proc/self/exe` leads, without links; a library's is the name by which it was opened.
fn program_origin(path: &Path, object: &Object) -> PathBuf {
    match object.interpreter.is_some() {
        true => parent(&path.canonicalize().unwrap_or_else(|_| path.to_owned())),
        false => parent(path),
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_owned()
}
