//! Rows of a plan in aligned columns, broken at the width of the page.

use unicode_width::UnicodeWidthStr;

use crate::report::problems::{Colour, Style};

/// One row, its texts fit for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Row {
    /// An empty line.
    Blank,
    /// The name of a group of rows, and what it is.
    Title { name: String, text: String },
    /// The name of a part of a group.
    Part(String),
    /// A setting.
    Entry {
        /// Empty where the row goes on with the one above.
        label: String,
        value: String,
        origin: String,
    },
    /// A step.
    Step {
        number: usize,
        action: String,
        why: String,
        origin: String,
    },
}

impl Row {
    /// The name of a group, and what it is.
    pub fn title(name: &str, text: &str) -> Row {
        Row::Title {
            name: name.to_owned(),
            text: text.to_owned(),
        }
    }
}

/// How a cell looks where there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paint {
    Plain,
    Bold,
    Dim,
}

/// The column of labels and of the numbers of steps.
const LABELS: usize = 13;
const NUMBERS: usize = 6;
const GAP: usize = 2;
/// Origins longer than this reach over the edge; the other columns keep their room.
const WIDEST_ORIGIN: usize = 30;
/// No column of words gets narrower.
const NARROWEST: usize = 18;

/// The widths of the columns, which all rows share.
#[derive(Debug)]
pub(super) struct Table {
    style: Style,
    action: usize,
    why: usize,
    value: usize,
}

impl Table {
    /// Columns that are as wide as `rows` need and the page allows.
    pub fn new(style: Style, rows: &[Row]) -> Table {
        let origin = rows.iter().map(origin_width).max().unwrap_or(0);
        let room = |first: usize| {
            let taken = first + GAP + origin.min(WIDEST_ORIGIN);
            style.width.saturating_sub(taken)
        };
        let steps = room(NUMBERS + GAP);
        let why = rows.iter().map(why_width).max().unwrap_or(0);
        let why = why.min(steps * 2 / 5).max(NARROWEST);
        let action = rows.iter().map(action_width).max().unwrap_or(0);
        let action = action.min(steps.saturating_sub(why)).max(NARROWEST);
        Table {
            style,
            action,
            why,
            // Origins of settings and of steps stand in one column.
            value: (NUMBERS + action + why).saturating_sub(LABELS),
        }
    }

    /// All rows, each ended by a line break.
    pub fn render(&self, rows: &[Row]) -> String {
        let mut text = String::new();
        for row in rows {
            for line in self.lines(row) {
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
        text
    }

    fn lines(&self, row: &Row) -> Vec<String> {
        match row {
            Row::Blank => vec![String::new()],
            Row::Title { name, text } => {
                let room = self.style.width.saturating_sub(name.width() + GAP);
                self.joined(&[
                    (name.width(), vec![name.clone()], Paint::Bold),
                    (0, wrapped(text, room.max(NARROWEST), 0), Paint::Dim),
                ])
            }
            Row::Part(name) => vec![format!("  {}", self.paint(Paint::Bold, name))],
            Row::Entry {
                label,
                value,
                origin,
            } => self.joined(&[
                (LABELS, vec![label.clone()], Paint::Bold),
                (self.value, wrapped(value, self.value, 2), Paint::Plain),
                (0, vec![origin.clone()], Paint::Dim),
            ]),
            Row::Step {
                number,
                action,
                why,
                origin,
            } => {
                let width = NUMBERS - GAP;
                self.joined(&[
                    (width, vec![format!("{number:>width$}")], Paint::Dim),
                    (self.action, wrapped(action, self.action, 2), Paint::Plain),
                    (self.why, wrapped(why, self.why, 0), Paint::Dim),
                    (0, vec![origin.clone()], Paint::Dim),
                ])
            }
        }
    }

    /// Cells side by side; each is (width, lines, look).
    fn joined(&self, cells: &[(usize, Vec<String>, Paint)]) -> Vec<String> {
        let height = cells.iter().map(|(_, lines, _)| lines.len()).max();
        let line = |at: usize| {
            let mut line = String::new();
            for (width, lines, paint) in cells {
                let text = lines.get(at).map_or("", String::as_str);
                let rest = width.saturating_sub(text.width()) + GAP;
                line.push_str(&self.paint(*paint, text));
                line.push_str(&" ".repeat(rest));
            }
            line
        };
        (0..height.unwrap_or(0)).map(line).collect()
    }

    fn paint(&self, paint: Paint, text: &str) -> String {
        let code = match (self.style.colour, paint) {
            (Colour::None, _) | (Colour::Ansi, Paint::Plain) => return text.to_owned(),
            (Colour::Ansi, Paint::Bold) => 1,
            (Colour::Ansi, Paint::Dim) => 2,
        };
        if text.is_empty() {
            return String::new();
        }
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

fn origin_width(row: &Row) -> usize {
    match row {
        Row::Entry { origin, .. } | Row::Step { origin, .. } => origin.width(),
        Row::Blank | Row::Title { .. } | Row::Part(_) => 0,
    }
}

fn why_width(row: &Row) -> usize {
    match row {
        Row::Step { why, .. } => why.width(),
        _ => 0,
    }
}

fn action_width(row: &Row) -> usize {
    match row {
        Row::Step { action, .. } => action.width(),
        _ => 0,
    }
}

/// `text` in lines of at most `width`, broken at its wide gap where it has one, else at spaces; all
/// but the first begin with `indent` spaces.
fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    let rest = width.saturating_sub(indent);
    match text.split_once("  ") {
        Some((what, how)) if text.width() > width => {
            let mut lines = broken(what, width, rest);
            lines.extend(broken(how, rest, rest));
            indented(lines, indent)
        }
        _ => indented(broken(text, width, rest), indent),
    }
}

fn indented(mut lines: Vec<String>, indent: usize) -> Vec<String> {
    for line in lines.iter_mut().skip(1) {
        line.insert_str(0, &" ".repeat(indent));
    }
    lines
}

/// Lines of words, the first of at most `first`, all others of at most `rest`. A word that is longer
/// than a line has one of its own, whole: it may be meant to be copied.
pub(in crate::report) fn broken(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let room = if lines.is_empty() { first } else { rest };
        if !line.is_empty() && line.width() + 1 + word.width() > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_words_stay_whole() {
        assert_eq!(wrapped("aa bb cc", 5, 0), ["aa bb", "cc"]);
        assert_eq!(wrapped("aa bb cc", 5, 2), ["aa bb", "  cc"]);
        assert_eq!(
            wrapped("a  b", 9, 2),
            ["a  b"],
            "the gap inside a line stays"
        );
        assert_eq!(wrapped("aaaaaaaa b", 5, 0), ["aaaaaaaa", "b"]);
        assert_eq!(wrapped("", 5, 0), [""]);
    }
}
