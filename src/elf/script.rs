//! Scripts: the chain of `#!` lines, as the kernel follows it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::env;
use super::error::{Chain, LineFault, ResolveError};
use super::state::{Gathered, State, Why};
use super::store::{Content, Fault, Opened, SCRIPT_HEAD};

/// `exec_binprm` of the kernel: the sixth interpreter is ELOOP.
const MAX_SCRIPTS: usize = 5;

/// A `#!` line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub interpreter: PathBuf,
    /// All that follows, as one argument.
    pub argument: Option<OsString>,
}

impl Line {
    /// Reads the first bytes of a script by the rules of `load_script` in the kernel's `fs/binfmt_script.c`.
    pub fn parse(head: &[u8; SCRIPT_HEAD]) -> Result<Line, LineFault> {
        let end = line_end(head)?;
        let end = 2 + trimmed_end(&head[2..end]).len();
        let line = trimmed_start(&head[2..end]);
        let name_end = line
            .iter()
            .position(|byte| is_blank(*byte) || *byte == 0)
            .unwrap_or(line.len());
        let (name, rest) = line.split_at(name_end);
        if name.is_empty() {
            return Err(LineFault::Empty);
        }
        let interpreter = PathBuf::from(OsStr::from_bytes(name));
        if interpreter.is_relative() {
            return Err(LineFault::Relative(interpreter));
        }
        let argument = rest
            .first()
            .filter(|byte| is_blank(**byte))
            .map(|_| trimmed_start(rest))
            .map(|text| text.split(|byte| *byte == 0).next().unwrap_or(text))
            .map(|text| OsStr::from_bytes(text).to_owned());
        Ok(Line {
            interpreter,
            argument,
        })
    }
}

/// Where the line ends; one that does not end is taken if at least the name of the interpreter does.
fn line_end(head: &[u8; SCRIPT_HEAD]) -> Result<usize, LineFault> {
    let stop = head.iter().position(|byte| matches!(byte, b'\n' | 0));
    if let Some(newline) = stop.filter(|at| head[*at] == b'\n') {
        return Ok(newline);
    }
    let name = trimmed_start(&head[2..]);
    if name.is_empty() {
        return Err(LineFault::Empty);
    }
    match name.iter().any(|byte| is_blank(*byte) || *byte == 0) {
        true => Ok(SCRIPT_HEAD - 1),
        false => Err(LineFault::Truncated),
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn trimmed_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_blank(*byte));
    &text[start.unwrap_or(text.len())..]
}

fn trimmed_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_blank(*byte));
    &text[..end.map_or(0, |at| at + 1)]
}

/// One closure: follows interpreters until there are only ELF files.
pub(super) struct Follow<'a> {
    pub state: &'a mut State,
    pub gathered: Gathered,
    /// Scripts that `env` has to come back from, to see a circle.
    running: Vec<PathBuf>,
}

/// Who runs a file.
enum Caller<'a> {
    User,
    Script(&'a Path),
}

impl<'a> Follow<'a> {
    pub fn new(state: &'a mut State) -> Follow<'a> {
        Follow {
            state,
            gathered: Gathered::default(),
            running: Vec::new(),
        }
    }

    /// Adds the program that was asked for, and what it needs.
    pub fn program(&mut self, path: &Path) -> Result<(), ResolveError> {
        if path.is_relative() {
            return Err(ResolveError::Relative {
                path: path.to_owned(),
            });
        }
        self.execute(path, Why::Program)
    }

    /// Adds what one `execve` of `path` opens.
    fn execute(&mut self, path: &Path, why: Why) -> Result<(), ResolveError> {
        let mut scripts: Vec<PathBuf> = Vec::new();
        let (mut path, mut why) = (path.to_owned(), why);
        let mut line = None;
        loop {
            let caller = match scripts.last() {
                Some(script) => Caller::Script(script),
                None => Caller::User,
            };
            let opened = self.open(&path, &caller)?;
            self.gathered.add(&path, why);
            let Content::Script(head) = &opened.content else {
                self.load(&path, &opened, &scripts)?;
                break;
            };
            let parsed = Line::parse(head).map_err(|fault| bad_line(&path, fault))?;
            let interpreter = parsed.interpreter.clone();
            line = Some(parsed);
            scripts.push(path);
            if scripts.len() > MAX_SCRIPTS {
                return Err(ResolveError::ScriptsTooDeep { scripts });
            }
            (path, why) = (interpreter, Why::Script);
        }
        match (scripts.last(), line) {
            (Some(script), Some(line)) => self.follow_env(script, &line),
            _ => Ok(()),
        }
    }

    fn load(
        &mut self,
        path: &Path,
        opened: &Opened,
        scripts: &[PathBuf],
    ) -> Result<(), ResolveError> {
        if matches!(opened.content, Content::Other) {
            return Err(ResolveError::NotAProgram {
                path: path.to_owned(),
                chain: Chain(scripts.iter().rev().cloned().collect()),
            });
        }
        self.state.load(path, opened, &mut self.gathered)
    }

    fn open(&mut self, path: &Path, caller: &Caller<'_>) -> Result<Rc<Opened>, ResolveError> {
        if path.starts_with("/proc") {
            return Err(ResolveError::MagicLink {
                path: path.to_owned(),
            });
        }
        let missing = |script: &Path| ResolveError::MissingInterpreter {
            interpreter: path.to_owned(),
            script: script.to_owned(),
            searched: Vec::new(),
        };
        match (self.state.store.open(path), caller) {
            (Ok(opened), Caller::Script(script)) if opened.mode & 0o111 == 0 => {
                Err(missing(script))
            }
            (Ok(opened), _) => Ok(opened),
            (Err(Fault::Absent), Caller::Script(script)) => Err(missing(script)),
            (Err(fault), Caller::Script(script)) => {
                Err(fault.at(path, Chain(vec![script.to_path_buf()])))
            }
            (Err(fault), Caller::User) => Err(fault.at(path, Chain::default())),
        }
    }

    /// For `#!/usr/bin/env NAME`: what `env` finds and runs. That is a new `execve`, which counts from the beginning.
    fn follow_env(&mut self, script: &Path, line: &Line) -> Result<(), ResolveError> {
        let (Some("env"), Some(argument)) = (
            line.interpreter.file_name().and_then(OsStr::to_str),
            &line.argument,
        ) else {
            return Ok(());
        };
        let invocation = env::parse(argument).map_err(|fault| bad_line(script, fault))?;
        let Some(name) = invocation.program else {
            return Ok(());
        };
        let path = invocation
            .path
            .unwrap_or_else(|| self.state.environment.path.clone());
        let found = self
            .find(&name, &path)
            .ok_or_else(|| ResolveError::MissingInterpreter {
                interpreter: PathBuf::from(&name),
                script: script.to_owned(),
                searched: path,
            })?;
        if self.running.iter().any(|running| running == script) {
            return Err(ResolveError::ScriptLoop {
                script: script.to_owned(),
            });
        }
        self.running.push(script.to_owned());
        let result = self.execute(&found, Why::Script);
        self.running.pop();
        result
    }

    /// As `find_in_path`, noting where nothing was found.
    fn find(&mut self, name: &OsStr, path: &[PathBuf]) -> Option<PathBuf> {
        for candidate in candidates(name, path) {
            self.gathered.look(&candidate);
            if is_executable(&candidate) {
                return Some(candidate);
            }
        }
        None
    }
}

fn bad_line(script: &Path, fault: LineFault) -> ResolveError {
    ResolveError::BadLine {
        script: script.to_owned(),
        fault,
    }
}

/// The program that `name` means with this `PATH`, as `execvp(3)` finds it: the first regular file with an executable
/// bit. A name with a slash is not searched, and has to be absolute. Relative directories depend on where the program
/// will be started, and are passed over.
pub fn find_in_path(name: &str, path: &[PathBuf]) -> Option<PathBuf> {
    candidates(OsStr::new(name), path).find(|candidate| is_executable(candidate))
}

fn candidates(name: &OsStr, path: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
    let direct = name.as_bytes().contains(&b'/');
    let itself = direct.then(|| PathBuf::from(name));
    let searched = path.iter().filter(move |_| !direct && !name.is_empty());
    itself
        .into_iter()
        .chain(searched.map(move |directory| directory.join(name)))
        .filter(|candidate| candidate.is_absolute())
}

/// The bits alone are looked at: who will run it, with which rights, is decided later.
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
