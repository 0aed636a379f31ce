//! Paragraphs of words, broken at the width of the page.

/// The widest line of a paragraph: longer ones are hard to read.
const WIDEST: usize = 110;

/// A page under construction.
#[derive(Debug)]
pub(super) struct Page {
    width: usize,
    text: String,
}

impl Page {
    /// A page of so many columns; none for one without an edge.
    pub(super) fn new(width: Option<usize>) -> Page {
        Page {
            width: width.map_or(WIDEST, |width| width.clamp(40, WIDEST)),
            text: String::new(),
        }
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.text.push('\n');
    }

    /// A paragraph, every line of it behind `indent` columns.
    pub(super) fn paragraph(&mut self, indent: usize, words: &str) {
        self.hanging(indent, indent, words);
    }

    /// A paragraph whose first line begins at `first`.
    pub(super) fn hanging(&mut self, first: usize, indent: usize, words: &str) {
        let mut line = " ".repeat(first);
        let mut used = first;
        let mut is_empty = true;
        for word in words.split_whitespace() {
            let length = word.chars().count();
            if !is_empty && used + 1 + length > self.width {
                self.end(&mut line);
                line.push_str(&" ".repeat(indent));
                (used, is_empty) = (indent, true);
            }
            if !is_empty {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
            is_empty = false;
        }
        self.end(&mut line);
    }

    fn end(&mut self, line: &mut String) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
        line.clear();
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.text
    }
}
