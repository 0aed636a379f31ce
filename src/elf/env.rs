//! The arguments of `env` in a `#!` line.
//!
//! The kernel passes all of them as one. Without `-S` that one is a name with its spaces; with `-S`, `env` splits it by the
//! rules of the GNU manual ("-S/--split-string usage in scripts").

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::error::LineFault;

/// What `execvp` searches without `PATH` (glibc's `_CS_PATH`).
const DEFAULT_PATH: [&str; 2] = ["/bin", "/usr/bin"];

/// What `env` is told to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Invocation {
    /// The program to run; without one `env` prints the environment.
    pub program: Option<OsString>,
    /// The `PATH` that the line itself sets.
    pub path: Option<Vec<PathBuf>>,
}

/// Reads the one argument that the kernel passes.
pub(super) fn parse(argument: &OsStr) -> Result<Invocation, LineFault> {
    let bytes = argument.as_bytes();
    match split_string(bytes) {
        Some(text) => interpret(split(text)?),
        None => interpret(vec![bytes.to_vec()]),
    }
}

/// The text of `-S`, `-vS` or `--split-string`.
fn split_string(argument: &[u8]) -> Option<&[u8]> {
    [&b"-S"[..], b"-vS", b"--split-string="]
        .into_iter()
        .find_map(|option| argument.strip_prefix(option))
}

fn interpret(words: Vec<Vec<u8>>) -> Result<Invocation, LineFault> {
    let mut invocation = Invocation::default();
    let mut words = words.into_iter();
    let mut options = true;
    while let Some(word) = words.next() {
        if options && word.starts_with(b"-") {
            options = option(&word, &mut words, &mut invocation)?;
        } else if let Some(at) = word.iter().position(|byte| *byte == b'=') {
            options = false;
            if &word[..at] == b"PATH" {
                invocation.path = Some(directories(&word[at + 1..]));
            }
        } else {
            invocation.program = Some(OsString::from_vec(word));
            return Ok(invocation);
        }
    }
    Ok(invocation)
}

/// Takes one option with its value; tells whether options may follow.
fn option(
    word: &[u8],
    words: &mut impl Iterator<Item = Vec<u8>>,
    invocation: &mut Invocation,
) -> Result<bool, LineFault> {
    let default = || Some(DEFAULT_PATH.map(PathBuf::from).to_vec());
    match word {
        b"--" => return Ok(false),
        b"-" | b"-i" | b"-iv" | b"-vi" | b"--ignore-environment" => invocation.path = default(),
        b"-v" | b"--debug" => {}
        b"-u" | b"--unset" => {
            if words.next().as_deref() == Some(b"PATH") {
                invocation.path = default();
            }
        }
        b"-uPATH" | b"--unset=PATH" => invocation.path = default(),
        b"-C" | b"--chdir" | b"-a" | b"--argv0" => {
            words.next();
        }
        _ if [
            &b"-u"[..],
            b"--unset=",
            b"-C",
            b"--chdir=",
            b"-a",
            b"--argv0=",
        ]
        .iter()
        .chain(&[
            &b"--block-signal"[..],
            b"--default-signal",
            b"--ignore-signal",
        ])
        .any(|known| word.starts_with(known)) => {}
        _ => return Err(LineFault::Env("an option that it does not know")),
    }
    Ok(true)
}

fn directories(list: &[u8]) -> Vec<PathBuf> {
    list.split(|byte| *byte == b':')
        .map(|entry| PathBuf::from(OsStr::from_bytes(entry)))
        .collect()
}

/// Which quotes surround the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    None,
    Single,
    Double,
}

/// A text on its way to words.
struct Splitter {
    words: Vec<Vec<u8>>,
    /// The word that is being read.
    word: Option<Vec<u8>>,
    quotes: Quotes,
}

fn split(text: &[u8]) -> Result<Vec<Vec<u8>>, LineFault> {
    let mut splitter = Splitter {
        words: Vec::new(),
        word: None,
        quotes: Quotes::None,
    };
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        let goes_on = match (byte, splitter.quotes) {
            (b'\\', Quotes::Single) => splitter.in_single(&mut rest),
            (b'\\', _) => splitter.escape(rest.next())?,
            _ => splitter.plain(byte)?,
        };
        if !goes_on {
            break;
        }
    }
    if splitter.quotes != Quotes::None {
        return Err(LineFault::Env("a quote that does not end"));
    }
    splitter.end_word();
    Ok(splitter.words)
}

impl Splitter {
    fn push(&mut self, byte: u8) -> bool {
        self.word.get_or_insert_default().push(byte);
        true
    }

    fn end_word(&mut self) -> bool {
        self.words.extend(self.word.take());
        true
    }

    /// Any byte but a backslash; tells whether the text goes on.
    fn plain(&mut self, byte: u8) -> Result<bool, LineFault> {
        let quotes = match (byte, self.quotes) {
            (b'\'', Quotes::None) => Quotes::Single,
            (b'"', Quotes::None) => Quotes::Double,
            (b'\'', Quotes::Single) | (b'"', Quotes::Double) => Quotes::None,
            (b'$', Quotes::None | Quotes::Double) => {
                return Err(LineFault::Env("a variable, whose value is not known"));
            }
            (b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r', Quotes::None) => {
                return Ok(self.end_word());
            }
            // A comment, but only where a word would start.
            (b'#', Quotes::None) if self.word.is_none() => return Ok(false),
            _ => return Ok(self.push(byte)),
        };
        self.quotes = quotes;
        self.word.get_or_insert_default();
        Ok(true)
    }

    /// Between single quotes a backslash is itself, but for `\\` and `\'`.
    fn in_single(&mut self, rest: &mut (impl Iterator<Item = u8> + Clone)) -> bool {
        match rest.clone().next() {
            Some(byte @ (b'\\' | b'\'')) => {
                rest.next();
                self.push(byte)
            }
            _ => self.push(b'\\'),
        }
    }

    fn escape(&mut self, byte: Option<u8>) -> Result<bool, LineFault> {
        let byte = byte.ok_or(LineFault::Env("a backslash at the end"))?;
        match (byte, self.quotes) {
            (b'"' | b'#' | b'$' | b'\'' | b'\\', _) => Ok(self.push(byte)),
            (b'_', Quotes::Double) => Ok(self.push(b' ')),
            (b'_', _) => Ok(self.end_word()),
            (b'c', Quotes::Double) => Err(LineFault::Env("`\\c` between double quotes")),
            (b'c', _) => Ok(false),
            (b'f', _) => Ok(self.push(0x0c)),
            (b'n', _) => Ok(self.push(b'\n')),
            (b'r', _) => Ok(self.push(b'\r')),
            (b't', _) => Ok(self.push(b'\t')),
            (b'v', _) => Ok(self.push(0x0b)),
            _ => Err(LineFault::Env(
                "a backslash before a letter without meaning",
            )),
        }
    }
}
