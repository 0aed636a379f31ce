//! Printing: problems to standard error, results to standard output.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;

use crate::diag::{Problems, Sources};
use crate::plan::{Loss, Settings};
use crate::report::problems::{Colour, Judged, Style, render};
use crate::sys;

use super::exit::Exit;
use super::profile::general;

/// Lines that go to a file or to another program.
const PAGE: usize = 80;

/// Below this, lines of prose are left to the terminal.
const NARROWEST: usize = 30;

/// Prints problems under their lines.
pub fn problems(problems: Problems, sources: &Sources) {
    if problems.is_empty() {
        return;
    }
    error_text(&render(&problems.sorted(), sources, style(&io::stderr())));
}

/// The same for machines: the problems of one profile, as the document that `write` makes of them goes to
/// standard output, and for people to standard error as ever.
///
/// # Errors
/// As [`text`].
pub fn refusal(
    profile: &Path,
    problems: Problems,
    sources: Sources,
    write: fn(&[Judged]) -> String,
) -> io::Result<()> {
    let judged = Judged {
        profile: profile.to_string_lossy().into_owned(),
        problems: problems.sorted(),
        sources,
    };
    error_text(&render(
        &judged.problems,
        &judged.sources,
        style(&io::stderr()),
    ));
    text(&write(&[judged]))
}

/// Prints what is wrong and stands in no profile, for the exit code that follows.
pub fn refuse(problems: impl Into<Problems>, exit: Exit) -> Exit {
    self::problems(problems.into(), &Sources::default());
    exit
}

/// Names in one line what a profile protects and what is not there, so that it is not: the program can make
/// it, and the host obeys what it made.
pub fn missing_parts(settings: &Settings) {
    let missing = settings
        .unprotected
        .iter()
        .filter(|part| part.value.loss == Loss::Missing);
    let names: Vec<String> = missing
        .map(|part| format!("`{}`", part.value.path.as_str().escape_debug()))
        .collect();
    if !names.is_empty() {
        let names = settings.private.hide(&names.join(", "));
        error_text(&format!(
            "sandbox: warning: not protected, as it is missing: {names}\n"
        ));
    }
}

/// Prints a text to standard error as it is.
pub fn error_text(text: &str) {
    // Nobody is left to tell when it is closed.
    io::stderr().write_all(text.as_bytes()).ok();
}

/// Prints a text to standard output; a reader that has left (`| head`) is no error.
///
/// # Errors
/// When it cannot be written for another reason, such as a full disk.
pub fn text(text: &str) -> io::Result<()> {
    bytes(text.as_bytes())
}

/// The same, and tells when it cannot be written.
///
/// # Errors
/// As [`text`]; nothing is left to tell.
pub fn told(text: &str) -> io::Result<()> {
    self::text(text).inspect_err(|error| {
        let message = format!("cannot write to standard output: {error}");
        problems(
            general("command-line.output", message).into(),
            &Sources::default(),
        );
    })
}

/// The same for bytes that may be no text.
///
/// # Errors
/// As [`text`].
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut output = io::stdout();
    let written = output.write_all(bytes).and_then(|()| output.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// The width of the terminal, where the stream is one.
pub fn columns<S: IsTerminal + AsFd>(stream: &S) -> Option<usize> {
    let size = sys::terminal::window_size(stream.as_fd()).ok();
    let columns = size.map_or(0, |size| usize::from(size.ws_col));
    (stream.is_terminal() && columns > 0).then_some(columns)
}

/// The width of lines of prose: that of the terminal, and a page's where the stream is none.
pub fn width<S: IsTerminal + AsFd>(stream: &S) -> usize {
    columns(stream).map_or(PAGE, |columns| columns.max(NARROWEST))
}

/// The width of the terminal, where the stream is one, and colours, unless `NO_COLOR` is set (no-color.org).
pub fn style<S: IsTerminal + AsFd>(stream: &S) -> Style {
    let Some(columns) = columns(stream) else {
        return Style::PLAIN;
    };
    let style = Style::terminal(columns);
    match std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty()) {
        true => Style {
            colour: Colour::None,
            ..style
        },
        false => style,
    }
}
