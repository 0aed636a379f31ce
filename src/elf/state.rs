//! What a resolver remembers, and what one closure gathers.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Environment;
use super::error::{Chain, ResolveError};
use super::ld_cache::LdCache;
use super::loader::Loader;
use super::machine::Machine;
use super::object::Object;
use super::store::{Content, Fault, Opened, Store};
use super::walk::{Start, Walk};

/// Why a file is in a closure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// It was asked for.
    Program,
    /// The interpreter of a `#!` line, or what `env` runs there.
    Script,
    /// The dynamic loader that a program names.
    Loader,
    /// A shared library.
    Library,
    /// Where a loader looks up libraries, such as `/etc/ld.so.cache`.
    SearchList,
}

/// One file of a closure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// Absolute, as the kernel or the loader opens it: links are not resolved, and `..` stays where the loader uses it.
    pub path: PathBuf,
    /// Why it is needed.
    pub why: Why,
}

/// Everything that one program needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closure {
    /// The program first, then the files in the order in which they are opened; each path once.
    pub files: Vec<Needed>,
    /// Every path that decided the answer, those of `files` included: also absent files and directories whose later
    /// appearance would change it. Each path once.
    pub looked_at: Vec<PathBuf>,
}

/// A closure in the making.
#[derive(Default)]
pub(super) struct Gathered {
    closure: Closure,
    files: HashSet<PathBuf>,
    looked_at: HashSet<PathBuf>,
}

impl Gathered {
    /// Notes a file that is needed; the first reason stays.
    pub fn add(&mut self, path: &Path, why: Why) {
        self.look(path);
        if self.files.insert(path.to_owned()) {
            self.closure.files.push(Needed {
                path: path.to_owned(),
                why,
            });
        }
    }

    /// Notes a path that decided something.
    pub fn look(&mut self, path: &Path) {
        if !self.looked_at.contains(path) {
            self.looked_at.insert(path.to_owned());
            self.closure.looked_at.push(path.to_owned());
        }
    }

    /// What was gathered.
    pub fn finish(self) -> Closure {
        self.closure
    }
}

/// What a resolver remembers for the whole build.
pub(super) struct State {
    pub environment: Environment,
    pub store: Store,
    loaders: HashMap<PathBuf, Rc<Loader>>,
    ld_caches: HashMap<PathBuf, Option<Rc<LdCache>>>,
}

impl State {
    pub fn new(environment: Environment) -> State {
        State {
            environment,
            store: Store::default(),
            loaders: HashMap::new(),
            ld_caches: HashMap::new(),
        }
    }

    /// The cache file at `path`, read at the first call.
    pub fn ld_cache(&mut self, path: &Path) -> Option<Rc<LdCache>> {
        if let Some(known) = self.ld_caches.get(path) {
            return known.clone();
        }
        let cache = LdCache::read(path).map(Rc::new);
        self.ld_caches.insert(path.to_owned(), cache.clone());
        cache
    }

    fn loader(&mut self, path: &Path, machine: &Machine) -> Rc<Loader> {
        if let Some(known) = self.loaders.get(path) {
            return Rc::clone(known);
        }
        let loader = Rc::new(Loader::read(path, machine));
        self.loaders.insert(path.to_owned(), Rc::clone(&loader));
        loader
    }

    /// Adds what the ELF file at `path`, which is in the closure already, needs.
    pub fn load(
        &mut self,
        path: &Path,
        opened: &Opened,
        gathered: &mut Gathered,
    ) -> Result<(), ResolveError> {
        let object = sound(path, opened, Chain::default())?;
        if !object.machine.runs_here() {
            return Err(ResolveError::WrongArchitecture {
                path: path.to_owned(),
                found: object.machine,
                chain: Chain::default(),
            });
        }
        let start = Start {
            path,
            id: opened.id,
            object: Rc::clone(&object),
        };
        match &object.interpreter {
            Some(interpreter) => self.load_with(start, interpreter, gathered),
            // Static, static-pie, or a library without needs.
            None if object.needed.is_empty() => Ok(()),
            None => {
                let loader = self.usual_loader(&object);
                let loader = self.loader(&loader, &object.machine);
                Walk::new(self, gathered, loader).run(start, None)
            }
        }
    }

    fn load_with(
        &mut self,
        start: Start<'_>,
        interpreter: &Path,
        gathered: &mut Gathered,
    ) -> Result<(), ResolveError> {
        let missing = || ResolveError::MissingLoader {
            loader: interpreter.to_owned(),
            program: start.path.to_owned(),
        };
        let chain = || Chain(vec![start.path.to_owned()]);
        if interpreter.is_relative() {
            return Err(missing());
        }
        let opened = match self.store.open(interpreter) {
            Ok(opened) => opened,
            Err(Fault::Absent) => return Err(missing()),
            Err(fault) => return Err(fault.at(interpreter, chain())),
        };
        let object = sound(interpreter, &opened, chain())?;
        if object.machine != start.object.machine {
            return Err(ResolveError::WrongArchitecture {
                path: interpreter.to_owned(),
                found: object.machine,
                chain: chain(),
            });
        }
        gathered.add(interpreter, Why::Loader);
        let loader = self.loader(interpreter, &object.machine);
        let itself = Start {
            path: interpreter,
            id: opened.id,
            object,
        };
        Walk::new(self, gathered, loader).run(start, Some(itself))
    }

    /// The loader of the programs that may open this library: it names none itself.
    fn usual_loader(&mut self, object: &Object) -> PathBuf {
        let Some(traits) = object.machine.traits() else {
            return PathBuf::new();
        };
        let musl = PathBuf::from(format!("/lib/ld-musl-{}.so.1", traits.musl));
        let glibc = PathBuf::from(traits.glibc);
        let for_musl = object.needed.iter().any(|(name, _)| {
            let name = name.as_encoded_bytes();
            name == b"libc.so" || name.starts_with(b"libc.musl-")
        });
        match for_musl || !glibc.exists() && musl.exists() {
            true => musl,
            false => glibc,
        }
    }
}

/// The facts of a file that has to be a sound ELF file.
fn sound(path: &Path, opened: &Opened, chain: Chain) -> Result<Rc<Object>, ResolveError> {
    let path = path.to_owned();
    match &opened.content {
        Content::Elf(_, Ok(object)) => Ok(Rc::clone(object)),
        Content::Elf(_, Err(defect)) | Content::Malformed(defect) => Err(ResolveError::Malformed {
            path,
            defect: *defect,
            chain,
        }),
        Content::Script(_) | Content::Other => Err(ResolveError::NotAProgram { path, chain }),
    }
}
