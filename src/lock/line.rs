//! One line of a lock as words, and what each kind of word may be.

use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;

use super::PackageName;
use super::escape::{digit, unescape};

/// A mode has four octal digits.
const MODE_DIGITS: usize = 4;

/// A line's mistake: what is wrong, and the word that it is about when it is not the whole line.
pub(super) type Fault = (String, Option<Range<usize>>);

/// A mistake in bytes `span` of the line.
pub(super) fn fault<T>(span: Range<usize>, message: String) -> Result<T, Fault> {
    Err((message, Some(span)))
}

/// The words of a line, by number.
pub(super) struct Words<'a> {
    line: &'a str,
    spans: Vec<Range<usize>>,
}

impl<'a> Words<'a> {
    pub fn of(line: &'a str) -> Result<Words<'a>, Fault> {
        let mut spans = Vec::new();
        let mut start = 0;
        for word in line.split(' ') {
            let span = start..start + word.len();
            if word.is_empty() {
                return fault(span, "words are separated by one space each".to_owned());
            }
            start = span.end + 1;
            spans.push(span);
        }
        Ok(Words { line, spans })
    }

    pub fn count(&self) -> usize {
        self.spans.len()
    }

    pub fn span(&self, at: usize) -> Range<usize> {
        self.spans.get(at).cloned().unwrap_or(0..self.line.len())
    }

    pub fn text(&self, at: usize) -> &'a str {
        self.line.get(self.span(at)).unwrap_or_default()
    }

    pub fn first(&self) -> &'a str {
        self.text(0)
    }

    pub fn kind(&self) -> &'a str {
        match self.count() {
            0 | 1 => "",
            _ => self.text(1),
        }
    }

    /// The numbers of exactly as many words as `form` has.
    pub fn exactly<const N: usize>(&self, form: &str) -> Result<[usize; N], Fault> {
        match self.count() == N {
            true => Ok(std::array::from_fn(|at| at)),
            false => Err((format!("the line is not of the form `{form}`"), None)),
        }
    }

    pub fn name(&self, at: usize) -> Result<OsString, Fault> {
        match unescape(self.text(at)) {
            Some(name) if !name.as_encoded_bytes().contains(&0) => Ok(name),
            _ => fault(
                self.span(at),
                "an escape here is not one that a lock has".to_owned(),
            ),
        }
    }

    /// An absolute path without `.`, `..`, and a slash too many.
    pub fn path(&self, at: usize) -> Result<PathBuf, Fault> {
        let path = self.name(at)?;
        let bytes = path.as_encoded_bytes();
        let parts = || bytes.split(|byte| *byte == b'/').skip(1);
        let sound =
            bytes.starts_with(b"/") && parts().all(|part| !matches!(part, b"" | b"." | b".."));
        match sound {
            true => Ok(PathBuf::from(path)),
            false => fault(
                self.span(at),
                "it is no absolute path in its shortest form".to_owned(),
            ),
        }
    }

    pub fn utf8(&self, at: usize, word: &str) -> Result<String, Fault> {
        match unescape(word).map(OsString::into_string) {
            Some(Ok(text))
                if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
            {
                Ok(text)
            }
            _ => fault(self.span(at), "it is no word of a package".to_owned()),
        }
    }

    /// `NAME:ARCH`; a name holds no colon in any database.
    pub fn package(&self, at: usize, word: &str) -> Result<PackageName, Fault> {
        let Some((name, architecture)) = word.rsplit_once(':') else {
            return fault(
                self.span(at),
                "it is not of the form `NAME:ARCH`".to_owned(),
            );
        };
        Ok(PackageName {
            name: self.utf8(at, name)?,
            architecture: self.utf8(at, architecture)?,
        })
    }

    pub fn mode(&self, at: usize) -> Result<u32, Fault> {
        let word = self.text(at);
        let octal =
            word.len() == MODE_DIGITS && word.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
        let mode = u32::from_str_radix(word, 8).ok().filter(|_| octal);
        mode.map_or_else(
            || fault(self.span(at), "a mode has four octal digits".to_owned()),
            Ok,
        )
    }

    pub fn size(&self, at: usize) -> Result<u64, Fault> {
        let word = self.text(at);
        let size = word
            .parse::<u64>()
            .ok()
            .filter(|size| size.to_string() == word);
        size.map_or_else(
            || fault(self.span(at), "it is no number of bytes".to_owned()),
            Ok,
        )
    }

    pub fn hex(
        &self,
        at: usize,
        key: &str,
        fits: impl Fn(usize) -> bool,
    ) -> Result<Vec<u8>, Fault> {
        let bytes = self.text(at).strip_prefix(key).and_then(|digits| {
            let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
            let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
            let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
            bytes.filter(|bytes| rest.is_empty() && fits(bytes.len()))
        });
        bytes.map_or_else(
            || {
                fault(
                    self.span(at),
                    format!("it is not `{key}` with hexadecimal digits"),
                )
            },
            Ok,
        )
    }
}
