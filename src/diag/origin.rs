//! Where a value came from.

use std::ops::Range;

use serde::{Serialize, Serializer};

/// One profile file of a run, by its place in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FileId(u16);

impl FileId {
    /// The file that the command line named, or the first of several.
    pub const FIRST: FileId = FileId(0);
}

/// Where a value of the plan was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Bytes `span` of a profile.
    Profile {
        /// Which file.
        file: FileId,
        /// The bytes of the value, in the file's text.
        span: Range<usize>,
    },
    /// Nobody wrote it: the language's own default.
    Default,
    /// An argument of the command.
    CommandLine,
}

impl Origin {
    /// The place of bytes `span` in `file`.
    pub fn profile(file: FileId, span: Range<usize>) -> Origin {
        Origin::Profile { file, span }
    }

    /// Sorts by file and offset; what has no place in a file comes first.
    pub(crate) fn order(&self) -> (u32, usize, usize) {
        match self {
            Origin::Default => (0, 0, 0),
            Origin::CommandLine => (0, 1, 0),
            Origin::Profile { file, span } => (u32::from(file.0) + 1, span.start, span.end),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Origin::Default => serializer.serialize_str("default"),
            Origin::CommandLine => serializer.serialize_str("command line"),
            Origin::Profile { file, span } => {
                serializer.serialize_str(&format!("{}:{}-{}", file.0, span.start, span.end))
            }
        }
    }
}

/// A value, and where it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct At<T> {
    /// The value itself.
    pub value: T,
    /// Where it stands.
    pub origin: Origin,
}

impl<T> At<T> {
    /// A value that stands at `origin`.
    pub fn new(value: T, origin: Origin) -> At<T> {
        At { value, origin }
    }

    /// A value that no profile gave.
    pub fn default_value(value: T) -> At<T> {
        At::new(value, Origin::Default)
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> At<U> {
        At::new(change(self.value), self.origin)
    }

    /// The same place, the value borrowed.
    pub fn as_ref(&self) -> At<&T> {
        At::new(&self.value, self.origin.clone())
    }
}

/// A profile's text, and the name by which messages call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path as the user wrote it.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// The profile files of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    files: Vec<Source>,
    /// By file: where its lines end. A plan says of every step in which line it was asked for.
    line_ends: Vec<Vec<usize>>,
}

impl Sources {
    /// Takes a file in and gives it its id.
    ///
    /// Files beyond 65,535 share the last id: no profile has that many bases.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let id = u16::try_from(self.files.len()).unwrap_or(u16::MAX);
        let (name, text): (String, String) = (name.into(), text.into());
        let ends = text.match_indices('\n').map(|(at, _)| at);
        self.line_ends.push(ends.collect());
        self.files.push(Source { name, text });
        FileId(id)
    }

    /// Calls the files below `from` by names that begin with `to`.
    pub fn rename(&mut self, from: &str, to: &str) {
        for file in &mut self.files {
            if let Some(rest) = file.name.strip_prefix(from) {
                file.name = format!("{to}{rest}");
            }
        }
    }

    /// What the files are called, in the order of their ids.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// The file with this id.
    pub fn file(&self, id: FileId) -> Option<&Source> {
        self.files.get(usize::from(id.0))
    }

    /// `file:line:column` of a place, columns counted in characters, or what stands for it.
    pub fn locate_exactly(&self, origin: &Origin) -> String {
        let line = self.locate(origin);
        let Origin::Profile { file, span } = origin else {
            return line;
        };
        let text = self.file(*file).map_or("", |source| source.text.as_str());
        let before = text.get(..span.start).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(start..).map_or(0, |line| line.chars().count()) + 1;
        format!("{line}:{column}")
    }

    /// `file:line` of a place, or what stands for it.
    pub fn locate(&self, origin: &Origin) -> String {
        match origin {
            Origin::Default => "default".to_owned(),
            Origin::CommandLine => "command line".to_owned(),
            Origin::Profile { file, span } => {
                let Some(source) = self.file(*file) else {
                    return "unknown file".to_owned();
                };
                let ends = self.line_ends.get(usize::from(file.0));
                let line = ends.map_or(0, |ends| ends.partition_point(|end| *end < span.start)) + 1;
                format!("{}:{line}", source.name)
            }
        }
    }
}
