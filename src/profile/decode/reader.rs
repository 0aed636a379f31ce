//! What every part of the decoder shares: values with their places, and the problems so far.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use crate::diag::{At, FileId, Origin, Problem, Problems};
use crate::model::Invalid;

use super::unknown::{Section, UnknownKey};

/// One value of the parsed document, with its bytes.
pub(super) type Node<'d> = Spanned<DeValue<'d>>;

/// The file that is decoded, and what was found in it.
pub(super) struct Reader<'d> {
    file: FileId,
    text: &'d str,
    /// Everything wrong so far, in the order of finding.
    pub problems: Problems,
    /// Every section and the keys that its decoder asked for.
    pub sections: Vec<Section>,
    /// Keys that no decoder asked for.
    pub unknown: Vec<UnknownKey>,
}

impl<'d> Reader<'d> {
    pub fn new(file: FileId, text: &'d str) -> Reader<'d> {
        Reader {
            file,
            text,
            problems: Problems::new(),
            sections: Vec::new(),
            unknown: Vec::new(),
        }
    }

    pub fn origin(&self, span: Range<usize>) -> Origin {
        Origin::profile(self.file, span)
    }

    /// The bytes of the file in `span`.
    pub fn source(&self, span: Range<usize>) -> &'d str {
        self.text.get(span).unwrap_or_default()
    }
}

/// A value, and how messages call it.
pub(super) struct Value<'d> {
    /// The way to it: `limits.memory`.
    pub path: String,
    /// Whether it is all that stands there.
    pub part: Part,
    /// Its bytes, in the file.
    pub origin: Origin,
    /// The value.
    pub node: &'d Node<'d>,
}

/// What a value is of what stands at its path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// One entry of a list.
    Entry,
}

/// What a type of the profile makes of a value.
pub(super) trait Decode: Sized {
    /// The value, or nothing with at least one problem noted.
    fn decode(value: &Value<'_>, reader: &mut Reader<'_>) -> Option<Self>;
}

impl<'d> Value<'d> {
    pub fn new(path: String, node: &'d Node<'d>, reader: &Reader<'_>) -> Value<'d> {
        Value {
            path,
            part: Part::Whole,
            origin: reader.origin(node.span()),
            node,
        }
    }

    /// The key it stands under, without the way there.
    pub fn key(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }

    /// The same for an entry of the list at `path`.
    pub fn entry(path: String, node: &'d Node<'d>, reader: &Reader<'_>) -> Value<'d> {
        Value {
            part: Part::Entry,
            ..Value::new(path, node, reader)
        }
    }

    /// How a message starts that is about this value.
    pub fn subject(&self) -> String {
        match self.part {
            Part::Whole => format!("`{}`", self.path),
            Part::Entry => format!("an entry of `{}`", self.path),
        }
    }

    /// Its text.
    ///
    /// # Errors
    /// When it is no string.
    pub fn text(&self, expected: &str) -> Result<&'d str, Problem> {
        self.node
            .get_ref()
            .as_str()
            .ok_or_else(|| self.wrong_type(expected))
    }

    /// An error of rule `code` at this value.
    pub fn error(&self, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::error(code, &self.origin, message)
    }

    /// The error of a value that is of another type than `expected`: "a string".
    pub fn wrong_type(&self, expected: &str) -> Problem {
        let found = type_name(self.node.get_ref());
        self.error(
            "profile.type",
            format!("{} must be {expected}", self.subject()),
        )
        .label(format!("expected {expected}, found {found}"))
    }

    /// The error of a `what` (such as "size") that is spelt `word`.
    pub fn invalid(&self, code: &'static str, what: &str, word: &str, why: Invalid) -> Problem {
        let Invalid { reason, help } = why;
        let subject = match (word, self.part) {
            ("", _) => self.subject(),
            _ if what == self.key() => format!("{what} `{}`", shortened(word)),
            (_, Part::Whole) => format!("{what} `{}` of `{}`", shortened(word), self.path),
            (_, Part::Entry) => format!("{what} `{}` in `{}`", shortened(word), self.path),
        };
        let problem = self.error(code, format!("{subject} {reason}"));
        match help {
            Some(help) => problem.help(help),
            None => problem,
        }
    }

    /// Puts a decoded value at this place.
    pub fn at<T>(&self, value: T) -> At<T> {
        At::new(value, self.origin.clone())
    }
}

/// A user's word, cut where it would drown the message.
pub(super) fn shortened(word: &str) -> String {
    const MOST: usize = 64;
    match word.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}

/// A type with its article, as messages name it.
pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
