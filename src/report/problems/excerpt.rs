//! A profile's text, by lines, as a report shows it.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::report::printable::{printable, same_length};

/// Lines beyond this many bytes are not shown, so that a report stays shorter than its profile.
const LONGEST_LINE: usize = 1000;

/// A file's text with the bytes that it has in the file, and nothing that acts on a terminal.
#[derive(Debug)]
pub(super) struct Excerpt {
    name: String,
    /// Ends with a line break.
    text: String,
    /// Where each line starts.
    lines: Vec<usize>,
}

impl Excerpt {
    pub fn new(name: &str, text: &str) -> Excerpt {
        let mut text = same_length(text);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let mut lines: Vec<usize> = std::iter::once(0)
            .chain(breaks.map(|(at, _)| at + 1))
            .collect();
        // Behind the last line break there is no line.
        lines.pop();
        Excerpt {
            name: printable(name),
            text,
            lines,
        }
    }

    /// The part of `span` in its first line.
    pub fn clip(&self, span: &Range<usize>) -> SourceSpan {
        let line = self.line_of(span.start);
        let bytes = self.bytes_of(line);
        let start = self.boundary(span.start.clamp(bytes.start, bytes.end));
        let end = self.boundary(span.end.clamp(start, bytes.end));
        (start, end - start).into()
    }

    /// Whether the line of `offset` and its neighbours are short enough to be read.
    pub fn is_showable(&self, offset: usize) -> bool {
        let line = self.line_of(offset);
        let last = self.lines.len() - 1;
        (line.saturating_sub(1)..=(line + 1).min(last))
            .all(|line| self.bytes_of(line).len() <= LONGEST_LINE)
    }

    /// `file:line:column`; columns are characters.
    pub fn locate(&self, offset: usize) -> String {
        let line = self.line_of(offset);
        let column = self.column_of(line, offset);
        format!("{}:{}:{}", self.name, line + 1, column + 1)
    }

    fn column_of(&self, line: usize, offset: usize) -> usize {
        let bytes = self.bytes_of(line);
        let end = self.boundary(offset.clamp(bytes.start, bytes.end));
        self.text[bytes.start..end].chars().count()
    }

    fn line_of(&self, offset: usize) -> usize {
        let behind = self.lines.partition_point(|start| *start <= offset);
        behind.saturating_sub(1)
    }

    /// The bytes of a line without its line break.
    fn bytes_of(&self, line: usize) -> Range<usize> {
        let start = self.lines.get(line).copied().unwrap_or_default();
        start..self.end_of(line) - 1
    }

    /// Behind the line break of a line.
    fn end_of(&self, line: usize) -> usize {
        self.lines.get(line + 1).copied().unwrap_or(self.text.len())
    }

    /// The start of the character that holds the byte at `offset`.
    fn boundary(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset)
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let end = span.offset() + span.len();
        if end > self.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let (first, last) = (self.line_of(span.offset()), self.line_of(end));
        let first_shown = first.saturating_sub(before);
        let last_shown = (last + after).min(self.lines.len() - 1);
        // Without context miette asks for the place of the span itself.
        let (start, column) = match before {
            0 => (span.offset(), self.column_of(first, span.offset())),
            _ => (self.lines[first_shown], 0),
        };
        let shown = start..self.end_of(last_shown);
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            &self.text.as_bytes()[shown.clone()],
            (shown.start, shown.len()).into(),
            first_shown,
            column,
            last_shown - first_shown + 1,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_lies_in_a_line() {
        for text in ["", "\n", "a", "a\n", "é\r\nb\n\n"] {
            let excerpt = Excerpt::new("x", text);
            for start in 0..text.len() + 2 {
                let span = excerpt.clip(&(start..start + 3));
                assert!(excerpt.read_span(&span, 1, 1).is_ok(), "{text:?} {start}");
                assert!(excerpt.is_showable(start));
            }
        }
    }

    #[test]
    fn columns_are_characters_and_lines_count_from_one() {
        let excerpt = Excerpt::new("x", "a = 1\né = 2\n");
        assert_eq!(excerpt.locate(0), "x:1:1");
        assert_eq!(excerpt.locate(8), "x:2:2");
        assert_eq!(excerpt.locate(999), "x:2:6");
    }

    #[test]
    fn a_line_without_end_is_not_shown() {
        let excerpt = Excerpt::new("x", &format!("a\nb\n{}\n", "c".repeat(2000)));
        assert!(excerpt.is_showable(0));
        assert!(!excerpt.is_showable(2));
    }
}
