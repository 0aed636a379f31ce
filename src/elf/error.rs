//! Why a closure could not be found.

use std::fmt;
use std::path::{Path, PathBuf};

use super::machine::Machine;

/// Who asked for a file: the nearest first, the program last; empty for the program itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain(pub Vec<PathBuf>);

/// What is wrong inside an ELF file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// The named part ends after the end of the file.
    Truncated(&'static str),
    /// The named part is larger than the kernel or this crate accepts.
    TooLarge(&'static str),
    /// The named part does not hold what the format demands.
    Invalid(&'static str),
    /// The named string does not end.
    Unterminated(&'static str),
    /// An address of the dynamic section lies in no segment.
    Unmapped(&'static str),
    /// An object file or a core dump.
    NeitherProgramNorLibrary,
    /// A library was asked for, and this is a program.
    NotALibrary,
}

/// What is wrong with a `#!` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineFault {
    /// No interpreter is named.
    Empty,
    /// The name of the interpreter does not end within the 256 bytes that the kernel reads.
    Truncated,
    /// The interpreter depends on the working directory.
    Relative(PathBuf),
    /// `env -S` gets a text that it refuses, or that depends on variables of the user.
    Env(&'static str),
}

/// Why a closure could not be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolveError {
    /// The program's path is not absolute.
    Relative {
        /// As given.
        path: PathBuf,
    },
    /// There is no such file.
    NotFound {
        /// The program.
        path: PathBuf,
    },
    /// A directory, a device, a socket or a pipe.
    NotAFile {
        /// What is none.
        path: PathBuf,
        /// Who needs it.
        chain: Chain,
    },
    /// It exists, and cannot be read.
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: String,
        /// Who needs it.
        chain: Chain,
    },
    /// Its symbolic links lead in a circle.
    LinkLoop {
        /// Where it starts.
        path: PathBuf,
        /// Who needs it.
        chain: Chain,
    },
    /// It lies below `/proc`, where a name means another file in every process.
    MagicLink {
        /// Which path.
        path: PathBuf,
    },
    /// Neither an ELF file nor a script.
    NotAProgram {
        /// Which file.
        path: PathBuf,
        /// Who needs it.
        chain: Chain,
    },
    /// An ELF file that no loader takes.
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong in it.
        defect: Defect,
        /// Who needs it.
        chain: Chain,
    },
    /// It was built for a machine that this one does not run, or that its user does not fit.
    WrongArchitecture {
        /// Which file.
        path: PathBuf,
        /// What it was built for.
        found: Machine,
        /// Who needs it.
        chain: Chain,
    },
    /// The loader that a program names is absent.
    MissingLoader {
        /// What the program names.
        loader: PathBuf,
        /// The program.
        program: PathBuf,
    },
    /// A library is in none of the places where the loader looks.
    MissingLibrary {
        /// As it is asked for.
        name: String,
        /// Who needs it.
        chain: Chain,
        /// Directories and files where the loader looks, in its order.
        searched: Vec<PathBuf>,
    },
    /// The interpreter of a `#!` line is absent or may not be run.
    MissingInterpreter {
        /// What the line names.
        interpreter: PathBuf,
        /// The script.
        script: PathBuf,
        /// Where it was searched, when `env` searches it.
        searched: Vec<PathBuf>,
    },
    /// A `#!` line that the kernel or `env` refuses.
    BadLine {
        /// The script.
        script: PathBuf,
        /// What is wrong.
        fault: LineFault,
    },
    /// More scripts interpret each other than the kernel allows.
    ScriptsTooDeep {
        /// The scripts, the program first.
        scripts: Vec<PathBuf>,
    },
    /// Scripts that run each other through `env` without end.
    ScriptLoop {
        /// The script that comes again.
        script: PathBuf,
    },
}

impl std::error::Error for ResolveError {}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, path) in self.0.iter().enumerate() {
            let link = if index == 0 { "" } else { ", which is" };
            write!(f, "{link} needed by {}", Quoted(path))?;
        }
        Ok(())
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Defect::Truncated(part) => write!(f, "the {part} ends after the end of the file"),
            Defect::TooLarge(part) => write!(f, "the {part} is too large"),
            Defect::Invalid(part) => write!(f, "the {part} is invalid"),
            Defect::Unterminated(part) => write!(f, "the {part} has no end"),
            Defect::Unmapped(part) => write!(f, "the {part} lies in no segment"),
            Defect::NeitherProgramNorLibrary => f.write_str("it is an object file or a core dump"),
            Defect::NotALibrary => f.write_str("it is a program, not a library"),
        }
    }
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineFault::Empty => f.write_str("names no interpreter"),
            LineFault::Truncated => {
                f.write_str("is longer than the 256 bytes that the kernel reads")
            }
            LineFault::Relative(path) => write!(
                f,
                "names {}, which depends on the working directory",
                Quoted(path)
            ),
            LineFault::Env(what) => write!(f, "gives `env` {what}"),
        }
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relative { path } => write!(f, "{} is not an absolute path", Quoted(path)),
            Self::NotFound { path } => write!(f, "{} does not exist", Quoted(path)),
            Self::NotAFile { path, chain } => {
                write!(f, "{} is not a regular file{}", Quoted(path), Tail(chain))
            }
            Self::Unreadable {
                path,
                reason,
                chain,
            } => {
                write!(
                    f,
                    "{} cannot be read: {reason}{}",
                    Quoted(path),
                    Tail(chain)
                )
            }
            Self::LinkLoop { path, chain } => write!(
                f,
                "the symbolic links of {} lead in a circle{}",
                Quoted(path),
                Tail(chain)
            ),
            Self::MagicLink { path } => write!(
                f,
                "{} lies below `/proc` and means another file in every process",
                Quoted(path)
            ),
            Self::NotAProgram { path, chain } => write!(
                f,
                "{} is neither an ELF file nor a script with a `#!` line{}",
                Quoted(path),
                Tail(chain)
            ),
            Self::Malformed {
                path,
                defect,
                chain,
            } => write!(
                f,
                "{} cannot be loaded: {defect}{}",
                Quoted(path),
                Tail(chain)
            ),
            Self::WrongArchitecture { path, found, chain } => write_wrong(f, path, found, chain),
            Self::MissingLoader { loader, program } => write!(
                f,
                "the loader {} of {} does not exist",
                Quoted(loader),
                Quoted(program)
            ),
            Self::MissingLibrary {
                name,
                chain,
                searched,
            } => {
                write!(f, "`{}` is{chain}", name.escape_debug())?;
                write_searched(f, ", and is not in", searched)
            }
            Self::MissingInterpreter {
                interpreter,
                script,
                searched,
            } => write_interpreter(f, interpreter, script, searched),
            Self::BadLine { script, fault } => {
                write!(f, "the `#!` line of {} {fault}", Quoted(script))
            }
            Self::ScriptsTooDeep { scripts } => {
                f.write_str("the kernel follows five `#!` lines, and here are more: ")?;
                write_list(f, scripts)
            }
            Self::ScriptLoop { script } => {
                write!(f, "{} runs itself through its `#!` line", Quoted(script))
            }
        }
    }
}

fn write_wrong(
    f: &mut fmt::Formatter<'_>,
    path: &Path,
    found: &Machine,
    chain: &Chain,
) -> fmt::Result {
    write!(f, "{} is built for {found}, ", Quoted(path))?;
    match chain.0.is_empty() {
        true => f.write_str("which this machine does not run"),
        false => write!(f, "which does not fit: it is{chain}"),
    }
}

fn write_interpreter(
    f: &mut fmt::Formatter<'_>,
    interpreter: &Path,
    script: &Path,
    searched: &[PathBuf],
) -> fmt::Result {
    write!(f, "the interpreter {} of the script ", Quoted(interpreter))?;
    write!(f, "{} ", Quoted(script))?;
    let text = interpreter.as_os_str().as_encoded_bytes();
    match (text.last(), searched.is_empty()) {
        (Some(b'\r'), _) => f.write_str("ends in a carriage return, as text of Windows does"),
        (_, true) => f.write_str("does not exist or may not be run"),
        (_, false) => write_searched(f, "is not in", searched),
    }
}

fn write_searched(f: &mut fmt::Formatter<'_>, lead: &str, searched: &[PathBuf]) -> fmt::Result {
    match searched.is_empty() {
        true => write!(f, "{lead} any place (there is none to look in)"),
        false => {
            write!(f, "{lead} ")?;
            write_list(f, searched)
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, paths: &[PathBuf]) -> fmt::Result {
    for (index, path) in paths.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(f, "{comma}{}", Quoted(path))?;
    }
    Ok(())
}

/// A path in backticks, with control characters made visible.
struct Quoted<'a>(&'a Path);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0.to_string_lossy().escape_debug())
    }
}

/// A chain as the end of a sentence.
struct Tail<'a>(&'a Chain);

impl fmt::Display for Tail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.0.is_empty() {
            true => Ok(()),
            false => write!(f, "; it is{}", self.0),
        }
    }
}
