//! A receiver that writes down what it is told, and short ways to read an archive with it.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sandbox::archive::{Archive, ArchiveError, Body, Member, Receiver, WalkError};
use sandbox::model::Sha256;

/// One line for each member.
#[derive(Default)]
pub struct Recorder {
    pub lines: Vec<String>,
    /// The content of the last file.
    pub last: Vec<u8>,
    pub last_attributes: Vec<(String, Vec<u8>)>,
    pub last_modified: (i64, i64),
    /// Files are read, and not kept.
    pub thrown_away: bool,
    pub members: u64,
    pub bytes: u64,
}

impl Receiver for Recorder {
    type Error = String;

    fn layer(&mut self) {
        self.lines.push("layer".to_owned());
    }

    fn member(&mut self, member: Member<'_>) -> Result<(), String> {
        self.members += 1;
        let path = member.path.as_os_str().as_bytes().escape_ascii();
        let mode = member.mode;
        let line = match member.body {
            Body::Directory => format!("d {mode:o} {path}"),
            Body::Symlink(target) => format!("l {path} -> {}", target.as_bytes().escape_ascii()),
            Body::HardLink(target) => format!("h {path} = {}", target.display()),
            Body::Whiteout => format!("w {path}"),
            Body::Opaque => format!("o {path}"),
            Body::File { size, content } => {
                let read = match self.thrown_away {
                    true => io::copy(content, &mut io::sink()),
                    false => {
                        self.last.clear();
                        content.read_to_end(&mut self.last).map(|read| read as u64)
                    }
                };
                let read = read.map_err(|error| format!("the receiver's own words: {error}"))?;
                assert_eq!(read, size, "{path}");
                self.bytes += read;
                format!("f {mode:o} {path} {size}")
            }
        };
        if !self.thrown_away {
            self.lines.push(line);
        }
        self.last_modified = member.modified;
        self.last_attributes = member
            .attributes
            .into_iter()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value))
            .collect();
        Ok(())
    }
}

/// What an archive gives, and how many devices it left out.
pub fn read(bytes: &[u8]) -> Result<(Recorder, u64), String> {
    let (recorder, result) = read_in_part(bytes);
    result.map(|skipped| (recorder, skipped))
}

/// What an archive gives before its mistake, and the mistake, with its path taken out.
pub fn read_in_part(bytes: &[u8]) -> (Recorder, Result<u64, String>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    std::fs::write(&path, bytes).unwrap();
    let mut recorder = Recorder::default();
    let result = walk(&path, None, &mut recorder);
    let shown = format!("archive `{}`", path.display());
    let result = result.map_err(|error| error.to_string().replace(&shown, "archive `A`"));
    (recorder, result)
}

pub fn walk(
    path: &Path,
    sha256: Option<&Sha256>,
    recorder: &mut Recorder,
) -> Result<u64, ArchiveError> {
    Archive::open(path, sha256)?
        .walk(recorder)
        .map_err(|error| match error {
            WalkError::Archive(error) => error,
            WalkError::Receiver(error) => panic!("{error}"),
        })
}

/// The lines of an archive that is as it should be.
pub fn lines(bytes: &[u8]) -> Vec<String> {
    read(bytes).map(|(recorder, _)| recorder.lines).unwrap()
}

/// What is wrong with an archive.
pub fn refusal(bytes: &[u8]) -> String {
    read(bytes).map(|(recorder, _)| recorder.lines).unwrap_err()
}
