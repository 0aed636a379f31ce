//! A profile's text and its name from a path.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::diag::{Origin, Problem};
use crate::model::SandboxName;

use super::parse::may_be_profile;
use super::trust::{self, Trust};

/// A profile longer than this is refused: 1 MiB.
pub const MOST_BYTES: u64 = 1 << 20;

/// The text of the profile at `path`.
///
/// # Errors
/// One problem at [`Origin::CommandLine`]: nothing is there, it is no regular file, cannot be read,
/// is longer than [`MOST_BYTES`] or is not UTF-8.
pub fn read(path: &Path) -> Result<String, Problem> {
    read_kept(path, &Trust::Named).map(|read| read.text)
}

/// Whether a TOML file may be a profile, by [`may_be_profile`]. What cannot be read may be one: whoever reads it tells
/// why it cannot.
pub fn is_profile(path: &Path) -> bool {
    read(path).map_or(true, |text| may_be_profile(&text))
}

/// A text, and which file it is of.
#[derive(Debug)]
pub(super) struct FileText {
    /// The whole text.
    pub text: String,
    /// Device and inode: the same for every path to the file.
    pub identity: (u64, u64),
    /// Who could have written it.
    pub owners: Vec<u32>,
}

/// The same for a file that nobody but those of `trust` may write.
pub(super) fn read_kept(path: &Path, trust: &Trust) -> Result<FileText, Problem> {
    let file = open(path)?;
    let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
    trust.judge(path, &metadata)?;
    let text = text_of(path, file)?;
    Ok(FileText {
        text,
        identity: (metadata.dev(), metadata.ino()),
        owners: trust::owners(path, &metadata),
    })
}

fn text_of(path: &Path, file: File) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(too_large(path));
    }
    String::from_utf8(bytes).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        not_utf8(path, error.as_bytes(), start)
    })
}

/// The name of a sandbox whose profile states none: the file's stem.
///
/// # Errors
/// One problem at [`Origin::CommandLine`] when the stem is no such name.
pub fn name_of(path: &Path) -> Result<SandboxName, Problem> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.parse().map_err(|why| {
        let message = format!("`{stem}` of `{}` is no name of a sandbox", path.display());
        let help = "rename the file, or write `name = \"…\"` in it";
        problem("profile.file-name", format!("{message}: it {why}")).help(help)
    })
}

/// Opens a regular file. Opening another kind could wait for ever (a pipe) or do something (a
/// device), so its kind is looked at before and, since it may have changed, after.
fn open(path: &Path) -> Result<File, Problem> {
    let before = path.metadata().map_err(|error| unreadable(path, &error))?;
    refuse_special(path, &before)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|error| unreadable(path, &error))?;
    let opened = file.metadata().map_err(|error| unreadable(path, &error))?;
    refuse_special(path, &opened)?;
    Ok(file)
}

fn refuse_special(path: &Path, metadata: &Metadata) -> Result<(), Problem> {
    let kind = metadata.file_type();
    let name = match kind {
        _ if kind.is_file() => return Ok(()),
        _ if kind.is_dir() => "a directory",
        _ if kind.is_fifo() => "a pipe",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    };
    let message = format!("profile `{}` is {name}, not a file", path.display());
    Err(problem("profile.not-a-file", message).help("name the profile's TOML file"))
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let name = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            problem("profile.not-found", format!("there is no profile `{name}`"))
                .help("check the path; it is relative to the current directory")
        }
        io::ErrorKind::PermissionDenied => problem(
            "profile.unreadable",
            format!("profile `{name}` may not be read: permission denied"),
        )
        .help("check the permissions of the file and of the directories above it"),
        _ => problem(
            "profile.unreadable",
            format!("profile `{name}` cannot be read: {error}"),
        ),
    }
}

fn too_large(path: &Path) -> Problem {
    let message = format!("profile `{}` is larger than 1 MiB", path.display());
    problem("profile.too-large", message).help("check that it is a profile")
}

fn not_utf8(path: &Path, bytes: &[u8], start: usize) -> Problem {
    let before = bytes.iter().take(start);
    let line = before.filter(|byte| **byte == b'\n').count() + 1;
    let byte = bytes.get(start).copied().unwrap_or_default();
    let message = format!(
        "profile `{}` is not UTF-8: byte 0x{byte:02x} in line {line}",
        path.display()
    );
    problem("profile.not-utf8", message).help("save the file as UTF-8")
}

fn problem(code: &'static str, message: String) -> Problem {
    Problem::error(code, &Origin::CommandLine, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use std::path::PathBuf;

    /// A directory of its own that is gone after the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            let name = format!("sandbox-read-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir(&path).unwrap();
            Scratch(path)
        }

        fn file(&self, name: &str, content: &[u8]) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, content).unwrap();
            path
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn code(path: &Path) -> &'static str {
        read(path).unwrap_err().code
    }

    #[test]
    fn only_a_regular_file_is_opened() {
        let scratch = Scratch::new("kinds");
        let pipe = scratch.0.join("pipe.toml");
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        assert_eq!(code(&pipe), "profile.not-a-file");
        assert_eq!(code(&scratch.0), "profile.not-a-file");
        assert_eq!(code(Path::new("/dev/null")), "profile.not-a-file");
        assert_eq!(code(&scratch.0.join("none")), "profile.not-found");
        assert_eq!(read(&scratch.file("a.toml", b"x = 1")).unwrap(), "x = 1");
    }

    #[test]
    fn a_text_is_utf8_of_at_most_a_mebibyte() {
        let scratch = Scratch::new("texts");
        let latin = read(&scratch.file("latin.toml", b"a = 1\n# caf\xe9\n")).unwrap_err();
        assert_eq!(latin.code, "profile.not-utf8");
        assert!(latin.message.ends_with("byte 0xe9 in line 2"), "{latin:?}");
        let most = vec![b'#'; 1 << 20];
        assert_eq!(
            read(&scratch.file("most.toml", &most)).unwrap().len(),
            1 << 20
        );
        let more = vec![b'#'; (1 << 20) + 1];
        assert_eq!(code(&scratch.file("more.toml", &more)), "profile.too-large");
    }

    #[test]
    fn the_stem_is_the_name() {
        let name = |path: &str| name_of(Path::new(path)).map(|name| name.to_string());
        assert_eq!(name("profiles/dev.toml").unwrap(), "dev");
        assert_eq!(name("My Dev.toml").unwrap_err().code, "profile.file-name");
        assert!(name("/").is_err());
    }
}
