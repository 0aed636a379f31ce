//! git, asked so that nothing of a repository is run, fetched or believed beyond its objects.
//!
//! A checkout may come from anybody, and its `.git/config` names programs. Of all that git does, only listing and
//! reading of objects is asked for, which starts no hook, filter, textconv, pager or monitor; objects that a partial
//! clone lacks are not fetched, since a transport is a program too; `GIT_*` of the caller says nothing; and a
//! checkout of another user is refused by git itself (`safe.directory`, CVE-2022-24765).

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Why git gives nothing, as one sentence.
pub type Refused = String;

/// Runs git and gives back what it prints, without the end of its last line.
pub(super) fn ask(words: &[&OsStr]) -> Result<OsString, Refused> {
    let output = git().args(words).stdin(Stdio::null()).output();
    let output = output.map_err(not_run)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().next().unwrap_or_default();
        return Err(first.trim_start_matches("fatal: ").to_owned());
    }
    let mut printed = output.stdout;
    if printed.last() == Some(&b'\n') {
        printed.pop();
    }
    Ok(OsString::from_vec(printed))
}

fn not_run(why: io::Error) -> Refused {
    format!("git cannot be run: {why}")
}

fn git() -> Command {
    let mut command = Command::new("git");
    let of_git = std::env::vars_os().filter(|(name, _)| name.as_bytes().starts_with(b"GIT_"));
    for (name, _) in of_git {
        command.env_remove(name);
    }
    // What it says is shown, and begins with a word of this language.
    command.env("LC_ALL", "C");
    command.env("GIT_NO_LAZY_FETCH", "1");
    // Before git 2.45, which knows the line above, no transport is what keeps it from fetching; unlike
    // `protocol.allow` no setting of the repository is stronger.
    command.env("GIT_ALLOW_PROTOCOL", "none");
    command.env("GIT_OPTIONAL_LOCKS", "0");
    command.env("GIT_NO_REPLACE_OBJECTS", "1");
    for setting in ["core.fsmonitor=false", "core.hooksPath=/dev/null"] {
        command.args(["-c", setting]);
    }
    command.arg("--no-pager");
    command
}

/// One git that gives out objects, one after the other.
#[derive(Debug)]
pub(super) struct Objects {
    child: Child,
    asked: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Objects {
    fn drop(&mut self) {
        // It may still be writing what nobody reads any more.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Objects {
    pub fn open() -> Result<Objects, Refused> {
        let mut command = git();
        command.args(["cat-file", "--batch"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().map_err(not_run)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(asked), Some(answers)) => Ok(Objects {
                child,
                asked,
                answers: BufReader::new(answers),
            }),
            _ => Err("git cannot be talked to".to_owned()),
        }
    }

    /// The content of a file, of at most `most` bytes.
    pub fn blob(&mut self, object: &OsStr, most: u64) -> Result<Vec<u8>, Refused> {
        self.exchange(object, most)
            .map_err(|why| format!("git does not give `{}`: {why}", object.display()))
    }

    fn exchange(&mut self, object: &OsStr, most: u64) -> io::Result<Vec<u8>> {
        let object = object.as_bytes();
        if object.is_empty() || !object.iter().all(u8::is_ascii_hexdigit) {
            return Err(io::Error::other("it is no name of an object"));
        }
        self.asked.write_all(&[object, b"\n"].concat())?;
        self.asked.flush()?;
        let mut head = Vec::new();
        (&mut self.answers).take(256).read_until(b'\n', &mut head)?;
        let length = length(&head, object)
            .filter(|length| *length <= most)
            .ok_or_else(|| io::Error::other("it is missing, or no file of that size"))?;
        let mut content = Vec::new();
        (&mut self.answers)
            .take(length + 1)
            .read_to_end(&mut content)?;
        match content.pop() {
            Some(b'\n') if content.len() as u64 == length => Ok(content),
            _ => Err(io::Error::other("it ends too early")),
        }
    }
}

/// The size that the line above an object tells: `NAME blob SIZE`.
fn length(head: &[u8], object: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(head).ok()?.strip_suffix('\n')?;
    let mut words = text.split(' ');
    let named = words.next()?.as_bytes() == object;
    let is_blob = words.next()? == "blob";
    let length = words.next()?.parse().ok()?;
    (named && is_blob && words.next().is_none()).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_above_an_object_is_that_of_the_file_that_was_asked_for() {
        assert_eq!(length(b"abc blob 12\n", b"abc"), Some(12));
        for head in [
            "abc blob 12",
            "abc tree 12\n",
            "abd blob 12\n",
            "abc missing\n",
            "abc blob 1 2\n",
            "",
        ] {
            assert_eq!(length(head.as_bytes(), b"abc"), None, "{head}");
        }
    }
}
