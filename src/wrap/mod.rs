//! Wrappers: the binary under another program's name, as a link that stands before that program in PATH.
//!
//! A wrapper that cannot do its work fails. It never starts the program outside a sandbox.

pub mod desktop;
pub mod links;
pub mod search;

use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The file that runs, by what a link to it resolves to.
const OWN: &str = "/proc/self/exe";

/// The binary that runs now.
#[derive(Debug, Clone)]
pub struct Own {
    identity: (u64, u64),
    links: u64,
    path: PathBuf,
}

impl Own {
    /// Looks at the file that this process runs.
    ///
    /// # Errors
    /// Where `/proc` does not show it.
    pub fn find() -> io::Result<Own> {
        let file = std::fs::metadata(OWN)?;
        Ok(Own {
            identity: identity(&file),
            links: file.nlink(),
            path: std::fs::read_link(OWN)?,
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether what the path leads to is this binary, or another one of its kind.
    ///
    /// The name counts beside the file: where the binary runs from a sealed copy of itself it has another
    /// inode than the links lead to, and two versions may be installed.
    pub fn is_at(&self, path: &Path) -> bool {
        let same = path
            .metadata()
            .is_ok_and(|file| identity(&file) == self.identity);
        let real = path.canonicalize();
        let real = real.as_deref().ok().and_then(Path::file_name);
        same || real.is_some_and(is_own_name)
    }

    /// The file's own name, also that of the sealed copy in memory.
    fn name(&self) -> &[u8] {
        let name = self.path.file_name().unwrap_or_default().as_bytes();
        let name = name.strip_prefix(b"memfd:").unwrap_or(name);
        name.strip_suffix(b" (deleted)").unwrap_or(name)
    }
}

/// What lies in a directory, sorted; nothing where there is none.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let found = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found?,
    };
    let paths = found.map(|entry| Ok(entry?.path()));
    let mut paths = paths.collect::<io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// As what the binary was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// As `sandbox`: the arguments are a command.
    Command,
    /// As another program.
    Wrapper(OsString),
}

/// What the first word of the command line makes of the process.
///
/// The last part of it counts, whatever directory stands before it, without the one `-` that marks a login
/// shell. What [`is_command`] knows is the command, as is a file that was renamed and that nothing else links to.
pub fn called(first: &OsStr, own: &Own) -> Called {
    let name = last_part(first);
    let renamed = name == own.name() && own.links <= 1;
    if is_command(first) || renamed {
        return Called::Command;
    }
    let name = name.strip_prefix(b"-").unwrap_or(name);
    Called::Wrapper(OsString::from_vec(name.to_vec()))
}

/// Whether the first word says by itself that no wrapper was called: no name at all, a name of `sandbox`'s own, or
/// `/proc/self/exe`, by which programs start themselves.
pub fn is_command(first: &OsStr) -> bool {
    let name = OsStr::from_bytes(last_part(first));
    first.is_empty() || is_own_name(name) || first.as_bytes().starts_with(b"/proc/")
}

fn last_part(first: &OsStr) -> &[u8] {
    let bytes = first.as_bytes();
    bytes.rsplit(|byte| *byte == b'/').next().unwrap_or(bytes)
}

/// `sandbox`, or with a version: `sandbox-0.1`.
pub fn is_own_name(name: &OsStr) -> bool {
    let Some(rest) = name.as_bytes().strip_prefix(b"sandbox") else {
        return false;
    };
    match rest {
        [] => true,
        [b'-', digit, ..] => digit.is_ascii_digit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called_as(first: &str, file: &str, links: u64) -> Called {
        let own = Own {
            identity: (0, 0),
            links,
            path: file.into(),
        };
        called(OsStr::new(first), &own)
    }

    #[test]
    fn its_own_name_makes_it_the_command() {
        for first in [
            "",
            "sandbox",
            "/usr/bin/sandbox",
            "./sandbox",
            "sandbox-0.1",
        ] {
            assert_eq!(called_as(first, "/usr/bin/sandbox", 2), Called::Command);
        }
        assert_eq!(called_as("sbx", "/opt/sbx", 1), Called::Command);
        let sealed = "/memfd:sbx (deleted)";
        assert_eq!(called_as("/opt/sbx", sealed, 0), Called::Command);
        let by_itself = called_as("/proc/self/exe", "/usr/bin/sandbox", 1);
        assert_eq!(by_itself, Called::Command);
    }

    #[test]
    fn any_other_makes_it_a_wrapper() {
        let cases = [
            ("git", "git"),
            ("/home/me/.local/bin/git", "git"),
            ("-bash", "bash"),
            ("--x", "-x"),
            ("sandboxes", "sandboxes"),
            ("sandbox-x", "sandbox-x"),
            ("bin/", ""),
        ];
        for (first, name) in cases {
            let wrapper = Called::Wrapper(name.into());
            assert_eq!(called_as(first, "/usr/bin/sandbox", 1), wrapper);
        }
        // A hard link.
        assert_eq!(
            called_as("git", "/opt/git", 2),
            Called::Wrapper("git".into())
        );
    }
}
